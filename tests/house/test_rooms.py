"""The rooms and their floors: imports by the linter, relations by the model graph."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.apps import apps

# Which rooms a room may point at. A foreign key by string escapes the linter; this does not.
BELOW = {
    "accounts": set(),
    "messaging": {"accounts"},
    "patients": {"accounts", "messaging"},
    "catalogue": {"accounts", "messaging"},
    "requesting": {"accounts", "messaging", "patients", "catalogue"},
    "results": {"accounts", "messaging", "patients", "catalogue", "requesting"},
    "iep": {"accounts", "messaging", "patients"},
}


def relations() -> list[tuple[str, str, str]]:
    """(room, the field, the room it points at) for each relation that a room of ours declares."""
    return [
        (model._meta.app_label, f"{model._meta.label}.{field.name}", target._meta.app_label)
        for model in apps.get_models()
        if model._meta.app_label in BELOW
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and (target := field.related_model)
    ]


def test_every_relation_points_down() -> None:
    upward = [
        f"{field} -> {target}"
        for room, field, target in relations()
        if target in BELOW and target != room and target not in BELOW[room]
    ]
    assert upward == []


def test_no_room_points_at_what_is_not_a_room() -> None:
    django_s = {"auth", "contenttypes"}  # User's groups and permissions come with AbstractUser
    foreign = {
        f"{field} -> {target}"
        for room, field, target in relations()
        if target not in BELOW and not (room == "accounts" and target in django_s)
    }
    assert foreign == set()


def test_siblings_are_told_apart_from_floors() -> None:
    assert "catalogue" not in BELOW["patients"]
    assert "patients" not in BELOW["catalogue"]


def test_every_room_with_models_has_its_floor() -> None:
    ours = {
        config.label
        for config in apps.get_app_configs()
        if Path(config.path).parent == Path.cwd() and any(config.get_models())
    }
    assert ours == set(BELOW)


@pytest.mark.slow
def test_the_import_contracts_are_kept() -> None:
    words = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_room_is_under_the_contracts() -> None:
    rules = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = {path.parent.name for path in Path().glob("*/__init__.py")} - {"tests", "demo"}
    assert rooms <= set(rules["root_packages"])
    nobody_imports_demo = next(c for c in rules["contracts"] if "demo" in c["name"])
    assert set(nobody_imports_demo["source_modules"]) == rooms
    layers = next(c for c in rules["contracts"] if c["name"] == "The apps form a DAG")["layers"]
    assert {room for layer in layers for room in layer.split(" | ")} == rooms


def test_every_room_begins_with_its_sentence() -> None:
    silent = [
        str(path)
        for path in Path().glob("*/*.py")
        if path.parent.name in {*BELOW, "nhsuk", "ordercomms", "demo"}
        and path.read_text().strip()
        and not path.read_text().startswith('"""')
    ]
    assert silent == []
