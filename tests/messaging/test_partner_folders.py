"""Every partner's folder: what was agreed holds, and each sample becomes what the folder says.

The folders of `demo/partners`, and those in the folders that PARTNER_FOLDERS names (with `:`
between): a new partner is tested with no new line of code.
"""

import os
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AccessEvent, Organisation, OrganisationKind
from messaging import services
from messaging.agreement import BadAgreement, agreement_of
from messaging.agreement_rules import problems_of
from messaging.models import Feed, Partner, PartnerChange, PartnerCode
from messaging.partner_folder import read_folder

ROOT = Path(__file__).parents[2] / "demo" / "partners"
PLACES = [ROOT, *map(Path, filter(None, os.environ.get("PARTNER_FOLDERS", "").split(":")))]
FOLDERS = sorted(found.parent for place in PLACES for found in place.glob("*/partner.toml"))
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _the_rooms_behind_the_door(settings):
    settings.HL7_ROUTING = "ordercomms.routing.ROUTES"


def departments(wanted):
    for code in str(wanted.get("departments", "")).split():
        Organisation.objects.get_or_create(
            ods_code=code, defaults={"name": code, "kind": OrganisationKind.DEPARTMENT}
        )


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_sample_of_a_partner_becomes_what_its_folder_says(folder):
    found = read_folder(folder)
    departments(found.wanted)
    wanted = services.completed(found.wanted, found.slug)
    assert problems_of(wanted) == []
    assert services.rehearse_samples(found, wanted) == []
    assert not Partner.objects.exists(), "a rehearsal leaves nothing behind"


def test_the_demo_has_a_folder_for_each_of_its_systems():
    here = [path.name for path in FOLDERS if path.parent == ROOT]
    assert here == ["rz1-lims", "rz1-ris", "rz2-lims", "rz2-ris", "rz3-lims", "rz3-ris"]


@pytest.mark.parametrize("name", ["../secret.pem", "/etc/hostname"])
def test_a_folder_names_no_file_outside_it(tmp_path, name):
    shutil.copytree(ROOT / "rz1-ris", tmp_path / "rz1-ris")
    (tmp_path / "secret.pem").write_text("the key of somebody else")
    toml = tmp_path / "rz1-ris" / "partner.toml"
    toml.write_text(toml.read_text().replace("port =", f'trust_anchors = "{name}"\nport ='))
    with pytest.raises(BadAgreement, match="cannot be read in its folder") as refused:
        read_folder(tmp_path / "rz1-ris")
    assert "somebody else" not in str(refused.value)


# --- The command ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A copy of one of the demo's folders, to be spoilt."""
    copy = tmp_path / "rz1-ris"
    shutil.copytree(ROOT / "rz1-ris", copy)
    departments({"departments": "RZ1RAD"})
    return copy


def edit(folder, old, new, file="partner.toml"):
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def load(folder, *arguments, capsys=None):
    call_command("load_partner", str(folder), *arguments)
    return capsys.readouterr().out if capsys else ""


def test_a_new_partner_is_loaded_with_its_feeds_and_codes(folder, capsys):
    (folder / "codes").mkdir()
    (folder / "codes/exam.csv").write_text("ours,theirs,display\nXCHES,CXR,CHEST\n")
    assert "rz1-ris is loaded" in load(folder, "--first", capsys=capsys)
    partner = Partner.objects.get()
    assert (partner.slug, partner.port, partner.order_message) == ("rz1-ris", 2576, "OMG^O19")
    assert [each.ods_code for each in partner.departments.all()] == ["RZ1RAD"]
    assert Feed.objects.get().message_types.startswith("ORU^R01 ORG^O20 OMG^O19 ")
    assert PartnerCode.objects.get().theirs == "CXR"
    assert problems_of(agreement_of(partner)) == []
    assert AccessEvent.objects.filter(action="load_partner").count() == 1


def test_a_look_writes_nothing(folder, capsys):
    assert "Port: nothing -> 2576" in load(folder, "--check", capsys=capsys)
    assert not Partner.objects.exists()


def test_a_partner_that_is_known_is_not_written_by_the_command_alone(folder):
    load(folder, "--first")
    edit(folder, "port = 2576", "port = 2599")
    with pytest.raises(CommandError, match="a second person"):
        load(folder, "--first")
    with pytest.raises(CommandError, match="--by"):
        load(folder)
    assert Partner.objects.get().port == 2576


def test_a_folder_of_a_known_partner_becomes_a_proposal(folder, world, capsys):
    load(folder, "--first")
    edit(folder, "port = 2576", "port = 2599")
    said = load(folder, "--by", "central", "--why", "It moves", capsys=capsys)
    assert "Port: 2576 -> 2599" in said
    change = PartnerChange.objects.get()
    assert (change.state, change.why) == ("pending", "It moves")
    assert Partner.objects.get().port == 2576
    services.apply_change(change, by=second(world))
    assert Partner.objects.get().port == 2599


