"""The pages of what came: the list, one study, what a person decides."""

from typing import Any

import pytest
from django.urls import reverse

from iep.models import Study
from iep.states.studies import FileState, StudyState

from . import bytes as files


def page(exchange: Any, name: str, *args: Any, who: str = "mbp") -> str:
    answer = exchange.world.client(who).get(reverse(f"iep:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_what_is_stopped_what_waits_and_what_was_refused(exchange):
    exchange.came(files.image(study_uid="2.25.90"), files.image(study_uid="2.25.90", sex="M"))
    exchange.came(*exchange.images(3))
    exchange.goes_quiet()
    exchange.came(files.image()[:200])
    text = page(exchange, "arrivals")
    assert "Stopped" in text
    assert "UNVERIFIED" in text
    assert "14 days left" in text or "13 days left" in text
    assert "1 file: A length in the file goes beyond its end" in text


@pytest.mark.hazard("H40")
def test_a_study_of_which_a_file_was_refused_says_so(exchange):
    exchange.came(*exchange.images(2))
    cut = files.image(instance_number="9")[:-6]
    exchange.came(cut, study_uid=files.ROOT)
    exchange.goes_quiet()
    study = Study.objects.get()
    assert "1 refused" in page(exchange, "arrivals")
    assert "1 file was refused" in page(exchange, "arrival", study.pk)


@pytest.mark.hazard("H41")
def test_a_stopped_study_shows_both_people_side_by_side(exchange):
    exchange.came(files.image(), files.image(patient_id="Z9"))
    text = page(exchange, "arrival", Study.objects.get().pk)
    assert "they differ" in text
    assert "<mark>X4711</mark>" in text
    assert "<mark>Z9</mark>" in text
    assert "<mark>F</mark>" not in text


def test_a_person_releases_with_a_reason_and_not_without(exchange):
    exchange.came(files.image(), files.image(patient_id="Z9"))
    study = Study.objects.get()
    client, address = exchange.world.client("mbp"), reverse("iep:arrival-act", args=[study.pk])
    refused = client.post(address, {"do": "release", "why": ""})
    assert refused.status_code == 422
    assert "Say how you know" in refused.content.decode()
    client.post(address, {"do": "release", "why": "Rang them: a second number of hers"})
    study.refresh_from_db()
    assert study.state == StudyState.FAILED_VERIFICATION
    again = client.post(address, {"do": "release", "why": "again"})
    assert again.status_code == 409


def test_a_person_discards_a_refused_file_with_a_reason(exchange):
    (file,) = exchange.came(files.image()[:200])
    client, address = exchange.world.client("mbp"), reverse("iep:file-act", args=[file.pk])
    assert client.post(address, {"do": "discard", "why": ""}).status_code == 422
    client.post(address, {"do": "discard", "why": "Asked for it again"})
    file.refresh_from_db()
    assert file.state == FileState.DISCARDED


def test_who_only_views_sees_no_button_and_no_form(exchange):
    exchange.came(files.image(), files.image(patient_id="Z9"))
    exchange.came(files.image()[:200])
    study = Study.objects.get()
    for text in (page(exchange, "arrivals", who="central"),
                 page(exchange, "arrival", study.pk, who="central")):  # fmt: skip
        assert 'name="why"' not in text


def test_a_study_of_another_trust_is_not_found(exchange):
    exchange.came(files.image())
    study = Study.objects.get()
    client = exchange.world.client_elsewhere("mbp")
    assert client.get(reverse("iep:arrival", args=[study.pk])).status_code == 404
    assert client.post(reverse("iep:arrival-act", args=[study.pk])).status_code == 404
    assert "CT head" not in client.get(reverse("iep:arrivals")).content.decode()


def test_addresses_and_titles_name_nobody(exchange):
    exchange.came(files.image())
    study = Study.objects.get()
    text = page(exchange, "arrival", study.pk)
    title = text.split("<title>")[1].split("</title>")[0]
    assert "Testpatient" not in title
    assert "X4711" not in reverse("iep:arrival", args=[study.pk])
