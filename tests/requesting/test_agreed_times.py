"""How soon a partner speaks of an order: seen by who looks after it, agreed by the central team."""

from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import AccessEvent
from messaging.models import Partner
from requesting import services
from requesting.models import Expectation
from requesting.queries.reconciling import expectation_of, times_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ris(surgery):
    return Partner.objects.get(slug="ris-rz1")


def test_what_counts_stands_beside_the_partner_on_the_page(surgery, world, ris):
    client = world.client("central")
    page = client.get(reverse("results:reconciliation")).content.decode()
    assert "Within 24 hours; as usual" in page
    assert "Within 4 hours, 08 to 18, Monday to Friday; as usual" in page  # a laboratory
    services.agree_times(ris, hours=1, opens=7, closes=20, by=surgery.acting("central"))
    page = client.get(reverse("results:reconciliation")).content.decode()
    assert "Within 1 hour, 07 to 20; agreed" in page


def test_it_is_agreed_on_the_command_line_and_can_be_taken_back(ris):
    out = StringIO()
    call_command("agree_times", ris.slug, "0.5", weekdays=True, by="central", stdout=out)
    assert out.getvalue() == "Within 0.5 hours, Monday to Friday; agreed\n"
    assert expectation_of(ris, "radiology").hours == 0.5
    audited = AccessEvent.objects.get(action="agree_times")
    assert (audited.username, audited.reason) == ("central", "0.5 hours, 0 to 24, Monday to Friday")
    call_command("agree_times", ris.slug, usual=True, by="central", stdout=StringIO())
    assert times_of(ris) == ["Within 24 hours; as usual"]


def test_who_is_not_of_the_central_team_agrees_nothing(surgery, ris):
    with pytest.raises(PermissionDenied):
        services.agree_times(ris, hours=1, by=surgery.acting("gp"))
    with pytest.raises(PermissionDenied):
        services.back_to_usual(ris, by=surgery.acting("gp"))
    with pytest.raises(CommandError, match="central team"):
        call_command("agree_times", ris.slug, "1", by="gp")
    assert not Expectation.objects.exists()


@pytest.mark.parametrize(
    "said", [{"hours": 0}, {"hours": 400}, {"hours": 1, "opens": 9, "closes": 9},
             {"hours": 1, "closes": 25}],
)  # fmt: skip
def test_times_that_cannot_be_are_refused_in_words(surgery, ris, said):
    with pytest.raises(ValueError, match=r"hours"):
        services.agree_times(ris, by=surgery.acting("central"), **said)
    with pytest.raises(CommandError):
        call_command("agree_times", "nobody", "1", by="central")
