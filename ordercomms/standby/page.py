"""The downtime page: whom to ring, which form goes where, what becomes of what was sent.

No patient is on it. It is for everybody, so that a proxy may show it when nothing else answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.models import Organisation
from accounts.queries import departments, sites_of
from nhsuk.formats import popening
from ordercomms.standby.rendering import inline, rendered
from requesting.form_states import KEY_IN_WITHIN
from requesting.paper import pdf_of
from requesting.queries.standby import blank_forms, mailboxes_of
from requesting.queries.tickets import desks
from requesting.sheets import Sheet

Forms = list[tuple[Organisation, Sheet]]


def page_of(forms: Forms, *, as_of: datetime) -> str:
    """The page, whole, as of that instant."""
    style, style_source = inline("standby.css")
    return rendered(
        "page.html",
        as_of=as_of,
        style=style,
        style_source=style_source,
        service=settings.SERVICE_NAME,
        help_phone=settings.HELP_PHONE,
        hours=int(KEY_IN_WITHIN.total_seconds() // 3600),
        every=15,
        desks=desks(),
        trusts=_trusts(),
        forms=[(form_name(department), sheet) for department, sheet in forms],
    )


def all_forms() -> Forms:
    return blank_forms()


def form_name(department: Organisation) -> str:
    """The file beside the page: `form-RZ1RAD.pdf`."""
    return f"form-{department.ods_code}.pdf"


def form_files(forms: Forms) -> Iterator[tuple[str, bytes]]:
    """The blank forms as PDF files: name and bytes."""
    for department, sheet in forms:
        yield form_name(department), pdf_of(sheet)


def _trusts() -> list[dict[str, Any]]:
    """Each trust with its departments: telephones, sites, hours, and a mailbox a modality."""
    found: dict[str, dict[str, Any]] = {}
    for department in departments():
        trust = (department.parent or department).name
        found.setdefault(trust, {"name": trust, "departments": []})["departments"].append(
            _department(department)
        )
    return list(found.values())


def _department(department: Organisation) -> dict[str, Any]:
    return {
        "name": department.name,
        "phone": department.phone,
        "help_phone": department.help_phone,
        "mailboxes": mailboxes_of(department),
        "form": form_name(department),
        "sites": [
            {"name": site.name, "phone": site.phone, "hours": popening(site.opening_hours)}
            for site in sites_of(department)
        ],
    }


def contacts() -> list[dict[str, Any]]:
    """The same as records of a pack, so that one file has everything."""
    rows = [
        {"kind": "contact", "name": each.desk.name, "what": f"Service desk of {each.boroughs}",
         "lines": [["Telephone", each.desk.phone], ["E-mail", each.desk.email],
                   ["Hours", each.hours]]}
        for each in desks()
    ]  # fmt: skip
    for trust in _trusts():
        rows += [_contact(trust["name"], department) for department in trust["departments"]]
    return rows


def _contact(trust: str, department: dict[str, Any]) -> dict[str, Any]:
    lines = [["Telephone", department["phone"]]] if department["phone"] else []
    lines += [[f"Forms: {what}", words] for what, words in department["mailboxes"]]
    lines += [
        [site["name"], ", ".join(filter(None, (site["phone"], site["hours"])))]
        for site in department["sites"]
    ]
    return {"kind": "contact", "name": department["name"], "what": trust, "lines": lines}


def form_records(forms: Forms) -> Iterator[dict[str, Any]]:
    """The blank forms as records of a pack: to print from there."""
    for _, sheet in forms:
        yield {
            "kind": "form", "department": sheet.department, "to_do": list(sheet.to_do),
            "send_to": [list(pair) for pair in sheet.send_to], "blanks": list(sheet.blanks),
            "boxes": list(sheet.boxes),
        }  # fmt: skip
