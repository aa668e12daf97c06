"""manage.py open_pack FILE: a downtime pack as plain text, without a browser or a database."""

import getpass
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.sealing import CannotOpen, opened


class Command(BaseCommand):
    help = "Opens a downtime pack with its passphrase (asked for) and prints it. Writes no file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--find", default="", help="only what has these words in it")

    def handle(self, *, file: Path, find: str, **_: Any) -> None:
        try:
            content = file.read_bytes()
        except OSError as failure:
            raise CommandError(f"{file} cannot be read: {failure.strerror}.") from None
        try:
            records = opened(content, getpass.getpass("Passphrase: "))
        except CannotOpen as refused:
            raise CommandError(str(refused)) from None
        for record in records:
            text = "\n".join(_lines(record))
            if text and find.lower() in text.lower():
                self.stdout.write(f"{text}\n\n")


def _lines(record: dict[str, Any]) -> Iterator[str]:
    if record["kind"] == "about":
        yield f"{record['place']} ({record['code']}), written {record['written']}"
    elif record["kind"] == "contact":
        yield f"{record['name']}, {record['what']}"
        yield from (f"  {head}: {words}" for head, words in record["lines"])
    elif record["kind"] in ("request", "report"):
        who = record["patient"]
        yield f"{who['name']}  NHS {who['nhs']}  born {who['born']}  {who['gender']}"
        yield from _request(record) if record["kind"] == "request" else _report(record)


def _request(record: dict[str, Any]) -> Iterator[str]:
    yield f"  OPEN REQUEST {record['reference']} {record['number']}: {record['test']}"
    yield f"  {record['priority']}. {record['status']}. {record['next']}"
    yield f"  Asked {record['asked']} by {record['by']}, {record['department']} {record['phone']}"
    yield f"  {record['reasons']} {record['details']}"


def _report(record: dict[str, Any]) -> Iterator[str]:
    review = "NOT REVIEWED" if record["unreviewed"] else record["review"]
    yield f"  {record['matters'].upper()}: {record['test']}, {record['status']}. {review}"
    yield f"  Issued {record['issued']}, {record['department']}, {record['reference']}"
    yield from (f"  {line}" for line in record["text"].splitlines())
    for value in record["values"]:
        parts = (value["name"], value["value"], value["units"], f"[{value['range']}]",
                 value["flag"], value["status"], value["note"], value["problem"])  # fmt: skip
        yield "    " + "  ".join(part for part in parts if part not in ("", "[]"))
