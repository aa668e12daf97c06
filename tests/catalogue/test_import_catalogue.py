"""The command says what it did, or what is wrong and that nothing was done."""

import shutil
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from catalogue.importers import OUR_RELEASE
from catalogue.models import Service

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("import_catalogue", *words, stdout=out)
    return out.getvalue()


def test_it_imports_our_release_and_a_second_time_changes_nothing():
    assert run().startswith("Release 2026-11 imported: ")
    assert "0 new, 0 changed, 0 retired" in run()
    assert Service.objects.count() >= 120


def test_it_only_checks_when_asked_to():
    assert run("--check") == "Release 2026-11 can be imported.\n"
    assert not Service.objects.exists()


def test_a_bad_release_imports_nothing_and_is_explained_by_file_and_line(tmp_path):
    folder = shutil.copytree(OUR_RELEASE, tmp_path / "release")
    codes = folder / "codes.csv"
    codes.write_text(codes.read_text().replace("chest-xray,NICIP", "chest-xray,NICIPP", 1))
    with pytest.raises(CommandError, match=r"Nothing was imported.\ncodes.csv line 2: system"):
        run(str(folder))
    assert not Service.objects.exists()
