"""What may be said at the gateway, checked field by field; what is wrong is answered in words.

No answer repeats a value that was sent: it may be a patient's, and an answer may be logged.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from rest_framework import serializers

from iep.services.gateway.hearing import HEARD_EVENTS
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.transactions import DeclineReason, TransactionEvent, TransactionKind
from patients import nhs_number

from .shapes import MOST_INSTANCES, SHA256, UID, Offered

MOST_EXAMS = 50


class _Chosen(serializers.ChoiceField):
    default_error_messages = {"invalid_choice": "This is not one of the words that are known."}


def _text(most: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(max_length=most, allow_blank=True, default="", **more)


def _one_of(enum: Any, **more: Any) -> _Chosen:
    return _Chosen(choices=[each.value for each in enum], **more)


def _whole(pattern: re.Pattern[str]) -> str:
    """RegexField looks anywhere in the value."""
    return rf"\A(?:{pattern.pattern})\Z"


def _uid(**more: Any) -> serializers.RegexField:
    words = {"invalid": "This is not a UID: digits and dots, up to 64."}
    return serializers.RegexField(_whole(UID), max_length=64, error_messages=words, **more)


def _hash() -> serializers.RegexField:
    words = {"invalid": "This is not a SHA-256 in 64 hexadecimal digits, lower case."}
    return serializers.RegexField(_whole(SHA256), max_length=64, error_messages=words)


# --- Transactions --------------------------------------------------------------------------------


class PatientSaid(serializers.Serializer):
    family_name = _text(80)
    given_names = _text(80)
    birth_date = serializers.DateField(allow_null=True, default=None)
    nhs_number = _text(10)
    local_number = _text(40)

    def validate_nhs_number(self, value: str) -> str:
        if value and not nhs_number.is_valid(value):
            raise serializers.ValidationError("This is not a valid NHS number.")
        return value


class ExamSaid(serializers.Serializer):
    description = serializers.CharField(max_length=120)
    acquired_on = _text(10)
    modality = _text(16)
    code = _text(20)
    study_uid = _uid(allow_blank=True, default="")
    images = _text(6)


class RequesterSaid(serializers.Serializer):
    name = _text(120)
    consultant = _text(120)
    department = _text(120)


class TransactionSaid(serializers.Serializer):
    """A transaction, as services.gateway.telling.described says it."""

    said = serializers.UUIDField()
    kind = _Chosen(choices=[TransactionKind.REQUEST.value, TransactionKind.TRANSFER.value])
    priority = _one_of(Priority)
    reason = _one_of(Reason, allow_blank=True, default="")
    eligibility = _one_of(Eligibility, allow_blank=True, default="")
    needed_by = serializers.DateField(allow_null=True, default=None)
    comments = _text(1000)
    care_reason = _text(200)
    patient = PatientSaid()
    exams = ExamSaid(many=True, max_length=MOST_EXAMS)
    requester = RequesterSaid()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["priority"] == Priority.BLUE_LIGHT and not attrs["eligibility"]:
            raise serializers.ValidationError({"eligibility": "Say what makes it Blue Light."})
        return attrs


def about_of(said: dict[str, Any]) -> dict[str, Any]:
    """Fields of services.exchange.about.About, of a TransactionSaid that is valid."""
    names = ("reason", "eligibility", "needed_by", "comments", "care_reason")
    who = said["requester"]
    return {
        **{name: said[name] for name in names},
        **said["patient"],
        "exams": [_exam(each) for each in said["exams"]],
        "requester_name": who["name"],
        "consultant": who["consultant"],
        "department": who["department"],
    }


def _exam(said: dict[str, Any]) -> dict[str, str]:
    """Which study, and how many images, only where they say it."""
    return {
        name: each for name, each in said.items() if each or name not in ("study_uid", "images")
    }


class EventSaid(serializers.Serializer):
    event = _Chosen(choices=sorted(each.value for each in HEARD_EVENTS))
    at = serializers.DateTimeField()
    words = _text(300)
    reason = _one_of(DeclineReason, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["event"] == TransactionEvent.DECLINED and not attrs["reason"]:
            raise serializers.ValidationError({"reason": "Say why it is declined."})
        return attrs


class MessageSaid(serializers.Serializer):
    text = serializers.CharField(max_length=2000)
    by = serializers.CharField(max_length=150)
    at = serializers.DateTimeField()


class DocumentSaid(serializers.Serializer):
    kind = _Chosen(choices=["document", "text"])
    title = serializers.CharField(max_length=120)
    content_type = serializers.CharField(max_length=80)
    sha256 = _hash()
    content = serializers.CharField(trim_whitespace=False)
    study_uid = _uid(allow_blank=True, default="")
    confirmed_by = serializers.CharField(max_length=150)
    confirmed_at = serializers.DateTimeField()

    def validate_content(self, value: str) -> bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise serializers.ValidationError("This is not base64.") from None


# --- Images --------------------------------------------------------------------------------------


class LineSaid(serializers.Serializer):
    study_uid, series_uid, sop_uid = _uid(), _uid(), _uid()
    sop_class, transfer_syntax = _uid(), _uid()
    size = serializers.IntegerField(min_value=1)
    sha256 = _hash()


class ManifestSaid(serializers.Serializer):
    instances = LineSaid(many=True, min_length=1, max_length=MOST_INSTANCES)


def offered_by(said: dict[str, Any]) -> list[Offered]:
    """Of a ManifestSaid that is valid."""
    return [Offered(**line) for line in said["instances"]]


# --- What is wrong, in words ---------------------------------------------------------------------


def faults(errors: Any, where: str = "") -> dict[str, str]:
    """`{"patient.birth_date": "Date has wrong format…"}`, at most twenty of them."""
    found: dict[str, str] = {}
    pairs = enumerate(errors) if isinstance(errors, list) else dict(errors).items()
    for name, value in pairs:
        path = f"{where}.{name}".strip(".").removesuffix(".non_field_errors")
        if isinstance(value, dict) or (isinstance(value, list) and _is_nested(value)):
            found |= faults(value, path)
        elif value:
            found[path] = str(value[0] if isinstance(value, list) else value)
    return dict(list(found.items())[:20])


def _is_nested(value: list[Any]) -> bool:
    return any(isinstance(each, dict) for each in value)
