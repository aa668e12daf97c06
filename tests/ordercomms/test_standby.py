"""What is left to read when the service is down: whole, sealed, fresh, and in time."""

import json
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.utils import timezone

from accounts import sealing, services
from accounts.models import AccessEvent, PackKey, Standby
from accounts.queries import acting_as, memberships_of
from ordercomms.standby import turn, writing
from ordercomms.standby.pack import Pace
from ordercomms.standby.state import pack_is_old, standing
from results import services as results
from results.models import Report
from tests.results.clinic import Clinic, potassium
from tests.world import World

from .standbys import (
    busy_clinic,
    current,
    flipped,
    inside,
    minutes_pass,
    passphrase_for,
    the_pack,
    write,
)

pytestmark = pytest.mark.hazard("H62")


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.STANDBY_DIR = tmp_path / "standby"
    cache.clear()
    return settings.STANDBY_DIR


def records_of(folder: Path, passphrase: str) -> list[dict]:
    return sealing.opened(the_pack(folder).read_bytes(), passphrase)


def of_kind(records: list[dict], kind: str) -> list[dict]:
    return [record for record in records if record["kind"] == kind]


# --- What is in it -------------------------------------------------------------------------------


def test_a_pack_has_the_open_requests_and_results_as_filed_the_critical_one_first(
    world: World, folder: Path
) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    records = records_of(folder, words)
    first, *others = of_kind(records, "report")
    assert (first["matters"], first["unreviewed"]) == ("Critical", True)
    (value,) = first["values"]
    assert [value[name] for name in ("name", "value", "units", "range", "sent")] == [
        "Potassium", "6.8", "mmol/L", "3.5-5.3", "HH",
    ]  # fmt: skip
    assert "Shadow in the right upper zone." in " ".join(each["text"] for each in others)
    tests = {each["test"] for each in of_kind(records, "request")}
    assert "HbA1c" in tests
    assert of_kind(records, "contact")
    assert of_kind(records, "form")
    assert records[-1] == {"kind": "end"}


def test_a_result_older_than_30_days_is_left_out_only_when_somebody_reviewed_it(
    world: World, folder: Path
) -> None:
    clinic = Clinic(world)
    clinic.report()
    words = passphrase_for(world)
    long_ago = timezone.now() - timedelta(days=40)
    Report.objects.update(issued_at=long_ago, arrived_at=long_ago)
    write()
    (unread,) = of_kind(records_of(folder, words), "report")
    assert unread["unreviewed"]
    report = Report.objects.get()
    results.review(
        report, version=report.current_id, outcome="normal", words="", by=world.acting("gp")
    )
    Standby.objects.update(as_of=None)
    later = services.claim_standby(at_once=True)
    assert later
    moved = later.as_of + timedelta(minutes=16)
    assert turn.take(type(later)(later.token, moved))
    assert of_kind(records_of(folder, words), "report") == []


def test_another_practice_s_results_are_in_no_pack_but_theirs(world: World, folder: Path) -> None:
    busy_clinic(world)
    far = world.stranger("gp")
    acting = acting_as(memberships_of(far.pk)[0])
    words = services.make_pack_key(acting.organisation, by=acting)
    write()
    records = records_of(folder, words)
    assert of_kind(records, "report") == of_kind(records, "request") == []


def test_what_was_another_patient_s_is_not_in_the_pack(world: World, folder: Path) -> None:
    clinic = Clinic(world)
    item = clinic.sent("ue")
    clinic.files(item, potassium("9.9", "HH"))
    later = timezone.now() + timedelta(minutes=1)
    clinic.files(item, potassium("9.9", "HH", status="W"), status="W", issued=later)
    words = passphrase_for(world)
    write()
    assert "9.9" not in json.dumps(records_of(folder, words))


# --- Sealed --------------------------------------------------------------------------------------


def test_no_name_number_or_value_is_in_clear_in_any_file_or_name(
    world: World, folder: Path
) -> None:
    clinic = busy_clinic(world)
    patient = world.patient(family_name="Canarybird", given_names="Xanthippe")
    clinic.sent("fbc", patient)
    passphrase_for(world)
    write()
    secrets = [b"Canarybird", b"CANARYBIRD", b"Xanthippe", patient.nhs_number.encode(), b"Shadow"]
    secrets.append(b" ".join([b"999", patient.nhs_number[3:6].encode()]))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        raw = path.read_bytes() + path.name.encode()
        assert [word for word in secrets if word in raw] == [], path.name
    assert re.fullmatch(r"pack-[A-Z0-9]+-\d{8}T\d{4}Z\.html", the_pack(folder).name)


