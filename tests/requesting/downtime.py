"""The verbs of the downtime tests: a link goes down, a form goes out, a mailbox is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.policies import Acting
from accounts.queries import acting_at
from messaging.models import Link, Mailbox, OutboundMessage, Partner
from messaging.services import links
from requesting import services
from requesting.models import DowntimeForm, RequestItem
from requesting.services.downtime import order_for

from .surgery import Surgery

RADIOLOGY = "RZ1RAD"


def partner_of(item: RequestItem) -> Partner:
    return Partner.objects.get(departments=item.department)


def take_down(surgery: Surgery, *codes: str) -> None:
    """The central team declares the links of these departments down."""
    for code in codes or (RADIOLOGY, "RZ1PATH"):
        partner = Partner.objects.get(departments__ods_code=code)
        Link.objects.get_or_create(partner=partner)
        links.declare_down(partner, reason="Practice", by=surgery.acting("central"))
    forget()


def bring_up(surgery: Surgery, *codes: str) -> None:
    Link.objects.filter(partner__departments__ods_code__in=codes or (RADIOLOGY, "RZ1PATH")).update(
        state="up", declared_by="", declared_because="", declared_at=None, since=None
    )
    forget()


def forget() -> None:
    """What the strip remembers for some seconds."""
    cache.clear()


def radiographer() -> Acting:
    """Somebody of Kingsmere's radiology, which has a system of its own."""
    place = Organisation.objects.get(ods_code=RADIOLOGY)
    user, _ = User.objects.get_or_create(
        username="kingsmere-radiographer", defaults={"first_name": "Ruth", "last_name": "Ames"}
    )
    Membership.objects.get_or_create(
        user=user, organisation=place, ended_at=None, defaults={"role": "radiology-vetter"}
    )
    acting = acting_at(user, RADIOLOGY)
    assert acting is not None
    return acting


def mailbox(
    modality: str = "XR", *, code: str = RADIOLOGY, verified: bool = True, name: str = "X-ray desk"
) -> Mailbox:
    today = timezone.localdate()
    return Mailbox.objects.create(
        organisation=Organisation.objects.get(ods_code=code), purpose="downtime",
        modality=modality, address=f"{modality.lower() or 'all'}@kingsmere.nhs.example",
        display_name=name, valid_from=today - timedelta(days=9),
        verified_on=today if verified else None, verified_by="Owen Davies" if verified else "",
    )  # fmt: skip


def form_of(
    surgery: Surgery, item: RequestItem, how: str = "print", by: str = "gp"
) -> DowntimeForm:
    return services.choose_form(
        item.request, department=item.department, how=how, by=surgery.acting(by)
    )


def message_of(item: RequestItem) -> OutboundMessage:
    order = order_for(item.request, item.department)
    assert order is not None
    return OutboundMessage.objects.get(control_id=order.control_id)


def older(form: DowntimeForm, hours: float) -> None:
    """As if it had gone out so many hours before, by the database's own clock."""
    DowntimeForm.objects.filter(pk=form.pk).update(
        clock_at=F("clock_at") - timedelta(hours=hours, seconds=1)
    )
    forget()


@pytest.fixture(autouse=True)
def _fresh_strip():
    forget()
    yield
    forget()
