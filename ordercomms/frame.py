"""What stands around every page: whose service, where one can go, and whether all is well.

Templates call `frame_of(request)`. It asks nothing of the database beyond what the request has
already read, so that it also stands around an error page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from accounts.middleware import any_of
from accounts.policies import Acting
from ordercomms.access import ACCESS


@dataclass(frozen=True)
class NavigationItem:
    """A line of the menu: its words, its page, and the roles' word for it where that differs."""

    label: str
    url_name: str
    roles: frozenset[str] = frozenset()  # empty: every role that may open the page


GP_SIDE = frozenset({"gp", "ahp"})
DESK = frozenset({"mbp", "mbp-lead"})
EXCHANGE = DESK | {"on-call"}
NAVIGATION = (
    NavigationItem("Find a patient", "patients:find"),
    NavigationItem("My requests", "requesting:mine", GP_SIDE),
    NavigationItem("Practice requests", "requesting:practice"),
    NavigationItem("Results", "results:inbox"),
    # On call at night: what they are there for comes first.
    NavigationItem("Send trauma images", "iep:trauma", frozenset({"on-call"})),
    NavigationItem("Image exchange", "iep:home", EXCHANGE),
    NavigationItem("Queues", "iep:queues", DESK),
    NavigationItem("Arrivals", "iep:arrivals", DESK),
    NavigationItem("Discs", "iep:discs", DESK),
    NavigationItem("Figures", "iep:figures", frozenset({"mbp-lead"})),
    NavigationItem("On call", "iep:on-call", frozenset({"mbp", "on-call"})),
    NavigationItem("Vetting", "requesting:vetting"),
    NavigationItem("Requests", "requesting:department"),
    NavigationItem("Messages", "messaging:queue"),
    NavigationItem("Merges", "patients:merges"),
    NavigationItem("Ask for images", "iep:ask", frozenset({"hospital-clinician"})),
    NavigationItem(
        "My image requests",
        "iep:mine",
        frozenset({"radiology-vetter", "hospital-clinician", "on-call"}),
    ),
    # A vetter comes to it from the vetting list.
    NavigationItem("Downtime forms", "requesting:keying", frozenset({"laboratory", "central"})),
    NavigationItem("All services", "services", frozenset({"central"})),
    NavigationItem("Image exchange", "iep:home", frozenset({"central"})),
)
MOST_ITEMS = 5
FIND = "patients:find"


@dataclass(frozen=True)
class Status:
    """One thing that is not well, in a sentence, and since when (None: since always)."""

    text: str
    since: datetime | None = None
    then: str = ""  # what becomes of the work meanwhile
    href: str = ""  # where something can be done about it
    link: str = ""  # the words that lead there


@dataclass(frozen=True)
class Frame:
    """All that `base.html` shows besides the page itself."""

    acting: Acting | None
    organisation: str
    may_change_place: bool
    navigation: list[dict[str, object]]
    statuses: list[Status]
    help_phone: str
    ribbon: str
    home: str
    jump_page: str  # where Ctrl+K leads


def frame_of(request: HttpRequest | None) -> Frame:
    """The frame for this request; a bare one for a request that nobody signed."""
    acting = getattr(request, "acting", None)
    place = acting.organisation if acting else None
    return Frame(
        acting=acting,
        organisation=(place.parent or place).name if place else "",
        may_change_place=getattr(request, "has_other_places", False),
        navigation=list(_navigation(acting, request.path)) if request and acting else [],
        statuses=list(_statuses(acting)),
        help_phone=_help_phone(acting),
        ribbon=settings.ENVIRONMENT_RIBBON,
        home=reverse("home"),
        jump_page=_address(FIND) if acting and may_open(acting, FIND) else "",
    )


def first_page(acting: Acting) -> str | None:
    """The address where this person's work starts: the first line of their menu."""
    items = list(_navigation(acting, ""))
    return str(items[0]["href"]) if items else None


def may_open(acting: Acting, url_name: str) -> bool:
    """Whether the access table lets them read that page: one table for doors and signposts."""
    needed = ACCESS.get(url_name)
    if isinstance(needed, dict):
        needed = needed.get("GET")
    return any(acting.may(each) for each in any_of(needed))


def _navigation(acting: Acting, path: str) -> Iterator[dict[str, object]]:
    """At most five lines; of those whose address the path begins with, the longest is it."""
    shown = list(islice(_offered(acting), MOST_ITEMS))
    here = max((href for _, href in shown if path.startswith(href)), key=len, default="")
    for label, href in shown:
        yield {"text": label, "href": href, "active": href == here}


def _offered(acting: Acting) -> Iterator[tuple[str, str]]:
    for item in NAVIGATION:
        href = _address(item.url_name)
        for_this_role = not item.roles or acting.role in item.roles
        if href and for_this_role and may_open(acting, item.url_name):
            yield item.label, href


def _address(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _statuses(acting: Acting | None) -> Iterator[Status]:
    """Ask each room. A source is a callable of one argument, the person who looks (or None)."""
    for source in settings.STATUS_SOURCES:
        for line in import_string(source)(acting):
            yield Status(*line)


def _help_phone(acting: Acting | None) -> str:
    """The person's own service desk; the service's where their organisation names none."""
    place = acting.organisation if acting else None
    for one in (place, place.parent if place else None):
        if one and one.help_phone:
            return one.help_phone
    return settings.HELP_PHONE
