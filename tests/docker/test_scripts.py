"""The shell scripts of the stack: plain sh, and nothing that shellcheck knows to be a trap."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.stack import DOCKER, ROOT

SCRIPTS = sorted(
    path
    for path in DOCKER.rglob("*")
    if path.is_file() and "secrets" not in path.parts and path.read_bytes().startswith(b"#!/bin/sh\n")
)


def test_there_are_scripts() -> None:
    assert {str(path.relative_to(DOCKER)) for path in SCRIPTS} >= {
        "make-env",
        "start",
        "mosquitto/start",
        "hub",
        "influxdb/first-start",
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_may_be_run_and_stops_at_the_first_failure(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "\nset -eu\n" in script.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_finds_nothing(script: Path) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
