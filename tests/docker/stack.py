"""The stack as files: compose.yaml with the values of .env in it, and a .env and secrets of its own for a test."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hub.settings import WatchedCertificate

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE = DOCKER / "compose.yaml"
VARIABLE = re.compile(r"\$\{(\w+)(:?\?[^}]*)\}")
"""``${NAME:?what to do}``; nothing else is used: a variable that is missing must be said aloud."""


class Stack(NamedTuple):
    """What make-env has made for a test."""

    folder: Path
    variables: dict[str, str]

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8")

    def compose(self) -> dict[str, Any]:
        """compose.yaml as Docker would see it."""
        return interpolated(self.variables)

    def environment(self, service: str) -> dict[str, str]:
        """A service's variables, with secrets where this test has them."""
        given = self.compose()["services"][service]["environment"]
        return {key: str(value).replace("/run/secrets", str(self.secrets)) for key, value in given.items()}


def certificate_of(stack: Stack, name: str) -> WatchedCertificate:
    """One that the stack's hub is told to watch."""
    every = json.loads(stack.environment("hub")["HUB_CERTIFICATES__WATCHED"])
    return next(WatchedCertificate(**each) for each in every if each["name"] == name)


def make_env(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run docker/make-env for another folder than its own."""
    return subprocess.run(
        [DOCKER / "make-env", *arguments],
        env={**os.environ, "HUB_DOCKER_FOLDER": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def made(folder: Path, *arguments: str) -> Stack:
    """A folder in which make-env has been run with success."""
    done = make_env(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return Stack(folder, variables(folder))


def variables(folder: Path) -> dict[str, str]:
    """What .env sets."""
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolated(values: dict[str, str]) -> dict[str, Any]:
    """compose.yaml with these variables; anchors and merges resolved."""
    text = COMPOSE.read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(VARIABLE.sub(lambda found: values[found[1]], text))
    return data
