"""Where on the page a problem is, and where a fix begins: fields, and ids that take the focus."""

from requesting.errors import Problem
from requesting.queries import Composition
from requesting.reasons import REJECTIONS


def anchor(problem: Problem) -> str:
    """`chest-xray.reason` → `chest-xray-reason`; an alert's → its box; what is in the summary by
    its own id."""
    code, _, part = problem.field.partition(".")
    if not part:
        return {"results_to": "results-to", "copy_to": "summary"}.get(code, code)
    if part.startswith("alert."):
        return f"{code}-alert"
    return f"{code}-{part.replace('.', '-')}"


def first_question(page: Composition, code: str) -> str:
    """Where the cursor goes after a test is added: its first unanswered need, if it has one."""
    wanted = [miss.field for miss in page.missing if miss.field.startswith(f"{code}.")]
    return wanted[0] if code and wanted else ""


def fix_begins(page: Composition) -> str:
    """In the place of a rejected request: the field that the reason points at (ux R7)."""
    if page.replaces is None or page.replaces.reason_code not in REJECTIONS:
        return ""
    rejection = REJECTIONS[page.replaces.reason_code]
    line = next((each for each in page.lines if each.code == page.replaces.service.code), None)
    if line is None or line.details:
        return ""
    if rejection.field == "answers" and line.questions:
        return f"{line.code}.q.{line.questions[0].code}"
    return f"{line.code}.details" if rejection.field != "service" else ""
