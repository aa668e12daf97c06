"""A release's files to rows: read, checked, and refused whole if anything is wrong. Plain Python.

A release is a folder (`catalogue/data` is ours) of CSV and TOML files in UTF-8; `release.toml`
says how many rows each has, so that a file cut short is noticed. A list inside a cell is
separated by "|". Every problem is reported with its file and line, not only the first.
"""

import csv
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from .applies import CONDITIONS
from .errors import BadRelease, Problem
from .rows import (
    SIDES,
    CodeRow,
    ContainerRow,
    OrderSetRow,
    QuestionRow,
    ReasonRow,
    ReleaseFile,
    ServiceRow,
    SpecimenRow,
)

OUR_RELEASE = Path(__file__).parent / "data"
MODALITIES = frozenset({"XR", "US", "CT", "MR", "DX", "RF", "NM", "MG"})
ATTENDANCES = frozenset({"walk_in", "booked", "practice"})
KINDS = frozenset({"yes_no", "yes_no_unsure", "choice", "date", "text"})
SYSTEMS = frozenset({"NICIP", "SNOMED", "LOCAL"})
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class _Wrong(Exception):
    """A cell that cannot be used; becomes a `Problem` with its file and line."""


class Row:
    """One line of a CSV file, asked for its cells by column and kind."""

    def __init__(self, cells: dict[str, str | None]) -> None:
        if None in cells or None in cells.values():
            raise _Wrong("has more or fewer cells than the heading")
        self.cells = {name: (value or "").strip() for name, value in cells.items()}

    def words(self, column: str, limit: int, *, required: bool = True) -> str:
        value = self.cells[column]
        if required and not value:
            raise _Wrong(f"{column} is empty")
        if len(value) > limit:
            raise _Wrong(f"{column} is longer than {limit} characters")
        return value

    def slug(self, column: str, limit: int = 40) -> str:
        value = self.words(column, limit)
        if not _SLUG.fullmatch(value):
            raise _Wrong(f"{column} {value!r} is not lower-case words joined by hyphens")
        return value

    def one_of(self, column: str, allowed: Iterable[str]) -> str:
        value = self.cells[column]
        if value not in allowed:
            raise _Wrong(f"{column} {value!r} is not one of {', '.join(sorted(allowed))}")
        return value

    def flag(self, column: str) -> bool:
        """ "yes" or nothing: a flag is never guessed."""
        return self.one_of(column, {"yes", ""}) == "yes"

    def count(self, column: str) -> int:
        value = self.cells[column]
        if not re.fullmatch(r"[0-9]{1,3}", value):
            raise _Wrong(f"{column} {value!r} is not a whole number under 1000")
        return int(value)

    def count_or_none(self, column: str) -> int | None:
        return self.count(column) if self.cells[column] else None

    def decimal_or_none(self, column: str) -> Decimal | None:
        try:
            return Decimal(self.cells[column]) if self.cells[column] else None
        except InvalidOperation as wrong:
            raise _Wrong(f"{column} {self.cells[column]!r} is not a number") from wrong

    def listed(self, column: str) -> list[str]:
        return [part.strip() for part in self.cells[column].split("|") if part.strip()]


class _Reader:
    """Reads a folder and gathers what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.digest = hashlib.sha256()
        self.expected: dict[str, int] = {}

    def wrong(self, file: str, line: int, text: str) -> None:
        self.problems.append(Problem(file, line, text))

    def text(self, file: str) -> str:
        try:
            raw = (self.folder / file).read_bytes()
            self.digest.update(file.encode() + raw)
            return raw.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.wrong(file, 0, f"cannot be read: {error.__class__.__name__}")
            return ""

    def toml(self, file: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text(file))
        except tomllib.TOMLDecodeError as error:
            self.wrong(file, 0, str(error))
            return {}

    def rows(self, file: str, columns: str) -> Iterator[tuple[int, Row]]:
        """Each line's number with its row; wrong headings and counts are problems."""
        table = csv.DictReader(self.text(file).splitlines(), restval=None)
        if list(table.fieldnames or []) != columns.split():
            self.wrong(file, 1, f"the heading is not {','.join(columns.split())}")
            return
        found = 0
        for cells in table:
            found += 1
            try:
                yield table.line_num, Row(cells)
            except _Wrong as wrong:
                self.wrong(file, table.line_num, str(wrong))
        if found != self.expected.get(file):
            said = self.expected.get(file, "no number")
            self.wrong(file, 0, f"has {found} rows; release.toml says {said}")

    def each(self, file: str, columns: str, take: Callable[[Row], None]) -> None:
        """Give every row to `take`, and note what it finds wrong."""
        for line, row in self.rows(file, columns):
            try:
                take(row)
            except _Wrong as wrong:
                self.wrong(file, line, str(wrong))


