"""Every template: nothing inline, nothing unescaped, words of tags from the vocabulary alone."""

import re
from pathlib import Path

import pytest
from django.template import engines

ROOT = Path("templates")
ALL = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.html"))
PAGES = [
    path for path in ALL
    if not path.name.startswith("_") and path.parts[0] != "nhsuk" and str(path) != "base.html"
]  # fmt: skip
STANDS_ALONE = {
    "500.html",  # shown when nothing else works
    "results/download.html",  # a file that leaves the system and needs nothing of it
}
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def source(path: Path) -> str:
    """The template without its comments."""
    return COMMENT.sub("", (ROOT / path).read_text())


@pytest.mark.parametrize("path", ALL, ids=str)
def test_every_template_compiles(path: Path) -> None:
    engines["jinja2"].get_template(str(path))


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_every_page_has_the_frame_and_a_title(path: Path) -> None:
    if str(path) in STANDS_ALONE:
        return
    assert '{% extends "base.html" %}' in source(path)
    title = re.search(r"\{% block title %\}(.*?)\{% endblock %\}", source(path), re.DOTALL)
    assert title
    assert title.group(1).strip()


@pytest.mark.parametrize("path", ALL, ids=str)
def test_no_patient_is_named_in_a_title(path: Path) -> None:
    titles = re.findall(r"\{% block title %\}(.*?)\{% endblock %\}", source(path), re.DOTALL)
    named = re.compile(r"patient\.|cname|spoken_name|pname|nhsno|birth_date")
    assert [title for title in titles if named.search(title)] == []


@pytest.mark.parametrize("path", ALL, ids=str)
def test_nothing_is_inline_and_nothing_escapes_the_escaping(path: Path) -> None:
    text = source(path)
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.findall(r"<style\b", text) == []
    assert re.findall(r"\s(?:style|on[a-z]+)=[\"']", text) == []
    assert re.findall(r"\|\s*safe\b|autoescape false|hx-on|javascript:", text) == []


@pytest.mark.parametrize("path", ALL, ids=str)
def test_nothing_is_fetched_from_another_host(path: Path) -> None:
    assert re.findall(r"(?:src|href|action)=[\"'](?:https?:)?//", source(path)) == []


@pytest.mark.parametrize("path", ALL, ids=str)
def test_a_date_is_written_by_a_filter_and_never_by_hand(path: Path) -> None:
    assert re.findall(r"strftime|\|\s*date\b", source(path)) == []


@pytest.mark.parametrize("path", ALL, ids=str)
def test_tags_are_drawn_in_one_place(path: Path) -> None:
    if path.parts[0] == "nhsuk":
        return
    assert re.findall(r"nhsuk-tag\b", source(path)) == []


@pytest.mark.parametrize("path", ALL, ids=str)
def test_staff_and_patient_dates_are_never_on_one_page(path: Path) -> None:
    staff = re.search(r"\|\s*(?:cdate|ctime|cday|cdatetime)\b", source(path))
    patient = re.search(r"\|\s*(?:pdate|ptime)\b", source(path))
    assert not (staff and patient)
