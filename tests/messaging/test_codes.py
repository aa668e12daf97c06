"""What a code is called at a partner: closed, dated, and never guessed."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.errors import NotSendable, Park
from messaging.models import PartnerCode
from messaging.queries import codes

TODAY = timezone.localdate()


def add(partner, ours, theirs, kind="exam", **fields):
    fields = {"valid_from": date(2026, 1, 1)} | fields
    return PartnerCode.objects.create(
        partner=partner, kind=kind, ours=ours, theirs=theirs, **fields
    )


def test_without_a_map_of_its_kind_a_code_goes_as_it_is(ris, lims):
    add(ris, "XCHES", "CXR", kind="modality")
    add(lims, "XCHES", "CXR")
    assert codes.theirs(ris, "exam", "XCHES") == codes.Code("XCHES")
    assert codes.ours(ris, "exam", "anything") == "anything"


def test_a_mapped_code_goes_and_comes_as_the_partner_calls_it(ris):
    add(ris, "XCHES", "CXR", display="CHEST", system="RIS7")
    assert codes.theirs(ris, "exam", "XCHES") == codes.Code("CXR", "CHEST", "RIS7")
    assert codes.ours(ris, "exam", "CXR") == "XCHES"


@pytest.mark.hazard("H11")
def test_a_code_that_a_map_lacks_is_not_sent_and_not_taken(ris):
    add(ris, "R", "Routine", kind="priority")
    with pytest.raises(NotSendable) as unsent:
        codes.theirs(ris, "priority", "U")
    with pytest.raises(Park) as parked:
        codes.ours(ris, "priority", "Urgent")
    assert unsent.value.reason_code == parked.value.reason_code == "unmapped_code"


@pytest.mark.parametrize(
    "when",
    [
        {"valid_from": TODAY + timedelta(days=1)},
        {"valid_from": date(2026, 1, 1), "valid_to": TODAY - timedelta(days=1)},
    ],
)
def test_a_code_out_of_its_days_is_no_code(ris, when):
    add(ris, "XCHES", "CXR", **when)
    with pytest.raises(NotSendable):
        codes.theirs(ris, "exam", "XCHES")


def test_a_code_changes_on_its_day(ris):
    add(ris, "XCHES", "OLD", valid_to=date(2026, 6, 30))
    add(ris, "XCHES", "NEW", valid_from=date(2026, 7, 1))
    assert codes.theirs(ris, "exam", "XCHES", on=date(2026, 6, 30)).code == "OLD"
    assert codes.theirs(ris, "exam", "XCHES", on=date(2026, 7, 1)).code == "NEW"


def test_two_codes_for_one_are_never_chosen_between(ris):
    add(ris, "XCHES", "CXR")
    add(ris, "XCHES", "CHEST")
    with pytest.raises(NotSendable, match="more than one"):
        codes.theirs(ris, "exam", "XCHES")
    add(ris, "XCHES2", "CXR")
    with pytest.raises(Park, match="more than one"):
        codes.ours(ris, "exam", "CXR")


def test_a_code_may_only_be_understood_or_only_be_said(ris):
    add(ris, "U", "S", kind="priority")
    add(ris, "U", "ASAP", kind="priority", direction="in")
    add(ris, "E", "S2", kind="priority", direction="out")
    assert codes.theirs(ris, "priority", "U").code == "S"
    assert codes.ours(ris, "priority", "ASAP") == "U"
    with pytest.raises(Park):
        codes.ours(ris, "priority", "S2")


def test_a_code_cannot_end_before_it_begins(ris):
    with pytest.raises(IntegrityError), transaction.atomic():
        add(ris, "XCHES", "CXR", valid_to=date(2025, 1, 1))
