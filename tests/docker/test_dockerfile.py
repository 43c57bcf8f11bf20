"""The Dockerfile: linted, and nothing in what runs that only building needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.docker.stack import DOCKER, ROOT, Stack

TEXT = (DOCKER / "Dockerfile").read_text(encoding="utf-8")


class Step(NamedTuple):
    word: str
    rest: str


def stages() -> list[list[Step]]:
    """The instructions of each stage, the FROM of each first."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE))
    found: list[list[Step]] = []
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Step(word, rest))
    return found


def steps(stage: list[Step], word: str) -> list[str]:
    return [step.rest for step in stage if step.word == word]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--strict-labels", DOCKER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TEXT.replace("python:3.11.13-slim-bookworm", "python:latest"))
    hadolint = Path(sys.executable).with_name("hadolint")
    assert subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True, check=False).returncode != 0


def test_both_stages_stand_on_the_same_pinned_image() -> None:
    first, last = (steps(stage, "FROM")[0] for stage in stages())
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+ AS build", first)
    assert first == f"{last} AS build"


def test_what_is_installed_is_checked_by_hash() -> None:
    installs = [run for stage in stages() for run in steps(stage, "RUN") if "pip install" in run]
    assert len(installs) == 2
    assert "--require-hashes --only-binary :all: -r requirements.lock" in installs[0]
    assert "pip install --no-deps --no-index" in installs[1]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name in ("psycopg", "psycopg-binary"):
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name}: the profile full needs it"


def test_what_runs_holds_no_tools_for_building() -> None:
    last = stages()[-1]
    assert not [run for run in steps(last, "RUN") if re.search(r"pip|apt|npm|gcc|curl", run)]
    assert steps(last, "COPY") == ["--from=build /opt/hub /opt/hub"]


def test_it_runs_as_the_user_that_the_stack_means(stack: Stack) -> None:
    last = stages()[-1]
    assert steps(last, "USER") == [stack.compose()["services"]["hub"]["user"]]
    assert not [step for step in last[last.index(Step("USER", "10001:10001")) :] if step.word in {"RUN", "COPY", "ADD"}]


def test_health_is_life_and_not_readiness() -> None:
    (check,) = steps(stages()[-1], "HEALTHCHECK")
    assert "http://127.0.0.1:8080/healthz" in check
    assert "readyz" not in TEXT


def test_what_is_copied_is_there_and_let_through() -> None:
    """.dockerignore shuts everything out and names what may pass."""
    rules = [
        line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] not in {"", "#"}
    ]
    assert rules[0] == "*"
    passed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {word.removeprefix("./") for rest in steps(stages()[0], "COPY") for word in rest.split()[:-1]}
    assert copied == passed
    for name in passed:
        assert (ROOT / name).exists(), name


def test_what_the_wheel_is_made_from_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {word.removeprefix("./") for rest in steps(stages()[0], "COPY") for word in rest.split()}
    assert {"pyproject.toml", "LICENSE", project["project"]["readme"], *wheel} <= copied
