"""What is wrong with an agreement, in a person's words: nothing is written that fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from . import tls
from .agreement import (
    FEED_FIELDS,
    PARTNER_FIELDS,
    BadAgreement,
    Value,
    feeds_in,
    read_codes,
    split_path,
    type_of,
    words_of,
)
from .models import Feed, Partner, PartnerCode
from .models.partners import MOST_BYTES, ORDER_MESSAGES, VERSIONS
from .policies import may_process
from .wire import CHARSETS

LONGEST_CLEARTEXT = timedelta(days=366)
_HOST = re.compile(r"[A-Za-z0-9.:\-]{1,120}\Z")
_NAME = re.compile(r"[\x21-\x7e]{1,40}\Z")  # of an application or facility: no delimiter, no space
OFTEN = 15  # seconds; more often is a load, and tells no more
_NOBODY = re.compile(r"999\d{7}\Z")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z")
_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?\Z")
_NEEDS = {"OMG^O19": "2.4", "OML^O21": "2.4", "OML^O33": "2.5", "ORM^O01": "2.3"}


def problems_of(agreement: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Everything that is wrong with it: (path, sentence); nothing when it can be agreed."""
    problems = [*_wrong_shapes(agreement), *_wrong_partner(agreement)]
    feeds = feeds_in(agreement)
    for slug, feed in feeds.items():
        problems += [(f"feed {slug}.{field}", words) for field, words in _wrong_feed(feed)]
    senders = [(feed.get("application"), feed.get("facility")) for feed in feeds.values()]
    if len(set(senders)) < len(senders):
        problems.append(("feeds", "Two feeds have the same MSH-3 and MSH-4."))
    for path, value in agreement.items():
        kind, name, _ = split_path(path)
        if kind == "codes":
            problems += _wrong_map(path, name, str(value or ""))
    return problems


