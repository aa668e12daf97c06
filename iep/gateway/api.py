"""What the other installation reaches: docs/iep/gateway.md, method by method."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, ClassVar, NoReturn
from uuid import UUID

import structlog
from django.http import HttpResponseBase, StreamingHttpResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.policies import partner_acting
from iep import storage
from iep.errors import NotAccepted
from iep.models import GatewayNonce, ReceivedFile
from iep.queries.exchange import gateway as queries
from iep.scanner import ScannerAway
from iep.services.gateway import hearing
from iep.states.priorities import Priority
from iep.states.transactions import TransactionEvent

from . import limits, related, serialisers, sign
from .body import Body, NoLength, TooLarge
from .shapes import Kept, Offered, with_words

log = structlog.get_logger(__name__)

VERSION = 1
MOST_JSON = 1024 * 1024
MOST_MANIFEST = 16 * 1024 * 1024
MOST_DOCUMENT = 15 * 1024 * 1024  # 10 MB in base64, and what stands around it
MOST_IMAGE = 4 * 1024**3
MOST_PARTS = 100  # instances of one request


class Refused(exceptions.APIException):
    """An answer other than yes: `code` for machines, a sentence for people."""

    def __init__(
        self, status: int, code: str, sentence: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(sentence, code)
        self.status_code, self.code, self.sentence = status, code, sentence
        self.fields = fields or {}


# --- Who ------------------------------------------------------------------------------------------


class _Signed(BaseAuthentication):
    """The signature says who it is; nothing else does, and no session counts."""

    def authenticate(self, request: Request) -> tuple[queries.Peer, sign.Proof]:
        try:
            proof = sign.prove(
                request.headers, method=request.method or "", path=request.path, now=time.time()
            )
        except sign.Unproved as why:
            _refuse_stranger(request, why.code, why.sentence)
        peer = queries.peer(proof.key_sha256, proof.from_code, proof.to_code)
        if peer is None:
            words = "That key was not agreed on for that institution, or we are not that trust."
            _refuse_stranger(request, "unknown_key", words)
        _refuse_if_seen(request, proof)
        return peer, proof


def _refuse_if_seen(request: Request, proof: sign.Proof) -> None:
    _, is_new = GatewayNonce.objects.get_or_create(key_sha256=proof.key_sha256, nonce=proof.nonce)
    if not is_new:
        _refuse_stranger(request, "replayed", "This signed request was here before.")


def _refuse_stranger(request: Request, code: str, sentence: str) -> NoReturn:
    name = request.resolver_match.view_name if request.resolver_match else "gateway"
    acting = getattr(request._request, "acting", None)
    audit.record(
        acting=acting, action="denied", object_type=name[:40], outcome="denied", reason=code,
        request=request._request,
    )  # fmt: skip
    log.warning("gateway_refused", code=code)
    raise Refused(403, code, sentence)


class _Peers(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.user, queries.Peer)


class Door(APIView):
    """What every address of the gateway has in common."""

    authentication_classes = (_Signed,)
    permission_classes = (_Peers,)
    renderer_classes = (JSONRenderer,)
    parser_classes: ClassVar[tuple[type, ...]] = ()  # bodies are read off the line: see body.py

    def check_throttles(self, request: Request) -> None:
        if not limits.may_ask(request.user.node.their_key_sha256):
            raise Refused(429, "too_often", "Too many requests in a short time. Try again soon.")

    def handle_exception(self, exc: Exception) -> Response:
        found = _refusal(exc)
        if found is None:
            return super().handle_exception(exc)
        said = {"code": found.code, "sentence": found.sentence}
        said |= {"fields": found.fields} if found.fields else {}
        return Response(said, status=found.status_code)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        renderer = self.get_renderers()[0]  # JSON, whatever is asked for; images say it themselves
        return renderer, renderer.media_type


_STATUS: list[tuple[type[Exception], int, str]] = [
    (sign.Unproved, 403, "tampered"),
    (NoLength, 411, "no_length"),
    (TooLarge, 413, "too_large"),
    (related.Malformed, 400, "malformed"),
    (hearing.NotFound, 404, "unknown_transaction"),
    (hearing.Conflict, 409, "conflict"),
    (NotAccepted, 422, "not_accepted"),
    (ScannerAway, 503, "no_scanner"),
]


def _refusal(exc: Exception) -> Refused | None:
    """The exception as an answer; None: it is nobody's fault that is foreseen."""
    if isinstance(exc, Refused):
        return exc
    for kind, status, code in _STATUS:
        if isinstance(exc, kind):
            return Refused(status, getattr(exc, "code", code), str(exc))
    if isinstance(exc, OSError):  # our disk
        return Refused(507, "no_room", "It cannot be kept at the moment.")
    if isinstance(exc, exceptions.APIException):
        return Refused(exc.status_code, exc.default_code, str(exc.default_detail))
    return None


