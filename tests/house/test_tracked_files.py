"""What is in the repository: nothing of one machine, of a registry, or of a real person."""

import re
import subprocess
from pathlib import Path

import pytest

from patients.nhs_number import is_valid

TEXT = {".py", ".md", ".html", ".css", ".js", ".toml", ".yml", ".yaml", ".txt", ".csv", ".json",
        ".lock", ".hl7", ".cfg", ".svg", ""}  # fmt: skip


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone: git lists no files")
    return [Path(name) for name in listed.stdout.decode().split("\0") if name]


def texts() -> list[tuple[Path, str]]:
    return [
        (path, path.read_text(errors="replace"))
        for path in tracked()
        if path.suffix in TEXT and path.is_file()
    ]


def saying(pattern: str, *, but_not: tuple[str, ...] = ()) -> list[str]:
    found = re.compile(pattern)
    return [
        f"{path}: {match.group()}"
        for path, text in texts()
        if str(path) not in (*but_not, "tests/house/test_tracked_files.py")
        for match in found.finditer(text)
    ]


def test_no_file_names_a_package_registry_or_a_download_address() -> None:
    assert (
        saying(
            r"files\.pythonhosted\.org|pypi\.org|registry\.npmjs\.org|--(?:extra-)?index-url[ =]\S+"
            r"|--find-links[ =]\S+"
        )
        == []
    )


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert saying(r"(?<![\w.])/(?:home|Users|work|root)/\w+") == []


def test_every_nhs_number_belongs_to_nobody() -> None:
    """Ten digits together that pass the check are of the 999 range, kept for tests."""
    grouped = re.compile(r"(?<![\w.-])\d{3} \d{3} \d{4}(?![\w-])")
    real = [
        f"{path}: {number}"
        for path, text in texts()
        if path.suffix in {".py", ".md", ".html", ".hl7", ".txt"}
        for number in grouped.findall(text)
        if is_valid(number) and not number.startswith("999")
    ]
    assert real == []


def test_nothing_that_is_made_is_tracked() -> None:
    made = re.compile(r"^(?:var|static/nhsuk|node_modules|\.venv)/|\.pyc$|(?:^|/)__pycache__/")
    assert [str(path) for path in tracked() if made.search(str(path))] == []


def test_no_file_is_large() -> None:
    """Pictures of the screens are the largest things here."""
    sizes = {str(p): p.stat().st_size for p in tracked() if p.is_file()}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}


def test_no_private_key_is_in_a_file() -> None:
    assert saying("-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY" + "-----") == []
