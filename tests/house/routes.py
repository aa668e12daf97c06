"""Every address of the product, as the resolver has them, and how to make one that exists.

A route with an id in it needs an example: add a line to EXAMPLES when you add the route. Examples
belong to Northgate Surgery's patient Agnes, and to the departments that were asked for her.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import Organisation, Site, User
from accounts.policies import SYSTEM, Acting
from accounts.queries import memberships_of
from accounts.services import make_pack_key
from demo.desks import seed_desks
from demo.people import NORTHGATE
from messaging import services as messages
from messaging.agreement import agreement_of
from messaging.models import (
    Correction,
    Drill,
    InboundMessage,
    OutboundMessage,
    Partner,
    PartnerChange,
    Replay,
)
from messaging.queries import Chosen
from messaging.services.drills import declare_drill
from ordercomms.standby.turn import write_if_due
from patients import services as patients
from patients.hl7 import pid_segment
from patients.models import Merge, Patient
from requesting import services as requests
from requesting.models import (
    AccessTicket,
    Difference,
    DowntimeForm,
    PracticeForm,
    RequestItem,
)
from requesting.reconciling import Found, Kind
from requesting.services import drilling
from results import services as results
from results.models import Attachment, Document, Report
from tests.iep.discs import example as disc_example
from tests.iep.lanes import example as lanes_example
from tests.iep.matching import example as matching
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.messaging.mails import mail_that_came_back
from tests.requesting.conftest import seed_surgery
from tests.requesting.surgery import Surgery, line
from tests.results import letters
from tests.world import World


@dataclass(frozen=True)
class Route:
    """A named address; `parameters` as the path declares them: `{"patient_id": "uuid"}`."""

    name: str
    path: str
    parameters: dict[str, str] = field(hash=False, default_factory=dict)

    def __str__(self) -> str:
        return self.name or self.path


def routes() -> list[Route]:
    """Every one that a request can reach, in the resolver's order."""
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, path: str, namespace: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        whole = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, whole, inner)
        elif isinstance(entry, URLPattern):
            name = f"{namespace}{entry.name}" if entry.name else ""
            yield Route(name, whole, _parameters(whole))


def _parameters(path: str) -> dict[str, str]:
    found = re.findall(r"<(?:(\w+):)?(\w+)>", path)
    return {name: converter or "str" for converter, name in found}


class Cast(World):
    """Northgate's GP has asked for Agnes: bloods that were reported, an X-ray that waits to be
    vetted, and one that is still held."""

    def __init__(self) -> None:
        seed_surgery()
        super().__init__()
        surgery = Surgery()
        self.agnes = self.patient()
        self.held = surgery.ask(patient=self.agnes)
        self.to_vet = surgery.vetting(line("knee-xray", side="L", reasons=KNEE), patient=self.agnes)
        self.on_its_way = surgery.released(line("crp"), patient=self.agnes)
        self.report = _reported(surgery, self.agnes)
        self.form, self.ticket = _on_paper(surgery, self.agnes)
        self.drill, self.practice = _drill(self, surgery)
        self.message_in = InboundMessage.objects.latest("pk")
        self.merge, self.former = _merges(surgery, self.agnes)
        self.message_out = OutboundMessage.objects.latest("pk")
        self.correction, self.replay = _set_going(self)
        self.mail, self.bounce = mail_that_came_back(self.place("RZ1RAD"))
        self.hold = results.hold_news(reason="A short outage", by=SYSTEM)
        make_pack_key(self.place(NORTHGATE), by=self.acting("gp"))
        write_if_due(at_once=True)

    def arguments(self, route: Route) -> dict[str, Any] | None:
        """What the route's address needs; None where nobody has said how to make it."""
        if not route.parameters:
            return {}
        if route.name in EXAMPLES:
            return EXAMPLES[route.name](self)
        known = {
            "patient_id": self.agnes.pk, "report_id": self.report.pk, "item_id": self.to_vet.pk,
            "form_id": self.form.pk,
        }  # fmt: skip
        wanted = {name: known.get(name) for name in route.parameters}
        return None if None in wanted.values() else wanted