def _said(request: Request, shape: type, most: int = MOST_JSON) -> dict[str, Any]:
    """The JSON of a request, believed and checked. Raises Refused and what Body raises."""
    if related.media_type(request.headers.get("Content-Type", ""))[0] != "application/json":
        raise Refused(415, "not_json", "Say it as application/json.")
    checked = shape(data=Body(request._request, digest=request.auth.digest, most=most).json())
    if not checked.is_valid():
        wrong = serialisers.faults(checked.errors)
        words = "; ".join(f"{name}: {why}" for name, why in list(wrong.items())[:5])
        raise Refused(422, "not_understood", f"This cannot be used. {words}"[:300], wrong)
    return checked.validated_data


# --- Words ----------------------------------------------------------------------------------------


class Hello(Door):
    """Who is here, and which versions of the protocol."""

    def get(self, request: Request) -> Response:
        peer: queries.Peer = request.user
        return Response(
            {"versions": [VERSION], "you": peer.node.institution.code, "we": peer.ours.code}
        )


class OneTransaction(Door):
    def get(self, request: Request, shared_id: UUID) -> Response:
        return Response(_state(hearing.found(request.user, shared_id)))

    def put(self, request: Request, shared_id: UUID) -> Response:
        said = _said(request, serialisers.TransactionSaid)
        row = hearing.created(
            request.user, shared_id, said["said"], kind=said["kind"],
            priority=said["priority"], about=serialisers.about_of(said),
        )  # fmt: skip
        return Response(_state(row))


def _state(row: Any) -> dict[str, Any]:
    """How it stands here: nothing of the patient."""
    return {"shared_id": str(row.shared_id), "number": row.number, "state": row.state}


class OneEvent(Door):
    def put(self, request: Request, shared_id: UUID, said_id: UUID) -> Response:
        said = _said(request, serialisers.EventSaid)
        row = hearing.found(request.user, shared_id)
        row = hearing.event(
            request.user, row, said_id, TransactionEvent(said["event"]),
            words=said["words"], reason=said["reason"],
        )  # fmt: skip
        return Response(_state(row))


class OneMessage(Door):
    def put(self, request: Request, shared_id: UUID, said_id: UUID) -> Response:
        said = _said(request, serialisers.MessageSaid)
        row = hearing.found(request.user, shared_id)
        hearing.message(request.user, row, said_id, said)
        return Response(_state(row))


class OneDocument(Door):
    def put(self, request: Request, shared_id: UUID, said_id: UUID) -> Response:
        said = _said(request, serialisers.DocumentSaid, MOST_DOCUMENT)
        row = hearing.found(request.user, shared_id)
        hearing.document(request.user, row, said_id, said)
        return Response(_state(row))


# --- Images ---------------------------------------------------------------------------------------


class Manifest(Door):
    """Put: what the sender will push. Got: what may be pulled here."""

    def put(self, request: Request, shared_id: UUID) -> Response:
        said = _said(request, serialisers.ManifestSaid, MOST_MANIFEST)
        row = hearing.found(request.user, shared_id)
        count = hearing.manifest(request.user, row, serialisers.offered_by(said))
        return Response({"instances": count})

    def get(self, request: Request, shared_id: UUID) -> Response:
        row = hearing.found(request.user, shared_id)
        _write_down(request, row, "transaction_images_listed")
        files = queries.offered_files(row)
        return Response({"instances": [with_words(_offered(each)) for each in files]})


