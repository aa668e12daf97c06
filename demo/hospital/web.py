"""The hospital's page and its door for programs. Loopback only; one person at a time."""

from __future__ import annotations

import json
import secrets
import threading
from datetime import date, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import images_page, lists, mail_page
from .actions import Refused
from .departments import REASONS

if TYPE_CHECKING:
    from .hospital import Hospital
    from .memory import LogLine
    from .orders import Order

PAGES = Path(__file__).with_name("pages")
LOGGED, A_PAGE = 50, 30  # messages and orders shown
LONGEST_BODY = 64 * 1024  # bytes
FILES = {"/style.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FORM_FIELDS = ("code", "words", "at", "place", "site", "text", "event")


# --- How things are written -----------------------------------------------------------------------


def written_at(text: str) -> str:
    """`22 Nov 10:42:05`."""
    return f"{datetime.fromisoformat(text):%d %b %H:%M:%S}" if text else ""


def written_birth(text: str) -> str:
    try:
        return f"{date(int(text[:4]), int(text[4:6]), int(text[6:8])):%d-%b-%Y}"
    except ValueError:
        return text or "not known"


def written_number(text: str) -> str:
    return f"{text[:3]} {text[3:6]} {text[6:]}" if len(text) == 10 else text or "none"


def written_raw(raw: bytes) -> str:
    """A line a segment; what cannot be read is shown as a mark."""
    return raw.decode("utf-8", "replace").replace("\r", "\n").strip("\n")


def environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters |= {
        "at": written_at,
        "birth": written_birth,
        "number": written_number,
        "raw": written_raw,
    }
    return env


def order_as_json(order: Order, messages: list[LogLine]) -> dict[str, Any]:
    """What a program sees: no name, number or birth date of the patient."""
    return {
        "placer": order.placer,
        "filler": order.filler,
        "department": order.department,
        "code": order.code,
        "name": order.name,
        "priority": order.priority,
        "status": order.status,
        "cancel_waits": bool(order.cancel_control),
        "received_at": order.received_at,
        "scheduled": order.scheduled,
        "actions": order.actions,
        "reports": [{"kind": one.kind, "status": one.status} for one in order.reports],
        "messages": [line.number for line in messages if order.placer in line.placers],
    }


def message_as_json(line: LogLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "direction": line.direction,
        "at": line.at,
        "kind": line.kind,
        "placers": line.placers,
        "answer": line.answer,
        "words": line.words,
        "note": line.note,
        "remarks": line.remarks,
        "is_done": line.is_done,
    }


# --- The server -----------------------------------------------------------------------------------


class Page:
    """Serves one hospital in a thread of its own."""

    def __init__(self, hospital: Hospital, host: str, port: int) -> None:
        self.hospital = hospital
        self.token = secrets.token_urlsafe(24)
        self.env = environment()
        self.said = ""  # what the next page says of the last deed
        page = self

        class Handler(_Handler):
            pass

        Handler.page = page
        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def render(self, name: str, **values: Any) -> bytes:
        said, self.said = self.said, ""
        memory = self.hospital.memory
        common = {
            "token": self.token,
            "said": said,
            "mode": memory.mode,
            "turn": memory.turn,
            "waiting": len(memory.waiting),
            "trouble": self.hospital.post.trouble,
            "mail": self.hospital.mail,
            "reasons": {k: v for k, v in REASONS.items() if k not in ("DNA", "UNK", "LATE")},
            "departments": memory.departments,
            "partner_lists": [(lists.partner_of(one), one.name) for one in memory.departments],
        }
        return self.env.get_template(name).render(common | values).encode()


class _Handler(BaseHTTPRequestHandler):
    """One request. `page` is set by Page on a subclass of its own."""

    page: Page
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_: object) -> None:
        """Nothing: the hospital logs messages, not page views."""

    # --- Answers ---------------------------------------------------------------------------------

    def _send(self, status: HTTPStatus, body: bytes, kind: str, **more: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _html(self, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, body, "text/html; charset=utf-8")

    def _json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _words(self, status: HTTPStatus, words: str) -> None:
        self._send(status, words.encode(), "text/plain; charset=utf-8")

    def _is_local(self) -> bool:
        """Another site's page may not ask us under a name of its own (DNS rebinding)."""
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if host in ("127.0.0.1", "localhost"):
            return True
        self.close_connection = True
        self._words(HTTPStatus.FORBIDDEN, "Ask on 127.0.0.1.")
        return False

    # --- Reading ---------------------------------------------------------------------------------

    def do_GET(self) -> None:
        if not self._is_local():
            return
        path = unquote(urlsplit(self.path).path)
        if path in FILES:
            self._send(HTTPStatus.OK, (PAGES / path[1:]).read_bytes(), FILES[path])
        elif path == "/turn":
            self._words(HTTPStatus.OK, str(self.page.hospital.memory.turn))
        elif path == "/api/orders":
            messages = self.page.hospital.messages()
            self._json([order_as_json(one, messages) for one in self.page.hospital.orders()])
        elif path == "/api/mails":
            self._json(mail_page.as_json(self.page.hospital.mail))
        elif path == "/api/messages":
            self._json([message_as_json(line) for line in self.page.hospital.messages()])
        else:
            self._page(path)

    def _partner_list(self, path: str) -> None:
        """`/lists/rz1-ris/orders.csv`."""
        _, _, slug, name = [*path.split("/"), "", ""][:4]
        memory, kind = self.page.hospital.memory, name.removesuffix(".csv")
        departments = {lists.partner_of(each): each for each in memory.departments}
        if slug not in departments or kind not in lists.COLUMNS:
            self._html(self.page.render("missing.html"), HTTPStatus.NOT_FOUND)
            return
        body = lists.written(memory, departments[slug], kind)
        self._send(HTTPStatus.OK, body, "text/csv; charset=utf-8")

    def _page(self, path: str) -> None:
        hospital = self.page.hospital
        order = hospital.order(path.removeprefix("/orders/"))
        line = hospital.memory.log.get(path.removeprefix("/messages/"))
        if path == "/":
            self._list()
        elif path.startswith("/orders/") and order:
            lines = [line for line in hospital.messages() if order.placer in line.placers]
            self._html(self.page.render("order.html", order=order, messages=lines))
        elif path.startswith("/messages/") and line:
            self._html(self.page.render("message.html", line=line))
        elif path == "/mail" or path.startswith("/mail/"):
            self._mail(path)
        elif path == "/images":
            self._html(self.page.render("images.html", **images_page.values(hospital.archive)))
        elif path.startswith("/lists/"):
            self._partner_list(path)
        else:
            self._html(self.page.render("missing.html"), HTTPStatus.NOT_FOUND)

    def _mail(self, path: str) -> None:
        """All mails, one mail, or one of its files."""
        shown = mail_page.find(self.page.hospital.mail, path)
        if shown is None:
            self._html(self.page.render("missing.html"), HTTPStatus.NOT_FOUND)
        elif shown.file:
            disposition = {"Content-Disposition": f'attachment; filename="{shown.file.name}"'}
            self._send(HTTPStatus.OK, shown.file.content, shown.file.kind, **disposition)
        else:
            self._html(self.page.render(shown.template, **shown.values))

    def _list(self) -> None:
        hospital = self.page.hospital
        query = parse_qs(urlsplit(self.path).query)
        shown = query.get("show", ["all"])[0]
        orders = [one for one in hospital.orders() if shown != "open" or one.actions]
        number = max(1, int(query.get("page", ["1"])[0] or 1)) if _is_count(query) else 1
        page = orders[(number - 1) * A_PAGE : number * A_PAGE]
        self._html(
            self.page.render(
                "list.html",
                orders=page,
                count=len(orders),
                shown=shown,
                number=number,
                is_last=number * A_PAGE >= len(orders),
                messages=hospital.messages()[:LOGGED],
            )
        )

    # --- Doing -----------------------------------------------------------------------------------

    def do_POST(self) -> None:
        body = self._body()
        if body is None or not self._is_local():
            return
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/api/"):
            self._program(path, body)
        else:
            self._form(path, body)

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if 0 <= length <= LONGEST_BODY:
            return self.rfile.read(length)
        self.close_connection = True
        self._words(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too long.")
        return None

    def _program(self, path: str, body: bytes) -> None:
        """JSON only: a form on another site cannot send that type without asking first (CORS)."""
        if self.headers.get_content_type() != "application/json":
            self._json({"error": "Send application/json."}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return
        try:
            details = json.loads(body)
            action = str(details.pop("action"))
        except (ValueError, KeyError, AttributeError, TypeError):
            self._json({"error": 'Send {"action": …}.'}, HTTPStatus.BAD_REQUEST)
            return
        try:
            numbers = self._do(path, action, details)
        except Refused as no:
            self._json({"error": str(no)}, HTTPStatus.CONFLICT)
            return
        self._json({"queued": numbers})

    def _do(self, path: str, action: str, details: dict[str, Any]) -> list[str]:
        hospital = self.page.hospital
        if path == "/api/actions":
            return hospital.act_at_large(action, **details)
        placer = path.removeprefix("/api/orders/").removesuffix("/actions")
        return hospital.act(placer, action, **details)

    def _form(self, path: str, body: bytes) -> None:
        form = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if not secrets.compare_digest(form.get("token", "").encode(), self.page.token.encode()):
            self._words(HTTPStatus.FORBIDDEN, "This form is old. Go back, reload, try again.")
            return
        action, _, choice = form.get("do", "").partition(":")
        try:
            self.page.said = self._deed(path, action, choice, form)
        except Refused as no:
            self.page.said = str(no)
        back = path if path.startswith("/orders/") and "here" in form else "/"
        back = path if path in ("/mail", "/images") else back
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", Location=back)

    def _deed(self, path: str, action: str, choice: str, form: dict[str, str]) -> str:
        hospital = self.page.hospital
        details = {name: form[name] for name in FORM_FIELDS if form.get(name)}
        if path.startswith("/orders/"):
            details |= {"kind": choice} if choice else {}
            sent = hospital.act(path.removeprefix("/orders/"), action, **details)
        elif action == "mail":
            return mail_page.steer(hospital.mail, choice)
        elif action == "images":
            return images_page.steer(hospital.archive, choice, form)
        elif action == "settings":
            seconds = {"now": 0.0, "soon": 4.0, "minute": 60.0}.get(form.get("accept", ""))
            hospital.act_at_large("settings", department=choice, accept_after=seconds)
            return "Saved."
        else:
            name = {"mode": "mode", "again": "number"}.get(action, "event")
            sent = hospital.act_at_large(action, **({name: choice} if choice else {}))
        return f"Queued: {', '.join(sent)}." if sent else "Done."


def _is_count(query: dict[str, list[str]]) -> bool:
    return query.get("page", ["1"])[0].isdigit()
