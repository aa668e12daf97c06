"""From a verified launch link to the page where the work starts.

Lives here and not in `accounts`, because the patient lives above that room.
"""

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts import audit, services
from accounts.errors import LaunchRefused
from accounts.launch import Launch, read_token
from accounts.models import User
from accounts.policies import Acting
from accounts.queries import acting_at, user_by_username
from accounts.roles import Permission
from patients import nhs_number
from patients.models import Patient
from patients.policies import may_view
from patients.queries import by_nhs_number, retired_records

CONTEXT_KEY = settings.PATIENT_CONTEXT_KEY  # read by the two-tab guard
PAGES = {"request": "requesting:compose", "view": "record"}


def open_link(request: HttpRequest, token: str) -> str:
    """Sign the link's user in at the link's patient; the address to go to. Raises LaunchRefused.

    The link is used up last, so that one which fails can be put right and tried again.
    """
    launch = read_token(token, secrets=settings.LAUNCH_SECRETS)
    if services.was_used(launch.nonce):
        raise LaunchRefused("replayed")
    user, acting = _who(launch)
    patient = _about_whom(launch, acting)
    with transaction.atomic():
        services.use_launch(launch.nonce)
        services.open_session(request, user)
        services.act_for(request, user, ods_code=launch.organisation_code)
        request.session[CONTEXT_KEY] = str(patient.pk)
        audit.record(
            acting=acting, action="launch", object_type="patients.Patient", object_id=patient.pk,
            patient_id=patient.pk, reason=launch.system, request=request,
        )  # fmt: skip
    if was := _merged(launch, patient):
        return reverse("record", args=[patient.pk], query={"was": was})
    go = launch.go if acting.may(Permission.REQUEST_TESTS) else "view"
    return reverse(PAGES[go], args=[patient.pk])


def _merged(launch: Launch, patient: Patient) -> str:
    """The record that had the link's number, where it was merged into this one: then the work
    starts at the record, which says so."""
    number = nhs_number.parse(launch.nhs_number)
    if patient.nhs_number == number:
        return ""
    retired = (each for each in retired_records(patient) if each.nhs_number == number)
    return next((str(each.pk) for each in retired), "")


def _who(launch: Launch) -> tuple[User, Acting]:
    user = user_by_username(launch.username)
    if user is None or not services.may_use(user):
        raise LaunchRefused("unknown-user")
    acting = acting_at(user, launch.organisation_code)
    if acting is None:
        raise LaunchRefused("wrong-organisation")
    return user, acting


def _about_whom(launch: Launch, acting: Acting) -> Patient:
    if not nhs_number.is_valid(launch.nhs_number):
        raise LaunchRefused("bad-number")
    patient = by_nhs_number(nhs_number.parse(launch.nhs_number))
    if patient is None:
        raise LaunchRefused("unknown-patient")
    if patient.birth_date != launch.birth_date:
        raise LaunchRefused("birth-date")
    if not may_view(acting, patient):
        raise LaunchRefused("not-registered")
    return patient
