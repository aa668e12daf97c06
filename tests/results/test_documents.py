import base64
from hashlib import sha256

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import AccessEvent
from messaging import wire
from messaging.models import Partner
from results import services
from results.hl7 import Kind, documents, incoming_reports
from results.models import AgreedHost, Document
from results.queries.values import pointer

from .letters import PDF, obr, obx, orc, oru, pdf, pid

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def only(*values):
    (report,) = incoming_reports(oru(pid(), orc(), obr(), *values))
    return report.observations[0]


# --- Reading -------------------------------------------------------------------------------------


def test_a_document_is_decoded_to_the_very_bytes_that_were_sent():
    (document,) = only(pdf()).documents
    assert (document.kind, document.content) == (Kind.PDF, PDF)


@pytest.mark.parametrize(
    ("encoding", "data", "kind"),
    [
        ("Base64", base64.b64encode(PNG).decode(), Kind.PNG),
        ("base64", base64.encodebytes(PNG * 9).decode(), Kind.PNG),
        ("Hex", PNG.hex().upper(), Kind.PNG),
        ("A", "<?xml version='1.0'?><a>b</a>", Kind.TEXT),
    ],
)
def test_the_bytes_decide_what_a_document_is(encoding, data, kind):
    value = wire.Text(data) if "\n" in data else data
    (document,) = only(pdf(data=value, encoding=encoding, subtype="octet-stream")).documents
    assert document.kind is kind


@pytest.mark.parametrize(
    ("letter", "problem"),
    [
        (pdf(b"MZ\x90\x00 an executable"), documents.NOT_WHAT_IT_SAYS),
        (pdf(b"PK\x03\x04" + PDF), documents.NOT_WHAT_IT_SAYS),
        (pdf(b"\x7fELF", subtype="octet-stream"), documents.NOT_ALLOWED),
        (pdf(b"<html><script>alert(1)</script>", subtype="html"), documents.NOT_ALLOWED),
        (pdf(data="JVBERi0*not base64*"), documents.DAMAGED),
        (pdf(data="JVBERi0xL"), documents.DAMAGED),
        (pdf(data="1", encoding="Hex"), documents.DAMAGED),
        (pdf(data="x", encoding="rot13"), documents.DAMAGED),
        (obx(value="", kind="ED"), documents.EMPTY),
        (obx(value=["", "application", "pdf", "Base64", ""], kind="ED"), documents.EMPTY),
    ],
)
def test_a_document_that_cannot_be_handed_out_says_why(letter, problem):
    found = only(letter)
    assert (found.documents, found.document_problem) == ((), problem)


def test_a_document_larger_than_the_cap_is_not_decoded(monkeypatch):
    monkeypatch.setattr(documents, "LARGEST", 100)
    assert only(pdf(PDF + bytes(200))).document_problem == documents.TOO_LARGE


def test_every_document_of_a_value_is_kept_though_one_is_broken():
    good = ["", "application", "pdf", "Base64", base64.b64encode(PDF).decode()]
    found = only(obx(value=wire.Repeat([good, ["", "", "pdf", "Base64", "?"], good]), kind="ED"))
    assert [each.number for each in found.documents] == [1, 3]
    assert found.document_problem == documents.DAMAGED


# --- On the page ---------------------------------------------------------------------------------


@pytest.fixture
def gp(clinic):
    return clinic.world.client("gp")


def address(report, document):
    return reverse("results:document", args=[report.pk, document.pk])


@pytest.mark.django_db
@pytest.mark.hazard("H25")
def test_a_document_comes_down_as_a_file_byte_for_byte_and_the_look_is_on_record(clinic, gp):
    report = clinic.report(obx(), pdf())
    document = Document.objects.get()
    assert (document.sha256, document.size) == (sha256(PDF).hexdigest(), len(PDF))
    response = gp.get(address(report, document))
    assert response.content == PDF
    assert response["Content-Disposition"].startswith("attachment; ")
    assert response["Content-Type"] == "application/pdf"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert report.patient.family_name not in response["Content-Disposition"]
    looked = AccessEvent.objects.filter(action="download_document").get()
    assert (looked.object_id, looked.outcome) == (str(report.pk), "ok")


