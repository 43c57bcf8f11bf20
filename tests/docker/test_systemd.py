"""The systemd unit: systemd takes it, it is closed, and the hub really works with what it leaves open."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.listening import accepts, any_free
from tests.docker.programs import PATIENCE_S, Program, Programs
from tests.docker.stack import DOCKER, made
from tests.docker.test_broker import Broker
from tests.docker.test_broker import start as start_broker

UNIT = DOCKER / "systemd" / "hub.service"
ANALYZE = shutil.which("systemd-analyze")
STRACE = shutil.which("strace")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
needs_broker = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
REFUSE_WRITABLE_CODE = (65, 1)
"""prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN): what MemoryDenyWriteExecute= does, since Linux 6.3."""
UNDER_IT = f"import ctypes, os, sys; ctypes.CDLL(None).prctl(*{REFUSE_WRITABLE_CODE}, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


def settings(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """With a program that exists on this machine in the place of the hub."""
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / "hub.service").write_text(text, encoding="utf-8")
    return tmp_path / "hub.service"


@pytest.fixture
def broker(programs: Programs, tmp_path: Path) -> Broker:
    (tmp_path / "stack").mkdir()
    return start_broker(programs, made(tmp_path / "stack"), tmp_path)


@needs_systemd
def test_systemd_takes_it(unit: Path) -> None:
    done = subprocess.run([str(ANALYZE), "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_complain(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHome=perhaps\nProtectHose=yes"))
    done = subprocess.run([str(ANALYZE), "verify", unit], capture_output=True, text=True, check=False)
    assert "ProtectHose" in done.stderr


@needs_systemd
def test_little_is_left_open(unit: Path) -> None:
    """systemd's own measure from 0 (closed) to 10 (open)."""
    command = [str(ANALYZE), "security", "--offline=true", "--no-pager", "--json=short", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a unit that is not loaded")
    assert done.returncode == 0, [line for line in json.loads(done.stdout) if line["set"] is False]


def start(programs: Programs, folder: Path, broker: Broker, *before: str) -> tuple[Program, str]:
    """The unit's command with these words before it, and a broker."""
    assert settings("ExecStart") == ["/opt/hub/bin/hub --config /etc/hub/hub.toml run"]
    url = broker.hub.url("127.0.0.1", broker.inner)
    (folder / "hub.toml").write_text(f'[mqtt]\nurl = "{url}"\n', encoding="utf-8")
    port = any_free("127.0.0.1")
    program = programs.start(
        [*before, sys.executable, "-m", "hub", "--config", folder / "hub.toml", "run"],
        until=lambda: accepts("127.0.0.1", port),
        environment={"HUB_DATA_DIR": str(folder / "data"), "HUB_WEB__PORT": str(port)},
    )
    return program, f"http://127.0.0.1:{port}"


@needs_broker
def test_it_needs_no_memory_that_is_writable_and_code(programs: Programs, tmp_path: Path, broker: Broker) -> None:
    assert settings("MemoryDenyWriteExecute") == ["yes"]
    probe = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"
    if ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) < 0:  # PR_GET_MDWE
        pytest.skip("this kernel is older than 6.3")
    refused = [sys.executable, "-c", UNDER_IT, sys.executable, "-c", probe]
    assert subprocess.run(refused, capture_output=True, check=False).returncode != 0, "the restriction works"
    program, url = start(programs, tmp_path, broker, sys.executable, "-c", UNDER_IT)
    with urllib.request.urlopen(f"{url}/healthz", timeout=20) as answer:  # noqa: S310 - our own address
        assert answer.read() == b"ok\n"
    assert program.stop() == 0


@needs_broker
@needs_systemd
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_the_system_calls_it_makes_are_let_through(programs: Programs, tmp_path: Path, broker: Broker) -> None:
    log = tmp_path / "calls"
    program, url = start(programs, tmp_path, broker, str(STRACE), "--follow-forks", "-qq", "-c", "-o", str(log))
    with urllib.request.urlopen(f"{url}/login", timeout=20) as answer:  # noqa: S310 - our own address
        assert answer.status == 200
    # strace lets go of what it watches when it is told to end itself: so its program is told.
    (child,) = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    assert program.process.wait(PATIENCE_S) == 0
    made = set(re.findall(r" ([a-z]\w+)$", log.read_text(), re.MULTILINE)) - {"syscall", "total"}
    assert len(made) > 40
    assert made - allowed() == set()


def allowed() -> set[str]:
    """What the unit's lines add up to, in their order."""
    found: set[str] = set()
    for line in settings("SystemCallFilter"):
        calls = {call for word in line.removeprefix("~").split() for call in members(word)}
        found = found - calls if line.startswith("~") else found | calls
    return found


def members(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    done = subprocess.run([str(ANALYZE), "syscall-filter", word], capture_output=True, text=True, check=True)
    names = {line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and line.strip()[:1] != "#"}
    return {call for name in names for call in (members(name) if name.startswith("@") else {name})}
