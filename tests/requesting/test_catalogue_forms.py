"""Every test of our catalogue can be asked for, leaves, and reads back as it was asked (H07)."""

from datetime import date

import pytest

from catalogue import queries as catalogue
from messaging import wire
from messaging.models import OutboundMessage
from requesting import services
from requesting.hl7 import asked, system_on_the_wire
from requesting.models import OrderMessage
from requesting.queries.missing import options

from .surgery import line

TOGETHER = 30
WORDS = "Two lines\nand a | pipe ^ & ~ \\ in them"


def filled(service, age: int) -> dict:
    """A line with everything filled in that the service can ask at this age."""
    answers = {}
    for question in catalogue.questions_for(service, age):
        ticked = options(question)
        kinds = {"date": "2026-11-01", "text": WORDS}
        answers[question.code] = ticked[0][0] if ticked else kinds[question.kind]
    reasons = [reason.code for reason in service.reasons.all()][:2]
    return line(
        service.code, side=service.sides[:1], reasons=reasons, details=WORDS, answers=answers
    )


@pytest.mark.hazard("H07")
def test_every_form_of_the_catalogue_goes_out_as_it_was_filled_in(surgery):
    every = catalogue.services_by_code(catalogue.orderable().values_list("code", flat=True))
    assert len(every) >= 120
    young = [filled(each, 30) for each in every.values() if (each.min_age or 0) <= 30]
    old = [filled(each, 70) for each in every.values() if (each.min_age or 0) > 30]
    for lines, born in ((young, date(1996, 5, 1)), (old, date(1956, 5, 1))):
        _send_and_compare(surgery, lines, born)


def _send_and_compare(surgery, lines: list[dict], born: date) -> None:
    for start in range(0, len(lines), TOGETHER):
        part = lines[start : start + TOGETHER]
        request = surgery.ask(*part, patient=surgery.patient(birth_date=born))
        with surgery.after_undo(request):
            services.release_due(request_id=request.pk)
        said = {}
        for order in OrderMessage.objects.filter(request=request):
            raw = OutboundMessage.objects.get(control_id=order.control_id).raw
            said |= {each.placer: each for each in asked(wire.parse(bytes(raw)))}
        items = list(request.items.prefetch_related("answers"))
        assert len(said) == len(items) == len(part)
        for item in items:
            out = said[item.placer_number]
            system = system_on_the_wire(item.code_system)
            assert (out.code, out.system, out.priority) == (item.code, system, "routine")
            assert {(a[0], a[2]) for a in out.answers} == {
                (a.question_code, a.value) for a in item.answers.all()
            }
            assert out.reasons == tuple((each["code"], each["text"]) for each in item.reasons)
            assert out.details == item.clinical_details


@pytest.mark.hazard("H07")
def test_no_required_question_of_the_catalogue_can_be_left_out(surgery):
    codes = sorted(catalogue.orderable().values_list("code", flat=True))
    patient = surgery.patient(birth_date=date(1996, 5, 1))
    for start in range(0, len(codes), TOGETHER):
        chosen = catalogue.services_by_code(codes[start : start + TOGETHER])
        draft = surgery.draft(patient, *(line(code) for code in chosen))
        page = services.drafting.queries.compose(draft, surgery.acting())
        missing = {problem.field for problem in page.missing}
        for code, service in chosen.items():
            for question in catalogue.questions_for(service, 30):
                assert (f"{code}.q.{question.code}" in missing) == question.is_required
