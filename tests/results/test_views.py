from datetime import timedelta
from functools import partial
from html import unescape
from html.parser import HTMLParser

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import wire
from results import services
from results.models import Report, Review
from tests.counting import cost_of

from .clinic import potassium, text
from .letters import nte, obx

pytestmark = pytest.mark.django_db
NASTY = "\n pH < 7 && µ-globulin | 3^2 ~ 9\t\\end\n\n<script>alert('1')</script> &lt; λ é\n"


class TextOf(HTMLParser):
    """The text inside the first element that has the attribute, as a browser's DOM has it."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "circle", "path"})

    def __init__(self, attribute):
        super().__init__()
        self.attribute, self.depth, self.parts = attribute, 0, []

    def handle_starttag(self, tag, attrs):
        if self.depth or (self.attribute in dict(attrs) and not self.parts):
            self.depth += tag not in self.VOID

    def handle_endtag(self, tag):
        self.depth -= bool(self.depth)

    def handle_data(self, data):
        if self.depth:
            self.parts.append(data)


def text_of(response, attribute):
    parser = TextOf(attribute)
    parser.feed(response.content.decode())
    return "".join(parser.parts)


def address(name, report):
    return reverse(f"results:{name}", args=[report.pk])


@pytest.fixture
def gp(clinic):
    return clinic.world.client("gp")


def answer(client, report, outcome="tell_patient", words="", **others):
    said = {"version": report.current_id, "outcome": outcome, "words": words} | others
    return client.post(address("review", report), said)


# --- The list ------------------------------------------------------------------------------------


def test_an_empty_list_says_what_fills_it(gp):
    page = gp.get(reverse("results:inbox")).content.decode()
    assert "No results to review. New ones appear here." in page


def test_the_list_shows_value_arrow_and_word(clinic, gp):
    clinic.critical()
    page = gp.get(reverse("results:inbox")).content.decode()
    for words in ("6.8 mmol/L", "↑", "Critically high", "Critical", "TESTPATIENT, Agnes (Mrs)"):
        assert words in page


def test_the_live_line_says_what_is_new_and_moves_no_row(clinic, gp):
    page = gp.get(reverse("results:inbox")).content.decode()
    polls = unescape(page.split('hx-get="')[1].split('"')[0])
    assert "new" not in gp.get(polls).content.decode()
    clinic.critical()
    line = gp.get(polls).content.decode()
    assert "1 new, 1 critical." in line
    assert "Show it" in line
    assert "<tr" not in line
    assert 'id="count-mine" hx-swap-oob="true">1<' in line


@pytest.mark.parametrize("query", ["since=x&known=y", "since=2026-01-01", "", "known=9.9&page=-1"])
def test_nonsense_in_an_address_breaks_nothing(clinic, gp, query):
    clinic.report()
    for name in ("inbox", "changes", "normal"):
        assert gp.get(f"{reverse(f'results:{name}')}?{query}&scope=%00").status_code == 200


# --- One result ----------------------------------------------------------------------------------


@pytest.mark.hazard("H25")
def test_the_text_on_the_page_is_the_text_of_the_message(clinic, gp):
    report = clinic.imaging(NASTY, flag="A")
    response = gp.get(address("detail", report))
    assert text_of(response, "data-report-text") == NASTY == report.current.text


@pytest.mark.hazard("H25")
def test_a_value_and_its_comment_in_many_lines_keep_them(clinic, gp):
    report = clinic.report(obx(value=wire.Text("a < b\n  c"), kind="TX", flag="A"), nte("µ\n\n~"))
    page = gp.get(address("detail", report)).content.decode()
    assert '<div class="app-report" data-value>a &lt; b\n  c</div>' in page
    assert '<div class="app-report app-report--note" data-note>µ\n\n~</div>' in page


@pytest.mark.hazard("H27", "H59")
def test_a_value_that_is_not_normal_has_a_word_beside_it(clinic, gp):
    flags = {"H": "High", "ZZ": "Flag ‘ZZ’, not known here", "": "No flag", "AA": "Critical"}
    for flag, words in flags.items():
        report = clinic.report(obx(flag=flag, limits=""))
        assert words in gp.get(address("detail", report)).content.decode()


def test_nobodys_name_or_number_is_in_address_or_title(clinic, gp):
    report = clinic.abnormal()
    page = gp.get(address("detail", report)).content.decode()
    title = page[page.index("<title>") : page.index("</title>")]
    for identity in ("Testpatient", "TESTPATIENT", report.patient.nhs_number):
        assert identity not in title + address("detail", report)


def test_reviewed_goes_to_the_next_and_says_what_was_done(clinic, gp):
    first, second = clinic.critical(), clinic.abnormal()
    response = answer(gp, first, "refer")
    assert response.status_code == 302
    assert response.url.startswith(address("detail", second))
    page = gp.get(response.url).content.decode()
    assert "Refer." in page
    last = answer(gp, second, "repeat")
    assert last.url.startswith(reverse("results:inbox"))
    assert "No results to review" in gp.get(last.url).content.decode()


def test_without_an_answer_nothing_is_filed_and_the_page_says_what_to_do(clinic, gp):
    report = clinic.critical()
    for outcome, words in (("", ""), ("normal", ""), ("other", "")):
        response = answer(gp, report, outcome, words)
        assert response.status_code == 422
        assert "There is a problem" in response.content.decode()
    assert Report.objects.get(pk=report.pk).state == "unread"


def test_only_a_normal_result_starts_with_an_answer(clinic, gp):
    for report, is_chosen in (
        (clinic.report(), True),
        (clinic.abnormal(), False),
        (clinic.imaging(flag=""), False),
        (clinic.report(status="P"), False),
    ):
        page = gp.get(address("detail", report)).content.decode()
        assert (" checked" in page) is is_chosen


def test_words_that_were_typed_are_kept_when_something_is_missing(clinic, gp):
    response = answer(gp, clinic.critical(), "", "Rang the patient & her son")
    assert "Rang the patient &amp; her son" in response.content.decode()


@pytest.mark.hazard("H24")
def test_a_report_that_changed_meanwhile_is_shown_again_and_not_filed(clinic, gp):
    item, at = clinic.sent("ue"), timezone.now()
    read = clinic.files(item, issued=at)
    clinic.files(item, potassium("6.8", "HH"), status="C", issued=at + timedelta(minutes=1))
    response = answer(gp, read)
    assert response.url == address("detail", read)
    page = gp.get(response.url).content.decode()
    assert "This report changed while you were reading it" in page
    assert "What changed since the final version" in page
    assert not Review.objects.exists()


def test_who_comes_second_is_told_who_was_faster(clinic, gp):
    report = clinic.abnormal()
    services.review(report, version=report.current_id, outcome="refer", by=clinic.gp)
    page = gp.get(answer(gp, report).url).content.decode()
    assert f"{clinic.gp.label} reviewed this" in page


def test_conflicting_versions_are_said_before_the_first_line(clinic, gp):
    item, at = clinic.sent(), timezone.now()
    clinic.files(item, issued=at)
    report = clinic.files(item, obx(value="61", flag="LL"), issued=at + timedelta(minutes=1))
    page = gp.get(address("detail", report)).content.decode()
    assert "Two versions of this report differ." in page
    assert report.department.phone in page


# --- Who may -------------------------------------------------------------------------------------


def test_admin_sees_the_result_and_has_nothing_to_press(clinic):
    report = clinic.abnormal()
    admin = clinic.world.client("practice-admin")
    page = admin.get(address("detail", report)).content.decode()
    assert "Reviewed, next" not in page
    assert "To be reviewed" in page
    assert admin.post(address("review", report), {"outcome": "refer"}).status_code == 403
    assert admin.get(reverse("results:normal")).status_code == 403
    assert not Review.objects.exists()


def test_a_place_that_has_nothing_to_do_with_it_finds_nothing(clinic):
    report = clinic.abnormal()
    stranger = clinic.world.client("radiologist")
    for name in ("detail", "print", "download"):
        assert stranger.get(address(name, report)).status_code == 404
    assert AccessEvent.objects.filter(outcome="denied", object_id=str(report.pk)).count() == 3


# --- Together ------------------------------------------------------------------------------------


def together(client, *reports):
    ticked = [f"{report.pk}:{report.current_id}" for report in reports]
    return client.post(reverse("results:normal"), {"ticked": ticked})


@pytest.mark.hazard("H32")
def test_only_what_is_ticked_is_filed(clinic, gp):
    one, other = clinic.report(), clinic.report()
    page = gp.get(reverse("results:normal")).content.decode()
    assert page.count('type="checkbox"') == 2
    assert " checked" not in page
    assert "142" in page
    assert together(gp, one).status_code == 302
    assert Report.objects.get(pk=one.pk).state == "reviewed"
    assert Report.objects.get(pk=other.pk).state == "unread"


@pytest.mark.hazard("H32")
def test_a_post_by_hand_cannot_file_what_has_to_be_opened(clinic, gp):
    normal = clinic.report()
    for other in (clinic.abnormal(), clinic.critical(), clinic.imaging(), clinic.imaging(flag="")):
        response = together(gp, normal, other)
        assert response.status_code == 422
        assert "Nothing was filed" in response.content.decode()
    assert not Review.objects.exists()


def test_nothing_ticked_files_nothing(clinic, gp):
    clinic.report()
    assert gp.post(reverse("results:normal"), {"ticked": ["x", "y:z"]}).status_code == 422


# --- Out of the system ---------------------------------------------------------------------------


def test_a_downloaded_report_is_whole_named_without_identity_and_on_record(clinic, gp):
    report = clinic.imaging(NASTY, flag="A")
    response = gp.get(address("download", report))
    name = response["Content-Disposition"]
    assert name.startswith('attachment; filename="chest-xray-')
    assert name.endswith('.html"')
    page = response.content.decode()
    for part in ("TESTPATIENT, Agnes (Mrs)", "Uncontrolled copy", "µ-globulin | 3^2 ~ 9"):
        assert part in page
    for needs in ("<script", "<style", "<link", "src=", "style="):
        assert needs not in page
    assert AccessEvent.objects.get(action="download_result").object_id == str(report.pk)


def test_a_printed_sheet_has_the_patient_who_printed_it_and_when(clinic, gp):
    report = clinic.abnormal()
    page = gp.get(address("print", report)).content.decode()
    assert "Printed by Dr A Patel, GP" in page
    assert "Uncontrolled copy" in page
    assert AccessEvent.objects.filter(action="print_result").count() == 1


def test_a_copy_is_taken_off_the_list_by_who_got_it(clinic):
    report = clinic.files(clinic.sent(copy_to=("gp2",)))
    told = clinic.world.client("gp2", at=report.organisation.ods_code)
    assert "Copy to you" in told.get(reverse("results:inbox")).content.decode()
    told.post(address("seen", report))
    assert "Copy to you" not in told.get(reverse("results:inbox")).content.decode()
    assert Report.objects.get(pk=report.pk).state == "unread"


# --- Over time and the record --------------------------------------------------------------------


def test_a_test_over_time_has_its_values_and_its_line(clinic, gp):
    patient = clinic.world.patient()
    clinic.files(clinic.sent("ue", patient), potassium("4.2"))
    page = gp.get(reverse("results:over-time", args=[patient.pk, "K"])).content.decode()
    assert "Potassium over time" in page
    assert "4.2" in page
    assert "<svg" in page


def test_a_test_without_results_says_so(clinic, gp):
    patient = clinic.world.patient()
    for code in ("NOPE", "a/b.c", "42B6."):
        page = gp.get(reverse("results:over-time", args=[patient.pk, code])).content.decode()
        assert "No results in the last 2 years." in page


def test_the_record_shows_what_is_open_and_what_came_back(clinic, gp):
    patient = clinic.world.patient()
    clinic.sent("hba1c", patient)
    clinic.files(clinic.sent("chest-xray", patient), text("A nodule.", flag="A"))
    page = gp.get(reverse("record", args=[patient.pk])).content.decode()
    for words in ("HbA1c", "A nodule.", "Request tests", "<svg", "To review"):
        assert words in page
    admin = clinic.world.client("practice-admin").get(reverse("record", args=[patient.pk]))
    assert "Request tests" not in admin.content.decode()


def test_an_empty_record_says_so(clinic, gp):
    page = gp.get(reverse("record", args=[clinic.world.patient().pk])).content.decode()
    assert "No requests or results yet." in page


# --- Cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 12])
def test_pages_cost_the_same_however_much_there_is(clinic, gp, count):
    patient, at = clinic.world.patient(), timezone.now()
    for day in range(count):
        report = clinic.files(
            clinic.sent("ue", patient), potassium("5.6", "H"), issued=at - timedelta(days=day)
        )
        clinic.report()
    for path in (
        reverse("results:inbox"),
        reverse("results:normal"),
        address("detail", report),
        reverse("results:over-time", args=[patient.pk, "K"]),
        reverse("record", args=[patient.pk]),
    ):
        assert gp.get(path).status_code == 200
        assert cost_of(partial(gp.get, path)) <= 12
