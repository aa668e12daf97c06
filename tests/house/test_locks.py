"""Advisory locks of PostgreSQL: two uses of one class would hold each other up, unseen."""

import ast
import re
from pathlib import Path

from tests.house.test_sizes import files

_NAME = re.compile(r"(?:\w+_)?LOCK")
_OF_A_CLASS = re.compile(r"pg_(?:try_)?advisory\w*lock\w*\(%s, |\{function\}\(%s, %s\)")


def classes(path: Path) -> dict[str, object]:
    """Of the locks that a file names: `LANE_LOCK = 1104`."""
    found: dict[str, object] = {}
    for line in ast.parse(path.read_text()).body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            for target in line.targets:
                if isinstance(target, ast.Name) and _NAME.fullmatch(target.id):
                    found[f"{path}: {target.id}"] = line.value.value
    return found


def test_no_two_advisory_locks_are_of_one_class() -> None:
    named = {where: number for path in files() for where, number in classes(path).items()}
    assert len(named) >= 7, "where are they?"
    assert all(isinstance(number, int) for number in named.values())
    twice = [each for each in named if list(named.values()).count(named[each]) > 1]
    assert twice == []


def test_every_lock_of_a_class_has_its_name() -> None:
    for path in files():
        words = path.read_text()
        if _OF_A_CLASS.search(words):
            assert re.search(r"\b\w+_LOCK\b", words), f"{path} locks, and its class has no name"