def read_release(folder: Path) -> ReleaseFile:
    """Read a release. Raises `BadRelease` with every problem found."""
    reader = _Reader(folder)
    head = reader.toml("release.toml")
    reader.expected = dict(head.get("rows", {}))
    if not isinstance(head.get("version"), str) or type(head.get("valid_from")) is not date:
        reader.wrong("release.toml", 0, "needs a version and a valid_from date")
    parts = _Parts(reader)
    parts.read()
    if reader.problems:
        raise BadRelease(reader.problems)
    return ReleaseFile(
        version=head["version"],
        valid_from=head["valid_from"],
        digest=reader.digest.hexdigest(),
        services=parts.services,
        containers=list(parts.containers.values()),
        questions=parts.questions,
        order_sets=list(parts.order_sets.values()),
    )


class _Parts:
    """The files of a release, in the order in which they lean on each other."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.services: dict[str, ServiceRow] = {}
        self.containers: dict[str, ContainerRow] = {}
        self.questions: list[QuestionRow] = []
        self.order_sets: dict[str, OrderSetRow] = {}
        self._codes_seen: set[tuple[str, str]] = set()

    def read(self) -> None:
        each = self.reader.each
        each("containers.csv", "code name additive colour draw_order", self._container)
        each(
            "radiology.csv",
            "code name short_name modality body_region region_both ionising uterus contrast min_age"
            " usual_days duplicate_group attendance rank abbreviations synonyms",
            self._examination,
        )
        each(
            "pathology.csv",
            "code name short_name usual_days duplicate_group attendance rank abbreviations"
            " synonyms",
            self._laboratory_test,
        )
        each("codes.csv", "service system side code display", self._code)
        each(
            "specimens.csv", "service container specimen volume_ml fasting handling", self._specimen
        )
        each("reasons.csv", "service code text sentence", self._reason)
        each("symptoms.csv", "symptom services", self._symptom)
        each("order_sets.csv", "code name services", self._order_set)
        self._questions()
        self._whole_services()

    # --- One row of each file -----------------------------------------------------------------

    def _container(self, row: Row) -> None:
        code = row.slug("code", 20)
        if code in self.containers:
            raise _Wrong(f"container {code} is there twice")
        colour = row.words("colour", 7, required=False)
        if colour and not re.fullmatch(r"#[0-9a-f]{6}", colour):
            raise _Wrong(f"colour {colour!r} is not like #9b7fc4")
        self.containers[code] = ContainerRow(
            code, row.words("name", 60), row.words("additive", 60), colour, row.count("draw_order")
        )

    def _examination(self, row: Row) -> None:
        service = self._service(row, "radiology")
        service.modality = row.one_of("modality", MODALITIES)
        service.body_region = row.words("body_region", 40)
        service.region_both = row.words("region_both", 40, required=False)
        service.is_ionising = row.flag("ionising")
        service.irradiates_uterus_region = row.flag("uterus")
        service.uses_contrast = row.flag("contrast")
        service.min_age = row.count_or_none("min_age")
        if service.irradiates_uterus_region and not service.is_ionising:
            raise _Wrong("irradiates the uterus region but is not ionising")
        if service.is_ionising != (service.modality not in {"US", "MR"}):
            raise _Wrong(f"modality {service.modality} contradicts ionising")

    def _laboratory_test(self, row: Row) -> None:
        self._service(row, "pathology")

    def _service(self, row: Row, discipline: str) -> ServiceRow:
        code = row.slug("code")
        if code in self.services:
            raise _Wrong(f"service {code} is there twice")
        service = ServiceRow(
            code=code,
            name=row.words("name", 120),
            short_name=row.words("short_name", 40),
            discipline=discipline,
            usual_days=row.count("usual_days"),
            duplicate_group=row.slug("duplicate_group"),
            attendance=row.one_of("attendance", ATTENDANCES),
            rank=row.count("rank"),
            abbreviations=row.listed("abbreviations"),
            synonyms=row.listed("synonyms"),
        )
        self.services[code] = service
        return service

    def _of_a_service(self, code: str) -> ServiceRow:
        if code not in self.services:
            raise _Wrong(f"service {code!r} is in no file of services")
        return self.services[code]

    def _code(self, row: Row) -> None:
        service = self._of_a_service(row.cells["service"])
        code = CodeRow(
            row.one_of("system", SYSTEMS),
            row.one_of("side", {*SIDES, ""}),
            row.words("code", 20),
            row.words("display", 120),
        )
        if (code.system, code.code) in self._codes_seen:
            raise _Wrong(f"{code.system} {code.code} is there twice")
        if any((code.system, code.side) == (old.system, old.side) for old in service.codes):
            raise _Wrong(f"{service.code} has two {code.system} codes for one side")
        self._codes_seen.add((code.system, code.code))
        service.codes.append(code)

    def _specimen(self, row: Row) -> None:
        service = self._of_a_service(row.cells["service"])
        if row.cells["container"] not in self.containers:
            raise _Wrong(f"container {row.cells['container']!r} is not in containers.csv")
        need = SpecimenRow(
            row.cells["container"],
            row.words("specimen", 40),
            row.decimal_or_none("volume_ml"),
            row.flag("fasting"),
            row.words("handling", 120, required=False),
        )
        if any(need.specimen == old.specimen for old in service.specimens):
            raise _Wrong(f"{service.code} needs {need.specimen} twice")
        service.specimens.append(need)

    def _reason(self, row: Row) -> None:
        """A reason of one service, or of every service of a discipline."""
        whose = row.cells["service"]
        reason = ReasonRow(row.slug("code"), row.words("text", 120), row.words("sentence", 160))
        if not reason.sentence.endswith((".", "?")):
            raise _Wrong("sentence does not end with a full stop or a question mark")
        services = [s for s in self.services.values() if s.discipline == whose]
        for service in services or [self._of_a_service(whose)]:
            if any(reason.code == old.code for old in service.reasons):
                raise _Wrong(f"{service.code} has the reason {reason.code} twice")
            service.reasons.append(reason)

    def _symptom(self, row: Row) -> None:
        words = row.words("symptom", 120)
        for place, code in enumerate(row.listed("services")):
            self._of_a_service(code).symptoms.append((words, place))

    def _order_set(self, row: Row) -> None:
        code = row.slug("code")
        if code in self.order_sets:
            raise _Wrong(f"order set {code} is there twice")
        services = [self._of_a_service(service).code for service in row.listed("services")]
        if len(services) < 2 or len(set(services)) < len(services):
            raise _Wrong("an order set has two or more different services")
        self.order_sets[code] = OrderSetRow(code, row.words("name", 80), services)

    # --- What is not a row ---------------------------------------------------------------------

    def _questions(self) -> None:
        for number, question in enumerate(
            self.reader.toml("questions.toml").get("question", []), 1
        ):
            try:
                self.questions.append(self._question(question))
            except _Wrong as wrong:
                self.reader.wrong("questions.toml", 0, f"question {number}: {wrong}")

    def _question(self, found: dict[str, Any]) -> QuestionRow:
        if lacking := {"code", "text", "kind", "applies_when"} - set(found):
            raise _Wrong(f"lacks {', '.join(sorted(lacking))}")
        question = QuestionRow(
            code=found["code"],
            text=found["text"],
            hint=found.get("hint", ""),
            kind=found["kind"],
            choices=found.get("choices", []),
            is_required=found.get("required", True),
            applies_when=found["applies_when"],
        )
        if question.kind not in KINDS or bool(question.choices) != (question.kind == "choice"):
            raise _Wrong("kind is unknown, or its choices are missing or too many")
        if unknown := set(question.applies_when) - CONDITIONS - {"ages"}:
            raise _Wrong(f"nothing judges the condition {', '.join(sorted(unknown))}")
        if question.applies_when.get("ages", "pregnancy") != "pregnancy":
            raise _Wrong("ages can only be 'pregnancy'")
        for code in question.applies_when.get("services", []):
            self._of_a_service(code)
        if any(question.code == old.code for old in self.questions):
            raise _Wrong(f"{question.code} is there twice")
        return question

    def _whole_services(self) -> None:
        """What can only be judged when every file has been read."""
        for service in self.services.values():
            file = f"{service.discipline}.csv"
            for text in _lacking(service):
                self.reader.wrong(file, 0, f"{service.code} {text}")


def _lacking(service: ServiceRow) -> Iterator[str]:
    sided = [code for code in service.codes if code.side]
    if not service.codes:
        yield "has no code to be ordered by"
    if sided and len(sided) != len(service.codes):
        yield "has codes with a side and codes without"
    if sided and not {"L", "R"} <= set(service.sides):
        yield "has one side without the other"
    if ("B" in service.sides) != bool(service.region_both):
        yield "has a code for both sides or words for both, but not the two"
    if (service.discipline == "pathology") != bool(service.specimens):
        yield "needs a specimen if it is a laboratory test, and none if it is not"
