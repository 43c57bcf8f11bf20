"""What an operator leans on: log level, certificates, the machine's clock, the dead man's switch, systemd."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hub import settings, timesync
from hub.certificates import Certificates, End, FileInUse, Shown, judge
from hub.clock import DAY, HOUR, ManualClock, WallClock
from hub.domain.certificate_standing import WEB, CertificateStanding, broker_of, own_of
from hub.domain.health import Status
from hub.ingest.broker import EmbeddedBroker
from hub.supervisor import Supervisor
from hub.timesync import ClockState
from hub.watchdog import Watchdog
from hub.web.certificate import not_after
from tests.commands.conftest import Home
from tests.web.test_tls import certificate

NOW = 1_795_000_000_000
PATIENCE_S = 60.0


# --- log level --------------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_the_running_hub_logs_more_from_now_on_and_one_that_does_not_run_says_so(home: Home) -> None:
    if home.hub is None:
        said = home("log-level", "debug")
        assert said.code == 1
        assert "set HUB_LOG__LEVEL=debug for its next start" in said.err
        return
    logging.getLogger().setLevel(logging.INFO)
    said = home("log-level", "debug")
    assert (said.code, said.out) == (0, "the log's level is debug now, it was error\n"), "as this command set it up"
    assert logging.getLogger().level == logging.DEBUG
    assert home("log-level", "chatty").code == 2


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "status", "says"),
    [
        (31 * DAY, Status.OK, ""),
        (30 * DAY, Status.DEGRADED, "the web ends in 30 days, at "),
        (8 * DAY, Status.DEGRADED, "the web ends in 8 days, at "),
        (7 * DAY, Status.DEGRADED, "urgent: the web ends in 7 days, at "),
        (HOUR, Status.DEGRADED, "urgent: the web ends in 0 days, at "),
        (0, Status.DEGRADED, "expired: the web has ended at "),
    ],
)
def test_a_certificate_is_named_from_thirty_days_before_its_end(left: int, status: Status, says: str) -> None:
    line = judge([End("the web", NOW + left, "renew it"), End("the broker", NOW + 90 * DAY, "renew it")], NOW)
    assert line.status is status
    assert line.reason.startswith(says)
    assert line.reason.endswith(": renew it" if says else "")
    assert line.facts == {"certificates": 2, "ends_first": "the web", "ends_first_at": NOW + left}


def test_a_certificate_renewed_on_the_disk_is_still_the_old_one_until_the_hub_starts_again(tmp_path: Path) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=5))
    watched = Certificates([FileInUse(WEB, chain)])
    watched.start()
    now = WallClock().now()
    assert f"renew {chain}, then restart the hub" in watched.health(now).reason
    certificate(tmp_path, good_for=timedelta(days=90))
    line = watched.health(now)
    assert line.status is Status.DEGRADED
    assert line.reason.endswith("it is renewed on the disk: restart the hub")
    chain.unlink()
    assert watched.health(now).status is Status.DEGRADED, "the old one is still in use"
    certificate(tmp_path, good_for=timedelta(days=90))
    assert Certificates([FileInUse(WEB, chain)]).health(now).status is Status.OK


def test_the_certificate_that_a_broker_shows_is_read(tmp_path: Path) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=5))
    pem = chain.read_text()
    shown = Shown(broker_of("main"), lambda: ssl.PEM_cert_to_DER_cert(pem))
    assert shown() == End("the certificate of broker main", not_after(pem), "renew it on the broker")
    assert Shown(broker_of("main"), lambda: None)() is None
    assert Shown(broker_of("main"), lambda: b"nonsense")() is None
    assert Certificates(
        [shown, Shown(broker_of("far"), lambda: None), FileInUse(own_of("main"), chain)]
    ).standings() == [
        CertificateStanding("@main", not_after(pem), ""),
        CertificateStanding("@far", None, ""),
        CertificateStanding("+main", not_after(pem), str(chain)),
    ]


# --- the machine's clock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status", "says"),
    [
        (ClockState(synchronised=True, error_us=2_000), Status.OK, ""),
        (
            ClockState(synchronised=False, error_us=16_000_000),
            Status.DEGRADED,
            "nobody keeps this machine's clock right",
        ),
        (ClockState(synchronised=True, error_us=3_000_000), Status.DEGRADED, "may be wrong by 3 s"),
        (None, Status.OK, "does not say"),
    ],
)
def test_a_clock_that_nobody_keeps_right_is_said(state: ClockState | None, status: Status, says: str) -> None:
    line = timesync.judge(state)
    assert line.status is status
    assert says in line.reason


def test_the_kernel_is_asked() -> None:
    state = timesync.read_state()
    assert state is None or state.error_us >= 0
    assert timesync.health(NOW).component == "clock"


# --- the dead man's switch --------------------------------------------------------------------------------------------


@contextmanager
def check_outside(status: int = 200) -> Iterator[tuple[str, Callable[[int], None], Callable[[], int]]]:
    """A web address that counts: (its URL, wait for so many, how many so far)."""
    heard: list[str] = []
    more = threading.Condition()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            with more:
                heard.append(self.path)
                more.notify_all()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    def wait_for(count: int) -> None:
        with more:
            assert more.wait_for(lambda: len(heard) >= count, PATIENCE_S), f"heard {len(heard)} of {count}"

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/secret-path", wait_for, lambda: len(heard)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_watchdog_is_told_again_and_again_while_the_hub_is_ready() -> None:
    asked: list[bool] = []
    changes = threading.Event()

    def ready() -> bool:
        asked.append(not changes.is_set())
        return asked[-1]

    with check_outside() as (url, wait_for, heard):
        dog = Watchdog(url, every_s=0.02, ready=ready, clock=ManualClock(NOW))
        dog.start()
        wait_for(3)
        assert dog.health(NOW).status is Status.OK
        changes.set()
        before = len(asked)
        while len(asked) < before + 5:  # it goes on asking whether the hub is ready
            threading.Event().wait(0.01)
        dog.stop()
        assert heard() == asked.count(True), "and tells nothing while it is not"
        assert dog.health(NOW).facts == {"host": "127.0.0.1", "told_at": NOW}


def test_a_word_that_does_not_arrive_is_said_without_the_secret() -> None:
    with check_outside(status=404) as (url, wait_for, _):
        dog = Watchdog(url, every_s=0.02, ready=lambda: True, clock=ManualClock(NOW))
        dog.start()
        wait_for(2)
        dog.stop()
        line = dog.health(NOW)
        assert line.status is Status.DEGRADED
        assert line.reason == "127.0.0.1 answers 404: check watchdog.url"
    dog = Watchdog(url, every_s=0.02, ready=lambda: True, clock=ManualClock(NOW))
    dog.start()
    dog.stop()
    assert "127.0.0.1 cannot be reached" in dog.health(NOW).reason
    assert "secret" not in dog.health(NOW).reason


# --- systemd ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """The socket that systemd listens at: (its address, the next word)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE_S)
        yield str(tmp_path / "notify"), lambda: listening.recv(4096).decode()