KNEE = ["injury-and-cannot-bear-weight"]
# Route → what its address needs, where the patient or the report is not all of it.
EXAMPLES: dict[str, Callable[[Cast], dict[str, Any]]] = {
    "requesting:sent": lambda cast: {"patient_id": cast.agnes.pk, "request_id": cast.held.pk},
    "requesting:undo": lambda cast: {"patient_id": cast.agnes.pk, "request_id": cast.held.pk},
    "requesting:details": lambda cast: {"patient_id": cast.agnes.pk, "request_id": cast.held.pk},
    "requesting:amend": lambda cast: {"item_id": cast.on_its_way.pk},
    "requesting:ticket": lambda cast: {"ticket_id": cast.ticket.pk},
    **{
        f"requesting:{name}": lambda cast: {"drill_id": cast.drill.pk}
        for name in ("drill", "drill-act", "drill-report", "drill-file")
    },
    **{
        f"requesting:{name}": lambda cast: {"form_id": cast.practice.pk}
        for name in ("practice-form", "practice-pdf")
    },
    **{
        f"messaging:{name}": lambda cast: {"pk": cast.mail.pk}
        for name in ("mail", "retry-mail", "handle-mail", "readdress-mail")
    },
    **{
        f"messaging:{name}": lambda cast: {"pk": cast.mail.mailbox_id}
        for name in ("mailbox", "verify-mailbox", "correct-mailbox", "end-mailbox")
    },
    "messaging:bounce": lambda cast: {"pk": cast.bounce.pk},
    "messaging:handle-bounce": lambda cast: {"pk": cast.bounce.pk},
    "results:release-news": lambda cast: {"pk": cast.hold.pk},
    "messaging:in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:retry-in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:handle-in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:retry-out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:handle-out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:correct-in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:bytes-in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:raw-in": lambda cast: {"pk": cast.message_in.pk},
    "messaging:cause-in": lambda cast: {"code": "unknown_request"},
    "messaging:replay-in": lambda cast: {"code": "unknown_request"},
    "messaging:correct-out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:bytes-out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:raw-out": lambda cast: {"pk": cast.message_out.pk},
    "messaging:cause-out": lambda cast: {"code": "rejected"},
    "messaging:replay-out": lambda cast: {"code": "rejected"},
    "messaging:correction": lambda cast: {"pk": cast.correction.pk},
    "messaging:approve": lambda cast: {"pk": cast.correction.pk},
    "messaging:decline": lambda cast: {"pk": cast.correction.pk},
    "messaging:replay": lambda cast: {"pk": cast.replay.pk},
    "messaging:replay-now": lambda cast: {"pk": cast.replay.pk},
    "messaging:stop-replay": lambda cast: {"pk": cast.replay.pk},
    **{
        name: lambda cast: {"partner_id": cast.message_in.partner_id}
        for name in ("link", "declare-down", "declare-over")
    },
    "messaging:partner": lambda cast: {"pk": cast.message_in.partner_id},
    "messaging:pause": lambda cast: {"pk": cast.message_in.partner_id},
    "messaging:resume": lambda cast: {"pk": cast.message_in.partner_id},
    "messaging:agreement": lambda cast: {"pk": cast.message_in.partner_id, "part": "line"},
    "messaging:partner-change": lambda cast: {"pk": _proposal(cast).pk},
    "messaging:apply-change": lambda cast: {"pk": _proposal(cast).pk},
    "messaging:refuse-change": lambda cast: {"pk": _proposal(cast).pk},
    "messaging:withdraw-change": lambda cast: {"pk": _proposal(cast).pk},
    "results:document": lambda cast: {
        "report_id": cast.report.pk,
        "document_id": Document.objects.latest("pk").pk,
    },
    "results:compare-list": lambda cast: {"partner_id": cast.message_in.partner_id},
    "results:difference": lambda cast: {"pk": _difference(cast).pk},
    **{
        f"results:{name}": lambda cast: {"pk": _unmatched(cast)[0].pk}
        for name in ("unmatched-one", "decide-attachment")
    },
    "results:attach": lambda cast: {
        "pk": _unmatched(cast)[0].pk,
        "item_id": _unmatched(cast)[1].pk,
    },
    "results:original": lambda cast: {"report_id": cast.report.pk, "number": 1},
    "patients:merge": lambda cast: {"merge_id": cast.merge.pk},
    "patients:decide-merge": lambda cast: {"merge_id": cast.merge.pk},
    "patients:undo-merge": lambda cast: {"merge_id": cast.merge.pk},
    "patients:former": lambda cast: {
        "patient_id": cast.agnes.pk,
        "retired_id": cast.former.pk,
    },
    "results:over-time": lambda cast: {"patient_id": cast.agnes.pk, "code": "HB"},
    # Nobody but the other installation: any ids will do
    **{
        f"iep:gateway-{name}": lambda cast: {"shared_id": cast.agnes.pk}
        for name in ("transaction", "manifest", "received", "studies")
    },
    **{
        f"iep:gateway-{name}": lambda cast: {"shared_id": cast.agnes.pk, "said_id": cast.agnes.pk}
        for name in ("event", "message", "document")
    },
    **{
        f"iep:{name}": lambda cast: {"study_id": matching.a_study(cast).pk}
        for name in ("match", "images")
    },
    "iep:picture": lambda cast: {
        "study_id": matching.a_study(cast).pk,
        "file_id": matching.file_of(cast).pk,
        "frame": 0,
    },
    **{
        f"iep:{name}": lambda cast: {"study_id": matching.a_study(cast).pk}
        for name in ("arrival", "arrival-act")
    },
    "iep:file-act": lambda cast: {"file_id": disc_example.a_refused_file(cast).pk},
    **{
        f"iep:{name}": lambda cast: {"disc_id": disc_example.a_disc(cast).pk}
        for name in ("disc", "disc-progress", "disc-act", "disc-upload", "disc-label")
    },
    "iep:disc-chart": lambda cast: {
        "site_id": Site.objects.filter(department__ods_code="RZ1RAD")[0].pk
    },
    "iep:trauma-label": lambda cast: {"ticket_id": asking.a_ticket(cast).pk},
    "iep:acknowledge": lambda cast: {"thing_id": asking.a_ticket(cast).pk},
    "iep:ticket": lambda cast: {"reference": asking.a_ticket(cast).reference},
    "iep:ticket-live": lambda cast: {"reference": asking.a_ticket(cast).reference},
    "iep:ticket-act": lambda cast: {"reference": asking.a_ticket(cast).reference},
    "iep:ticket-scans": lambda cast: {"reference": asking.a_ticket(cast).reference},
    **{
        f"iep:{name}": lambda cast: {"number": exchange.example(cast).number}
        for name in (
            "transaction",
            "transaction-status",
            "transaction-act",
            "choose-images",
            "again",
            "decline",
            "cancel",
        )
    },
    **{
        f"iep:{name}": lambda cast: {"pk": lanes_example.a_transfer(cast).pk}
        for name in ("transfer-act", "transfer-priority")
    },
    "iep:pause-lane": lambda cast: {"pk": lanes_example.a_lane().pk},
    "iep:pause-node": lambda cast: {"pk": exchange.example(cast).node_id},
    "iep:attachment": lambda cast: {
        "number": exchange.example(cast).number,
        "attachment_id": exchange.example(cast).attachments.get().pk,
    },
    **{
        f"iep:{name}": lambda cast: {"pk": exchange.example(cast).institution_id}
        for name in ("institution", "change-institution", "new-node")
    },
    **{
        f"iep:{name}": lambda cast: {
            "pk": exchange.example(cast).institution_id,
            "node_id": exchange.example(cast).node_id,
        }
        for name in ("change-node", "test-node")
    },
    "iep:gateway-instance": lambda cast: {"shared_id": cast.agnes.pk, "key": cast.agnes.pk},
}


