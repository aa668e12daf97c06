"""What stands on a downtime form: everything of the request, and what the department must do."""

from __future__ import annotations

from catalogue.queries import examination_words
from nhsuk.formats import age, cdate_text, cdatetime_text, cname, nhsno_text
from patients.models import Patient
from requesting.form_states import KEY_IN_WITHIN
from requesting.models import DowntimeForm, Priority, RequestItem
from requesting.sheets import Ordered, Pair, Sheet

from .forms import addresses_of, items_of

HOURS = int(KEY_IN_WITHIN.total_seconds() // 3600)
BOXES = (
    "Received (date and time)", "Received by", "Your accession number",
    "Keyed in (date and time)", "Keyed in by",
)  # fmt: skip
BY_HAND = (
    "Patient: family name, given names", "NHS number", "Date of birth", "Test, and which side",
    "Clinical details", "Safety questions: pregnancy, implants, allergies, kidney function",
    "Signature of requester, date and time",
)  # fmt: skip


def sheet_of(form: DowntimeForm) -> Sheet:
    """The form in words; an unsaved one is what it would be."""
    addresses = addresses_of(form)
    return Sheet(
        reference=form.reference,
        department=form.department.name,
        priority=Priority(form.priority).label,
        is_urgent=form.priority != Priority.ROUTINE,
        state=_state(form),
        to_do=_to_do(form),
        send_to=tuple((each.what, each.words) for each in addresses),
        patient=_patient(form),
        requester=_requester(form),
        results=_results(form),
        tests=_tests(form),
        boxes=BOXES,
        blanks=() if form.patient and (form.request or form.written.get("test")) else BY_HAND,
        ticket=f"{form.ticket.desk.name} {form.ticket.number}" if form.ticket else "",
        never=_never(form.patient),
    )


def _state(form: DowntimeForm) -> str:
    made = cdatetime_text(form.made_at, relative=False)
    return f"Made {made}{f' by {form.made_by}' if form.made_by else ''}"


def _to_do(form: DowntimeForm) -> tuple[str, ...]:
    look = "Look for the reference in your system first."
    if form.may_have_arrived:
        look = "It may have reached your system before the link failed: look for it first."
    return (
        look,
        f"Key in within {HOURS} hours of receiving it, with the reference.",
        "Say so on the list of downtime forms (Vetting, Downtime forms), with your number. "
        "The request is held back until then and cannot arrive twice.",
        f"Questions, rejections: on that list, or ring {form.organisation.phone or 'the place'}.",
    )  # fmt: skip


def _patient(form: DowntimeForm) -> tuple[Pair, ...]:
    patient = form.patient
    if patient is None:
        return ()
    pairs = [
        ("Name", cname(patient)), ("Born", f"{cdate_text(patient.birth_date)} "
                                           f"({age(patient.birth_date)})"),
        ("NHS number", nhsno_text(patient.nhs_number)), ("Gender", patient.get_gender_display()),
    ]  # fmt: skip
    if not patient.is_restricted:
        address = ", ".join([*patient.address_lines, patient.postcode]).strip(", ")
        phones = ", ".join(filter(None, (patient.mobile, patient.phone)))
        pairs += [("Address", address or "Not known"), ("Phone", phones or "Not known")]
    trust = form.department.parent
    numbers = patient.identifiers.filter(issuer=trust.ods_code if trust else "")
    if here := ", ".join(each.value for each in numbers.filter(former_since__isnull=True)):
        pairs.append(("Hospital number", here))
    needs = ", ".join(filter(None, (patient.preferred_language, patient.access_needs)))
    return (*pairs, *((("Needs", needs),) if needs else ()))


def _requester(form: DowntimeForm) -> tuple[Pair, ...]:
    user, place = form.requester, form.organisation
    number = f"{user.registration_body} {user.registration_number}".strip()
    title = ", ".join(filter(None, (user.display_name, user.profession, number)))
    where = ", ".join(filter(None, (place.name, place.ods_code, place.phone)))
    pairs = [("Name", title), ("Place", where)]
    if form.request is not None:
        asked = cdatetime_text(form.request.requested_at, relative=False)
        pairs.append(("Requested", asked))
    return tuple(pairs)


def _results(form: DowntimeForm) -> tuple[Pair, ...]:
    if form.request is None:
        return (("Results to", f"{form.requester.display_name}, {form.organisation.name}"),)
    pairs = [("Results to", f"{form.request.results_to.display_name}, {form.organisation.name}")]
    copies = ", ".join(user.display_name for user in form.request.copy_to.all())
    return (*pairs, *((("Copy to", copies),) if copies else ()))


def _tests(form: DowntimeForm) -> tuple[Ordered, ...]:
    if form.request is None:
        return _written(form)
    return tuple(_test(item) for item in items_of(form))


def _written(form: DowntimeForm) -> tuple[Ordered, ...]:
    words = form.written
    if not words.get("test"):
        return ()
    facts = (("Clinical details", words.get("details") or "None given"),)
    return (Ordered(words["test"], examination_words(words.get("modality", "")), facts),)


def _test(item: RequestItem) -> Ordered:
    reasons = "; ".join(each.get("sentence") or each["text"] for each in item.reasons)
    facts = [("Reasons", reasons or "None ticked")]
    facts.append(("Clinical details", item.clinical_details or "None given"))
    facts += [(each.question_text, each.label) for each in item.answers.all()]
    if item.take_from:
        facts.append(("Not before", cdate_text(item.take_from)))
    facts.append(("Order number", item.placer_number))
    return Ordered(item.service_name, f"{item.code}, {item.code_system}", tuple(facts))


def _never(patient: Patient | None) -> tuple[str, ...]:
    if patient is None:
        return ()
    words = (patient.family_name, patient.given_names, patient.nhs_number or "")
    return tuple(filter(None, words))
