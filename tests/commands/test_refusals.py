"""What cannot work is refused in one line that names the thing, the reason and what would be right; nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from hub.clock import WallClock
from hub.datadir import DataDir, Lock
from hub.ingest.broker import EmbeddedBroker
from tests.ingest.conftest import Broker, Certificates, certificates, free_port, make_broker

__all__ = ["certificates", "make_broker"]
pytestmark = pytest.mark.servers

PATIENCE_S = 60.0


class Started(NamedTuple):
    """A command in a process group of its own."""

    process: subprocess.Popen[str]
    folder: Path

    def refusal(self) -> str:
        """Its last words; it has ended with 1, and left no lock and no child behind."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 1, (out, err)
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        if self.folder.is_dir():
            lock = Lock(DataDir(self.folder).lock)
            lock.take("the test")
            lock.release()
            assert not DataDir(self.folder).socket.exists()
        lines = err.splitlines()
        assert lines, out
        assert lines[-1].startswith("hub: ")
        assert "Traceback" not in err
        return lines[-1]

    def line(self, beginning: str) -> str:
        """The next line of its output that begins like this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip().startswith(beginning):
                return line
        raise AssertionError(
            f"ended with {self.process.wait()}: {self.process.stderr.read() if self.process.stderr else ''}"
        )

    def interrupt(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


Run = Callable[..., Started]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts ``hub WORDS`` in an empty folder with these settings."""
    with ExitStack() as stack:

        def start(*words: str, folder: Path | None = None, **settings: str) -> Started:
            data = folder or tmp_path / "data"
            environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
            environment |= {"HUB_DATA_DIR": str(data), "HUB_WEB__PORT": "0", "HUB_MQTT__EMBEDDED_PORT": "0", **settings}
            process = subprocess.Popen(
                [sys.executable, "-m", "hub", *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                cwd=tmp_path,
                start_new_session=True,
            )
            stack.callback(process.kill)
            return Started(process, data)

        yield start


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=WallClock(), port=0)
    broker.start()
    yield broker
    broker.stop()


def test_an_unknown_key_in_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("[web]\nprot = 8080\n", encoding="utf-8")
    said = run("run").refusal()
    assert "web.prot" in said
    assert "hub.toml" in said


@pytest.mark.parametrize("name", ["HUB_WEB__PROT", "HUB_WBE__PORT"])
def test_an_unknown_name_in_the_environment(run: Run, name: str) -> None:
    assert name in run("run", **{name: "8080"}).refusal()


def test_no_broker_at_all(run: Run) -> None:
    said = run("run").refusal()
    assert "HUB_MQTT__URL" in said
    assert "hub demo" in said


def test_a_broker_that_is_not_there(run: Run) -> None:
    address = f"127.0.0.1:{free_port()}"
    assert address in run("run", HUB_MQTT__URL=f"mqtt://hub:x@{address}").refusal()


def test_a_broker_that_refuses_the_password(run: Run, broker: EmbeddedBroker) -> None:
    said = run("run", HUB_MQTT__URL=f"mqtt://{broker.hub.name}:wrong-one@127.0.0.1:{broker.port}").refusal()
    assert f"127.0.0.1:{broker.port}" in said
    assert "password" in said
    assert "wrong-one" not in said


def test_a_broker_whose_certificate_has_expired(
    run: Run, make_broker: Callable[..., Broker], certificates: Certificates
) -> None:
    broker = make_broker(cert=certificates.expired_cert)
    said = run("run", HUB_MQTT__URL=broker.url("mqtts"), HUB_MQTT__CA_FILE=str(certificates.ca)).refusal()
    assert "expired" in said