def _wrong_shapes(agreement: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Unknown words, and values of another kind than their field."""
    for path, value in agreement.items():
        kind, _, field = split_path(path)
        known = FEED_FIELDS if kind == "feed" else PARTNER_FIELDS
        if kind != "codes" and field not in known:
            yield path, f"There is no field {path}."
            continue
        wanted = type_of(path)
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if wanted == "number" and not (is_number and 0 <= int(value or 0) <= 2**31 - 1):
            yield path, f"{words_of(path)} is a number."
        if wanted == "yes" and not isinstance(value, bool):
            yield path, f"{words_of(path)} is true or false."
        if wanted == "instant" and value is not None and _instant(value) is None:
            yield path, f"{words_of(path)} is an instant as 2027-02-20T00:00:00+00:00."
        if wanted == "pem":
            try:
                tls.certificates(str(value or ""))
            except tls.BadCertificate as failure:
                yield path, f"{words_of(path)}: {failure}"


def _wrong_partner(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if not str(of.get("name") or "").strip():
        yield "name", "Give the partner a name."
    for field in ("our_application", "our_facility", "their_application", "their_facility"):
        if not _is_name(of.get(field)):
            yield field, f"{words_of(field)}: 1 to 40 characters without spaces or delimiters."
    yield from _wrong_dialect(of)
    yield from _wrong_pace(of)
    yield from _wrong_common(of)
    yield from _wrong_line(of)
    yield from _wrong_synthetic(of)


def _wrong_pace(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if of.get("acknowledgement_mode") not in Partner.Acknowledgement.values:
        yield "acknowledgement_mode", "The acknowledgement mode is original or enhanced."
    if not 1 <= _number(of, "acknowledgement_seconds") <= 300:
        yield "acknowledgement_seconds", "It has 1 to 300 seconds to acknowledge."
    if not 1 <= _number(of, "application_minutes") <= 10080:
        yield "application_minutes", "Its application has 1 to 10080 minutes to answer."
    if _number(of, "messages_a_second") > 1000:
        yield "messages_a_second", "The rate is at most 1000 messages a second; 0 is no limit."


def _wrong_dialect(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    message, version = str(of.get("order_message")), str(of.get("version"))
    if message not in ORDER_MESSAGES:
        yield "order_message", f"The order message is one of {', '.join(ORDER_MESSAGES)}."
    elif version in VERSIONS and version < _NEEDS[message]:
        yield "version", f"{message} is there from version {_NEEDS[message]}, not in {version}."
    if version not in VERSIONS:
        yield "version", f"The version is one of {', '.join(VERSIONS)}."


def _wrong_common(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """What partners and feeds have alike."""
    if of.get("character_set") not in CHARSETS:
        yield "character_set", f"The character set is one of {', '.join(CHARSETS)}."
    processing = str(of.get("processing_id"))
    if processing not in ("P", "T", "D") or not may_process(processing):
        yield (
            "processing_id",
            "The processing id is P in the live system, T or D in any other; they never meet.",
        )
    if not 1024 <= _number(of, "largest_bytes") <= MOST_BYTES:
        yield "largest_bytes", f"The largest message is 1024 to {MOST_BYTES} bytes."
    until = _instant(of.get("cleartext_until"))
    if until is not None:
        if not str(of.get("cleartext_because") or "").strip():
            yield "cleartext_because", "Say why clear text is allowed."
        if until > timezone.now() + LONGEST_CLEARTEXT:
            yield "cleartext_until", "Clear text is allowed for a year at most."


def _wrong_line(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if not _HOST.match(str(of.get("host") or "")):
        yield "host", "The host is a name or an address."
    if not 1 <= _number(of, "port") <= 65535:
        yield "port", "The port is a number from 1 to 65535."
    if of.get("uses_tls"):
        if not str(of.get("trust_anchors") or "").strip():
            yield "trust_anchors", "With TLS, say who may vouch for its certificate."
        if not str(of.get("server_name") or "").strip():
            yield "server_name", "With TLS, say the name that is in its certificate."
        try:
            tls.key_pair(str(of.get("key_name") or ""))
        except tls.BadCertificate as failure:
            yield "key_name", str(failure)
    elif not _is_ahead(of.get("cleartext_until")):
        yield "cleartext_until", "Without TLS, say until when clear text is allowed, and why."


def _wrong_synthetic(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """What could be a person or a test, or would be a load."""
    seconds = of.get("synthetic_seconds") or 0
    if not seconds:
        return
    if not OFTEN <= _number(of, "synthetic_seconds") <= 3600:
        yield "synthetic_seconds", f"A synthetic order goes every {OFTEN} to 3600 seconds, or 0."
    if not _NOBODY.match(str(of.get("synthetic_patient") or "")):
        yield (
            "synthetic_patient",
            "A synthetic order needs an NHS number of 999, which is nobody’s.",
        )
    if not _CODE.match(str(of.get("synthetic_code") or "")):
        yield (
            "synthetic_code",
            "A synthetic order needs a code of 1 to 40 letters, digits, hyphens.",
        )


def _wrong_feed(of: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if not str(of.get("name") or "").strip():
        yield "name", "Give the feed a name."
    for field in ("application", "facility"):
        if not _is_name(of.get(field)):
            yield field, "MSH-3 and MSH-4 are 1 to 40 characters without spaces or delimiters."
    if not all(_TYPE.match(each) for each in str(of.get("message_types") or "").split()):
        yield "message_types", "Message types are written as ORU^R01, with spaces between."
    if of.get("answers") not in Feed.Answers.values:
        yield "answers", "The acknowledgement is as-asked or original."
    if not 1 <= _number(of, "most_connections") <= 100:
        yield "most_connections", "A feed has 1 to 100 connections."
    yield from _wrong_common(of)
    proof = str(of.get("client_certificates") or of.get("client_subject") or "").strip()
    if of.get("is_open") and not proof and not _is_ahead(of.get("cleartext_until")):
        yield (
            "client_certificates",
            "Say by which certificate it is known, or until when clear text is allowed.",
        )


def _wrong_map(path: str, kind: str, text: str) -> list[tuple[str, str]]:
    if kind not in PartnerCode.Kind.values:
        kinds = ", ".join(PartnerCode.Kind.values)
        return [(path, f"There are no codes of the kind {kind}: there are {kinds}.")]
    try:
        read_codes(kind, text)
    except BadAgreement as refusal:
        return refusal.problems
    return []


def _number(of: Mapping[str, Value], field: str) -> int:
    value = of.get(field)
    return value if isinstance(value, int) else -1


def _is_name(value: Value) -> bool:
    text = str(value or "")
    return bool(_NAME.match(text)) and not set(text) & set("|^~\\&")


def _instant(value: Value) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _is_ahead(value: Value) -> bool:
    until = _instant(value)
    return until is not None and until > timezone.now()
