"""docker/hub with a Docker that runs what it is given on this machine, in a folder that plays the container's /tmp."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docker.stack import DOCKER

FAKE = """#!/bin/sh
set -eu
[ "$1" = exec ] && shift
while [ "${{1#-}}" != "$1" ]; do shift; done
[ "$1" = community-hub ] && shift
echo "$*" | head -n 1 >>{calls}
PATH={bin}/inside:$PATH
export PATH
exec "$@"
"""
HUB = """#!/bin/sh
set -eu
[ "$1 $2" = "--config /run/secrets/hub.toml" ] && shift 2
case $1 in
    import) shift; cat "$1"; echo "$@" | sed 's|.*/||' ;;
    export) echo "a workbook of $2" >"$3" ;;
    user) shift; echo "$*"; cat ;;
    fail) exit 3 ;;
esac
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    programs = tmp_path / "bin" / "inside"
    programs.mkdir(parents=True)
    for path, text in (
        (tmp_path / "bin" / "docker", FAKE.format(calls=tmp_path / "calls", bin=tmp_path / "bin")),
        (programs / "hub", HUB),
    ):
        path.write_text(text)
        path.chmod(0o755)

    def run(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DOCKER / "hub", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_words_and_what_is_typed_reach_the_hub(run: Run) -> None:
    assert run("user", "li.wei", "--name", "Li Wei", said="secret\n").stdout == "li.wei --name Li Wei\nsecret\n"


def test_a_file_is_carried_in(run: Run, tmp_path: Path) -> None:
    (tmp_path / "it's my community.toml").write_text("id = 'sunny-court'\n")
    done = run("import", "it's my community.toml", "--dry-run")
    assert done.stdout == "id = 'sunny-court'\nit's my community.toml --dry-run\n", done.stderr


def test_what_is_exported_is_carried_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "harmony-garden").write_text("a file by the name of the community is no argument's file")
    assert run("export", "harmony-garden", "out.xlsx").returncode == 0
    assert (tmp_path / "out.xlsx").read_text() == "a workbook of harmony-garden\n"


def test_the_hubs_exit_code_comes_through_and_nothing_stays_behind(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file.toml").touch()
    assert run("fail", "file.toml").returncode == 3
    last = (tmp_path / "calls").read_text().splitlines()[-1]
    assert last.startswith("rm -rf /tmp/command-")
