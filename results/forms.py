"""What a person says about a report, as it comes from a form. The rules are in `services`."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime


class ReviewForm(forms.Form):
    """Outcome and words, and the version that the person was looking at."""

    outcome = forms.CharField(required=False)
    words = forms.CharField(required=False)
    version = forms.IntegerField(required=False)
    scope = forms.CharField(required=False)


def ticked_of(data: QueryDict) -> dict[UUID, int]:
    """`ticked=<report>:<version>` for each report that was ticked; nonsense is left out."""
    ticked = {}
    for each in data.getlist("ticked"):
        report, _, version = each.partition(":")
        try:
            ticked[UUID(report)] = int(version)
        except ValueError:
            continue
    return ticked


def page_of(data: QueryDict) -> int:
    """`page=3`; the first where it says nothing sensible."""
    text = data.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def since_of(data: QueryDict) -> tuple[datetime, tuple[int, int]]:
    """Since when (`since=2026-11-22T10:42:00+00:00`), and what the list knew (`known=3.1`)."""
    since = parse_datetime(data.get("since", "").replace(" ", "+"))
    at = since if since and timezone.is_aware(since) else timezone.now()
    known = re.fullmatch(r"([0-9]{1,8})\.([0-9]{1,8})", data.get("known", ""))
    return at, (int(known[1]), int(known[2])) if known else (0, 0)