def second(world):
    """Another person of the central team."""
    return world.acting(world.stranger("central").username)


def test_a_clinician_proposes_no_change(folder, world):
    load(folder, "--first")
    edit(folder, "port = 2576", "port = 2599")
    with pytest.raises(CommandError, match="central team"):
        load(folder, "--by", "gp", "--why", "It moves")


def test_a_feed_that_the_folder_drops_is_closed_and_not_forgotten(folder, world):
    load(folder, "--first")
    edit(folder, "[feeds.all]", "[feeds.results]")
    edit(folder, 'application = "RIS"\nfacility', 'application = "RIS2"\nfacility')
    for name in ("01-result", "02-accepted", "03-in-process", "04-live", "06-not-agreed",
                 "07-wrong-letters", "08-patient"):  # fmt: skip
        path = folder / "samples/in" / f"{name}.hl7"
        path.write_bytes(path.read_bytes().replace(b"&|RIS|", b"&|RIS2|"))
    load(folder, "--by", "central", "--why", "A new engine")
    services.apply_change(PartnerChange.objects.get(), by=second(world))
    assert dict(Feed.objects.values_list("slug", "is_open")) == {"all": False, "results": True}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('host = "127.0.0.1"', 'host = ""', "The host is a name or an address"),
        ("port = 2576", "port = 70000", "from 1 to 65535"),
        ("port = 2576", "prot = 2576", "prot: there is no such word"),
        ('"OMG^O19"\nv', '"ORM^O02"\nv', "The order message is one of OMG^O19"),
        ('version = "2.4"', 'version = "2.3"', "is there from version 2.4"),
        ('"UNICODE UTF-8"', '"EBCDIC"', "The character set is one of"),
        ('"T"\nour', '"P"\nour', "they never meet"),
        ('their_facility = "RZ1"', 'their_facility = "RZ|1"', "without spaces or delimiters"),
        ('"original"', '"lazy"', "original or enhanced"),
        ('["RZ1RAD"]', '["RZ9RAD"]', "There is no department RZ9RAD"),
        ("cleartext_days = 90\ncleartext_because = \"The demo’s hospital is this machine.\"\n\n#",
         "\n#", "Without TLS, say until when"),
        ("cleartext_days = 90", "cleartext_days = 900", "a year at most"),
        ("[feeds.all]", "[feeds.ALL]", "is no feed with a short name"),
        ("most_connections = 32", "most_connections = 0", "1 to 100 connections"),
        ('"ORU^R01"', '"result"', "written as ORU^R01"),
        ("slug = ", "slug = = ", "partner.toml cannot be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_folder_is_told_in_words_and_nothing_is_written(folder, old, new, words):
    edit(folder, old, new)
    with pytest.raises(CommandError, match=words.replace("^", r"\^")):
        load(folder, "--first")
    assert not Partner.objects.exists()


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("exam", "our,their\na,b\n", "begins with the line ours,theirs"),
        ("exam", "ours,theirs\na,\n", "one of theirs"),
        ("exam", "ours,theirs\na,b\na,b\n", "is there twice"),
        ("exam", "ours,theirs,direction\na,b,up\n", "both, in or out"),
        ("exam", "ours,theirs,valid_from\na,b,soon\n", "a day as"),
        ("colour", "ours,theirs\na,b\n", "no codes of the kind colour"),
    ],
)
def test_a_mistake_in_a_map_is_told_with_its_line(folder, kind, text, words):
    (folder / "codes").mkdir()
    (folder / f"codes/{kind}.csv").write_text(text)
    with pytest.raises(CommandError, match=words):
        load(folder, "--first")


def test_a_sample_that_becomes_otherwise_stops_the_partner(folder):
    edit(folder, 'reason = "processing_id"', 'reason = "charset"', "samples/samples.toml")
    with pytest.raises(CommandError, match=r"in/04-live\.hl7: becomes refused"):
        load(folder, "--first")


def test_a_sample_that_nobody_speaks_of_is_a_mistake(folder):
    (folder / "samples/in/08-more.hl7").write_text("MSH|")
    with pytest.raises(CommandError, match="does not say what becomes of in/08-more"):
        load(folder, "--first")


def test_two_partners_cannot_be_the_same_sender(folder):
    load(folder, "--first")
    edit(folder, 'slug = "rz1-ris"', 'slug = "rz1-other"')
    with pytest.raises(CommandError, match="has this MSH-3 and MSH-4 already"):
        load(folder, "--first")
