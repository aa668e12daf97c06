"""What a fault showed: a line for each promise, kept or broken."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """A promise, whether it was kept, and the figures."""

    promise: str
    kept: bool
    figures: str = ""


@dataclass
class Report:
    """Of one fault."""

    fault: str
    words: str
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    def check(self, promise: str, kept: bool, figures: object = "") -> None:
        self.findings.append(Finding(promise, bool(kept), str(figures)))

    def note(self, figures: object) -> None:
        """A figure that promises nothing."""
        self.findings.append(Finding("measured", True, str(figures)))

    @property
    def kept(self) -> bool:
        return all(each.kept for each in self.findings) and bool(self.findings)


def as_text(reports: Iterable[Report]) -> str:
    """The reports as aligned text, broken promises marked."""
    lines = []
    for report in reports:
        verdict = "held" if report.kept else "BROKEN"
        lines.append(f"{report.fault:<5}{verdict:<8}{report.seconds:>6.0f} s  {report.words}")
        for each in report.findings:
            mark = "  " if each.kept else "! "
            lines.append(f"      {mark}{each.promise}: {each.figures}".rstrip(": "))
    return "\n".join(lines)
