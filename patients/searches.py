"""What was typed to find somebody, kept out of addresses. Other rooms may enter.

A name, a number or a birth date never goes into an address: it is posted, kept in the session under
a random token, and the page that shows what was found has an address with that token.
"""

import secrets

from django.http import HttpRequest

SEARCHES = "patient_searches"  # session key: token to text, oldest first
SEARCHES_KEPT = 10
LONGEST = 200


def keep(request: HttpRequest, text: str) -> str:
    """The token; the oldest are forgotten, and all of them at signing out."""
    token = secrets.token_urlsafe(6)
    kept = [*request.session.get(SEARCHES, {}).items(), (token, text[:LONGEST])]
    request.session[SEARCHES] = dict(kept[-SEARCHES_KEPT:])
    return token


def kept(request: HttpRequest, token: str | None) -> str | None:
    """What was typed under this token in this session; None when it is forgotten."""
    return request.session.get(SEARCHES, {}).get(token)
