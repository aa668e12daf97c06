"""Makes docs/safety/hazards.md from the hazards and the tests that carry their mark.

`python -m tests.house.hazard_log` writes the page; a house test fails when it is out of date.
"""

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAFETY = ROOT / "docs" / "safety"
HEAD = """# Hazards and what holds them

Made by `make hazards` from `hazards.toml` and from the tests that carry `@pytest.mark.hazard`. A
hazard is held only while its tests are green.

| | Hazard | Control | Tests |
|---|---|---|---|
"""


def marks(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(test name, hazard) for each mark in one file; the file's own mark is of all of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            each = node.value.elts if isinstance(node.value, ast.List) else [node.value]
            yield from (("(all of it)", hazard) for mark in each for hazard in _hazards(mark))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                yield from ((node.name, hazard) for hazard in _hazards(decorator))


def _hazards(decorator: ast.expr) -> list[str]:
    if not isinstance(decorator, ast.Call) or not ast.unparse(decorator.func).endswith(".hazard"):
        return []
    return [ast.literal_eval(argument) for argument in decorator.args]


def tests_by_hazard() -> dict[str, list[str]]:
    """Hazard → the tests that prove its control, as `file: test` in order."""
    found = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, hazard in marks(ast.parse(path.read_text())):
            found[hazard].add(f"`{path.relative_to(ROOT / 'tests')}` {test}")
    return {hazard: sorted(tests) for hazard, tests in found.items()}


def page() -> str:
    hazards = tomllib.loads((SAFETY / "hazards.toml").read_text())
    proofs = tests_by_hazard()
    return HEAD + "".join(
        f"| {key} | {row['hazard']} | {row['control']} | {'<br>'.join(proofs.get(key, []))} |\n"
        for key, row in hazards.items()
    )


if __name__ == "__main__":
    (SAFETY / "hazards.md").write_text(page())
