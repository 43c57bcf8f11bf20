"""The embedded broker with a real mosquitto: started, watched, refused, ended."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from hub.clock import HOUR, ManualClock
from hub.domain.health import Status
from hub.errors import ConfigError, HubError
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_accounts import Account
from hub.ingest.broker_programs import Iotcore, Mosquitto, find, find_mosquitto
from hub.ingest.child import started_at
from hub.ingest.listening import any_free
from hub.ingest.wire import PINGRESP, Hello, Wire

pytestmark = [pytest.mark.servers, pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")]
ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], object], what: str, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_763_800_000_000)


@pytest.fixture
def broker(tmp_path: Path, clock: ManualClock) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=clock, port=0, simulated=("harmony-garden",))
    broker.start()
    yield broker
    broker.stop()


class Client:
    """A paho client that remembers what it got."""

    def __init__(self, port: int, name: str, password: str, *, client_id: str = "") -> None:
        self.got: list[tuple[str, bytes]] = []
        self.reason: str | None = None
        self.subscribed = 0
        self.puback: dict[int, str] = {}
        self.paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self.paho.username_pw_set(name, password)
        self.paho.on_connect = lambda _c, _u, _f, reason, _p: setattr(self, "reason", str(reason))
        self.paho.on_message = lambda _c, _u, m: self.got.append((m.topic, m.payload))
        self.paho.on_subscribe = lambda *_: setattr(self, "subscribed", self.subscribed + 1)
        self.paho.on_publish = lambda _c, _u, mid, reason, _p: self.puback.__setitem__(mid, str(reason))
        self.paho.connect("127.0.0.1", port)
        self.paho.loop_start()
        until(lambda: self.reason is not None, "connected or refused")

    def subscribe(self, topic: str) -> None:
        before = self.subscribed
        self.paho.subscribe(topic, qos=1)
        until(lambda: self.subscribed > before, "subscribed")

    def publish(self, topic: str, payload: bytes = b"x") -> str:
        mid = self.paho.publish(topic, payload, qos=1).mid
        until(lambda: mid in self.puback, f"{topic} answered")
        return self.puback[mid]

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture
def connect(broker: EmbeddedBroker) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(account: Account) -> Client:
        clients.append(Client(broker.port, account.name, account.password))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_device_writes_under_its_own_name_and_hears_nobody_else(
    broker: EmbeddedBroker, connect: Callable[..., Client]
) -> None:
    lift = connect(broker.add_account("harmony-garden/lift-1"))
    pump = connect(broker.add_account("harmony-garden/pump-1"))
    hub = connect(broker.hub)
    for leaf in ("telemetry", "event", "status"):
        hub.subscribe(f"community/v1/+/+/{leaf}")
    lift.subscribe("#")
    lift.subscribe("community/v1/harmony-garden/pump-1/telemetry")

    assert lift.publish("community/v1/harmony-garden/lift-1/telemetry") == "Success"
    assert lift.publish("community/v1/harmony-garden/lift-1/event") == "Success"
    assert lift.publish("community/v1/harmony-garden/lift-1/status") == "Success"
    assert lift.publish("community/v1/harmony-garden/lift-1/error") == "Not authorized"
    assert lift.publish("community/v1/harmony-garden/pump-1/telemetry") == "Not authorized"
    assert lift.publish("community/v1/other/lift-1/telemetry") == "Not authorized"
    assert lift.publish("anything") == "Not authorized"
    assert pump.publish("community/v1/harmony-garden/pump-1/telemetry", b"mine") == "Success"
    assert hub.publish("community/v1/harmony-garden/pump-1/error", b"not yours") == "Success"
    assert hub.publish("community/v1/harmony-garden/lift-1/error", b"yours") == "Success"

    until(lambda: len(hub.got) == 4 and lift.got, "delivered")
    assert [topic.rpartition("/")[2] for topic, _ in hub.got] == ["telemetry", "event", "status", "telemetry"]
    assert lift.got == [("community/v1/harmony-garden/lift-1/error", b"yours")]


def test_the_hub_says_what_was_wrong_and_its_heartbeat_and_nothing_else(
    broker: EmbeddedBroker, connect: Callable[..., Client]
) -> None:
    hub = connect(broker.hub)
    hub.subscribe("hub/beat/me")
    hub.subscribe("$SYS/broker/publish/messages/dropped")
    assert hub.publish("hub/beat/me", b"beat") == "Success"
    assert hub.publish("community/v1/harmony-garden/lift-1/telemetry") == "Not authorized"
    until(lambda: {topic for topic, _ in hub.got} == {"hub/beat/me", "$SYS/broker/publish/messages/dropped"}, "heard")


def test_the_simulator_speaks_for_the_devices_of_its_community_only(
    broker: EmbeddedBroker, connect: Callable[..., Client]
) -> None:
    simulator = connect(broker.simulator)
    assert simulator.publish("community/v1/harmony-garden/lift-9/telemetry") == "No matching subscribers"
    assert simulator.publish("community/v1/other/lift-9/telemetry") == "Not authorized"
    assert simulator.publish("zigbee2mqtt/bridge/devices") == "No matching subscribers"
    assert simulator.publish("spBv1.0/harmony-garden/NBIRTH/pump-room") == "No matching subscribers"
    assert simulator.publish("factory/line-1") == "Not authorized"


def test_a_message_beyond_the_limit_ends_its_connection_and_8_mib_pass(
    broker: EmbeddedBroker, connect: Callable[..., Client]
) -> None:
    simulator, hub = connect(broker.simulator), connect(broker.hub)
    hub.subscribe("community/v1/+/+/telemetry")
    assert simulator.publish("community/v1/harmony-garden/big/telemetry", bytes(8 * 1024 * 1024)) == "Success"
    until(lambda: hub.got, "8 MiB arrived")
    hello = Hello(client_id="huge", name=broker.simulator.name, password=broker.simulator.password)
    with Wire("127.0.0.1", broker.port, hello) as wire:
        wire.send_raw(b"\x30\xff\xff\xff\x7f")  # 268 million bytes announced
        with pytest.raises(ConnectionError):
            wire.await_kind(PINGRESP)


def test_who_gives_no_name_or_a_wrong_password_is_refused(broker: EmbeddedBroker) -> None:
    wrong = Client(broker.port, "hub", "wrong")
    nobody = Client(broker.port, "", "")
    assert (wrong.reason, nobody.reason) == ("Not authorized", "Not authorized")
    wrong.close()
    nobody.close()


def test_passwords_are_stored_as_hashes_in_files_of_the_owner_only(broker: EmbeddedBroker, tmp_path: Path) -> None:
    broker.add_account("harmony-garden/lift-1")
    folder = tmp_path / "broker"
    assert broker.hub.password not in (folder / "passwords").read_text()
    assert {path.name for path in folder.iterdir() if path.suffix != ".log" and path.stat().st_mode & 0o077} == set()


def test_a_devices_password_stays_valid_over_a_restart_and_the_hubs_changes(tmp_path: Path, clock: ManualClock) -> None:
    first = EmbeddedBroker(folder=tmp_path, clock=clock, port=0)
    first.start()
    lift = first.add_account("harmony-garden/lift-1")
    first.stop()
    second = EmbeddedBroker(folder=tmp_path, clock=clock, port=0)
    second.start()
    try:
        assert second.hub.password != first.hub.password
        client = Client(second.port, lift.name, lift.password)
        assert client.reason == "Success"
        client.close()
    finally:
        second.stop()


def test_a_port_that_was_asked_for_and_is_taken_names_its_holder_and_the_ways_out(
    tmp_path: Path, clock: ManualClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(folder=tmp_path, clock=clock, port=port)
        with pytest.raises(ConfigError) as refusal:
            broker.start()
    assert f"port {port}" in str(refusal.value)
    assert f"(pid {os.getpid()})" in str(refusal.value)
    assert "HUB_MQTT__EMBEDDED_PORT" in str(refusal.value)
    assert "HUB_MQTT__URL" in str(refusal.value)
    broker.stop()


def test_a_taken_default_port_gives_way_to_the_next_free_one(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        default = taken.getsockname()[1]
        monkeypatch.setattr("hub.ingest.broker.DEFAULT_PORT", default)
        broker = EmbeddedBroker(folder=tmp_path, clock=clock)
        broker.start()
        assert (broker.moved_from, broker.port > default) == (default, True)
        broker.stop()


def test_stopping_saves_sessions_and_leaves_no_process(broker: EmbeddedBroker, tmp_path: Path) -> None:
    pid = broker.health(0).facts["pid"]
    assert isinstance(pid, int)
    broker.stop()
    assert started_at(pid) is None
    assert (tmp_path / "broker" / "mosquitto.db").exists()
    assert not (tmp_path / "broker" / "broker.pid").exists()


def test_a_broker_that_dies_is_started_again_on_its_port_and_health_remembers_it(
    broker: EmbeddedBroker, clock: ManualClock, connect: Callable[..., Client]
) -> None:
    port, pid = broker.port, broker.health(clock.now()).facts["pid"]
    assert broker.health(clock.now()).status is Status.OK
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    until(lambda: broker.health(clock.now()).status is Status.DEGRADED, "started again")
    until(lambda: started_at(int(broker.health(clock.now()).facts["pid"] or 0)), "running")
    assert broker.port == port
    assert "SIGKILL" in broker.health(clock.now()).reason
    assert broker.health(clock.now()).facts["restarts"] == 1
    until(lambda: _accepts(port), "accepting")
    assert connect(broker.hub).reason == "Success"
    assert broker.health(clock.now() + HOUR).status is Status.OK


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


HUB_THAT_IS_KILLED = """
import sys, time
from pathlib import Path
from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_accounts import Account
broker = EmbeddedBroker(folder=Path(sys.argv[1]), clock=WallClock(), port=int(sys.argv[2]))
broker.start()
print(broker.health(0).facts["pid"], flush=True)
time.sleep(60)
"""


def _killed_hub(folder: Path, port: int) -> int:
    hub = subprocess.Popen(
        [sys.executable, "-c", HUB_THAT_IS_KILLED, str(folder), str(port)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert hub.stdout is not None
    pid = int(hub.stdout.readline())
    hub.kill()
    hub.wait()
    hub.stdout.close()
    return pid


def test_it_dies_with_a_hub_that_is_killed(tmp_path: Path) -> None:
    pid = _killed_hub(tmp_path, any_free("127.0.0.1"))
    until(lambda: started_at(pid) is None, "the broker is gone too")
    assert (tmp_path / "mosquitto.db").exists(), "it was ended in order and saved its sessions"


def test_a_left_over_broker_is_found_and_stopped_at_the_next_start(tmp_path: Path, clock: ManualClock) -> None:
    port = any_free("127.0.0.1")
    orphan = EmbeddedBroker(folder=tmp_path, clock=clock, port=port)
    orphan.start()
    kept = (tmp_path / "broker.pid").read_text()
    os.kill(json.loads(kept)["pid"], signal.SIGSTOP)  # it does not even answer to SIGTERM
    successor = EmbeddedBroker(folder=tmp_path, clock=clock, port=port)
    orphan._stopping.set()
    successor.start()
    assert started_at(json.loads(kept)["pid"]) is None
    assert successor.port == port
    successor.stop()


def test_a_pid_that_now_belongs_to_another_program_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "broker.pid").write_text(json.dumps({"pid": other.pid, "started": "long ago"}))
        broker = EmbeddedBroker(folder=tmp_path, clock=clock, port=0)
        broker.start()
        broker.stop()
        assert other.poll() is None
        other.kill()


def test_a_program_that_does_not_start_says_why(tmp_path: Path, clock: ManualClock) -> None:
    broker = EmbeddedBroker(
        folder=tmp_path, clock=clock, port=0, program=lambda: Mosquitto(Path("/bin/false")), simulated=()
    )
    with pytest.raises(ConfigError, match="does not start: mosquitto ended with code 1"):
        broker.start()
    assert broker.health(0).status is Status.DEGRADED
    with pytest.raises(HubError):
        _ = broker.hub_url
    broker.stop()


def test_iotcore_stands_in_where_there_is_no_mosquitto(tmp_path: Path, clock: ManualClock) -> None:
    broker = EmbeddedBroker(
        folder=tmp_path, clock=clock, port=0, program=Iotcore, limits=lambda name: (f"{name} forgets",)
    )
    broker.start()
    try:
        health = broker.health(clock.now())
        assert (broker.name, broker.keeps_mqtt5, health.status) == ("iotcore", False, Status.DEGRADED)
        assert "iotcore forgets" in health.reason
        assert broker.hub_url.startswith("mqtt://hub:")
    finally:
        broker.stop()


def test_mosquitto_is_found_in_path_first_then_where_it_usually_lies_then_iotcore_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mosquitto"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mosquitto() == own
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("hub.ingest.broker_programs.PLACES", ("/nowhere", str(tmp_path)))
    assert find_mosquitto() == own
    assert find().name == "mosquitto"
    monkeypatch.setattr("hub.ingest.broker_programs.PLACES", ("/nowhere",))
    assert find().name == "iotcore"


def test_a_folder_with_blanks_and_chinese_in_its_name_will_do(tmp_path: Path, clock: ManualClock) -> None:
    broker = EmbeddedBroker(folder=tmp_path / "my hub 和谐花园", clock=clock, port=0)
    broker.start()
    client = Client(broker.port, broker.hub.name, broker.hub.password)
    assert client.reason == "Success"
    client.close()
    broker.stop()
    assert (tmp_path / "my hub 和谐花园" / "mosquitto.db").exists()


def test_a_damaged_file_of_the_broker_is_named(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "mosquitto.db").write_bytes(b"not what mosquitto wrote")
    broker = EmbeddedBroker(folder=tmp_path, clock=clock, port=0)
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/mosquitto.db is damaged; move it away")):
        broker.start()
    broker.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_runs_for_an_ordinary_user_too(tmp_path: Path) -> None:
    script = HUB_THAT_IS_KILLED.replace("time.sleep(60)", "broker.stop()")
    folder = Path(tempfile.mkdtemp(prefix="broker-"))
    try:
        shutil.chown(folder, "nobody")
        command = [sys.executable, "-c", script, str(folder), str(any_free("127.0.0.1"))]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, user="nobody", check=False)
        except PermissionError:
            pytest.skip(f"{sys.executable} lies where only root may look")
        assert done.returncode == 0, done.stderr
        assert (folder / "mosquitto.db").owner() == "nobody"
    finally:
        shutil.rmtree(folder)
