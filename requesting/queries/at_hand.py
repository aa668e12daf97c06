"""What one person has at hand at one place: who does what for them there, who gets the results,
which certificates they hold, and what they ask for most.

The request screen reads all of it at every press, and it hardly changes. One query reads the
stamps: sums over the whole rows, which are a few hundred, so that any change of any of them is
another stamp. What stands under a stamp is kept by this process and read, never altered; there is
no age to wait for. Send never looks here: it reads everything anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.queries import EntitlementCard, colleagues, entitlements_of
from accounts.roles import Permission
from catalogue.models import Offering, Service
from catalogue.reach import offered_to, soonest_first

from .reference import STAMP, STAMPED, Shelf, shelf_of

USUAL_WITHIN = timedelta(days=90)
USUAL_AMONG = 300  # of the latest: so the page costs the same after years of asking
MOST_USUAL = 8
MOST_KEPT = 500

_ROWS = """
       (SELECT sum(hashtext(r::text)) FROM catalogue_offering r),
       (SELECT sum(hashtext(r::text)) FROM accounts_organisation r),
       (SELECT sum(hashtext(r::text)) FROM accounts_organisation_serves r),
       (SELECT sum(hashtext(r::text)) FROM accounts_site r),
       (SELECT sum(hashtext(m::text || u::text)) FROM accounts_membership m
          JOIN accounts_user u ON u.id = m.user_id WHERE m.organisation_id = %(place)s),
       (SELECT sum(hashtext(r::text)) FROM accounts_entitlement r WHERE r.user_id = %(user)s)
"""
_USUAL = """
       ARRAY(SELECT s.code FROM catalogue_service s JOIN (
           SELECT service_id, row_number() OVER (ORDER BY requested_at DESC, id DESC) AS place
           FROM requesting_requestitem
           WHERE requester_id = %(user)s AND requested_at >= %(since)s
           ORDER BY requested_at DESC, id DESC LIMIT %(among)s
         ) asked ON asked.service_id = s.id
         GROUP BY s.code ORDER BY count(*) DESC, min(asked.place) LIMIT %(most)s)
"""


@dataclass(frozen=True)
class Desk:
    """`offerings` by the service's row number, what needs no appointment first; `people` who may
    act on results at the place; `usual` the codes that the person asks for most."""

    shelf: Shelf
    offerings: Mapping[int, list[Offering]]
    people: tuple[User, ...]
    cards: tuple[EntitlementCard, ...]
    usual: tuple[str, ...]


def desk(acting: Acting) -> Desk:
    """As it is at this moment; one query while nothing changes."""
    user, place = acting.user, acting.organisation
    stamp, rows, usual = _look(user, place)
    whole = shelf_of(stamp)
    *places, people, cards = rows
    key = place.pk if place else 0
    return Desk(
        shelf=whole,
        offerings=_kept(
            ("offerings", key), (*stamp, *places, whole.day),
            lambda: offerings_of(place, whole.day) if place else {},
        ),
        people=_kept(("people", key), (people,), lambda: people_of(place)),
        cards=_kept(
            ("cards", user.pk if user else 0), (places[1], cards, whole.day),
            lambda: tuple(entitlements_of(user, on=whole.day)) if user else (),
        ),
        usual=tuple(usual),
    )  # fmt: skip


def _look(user: User | None, place: Organisation | None) -> tuple[Any, Any, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"{STAMP}, {_ROWS}, {_USUAL}",
            {
                "user": user.pk if user else None, "place": place.pk if place else None,
                "since": timezone.now() - USUAL_WITHIN, "among": USUAL_AMONG, "most": MOST_USUAL,
            },
        )  # fmt: skip
        *stamps, usual = cursor.fetchone()
    return tuple(stamps[:STAMPED]), tuple(stamps[STAMPED:]), usual


_shelves: dict[tuple[str, int], tuple[tuple[Any, ...], Any]] = {}


def _kept(key: tuple[str, int], stamp: tuple[Any, ...], read: Callable[[], Any]) -> Any:
    """What was read for this key under this stamp; read now where the stamp is another."""
    found = _shelves.get(key)
    if found is None or found[0] != stamp:
        if len(_shelves) >= MOST_KEPT:
            _shelves.clear()
        found = _shelves[key] = (stamp, read())
    return found[1]


# --- The same, read now --------------------------------------------------------------------------


def offerings_of(
    organisation: Organisation, day: date, services: Iterable[Service] | None = None
) -> dict[int, list[Offering]]:
    """Who does what for this place on that day; of these services, or of all."""
    rows = offered_to(organisation, day)
    if services is not None:
        rows = rows.filter(service__in=services)
    by_service: dict[int, list[Offering]] = defaultdict(list)
    for row in rows.select_related("department__parent", "site").order_by(
        soonest_first(), "department__ods_code", "site__ods_code", "pk"
    ):
        by_service[row.service_id].append(row)
    return dict(by_service)


def people_of(organisation: Organisation | None) -> tuple[User, ...]:
    """The clinicians of a place who can act on results, by family name."""
    if organisation is None:
        return ()
    return tuple(colleagues(organisation, Permission.REVIEW_RESULTS))
