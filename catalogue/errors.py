"""What can be wrong with the catalogue, or with a question put to it. Each holds its data."""

from dataclasses import dataclass
from datetime import date


class CatalogueError(Exception):
    """A rule of the catalogue was broken."""


@dataclass(eq=False)
class UnknownService(CatalogueError):
    """No service by that code holds on that day."""

    code: str

    def __str__(self) -> str:
        return f"No test with the code {self.code!r} is in the catalogue on that day."


@dataclass(eq=False)
class UnknownCode(CatalogueError):
    """Nothing in the catalogue has that code of that system."""

    system: str
    code: str

    def __str__(self) -> str:
        return f"The catalogue has no {self.system} code {self.code!r} on that day."


@dataclass(eq=False)
class UnknownOrderSet(CatalogueError):
    code: str

    def __str__(self) -> str:
        return f"No usual set of tests has the code {self.code!r}."


@dataclass(eq=False)
class SideNotChosen(CatalogueError):
    """The service needs a side and got none, or got one that it does not have."""

    service_code: str
    side: str
    sides: str

    def __str__(self) -> str:
        return f"{self.service_code} has the sides {self.sides or 'none'}, not {self.side!r}."


@dataclass(eq=False)
class NotOffered(CatalogueError):
    """No department that serves this organisation does the service for this patient's age."""

    service_code: str
    organisation_code: str

    def __str__(self) -> str:
        return f"No department does {self.service_code} for {self.organisation_code}."


@dataclass(eq=False)
class NotTheirs(CatalogueError):
    """A department was to offer what is another's: a site, or a test of another discipline."""

    department_code: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} does not belong to {self.department_code}."


@dataclass(eq=False)
class UnknownCondition(CatalogueError):
    """A question asks about something that `catalogue.applies` cannot judge."""

    name: str

    def __str__(self) -> str:
        return f"No rule says what the condition {self.name!r} means."


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a release, and where. Line 0 is the file as a whole."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        where = f"{self.file} line {self.line}" if self.line else self.file
        return f"{where}: {self.text}"


@dataclass(eq=False)
class BadRelease(CatalogueError):
    """A release that was not imported, with everything that is wrong with it."""

    problems: list[Problem]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(eq=False)
class ReleaseNotDue(CatalogueError):
    version: str
    valid_from: date

    def __str__(self) -> str:
        return f"Release {self.version} holds from {self.valid_from}. Import it on that day."


@dataclass(eq=False)
class ReleaseTooOld(CatalogueError):
    """A newer release is loaded: going back would undo what it changed."""

    version: str
    loaded: str

    def __str__(self) -> str:
        return f"Release {self.version} is older than {self.loaded}, which is loaded."
