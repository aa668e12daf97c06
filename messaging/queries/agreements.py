"""What was agreed with a partner, in words; which changes wait; what runs out soon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA256
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.policies import Acting
from messaging import agreement, tls
from messaging.agreement import Difference, Value
from messaging.models import Feed, Partner, PartnerChange, PartnerCode
from messaging.policies import may_change_partners
from messaging.states import Wait
from nhsuk.formats import cdate_text

CHANGE_WAIT = Wait("Central team", timedelta(hours=24))
SOON = timedelta(days=30)
_LINE = ("host", "port", "uses_tls", "server_name", "key_name", "trust_anchors")
_CLEAR = ("cleartext_until", "cleartext_because")
_MAY_BE_ABSENT = {
    "synthetic_patient", "synthetic_code",
    "server_name", "key_name", "trust_anchors", "client_certificates", "client_subject", *_CLEAR,
}  # fmt: skip
_EMPTY = {"message_types": "All that are handled here"}


@dataclass(frozen=True)
class Fact:
    words: str
    value: str


@dataclass(frozen=True)
class Section:
    """A part of an agreement, and the word in the address of the page that proposes a change."""

    title: str
    part: str
    facts: list[Fact]


def sections(partner: Partner) -> list[Section]:
    """The agreement as people read it: the line, what we send, each feed, each map of codes."""
    held = agreement.agreement_of(partner)
    found = [
        Section(title, part, [_fact(path, held) for path in paths if _matters(path, held)])
        for title, part, paths in parts_of(held)
    ]
    found[0].facts.extend(_our_key(partner))
    return found


def parts_of(held: agreement.Agreement) -> list[tuple[str, str, list[str]]]:
    """(title, part, paths) in the order of the page."""
    own = [path for path in held if not agreement.split_path(path)[0]]
    line = [*_LINE, *_CLEAR]
    parts = [
        ("The line to it", "line", line),
        ("What we send", "orders", [path for path in own if path not in line]),
    ]
    for slug, feed in agreement.feeds_in(held).items():
        paths = [f"feed {slug}.{field}" for field in feed]
        parts.append((f"What it sends: {feed['name']}", f"feed-{slug}", paths))
    for path in held:
        kind, name, _ = agreement.split_path(path)
        if kind == "codes":
            parts.append((f"Codes: {name}", f"codes-{name}", [path]))
    return parts


def kinds_without(held: agreement.Agreement) -> list[str]:
    """Kinds of codes that go as they are: a map of them may be begun."""
    return [kind for kind in PartnerCode.Kind.values if f"codes {kind}" not in held]


def _fact(path: str, held: agreement.Agreement) -> Fact:
    return Fact(agreement.words_of(path), in_words(path, held.get(path)))


def _matters(path: str, held: agreement.Agreement) -> bool:
    """Not what there is nothing of, where that says nothing: no certificate in clear text."""
    return held.get(path) not in (None, "") or agreement.split_path(path)[2] not in _MAY_BE_ABSENT


def in_words(path: str, value: Value) -> str:
    """A value as people read it."""
    kind = agreement.type_of(path)
    if value in (None, ""):
        return _EMPTY.get(agreement.split_path(path)[2], "Nothing")
    if kind == "yes":
        return "Yes" if value else "No"
    if kind == "instant":
        return cdate_text(last_day(str(value)))
    if kind == "codes":
        return _count(len(str(value).splitlines()) - 1, "code")
    if kind == "pem":
        return _certificates(str(value))
    is_large = isinstance(value, int) and value >= 10_000 and not path.endswith("port")
    return f"{value:,}" if is_large else str(value)


def last_day(instant: str) -> datetime:
    """The last day on which what ends at that instant is good."""
    return timezone.localtime(datetime.fromisoformat(instant) - timedelta(seconds=1))


def _certificates(pem: str) -> str:
    try:
        found, until = tls.certificates(pem), tls.runs_out(pem)
    except tls.BadCertificate:
        return "Cannot be read"
    words = _count(len(found), "certificate")
    if until is None:
        return words
    # Which: two of the same name and day are not the same, and the second person has to see it.
    which = ", ".join(each.fingerprint(SHA256()).hex()[:16] for each in found)
    return f"{words}, until {cdate_text(timezone.localtime(until))} (SHA-256 {which})"


def _our_key(partner: Partner) -> list[Fact]:
    if not partner.uses_tls:
        return []
    until = tls.our_key_runs_out(partner.key_name)
    words = f"Until {cdate_text(timezone.localtime(until))}" if until else "It is not in TLS_DIR"
    return [Fact("Our own certificate", words)]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


# --- Changes -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One thing that differs: before and after, in words; for a map the lines that go and come."""

    words: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """A change as the pages show it."""

    pk: int
    partner: str
    partner_id: int | None
    what: str
    steps: list[Step]
    why: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
    decided_because: str
    is_late: bool
    is_own: bool


