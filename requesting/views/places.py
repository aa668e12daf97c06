"""Where on the page a problem is: its field's name to the id of what takes the focus."""

from requesting.errors import Problem


def anchor(problem: Problem) -> str:
    """`chest-xray.reason` → `chest-xray-reason`; an alert's → its box; what is in the summary by
    its own id."""
    code, _, part = problem.field.partition(".")
    if not part:
        return {"results_to": "results-to", "copy_to": "summary"}.get(code, code)
    if part.startswith("alert."):
        return f"{code}-alert"
    return f"{code}-{part.replace('.', '-')}"