class Received(Door):
    """What is here of what was pushed: the storage confirmation."""

    def get(self, request: Request, shared_id: UUID) -> Response:
        row = hearing.found(request.user, shared_id)
        kept = [
            Kept(line.sop_uid, line.file.size, line.file.sha256, line.file.state)
            for line in queries.received_lines(row)
        ]
        return Response({"instances": [with_words(each) for each in kept]})


class Studies(Door):
    """STOW-RS: one instance or several, each of the manifest."""

    def post(self, request: Request, shared_id: UUID) -> Response:
        peer: queries.Peer = request.user
        row = hearing.found(peer, shared_id)
        body = Body(request._request, digest=request.auth.digest, most=MOST_IMAGE)
        is_blue = row.priority == Priority.BLUE_LIGHT
        if not storage.room(for_blue_light=is_blue, size=body.left):
            raise Refused(507, "no_room", "There is no room for it at the moment.")
        came: list[storage.Writing] = []
        with ExitStack() as undo:
            for chunks in _instances(request, body):
                came.append(_written(chunks, undo.callback))
            body.finish()
            kept = hearing.keep_all(peer, row, came)
        return Response({"instances": [with_words(each) for each in kept]})


def _instances(request: Request, body: Body) -> Iterator[Iterator[bytes]]:
    given = request.headers.get("Content-Type", "")
    kind, params = related.media_type(given)
    if kind == related.DICOM:
        yield iter(lambda: body.read(related.CHUNK), b"")
    elif kind == related.RELATED and params.get("type", "").lower() == related.DICOM:
        for number, part in enumerate(related.Parts(body.read, related.boundary_of(given))):
            if part.content_type not in ("", related.DICOM):
                raise Refused(415, "not_dicom", "A part is not application/dicom.")
            if number == MOST_PARTS:
                raise Refused(413, "too_many", f"Up to {MOST_PARTS} images at once.")
            yield part.chunks
    else:
        raise Refused(415, "not_dicom", 'Send multipart/related; type="application/dicom".')


def _written(
    chunks: Iterator[bytes], when_done: Callable[[Callable[[], None]], object]
) -> storage.Writing:
    written = storage.writer()
    when_done(written.drop)  # of one that was kept nothing is left aside
    for chunk in chunks:
        written.write(chunk)
    return written


class Instance(Door):
    """WADO-RS: one instance, as a multipart of one or bare, as Accept asks."""

    def get(self, request: Request, shared_id: UUID, key: UUID) -> HttpResponseBase:
        row = hearing.found(request.user, shared_id)
        file = queries.file_for_key(row, key)
        if file is None:
            raise Refused(404, "no_instance", "There is no such image for this transaction.")
        return _streamed(file, request.headers.get("Accept", ""))


def _streamed(file: ReceivedFile, accept: str) -> HttpResponseBase:
    try:
        part = related.one_part(storage.path_of(file.pk))
    except OSError:
        raise Refused(503, "unreadable", "The image cannot be read here at the moment.") from None
    if related.media_type(accept)[0] == related.DICOM:
        kind, length = related.DICOM, part.size
        chunks = related.file_chunks(part.path)
    else:
        kind, length, chunks = part.content_type, part.length, part.chunks()
    answer = StreamingHttpResponse(chunks, content_type=kind)
    answer["Content-Length"] = str(length)
    answer["Gateway-Instance"] = json.dumps(with_words(_offered(file)), separators=(",", ":"))
    return answer


def _offered(file: ReceivedFile) -> Offered:
    return Offered(
        file.study_uid, file.series_uid, file.sop_uid, file.sop_class, file.transfer_syntax,
        file.size, file.sha256,
    )  # fmt: skip


def _write_down(request: Request, row: Any, action: str) -> None:
    """Their machine looked at a patient of ours: for whoever investigates."""
    audit.record(
        acting=partner_acting(request.user.node.institution.name), action=action,
        object_type="iep.Transaction", object_id=row.pk, patient_id=row.patient_id or "",
        request=request._request,
    )  # fmt: skip