def _on_paper(surgery: Surgery, patient: Patient) -> tuple[DowntimeForm, AccessTicket]:
    """A form under a ticket: a colleague cannot get in, and Kingsmere keys it in."""
    seed_desks()
    ticket = requests.open_ticket(
        user=surgery.user("gp2"), organisation=surgery.acting("gp").organisation,
        number="INC0012345", reason="Smartcard", by=surgery.acting("practice-admin"),
    )  # fmt: skip
    form = requests.form_under_ticket(
        ticket, department=Organisation.objects.get(ods_code="RZ1PATH"), how="print",
        patient=patient, test="FBC", by=surgery.acting("gp"),
    )  # fmt: skip
    return form, ticket


def _drill(cast: Any, surgery: Surgery) -> tuple[Drill, PracticeForm]:
    """Kingsmere's laboratory practises with Northgate; a form of it is out."""
    now, department = timezone.now(), Organisation.objects.get(ods_code="RZ1PATH")
    (drill,) = declare_drill(
        [Partner.objects.get(departments=department)], places=[surgery.acting("gp").organisation],
        reason="Yearly", starts_at=now, ends_at=now + timedelta(hours=1),
        by=surgery.acting("central"),
    )  # fmt: skip
    form = drilling.make_practice_form(
        drill, department=department, case="bloods", by=surgery.acting("gp")
    )
    return drill, drilling.print_practice_form(form, by=surgery.acting("gp"))


def _proposal(cast: Cast) -> PartnerChange:
    """Somebody else of the central team wants a partner at another port."""
    found = PartnerChange.objects.filter(state="pending").first()
    if found is not None:
        return found
    partner = cast.message_in.partner
    Partner.objects.filter(pk=partner.pk).update(
        cleartext_until=timezone.now() + timedelta(days=9), cleartext_because="It is a test."
    )
    partner.refresh_from_db()
    wanted = agreement_of(partner) | {"port": partner.port + 1}
    by = cast.acting(cast.stranger("central").username)
    return messages.propose_change(partner.slug, wanted, why="It moves", by=by)