def test_one_changed_byte_of_the_heading_or_of_any_block_is_refused(
    world: World, folder: Path
) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    raw = the_pack(folder).read_bytes()
    about = inside(raw, rb'id="about">([^<]*)<')
    block = inside(raw, rb'class="block">([^<]{100,})<')
    for at in (about.start + 30, block.start, block.start + 50, block.stop - 40):
        with pytest.raises(sealing.CannotOpen):
            sealing.opened(flipped(raw, at), words)
    assert sealing.opened(raw, words)


def test_a_pack_that_lost_its_end_is_refused(world: World, folder: Path) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    raw = the_pack(folder).read_bytes()
    blocks = list(re.finditer(rb'<script type="text/plain" class="block">[^<]*</script>\n', raw))
    assert len(blocks) >= 2
    cut = raw[: blocks[-1].start()] + raw[blocks[-1].end() :]
    with pytest.raises(sealing.CannotOpen):
        sealing.opened(cut, words)


def test_a_wrong_passphrase_is_told_in_a_sentence_and_capitals_do_not_matter(
    world: World, folder: Path
) -> None:
    words = passphrase_for(world)
    write()
    raw = the_pack(folder).read_bytes()
    with pytest.raises(sealing.CannotOpen, match="does not open this pack"):
        sealing.opened(raw, "not-the-right-words")
    assert sealing.opened(raw, words.upper().replace("-", "  "))


def test_the_passphrase_is_kept_nowhere_and_the_key_costs_600000_rounds(world: World) -> None:
    words = passphrase_for(world)
    key = PackKey.objects.get()
    assert key.iterations >= 600_000
    assert words.encode() not in bytes(key.key) + bytes(key.salt)
    assert bytes(key.key) == sealing.key_from(words, bytes(key.salt))
    told = AccessEvent.objects.get(action="make_pack_key")
    assert words not in f"{told.reason} {told.object_id}"


# --- Written -------------------------------------------------------------------------------------


def test_it_is_written_every_15_minutes_and_not_before(world: World, folder: Path) -> None:
    assert turn.write_if_due()
    assert not turn.write_if_due()
    minutes_pass(14.5)
    assert not turn.write_if_due()
    minutes_pass(0.6)
    Standby.objects.update(generation="")
    turned = services.claim_standby()
    assert turned is not None


def test_of_two_workers_one_has_the_turn(world: World, folder: Path) -> None:
    first = services.claim_standby()
    assert first is not None
    assert services.claim_standby() is None
    assert services.claim_standby(at_once=True) is None
    assert turn.take(first)
    assert len(writing.generations()) == 1


def test_a_writer_whose_turn_is_over_puts_nothing_in_its_place(world: World, folder: Path) -> None:
    late = services.claim_standby()
    Standby.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    new = services.claim_standby()
    assert late
    assert new
    assert not turn.take(late)
    assert writing.generations() == []
    assert turn.take(new)


