"""What a person reads is what was sent: awkward characters in each place that has text, through
the wire, the database and the page, and the values of real messages (hazard H25)."""

from html.parser import HTMLParser

import pytest
from django.urls import reverse

from messaging import wire
from messaging.errors import Unparseable
from results.hl7.values import read_text
from tests.found import ABSENT, MESSAGES
from tests.results.clinic import Clinic
from tests.results.letters import nte, obx

AWKWARD = [
    "<", ">", "&", "&lt;", "&amp;lt;", "<b>", "</div>", "<script>alert(1)</script>", "<!--", "]]>",
    '"', "'", "|", "^", "~", "\\", "\\.br\\", "\\F\\", "\\H\\x\\N\\", "\\X0D\\", "µ", "β", "≤", "±",
    "°", "é", "ß", "ï»¿", "😀", "‮abc", "مرحبا", "日本語", "Ω", "½", "\u00a0", "\u200b", "\t", "%s",
    "{{ x }}", "{% y %}", "${z}", "=1+1", "-5", "+3", "  ", "--", "?", "…", "line\nline", "\n\n",
]  # fmt: skip
AROUND = ["{}", "a{}", "{}a", "a {} b", "{0}{0}", "pH {} 7.4", "No {} seen. Normal study."]
CASES = [shape.format(each) for each in AWKWARD for shape in AROUND]


def test_there_are_five_hundred_cases_at_least():
    assert len(set(CASES)) == len(CASES)
    assert len(CASES) * len(PLACES) >= 500


class Texts(HTMLParser):
    """The text of each element that has the attribute, as a browser's DOM has it."""

    def __init__(self, attribute):
        super().__init__()
        self.attribute, self.depth, self.found = attribute, 0, []

    def handle_starttag(self, tag, attrs):
        if self.depth:
            self.depth += 1
        elif self.attribute in dict(attrs):
            self.depth = 1
            self.found.append("")

    def handle_endtag(self, tag):
        self.depth -= bool(self.depth)

    def handle_data(self, data):
        if self.depth:
            self.found[-1] += data


def texts(response, attribute):
    parser = Texts(attribute)
    parser.feed(response.content.decode())
    return parser.found


def as_value(case):
    return [obx(f"V{n}", wire.Text(each), kind="FT", flag="A") for n, each in enumerate(case)]


PLACES = {
    # what is sent for the cases, and the attribute under which each of them is on the page
    "values": (as_value, "data-value"),
    "comments on a value": (
        lambda cases: [
            part for each in cases for part in (obx(value="1"), nte(f"x\n{each}"))
        ],
        "data-note",
    ),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.hazard("H25")
@pytest.mark.parametrize("place", PLACES)
def test_every_awkward_text_stands_on_the_page_as_it_was_sent(world, place):
    clinic = Clinic(world)
    letters, attribute = PLACES[place]
    item = clinic.sent()
    clinic.arrives(clinic.letter(item, *letters(CASES)))
    page = clinic.world.client("gp").get(reverse("results:detail", args=[item.reports.get().pk]))
    prefix = "x\n" if attribute == "data-note" else ""
    assert texts(page, attribute) == [prefix + case for case in CASES]


@pytest.mark.django_db
@pytest.mark.hazard("H25")
def test_the_original_of_every_awkward_text_is_the_message(world):
    clinic = Clinic(world)
    item = clinic.sent()
    letter = clinic.letter(item, *as_value(CASES))
    clinic.arrives(letter)
    report = item.reports.get()
    page = clinic.world.client("gp").get(reverse("results:original", args=[report.pk, 1]))
    assert texts(page, "data-source") == [each.source for each in letter]


# --- Real messages -------------------------------------------------------------------------------


def real_values():
    """OBX-5 of every message of the corpus that can be read, with what the wire says of it."""
    for path in sorted(MESSAGES.glob("*/*.hl7")):
        try:
            message = wire.parse(path.read_bytes(), default_charset="8859/1")
        except Unparseable:
            continue
        yield from (each for each in message.all("OBX") if each.raw(5))


@pytest.mark.hazard("H25")
@pytest.mark.skipif(not MESSAGES.is_dir(), reason=ABSENT)
def test_no_value_of_a_real_message_loses_a_character():
    found = list(real_values())
    assert len(found) > 500
    for each in found:
        if each.get(2) in ("TX", "FT", "ST", "NM"):
            assert read_text(each, 5).text == each.text(5)


@pytest.mark.django_db
@pytest.mark.hazard("H25")
@pytest.mark.skipif(not MESSAGES.is_dir(), reason=ABSENT)
def test_the_words_of_real_messages_stand_on_the_page_as_they_were_sent(world):
    said = [each for each in real_values() if each.get(2) in ("TX", "FT", "ST")]
    distinct = list({each.source: each for each in said}.values())[:400]
    clinic = Clinic(world)
    item = clinic.sent()
    values = [obx(f"V{n}", wire.Text(each.text(5)), kind="TX", flag="A")
              for n, each in enumerate(distinct)]  # fmt: skip
    clinic.arrives(clinic.letter(item, *values))
    page = clinic.world.client("gp").get(reverse("results:detail", args=[item.reports.get().pk]))
    assert texts(page, "data-value") == [each.text(5) for each in distinct]