def _difference(cast: Cast) -> Difference:
    """The laboratory says nothing of an order that we delivered."""
    partner = cast.message_in.partner
    found = Found(Kind.NOT_THERE, cast.report.item.placer_number, cast.report.item.placer_number)
    with transaction.atomic():
        requests.note_differences(partner, [found], kinds=[Kind.NOT_THERE])
    return Difference.objects.get(partner=partner)


def _unmatched(cast: Cast) -> tuple[InboundMessage, RequestItem]:
    """A result under a number that is nobody's, and a request of that patient; proposed, so that
    somebody may decide."""
    item = cast.report.item
    row = InboundMessage.objects.filter(control_id="HOUSE-STRAY").first()
    if row is None:
        raw = bytes(cast.message_in.raw).replace(b"HOUSE-1", b"HOUSE-STRAY")
        row = InboundMessage.objects.create(
            partner=cast.message_in.partner, feed=cast.message_in.feed, raw=raw,
            control_id="HOUSE-STRAY", state="parked", reason_code="unknown_request",
            acknowledgement="AA", message_type="ORU^R01",
        )  # fmt: skip
        Attachment.objects.create(
            message=row, item=item, state="proposed", conflicts="the family name is different",
            reason="Rung.", proposed_by=cast.user("beside-lab"), proposed_at=timezone.now(),
        )  # fmt: skip
    return row, item


def _reported(surgery: Surgery, patient: Patient) -> Report:
    """A full blood count that was asked for, taken, and reported over the wire."""
    item = surgery.delivered(line("fbc"), patient=patient)
    number, now = item.placer_number, timezone.now()
    message = letters.oru(
        pid_segment(patient),
        letters.orc(number, "F-77"),
        letters.obr(number, "F-77", item.code, item.service_name, issued=now),
        letters.obx(),
        letters.pdf(),
        control_id="HOUSE-1",
        sent=now,
        facility="RZ1",
    )
    surgery.hear(message.raw, Partner.objects.get(departments=item.department))
    return Report.objects.get(item=item)


def _merges(surgery: Surgery, patient: Patient) -> tuple[Merge, Patient]:
    """A merge into this record that waits for a person, and a record that was merged into it."""
    twin, former = surgery.patient(birth_date=date(1958, 3, 3)), surgery.patient(nhs_number=None)
    said = {"source": "Kingsmere PAS", "by": SYSTEM}
    patients.merge(patient, former, **said)
    return patients.merge(patient, twin, **said), former


def absent(route: Route, arguments: dict[str, Any]) -> dict[str, Any]:
    """The same with ids that nobody has."""
    made_up = {"uuid": uuid.uuid4, "int": lambda: 999_999_999}
    return {
        name: made_up[kind]() if (kind := route.parameters[name]) in made_up else value
        for name, value in arguments.items()
    }


def address(route: Route, arguments: dict[str, Any]) -> str:
    return reverse(route.name, kwargs=arguments or None)


def _set_going(cast: Cast) -> tuple[Correction, Replay]:
    """What the laboratory set going about messages that needed a person: an order that nobody
    asked for is corrected, another is sent back."""
    partner = cast.message_in.partner
    lab = _colleague(cast, "lab")  # so that each of the cast may be the second person
    parked = []
    for control_id in ("HOUSE-3", "HOUSE-4"):
        raw = bytes(cast.message_in.raw).replace(b"HOUSE-1", control_id.encode())
        row = InboundMessage.objects.create(
            partner=partner, feed=cast.message_in.feed, control_id=control_id, raw=raw,
            state="parked", reason_code="unknown_request", acknowledgement="AA",
            message_type="ORU^R01",
        )  # fmt: skip
        parked.append(row)
    text = bytes(parked[0].raw).decode().replace("\r", "\n") + "NTE|9||Rung.\n"
    correction = messages.correct_inbound(parked[0], text=text, reason="Rung.", by=lab)
    chosen = Chosen("in", "unknown_request")
    replay = messages.start_replay(chosen, highest=parked[1].pk, per_minute=10, by=lab)
    return correction, replay


def _colleague(cast: Cast, username: str) -> Acting:
    """Somebody else in the same role at the same place."""
    model = memberships_of(cast.user(username).pk)[0]
    user = User.objects.create(username=f"beside-{username}", is_demo=True, last_name="Colleague")
    user.memberships.create(organisation=model.organisation, role=model.role)
    return cast.acting(user.username)
