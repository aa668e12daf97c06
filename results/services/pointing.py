"""Which hosts a partner's reports may point to (RP): only an agreed one becomes a link."""

from __future__ import annotations

import re

from django.db import transaction

from accounts import audit
from accounts.policies import Acting
from messaging.models import Partner
from results.models import AgreedHost

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")


def agree_host(partner: Partner, *, host: str, by: Acting) -> AgreedHost:
    """Links in this partner's reports may go to `https://host/`. Part of setting a partner up.

    Raises ValueError for what is not the name of a host alone.
    """
    host = host.strip().lower()
    if not _HOST.match(host):
        raise ValueError("That is not the name of a host, such as pacs.hospital.example.")
    with transaction.atomic():
        agreed, is_new = AgreedHost.objects.get_or_create(partner=partner, host=host)
        if is_new:
            audit.record(
                acting=by, action="agree_host", object_type="messaging.Partner",
                object_id=partner.pk, reason=host,
            )  # fmt: skip
        return agreed