def changes_for(acting: Acting) -> tuple[list[Change], list[Change]]:
    """Those that wait, the oldest first; the last that were decided."""
    rows = _changes(acting)
    waiting = rows.filter(state="pending").order_by("proposed_at")[:200]
    decided = rows.exclude(state="pending").order_by("-decided_at")[:50]
    return [_change(row, acting) for row in waiting], [_change(row, acting) for row in decided]


def changes_of(acting: Acting, partner: Partner) -> list[Change]:
    """Those of one partner that wait."""
    rows = PartnerChange.objects.select_related("partner", "proposed_by", "decided_by")
    return [_change(row, acting) for row in rows.filter(partner=partner, state="pending")]


def change_for(acting: Acting, pk: int) -> PartnerChange:
    """Raises Http404 for absent and forbidden."""
    found = _changes(acting).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def change_in_words(change: PartnerChange, acting: Acting) -> Change:
    return _change(change, acting)


def _changes(acting: Acting) -> QuerySet[PartnerChange]:
    rows = PartnerChange.objects.select_related("partner", "proposed_by", "decided_by")
    return rows if may_change_partners(acting) else rows.none()


def _change(row: PartnerChange, acting: Acting) -> Change:
    found = agreement.read_differences(row.differences)
    names = [agreement.words_of(each.path) for each in found]
    decided_by = row.decided_by.display_name if row.decided_by else ""
    return Change(
        pk=row.pk,
        partner=row.partner.name if row.partner else row.slug,
        partner_id=row.partner_id,
        what=names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
        steps=[step for each in found for step in _steps(each)],
        why=row.why,
        state=row.state,
        proposed_by=row.proposed_by.display_name,
        proposed_at=row.proposed_at,
        decided_by=decided_by,
        decided_at=row.decided_at,
        decided_because=row.decided_because,
        is_late=row.state == "pending" and timezone.now() - row.proposed_at > CHANGE_WAIT.limit,
        is_own=acting.user is not None and row.proposed_by_id == acting.user.pk,
    )


def _steps(each: Difference) -> Iterable[Step]:
    name = agreement.words_of(each.path)
    if agreement.type_of(each.path) != "codes":
        yield Step(name, in_words(each.path, each.before), in_words(each.path, each.after))
        return
    before, after = _lines(each.before), _lines(each.after)
    for line in [line for line in before if line not in after]:
        yield Step(name, line, "Nothing")
    for line in [line for line in after if line not in before]:
        yield Step(name, "Nothing", line)


def _lines(value: Value) -> list[str]:
    return str(value or "").splitlines()[1:]


# --- What runs out -------------------------------------------------------------------------------


def running_out(acting: Acting | None) -> list[tuple[str, datetime | None]]:
    """For the status strip of the central team: certificates and exceptions that end soon."""
    if acting is None or not may_change_partners(acting):
        return []
    found = cache.get("agreements_running_out")
    if found is None:
        found = list(_running_out())
        cache.set("agreements_running_out", found, 300)
    return [(words, None) for words in found]


def _running_out() -> Iterable[str]:
    now = timezone.now()
    for what, until in _ends():
        if until is not None and until - now < SOON:
            days = (until - now).days
            when = f"in {_count(days, 'day')}" if days >= 0 else "already"
            yield f"{what} runs out {when}."


def _ends() -> Iterable[tuple[str, datetime | None]]:
    """Everything that has an end, and when."""
    for partner in Partner.objects.all():
        if partner.uses_tls:
            anchors = _end_of(partner.trust_anchors)
            yield f"What vouches for the certificate of {partner.name}", anchors
            yield f"Our certificate for {partner.name}", tls.our_key_runs_out(partner.key_name)
        else:
            yield f"Clear text to {partner.name}", partner.cleartext_until
    for feed in Feed.objects.filter(is_open=True).select_related("partner"):
        name = f"{feed.name} ({feed.partner.name})"
        if feed.client_certificates:
            yield f"The certificate of {name}", _end_of(feed.client_certificates)
        elif not feed.client_subject:
            yield f"Clear text from {name}", feed.cleartext_until


def _end_of(pem: str) -> datetime | None:
    try:
        return tls.runs_out(pem)
    except tls.BadCertificate:
        return timezone.now()
