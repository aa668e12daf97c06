"""Functions of a few lines, files that fit in a head. No list of exceptions."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST_FUNCTION, LONGEST_FILE = 40, 400
ROOMS = (
    "accounts", "catalogue", "demo", "iep", "messaging", "nhsuk", "ordercomms", "patients",
    "requesting", "results",
)  # fmt: skip


def files() -> Iterator[Path]:
    for room in ROOMS:
        yield from (p for p in sorted(Path(room).rglob("*.py")) if "migrations" not in p.parts)


def functions() -> list[tuple[int, str]]:
    """(lines, where) of each function, longest first. A docstring is part of it; decorators not."""
    found = []
    for path in files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((lines, f"{path}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def test_no_function_is_longer_than_forty_lines(capsys: pytest.CaptureFixture) -> None:
    longest = functions()
    median = longest[len(longest) // 2][0]
    table = [f"{len(longest)} functions, median {median} lines. The five longest:"]
    table += [f"  {lines:4} {where}" for lines, where in longest[:5]]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(table) + "\n")
    assert [where for lines, where in longest if lines > LONGEST_FUNCTION] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {str(path): len(path.read_text().splitlines()) for path in files()}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}


def test_a_function_of_the_middle_is_short() -> None:
    lengths = functions()
    assert lengths[len(lengths) // 2][0] <= 9


def test_nothing_is_called_utils() -> None:
    vague = {"utils", "util", "common", "core", "helpers", "helper", "misc", "base"}
    assert [str(path) for path in files() if path.stem in vague] == []
