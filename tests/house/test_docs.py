"""The documentation holds together: its links lead somewhere, and every page can be reached."""

import re
from pathlib import Path

import pytest

PAGES = sorted([Path("README.md"), Path("CHANGELOG.md"), *Path("docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def links(page: Path) -> list[str]:
    """The targets of a page's links, those in code left out."""
    return LINK.findall(FENCE.sub("", page.read_text()))


def heading_anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, spaces to hyphens, punctuation gone."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve() if target else page.resolve()
        if not there.exists() or (
            anchor and there.suffix == ".md" and anchor not in heading_anchors(there)
        ):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    start = Path("docs/index.md").resolve()
    reached, waiting = set(), [start, Path("README.md").resolve()]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        if page.is_dir():
            waiting += page.rglob("*.md")
        elif page.suffix == ".md":
            waiting += [
                (page.parent / link.partition("#")[0]).resolve()
                for link in links(page)
                if not re.match(r"[a-z]+:|#", link)
            ]
    lost = [str(page) for page in PAGES if page.resolve() not in reached]
    assert [page for page in lost if page != "CHANGELOG.md"] == []


def test_no_page_of_the_documentation_sends_a_reader_to_a_file_that_is_not_here() -> None:
    """Paths in code spans, such as `requesting/policies.py`, name files of this project."""
    spans = re.compile(r"`([a-z_]+/[\w/.-]+\.(?:py|html|css|js|toml|md))`")
    missing = [
        f"{page}: {path}"
        for page in PAGES
        for path in spans.findall(page.read_text())
        if not any((place / path).exists() for place in (Path(), Path("tests"), page.parent))
    ]
    assert missing == []