@pytest.mark.django_db
def test_a_document_is_linked_and_never_shown_inside_the_page(clinic, gp):
    report = clinic.report(pdf())
    page = gp.get(reverse("results:detail", args=[report.pk])).content.decode()
    assert address(report, Document.objects.get()) in page
    assert not {"<iframe", "<embed", "<object"} & set(page.split())


@pytest.mark.django_db
def test_a_stranger_and_another_report_do_not_reach_a_document(clinic, gp):
    report, other = clinic.report(pdf()), clinic.report()
    document = Document.objects.get()
    assert gp.get(address(other, document)).status_code == 404
    assert clinic.world.client_elsewhere("gp").get(address(report, document)).status_code == 404


@pytest.mark.django_db
@pytest.mark.hazard("H27")
def test_a_broken_document_is_filed_and_put_before_a_person(clinic, gp):
    report = clinic.report(obx(), pdf(data="JVBERi0*"))
    assert (report.state, report.significance) == ("unread", "abnormal")
    page = gp.get(reverse("results:detail", args=[report.pk])).content.decode()
    assert "A document in this report could not be opened." in page
    assert documents.DAMAGED in page
    assert not Document.objects.exists()


@pytest.mark.django_db
def test_a_report_with_a_document_is_never_filed_with_the_normal_ones(clinic):
    assert clinic.report(obx(), pdf()).significance == "unclassified"


# --- Pointers ------------------------------------------------------------------------------------

AGREED = {"pacs.kingsmere.example"}


def test_a_secure_address_of_an_agreed_host_is_a_link():
    found = pointer("https://pacs.kingsmere.example/view?study=1.2&x=(a)", AGREED)
    assert (found.is_link, found.host) == (True, "pacs.kingsmere.example")


@pytest.mark.parametrize(
    "address",
    [
        "http://pacs.kingsmere.example/1",
        "https://other.example/1",
        "https://pacs.kingsmere.example.evil.example/",
        "https://evil.example/https://pacs.kingsmere.example/",
        "https://pacs.kingsmere.example@evil.example/",
        "https://evil.example\\@pacs.kingsmere.example/",
        "https://pacs.kingsmere.example:8443/",
        "https://pacs.kingsmere.example/ two",
        "https://pacs.kingsmere.example/\tx",
        "https://PACS.kingsmere.example/",
        "javascript:alert(1)//https://pacs.kingsmere.example/",
        "//pacs.kingsmere.example/1",
        "\\\\server\\share\\scan.pdf",
        "",
    ],
)
def test_whatever_is_not_surely_that_host_is_text(address):
    assert not pointer(address, AGREED).is_link


@pytest.mark.django_db
def test_a_pointer_is_a_link_only_once_its_host_was_agreed(clinic, gp):
    item = clinic.sent()
    where = "https://pacs.kingsmere.example/view?study=1"
    clinic.arrives(clinic.letter(item, obx(value=where, kind="RP", flag="")))
    path = reverse("results:detail", args=[item.reports.get().pk])
    page = gp.get(path).content.decode()
    assert where in page
    assert f'href="{where}"' not in page
    partner = Partner.objects.get(slug="lims")
    services.agree_host(partner, host="PACS.kingsmere.example", by=clinic.world.acting("central"))
    assert f'href="{where}"' in gp.get(path).content.decode()


@pytest.mark.django_db
def test_the_central_team_agrees_a_host_by_a_command_and_nobody_else_does(clinic, capsys):
    call_command("agree_host", "lims", "PACS.kingsmere.example", by="central")
    assert capsys.readouterr().out.split() == ["https://pacs.kingsmere.example/"]
    assert AccessEvent.objects.get(action="agree_host").username == "central"
    for partner, host, by in (
        ("lims", "other.example", "gp"), ("lims", "other.example", ""),
        ("nobody", "other.example", "central"), ("lims", "a b", "central"),
    ):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("agree_host", partner, host, by=by)
    assert [each.host for each in AgreedHost.objects.all()] == ["pacs.kingsmere.example"]


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["", "a b", "https://x.example", "x.example/path", "x.example:1"])
def test_what_is_no_name_of_a_host_is_not_agreed(clinic, host):
    with pytest.raises(ValueError, match="host"):
        services.agree_host(
            Partner.objects.get(slug="lims"), host=host, by=clinic.world.acting("central")
        )