def test_systemd_is_told_of_every_turn(told: tuple[str, Callable[[], str]]) -> None:
    address, word = told
    supervisor = Supervisor(settings.Systemd(address, 0.06), lambda: None)
    supervisor.start()
    assert word() == "WATCHDOG=1", "alive while it is still starting"
    supervisor.stop()
    while (said := word()) == "WATCHDOG=1":
        pass
    assert said == "STOPPING=1"
    supervisor.standing_by("stands by: hub a works")
    assert word() == "READY=1\nSTATUS=stands by: hub a works"
    supervisor.ready("The hub runs at http://127.0.0.1:8080")
    assert word() == "READY=1\nSTATUS=The hub runs at http://127.0.0.1:8080"


def test_a_component_that_hangs_is_not_called_alive_and_one_that_fails_is(told: tuple[str, Callable[[], str]]) -> None:
    address, word = told
    free, hangs, inside = threading.Event(), threading.Event(), threading.Event()

    def looks() -> None:
        if hangs.is_set():
            inside.set()
            free.wait()
        raise RuntimeError("a component that cannot say how it is")

    supervisor = Supervisor(settings.Systemd(address, 0.06), looks)
    supervisor.ready("runs")
    supervisor.start()
    assert word().startswith("READY=1")
    assert word() == "WATCHDOG=1", "a failure is no hang"
    hangs.set()
    assert inside.wait(PATIENCE_S)
    for number in range(3):
        supervisor.standing_by(f"word {number} of this thread")
    while (said := word()) == "WATCHDOG=1":
        pass
    rest = [said, word(), word()]
    assert [text.rpartition("=")[2] for text in rest] == [f"word {number} of this thread" for number in range(3)]
    free.set()
    supervisor.stop()


def test_without_systemd_nothing_is_told() -> None:
    supervisor = Supervisor(None, lambda: pytest.fail("nobody asked"))
    supervisor.start()
    supervisor.ready("runs")
    supervisor.stop()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, None),
        ({"NOTIFY_SOCKET": "/run/n"}, ("/run/n", 0.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "90000000"}, ("@n", 90.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"}, ("/run/n", 0.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "soon"}, ("/run/n", 0.0)),
    ],
)
def test_what_systemd_says_is_read(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[str, float] | None
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert settings.systemd() == expected


# --- all of it in the service -----------------------------------------------------------------------------------------


@pytest.mark.servers
def test_the_service_tells_systemd_and_the_watchdog_and_shows_certificate_and_clock(
    tmp_path: Path, told: tuple[str, Callable[[], str]]
) -> None:
    address, word = told
    chain, key = certificate(tmp_path, good_for=timedelta(days=5))
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=WallClock(), port=0)
    broker.start()
    try:
        with check_outside() as (url, wait_for, _):
            environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")} | {
                "NOTIFY_SOCKET": address,
                "WATCHDOG_USEC": "600000",
                "HUB_DATA_DIR": str(tmp_path / "data"),
                "HUB_MQTT__URL": broker.hub_url,
                "HUB_MQTT__VERSION": "5" if broker.keeps_mqtt5 else "3.1.1",
                "HUB_WEB__PORT": "0",
                "HUB_WEB__TLS_CERT": str(chain),
                "HUB_WEB__TLS_KEY": str(key),
                "HUB_WATCHDOG__URL": url,
            }
            command = [sys.executable, "-m", "hub", "run"]
            with subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                try:
                    said = word()
                    while said == "WATCHDOG=1":
                        said = word()
                    assert said.startswith("READY=1\nSTATUS=The hub runs at https://")
                    wait_for(1)
                    context = ssl.create_default_context(cafile=str(chain))
                    page = f"{said.rpartition(' ')[2]}/readyz"
                    with urllib.request.urlopen(page, timeout=PATIENCE_S, context=context) as answer:  # noqa: S310 - ours
                        parts = json.load(answer)["components"]
                    assert parts["certificates"]["reason"].startswith(
                        "urgent: the certificate of the web pages ends in"
                    )
                    assert parts["clock"]["status"] in {"ok", "degraded"}
                    assert parts["watchdog"]["status"] == "ok"
                    assert word() == "WATCHDOG=1"
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(PATIENCE_S)
            assert process.returncode == 0
    finally:
        broker.stop()