def test_a_port_in_use(run: Run, broker: EmbeddedBroker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("run", HUB_MQTT__URL=broker.hub_url, HUB_WEB__PORT=str(port)).refusal()
    assert f"127.0.0.1:{port}" in said
    assert "HUB_WEB__PORT" in said


def test_a_port_of_the_embedded_broker_that_was_set_and_is_taken(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("demo", "--no-simulator", HUB_MQTT__EMBEDDED_PORT=str(port)).refusal()
    assert str(port) in said
    assert "HUB_MQTT__EMBEDDED_PORT" in said


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_folder_that_cannot_be_made(run: Run, command: str, tmp_path: Path, broker: EmbeddedBroker) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    folder = tmp_path / "file" / "data"
    said = run(command, folder=folder, HUB_MQTT__URL=broker.hub_url).refusal()
    assert str(folder) in said
    assert "HUB_DATA_DIR" in said


def test_a_second_hub_on_the_same_folder_is_refused_by_name(run: Run, broker: EmbeddedBroker) -> None:
    first = run("run", HUB_MQTT__URL=broker.hub_url)
    first.line("The hub runs at")
    for words in (("run",), ("demo", "--no-simulator")):
        second = run(*words, HUB_MQTT__URL=broker.hub_url)
        out, err = second.process.communicate(timeout=PATIENCE_S)
        assert second.process.returncode == 1, out
        assert f"is in use by a hub (process {first.process.pid})" in err.splitlines()[-1]
    assert first.interrupt() == 0


def test_a_hub_cannot_start_on_a_running_demo(run: Run, broker: EmbeddedBroker) -> None:
    demo = run("demo", "--no-simulator")
    demo.line("open")
    out, err = run("run", HUB_MQTT__URL=broker.hub_url).process.communicate(timeout=PATIENCE_S)
    assert f"is in use by a demo (process {demo.process.pid})" in err.splitlines()[-1], out
    assert demo.interrupt() == 0


def test_a_scenario_that_does_not_exist_ends_the_demo_before_it_starts(run: Run) -> None:
    said = run("demo", "--scenario", "no-such-thing").refusal()
    assert "no-such-thing" in said
    assert "lift-door-fault" in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--broker", "http://x"), "mqtt://user:password@host:port"),
        (("--broker", "mqtt://127.0.0.1:1", "--seconds", "60"), "127.0.0.1:1"),
        (("--broker", "mqtt://127.0.0.1:1", "--scenario", "nothing"), "lift-door-fault"),
        (("--broker", "mqtt://127.0.0.1:1", "--community", "nowhere"), "harmony-garden"),
        (("--broker", "mqtt://127.0.0.1:1", "--from", "2999-01-01T00:00:00Z"), "future"),
        (("--broker", "mqtt://127.0.0.1:1", "--from", "yesterday"), "yesterday"),
        (("--broker", "mqtt://127.0.0.1:1", "--as", "klingon"), "zigbee2mqtt"),
        (("--broker", "mqtt://127.0.0.1:1", "--as", "ctwing"), "--push URL"),
        (("--push", "http://127.0.0.1:1/ingest/x", "--as", "senml"), "--as ctwing"),
        (("--broker", "mqtt://127.0.0.1:1", "--csv", "missing.csv"), "--device"),
        (
            (
                "--broker",
                "mqtt://127.0.0.1:1",
                "--csv",
                "missing.csv",
                "--device",
                "d",
                "--point",
                "p",
                "--as",
                "senml",
            ),
            "leave out --as",
        ),
        (("--broker", "mqtt://127.0.0.1:1", "--csv", "missing.csv", "--device", "d", "--point", "p"), "missing.csv"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(run: Run, words: tuple[str, ...], named: str) -> None:
    assert named in run("simulate", *words).refusal()


def test_a_broker_that_refuses_the_simulator(run: Run, broker: EmbeddedBroker) -> None:
    said = run("simulate", "--broker", f"mqtt://nobody:wrong-one@127.0.0.1:{broker.port}").refusal()
    assert f"127.0.0.1:{broker.port}" in said
    assert "password" in said
    assert "wrong-one" not in said
