"""docker/start with a Docker that only writes down what it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.stack import DOCKER, variables

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

FAKE = """#!/bin/sh
case "$*" in
    info) exit {info} ;;
    "compose version --short") echo {version}; exit 0 ;;
    "image inspect --format "*:was) echo old; exit 0 ;;
    "image inspect --format "*:local) echo {made}; exit 0 ;;
    "image inspect "*) exit {built} ;;
esac
echo "$*" >>{calls}
case "$*" in *" up "*) exit {up} ;; esac
"""
Run = Callable[..., tuple[subprocess.CompletedProcess[str], list[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    shutil.copytree(DOCKER, tmp_path / "docker", ignore=shutil.ignore_patterns(".env", "secrets"))
    calls = tmp_path / "calls"

    def run(
        *arguments: str, info: int = 0, version: str = "2.39.1", built: int = 1, made: str = "new", up: int = 0
    ) -> object:
        calls.write_text("")
        (tmp_path / "bin").mkdir(exist_ok=True)
        fake = tmp_path / "bin" / "docker"
        fake.write_text(FAKE.format(info=info, version=version, built=built, made=made, up=up, calls=calls))
        fake.chmod(0o755)
        done = subprocess.run(
            [tmp_path / "docker" / "start", *arguments],
            env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, [line.replace(f"{tmp_path}/", "") for line in calls.read_text().splitlines()]

    return run  # type: ignore[return-value]


COMPOSE = "compose --project-directory docker"


def test_it_makes_builds_and_waits(run: Run, tmp_path: Path) -> None:
    done, calls = run("small", "hub.example")
    assert done.returncode == 0, done.stderr
    assert calls == [f"{COMPOSE} build", f"{COMPOSE} up --detach --wait --wait-timeout 300"]
    assert variables(tmp_path / "docker")["HUB_SITE"] == "hub.example"
    assert "The hub runs: https://hub.example" in done.stdout


def test_the_image_that_ran_before_stays_at_hand(run: Run) -> None:
    _, calls = run(built=0)
    assert calls[:4] == [
        "tag community-hub:local community-hub:was",
        f"{COMPOSE} build",
        "tag community-hub:was community-hub:before",
        "rmi community-hub:was",
    ]


def test_a_second_start_of_the_same_version_does_not_take_the_way_back_away(run: Run) -> None:
    _, calls = run(built=0, made="old")
    assert calls[1:3] == [f"{COMPOSE} build", "rmi community-hub:was"]


def test_the_demo_stays_in_the_terminal(run: Run) -> None:
    done, calls = run("demo")
    assert done.returncode == 0, done.stderr
    assert calls[0] == f"{COMPOSE} --profile demo build demo"
    up = f"{COMPOSE} --profile demo up --no-log-prefix --no-attach influxdb-demo --no-attach grafana-demo"
    assert calls[1:] == [f"{up} demo influxdb-demo grafana-demo"]
    assert "Grafana: http://localhost:3000/grafana/" in done.stdout


@pytest.mark.parametrize("version", ["1.29.2", "2.6.1", "2.19.9", "v2.10.0"])
def test_an_old_compose_is_refused(run: Run, version: str) -> None:
    done, calls = run(version=version)
    assert (done.returncode, calls) == (1, [])
    assert "docker compose 2.20 or newer is needed" in done.stderr


@pytest.mark.parametrize("version", ["2.20.0", "2.39.1", "v2.24.5", "5.0.1"])
def test_a_newer_compose_is_taken(run: Run, version: str) -> None:
    assert run(version=version)[0].returncode == 0


def test_a_docker_that_does_not_answer_is_named(run: Run, tmp_path: Path) -> None:
    done, calls = run(info=1)
    assert (done.returncode, calls) == (1, [])
    assert "docker does not answer" in done.stderr
    assert not (tmp_path / "docker" / ".env").exists()


def test_what_does_not_come_up_is_said(run: Run) -> None:
    done, _ = run(up=1)
    assert done.returncode == 1
    assert "not everything came up" in done.stderr
    assert "The hub runs" not in done.stdout


def test_another_profile_is_refused_before_anything_is_built(run: Run) -> None:
    run("small")
    done, calls = run("full")
    assert (done.returncode, calls) == (1, [])
    assert "says COMPOSE_PROFILES=small, not full" in done.stderr


def test_a_word_that_is_no_profile(run: Run) -> None:
    done, calls = run("big")
    assert (done.returncode, calls) == (2, [])