def test_a_failure_in_the_middle_leaves_the_old_generation_whole(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    before = the_pack(folder)
    kept = before.read_bytes()
    minutes_pass(20)
    claimed = services.claim_standby()
    assert claimed
    claimed = type(claimed)(claimed.token, claimed.as_of + timedelta(minutes=20))

    def disk_is_full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", disk_is_full)
    assert not turn.take(claimed)
    assert the_pack(folder) == before
    assert before.read_bytes() == kept
    assert sealing.opened(kept, words)
    assert list(folder.glob(".writing-*")) == []
    state = Standby.objects.get()
    assert "No space left on device" in state.sentence
    assert services.claim_standby() is None, "tried again in a minute, not at once"


def test_what_a_killed_writer_left_is_cleared_and_never_pointed_at(
    world: World, folder: Path
) -> None:
    write()
    half = folder / ".writing-dead" / "packs"
    half.mkdir(parents=True)
    (half / "pack-X.html").write_text("half")
    old = current(folder)
    assert old.name in writing.generations()
    claimed = services.claim_standby(at_once=True)
    assert claimed
    assert turn.take(type(claimed)(claimed.token, claimed.as_of + timedelta(minutes=15)))
    assert list(folder.glob(".writing-*")) == []
    assert current(folder) != old


def test_old_generations_go_by_number_and_by_age_and_the_newest_stays(
    folder: Path, settings
) -> None:
    settings.STANDBY_KEEP, settings.STANDBY_KEEP_HOURS = 3, 2
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    for hours in (0.5, 1, 1.5, 1.75, 5):
        (folder / f"{now - timedelta(hours=hours):%Y%m%dT%H%M%SZ}").mkdir(parents=True)
    (folder / "somebody-else-s").mkdir()
    writing.remove_old(now)
    assert len(writing.generations()) == 3
    writing.remove_old(now + timedelta(days=3))
    assert writing.generations() == [f"{now - timedelta(hours=0.5):%Y%m%dT%H%M%SZ}"]
    assert (folder / "somebody-else-s").is_dir()


def test_by_day_it_rests_as_long_as_it_works_and_at_night_it_does_not() -> None:
    assert Pace(datetime(2026, 11, 23, 11, 0, tzinfo=UTC)).is_day
    assert not Pace(datetime(2026, 11, 23, 3, 0, tzinfo=UTC)).is_day
    assert not Pace(datetime(2026, 11, 22, 11, 0, tzinfo=UTC)).is_day, "a Sunday"


# --- Told ----------------------------------------------------------------------------------------


def test_a_pack_that_is_40_min_old_is_on_the_strip_of_those_who_need_it(
    world: World, folder: Path
) -> None:
    write()
    assert pack_is_old(world.acting("gp")) == []
    minutes_pass(40)
    cache.clear()
    (line,) = pack_is_old(world.acting("practice-admin"))
    assert line[0] == "Downtime pack is 40 min old."
    assert pack_is_old(world.acting("central"))
    assert pack_is_old(world.acting("radiologist")) == []
    assert "Downtime pack is 40 min old." in world.client("gp").get("/patients").content.decode()


def test_a_writer_that_never_ran_is_told_too(world: World, folder: Path) -> None:
    Standby.objects.update(since=Now())  # the database is as old as the run of the tests
    services.claim_standby()
    minutes_pass(31)
    cache.clear()
    assert pack_is_old(world.acting("central"))[0][0] == "Downtime pack is 31 min old."


def test_a_practice_without_a_passphrase_is_listed_as_not_covered(
    world: World, folder: Path
) -> None:
    assert world.acting("gp").organisation.name in standing().uncovered
    passphrase_for(world)
    write()
    now = standing()
    assert now.covered == 1
    assert world.acting("gp").organisation.name not in now.uncovered
    html = world.client("central").get("/services/").content.decode()
    assert now.uncovered[0] in html
    gps = world.client("gp").get("/services/").content.decode()
    assert now.uncovered[0] not in gps, "another place's gap is for those who run the service"


# --- Without a browser ---------------------------------------------------------------------------


def test_the_command_prints_a_pack_and_says_why_it_cannot(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    call_command("write_standby")
    path = str(the_pack(folder))
    monkeypatch.setattr("getpass.getpass", lambda _: words)
    call_command("open_pack", path, find="potassium")
    assert "NOT REVIEWED" in capsys.readouterr().out
    monkeypatch.setattr("getpass.getpass", lambda _: "wrong")
    with pytest.raises(CommandError, match="does not open this pack"):
        call_command("open_pack", path)
    with pytest.raises(CommandError, match="not a downtime pack"):
        call_command("open_pack", str(current(folder) / "page" / "index.html"))


def test_the_few_lines_of_the_runbook_open_a_pack_without_us(
    world: World, folder: Path, tmp_path: Path
) -> None:
    busy_clinic(world)
    words = passphrase_for(world)
    write()
    text = Path("docs/runbooks/when-we-are-down.md").read_text()
    lines = text.split("# python open.py FILE", 1)[1].split("\n## ", 1)[0]
    program = textwrap.dedent(lines.split("\n", 1)[1]).replace(
        'getpass.getpass("Passphrase: ")', "sys.argv[2]"
    )
    path = tmp_path / "open.py"
    path.write_text(program)
    argv = [sys.executable, "-I", str(path), str(the_pack(folder)), words]
    said = subprocess.run(argv, capture_output=True, text=True, check=True)
    records = [json.loads(line) for line in said.stdout.split("\n") if line]
    assert records == records_of(folder, words)


def test_a_long_pack_keeps_its_turn_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordercomms.standby.pack.TELL_EVERY", 0.0)
    told: list[int] = []
    pace = Pace(datetime(2026, 11, 22, 3, 0, tzinfo=UTC), lambda: told.append(1))
    pace.rest()
    pace.rest()
    assert len(told) == 2
