"""A real mosquitto with a plain, a TLS and a websocket listener, and a small complete intake that commits when told."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import CollectorRegistry

from hub.clock import Clock, WallClock
from hub.flows.batch import Gap
from hub.ingest.control import read_gap
from hub.ingest.frames import BEAT_ROOT, CONTROL, GAP_TOPIC, Acknowledger, Frame
from hub.ingest.meters import MqttMeters
from hub.ingest.mqtt import Receiver
from hub.settings import Connection, Mqtt
from tests.ports import free_ports

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
DEADLINE_S = 20.0


def eventually(check: Callable[[], Any], what: str, within: float = DEADLINE_S) -> Any:
    """Wait for a condition; the assertion names what did not come."""
    end = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < end, f"did not happen within {within:g} s: {what}"
        time.sleep(0.01)
    return found


def free_port() -> int:
    return free_ports(1)[0]


@dataclass(frozen=True, kw_only=True)
class Certificates:
    ca: Path
    other_ca: Path
    cert: Path
    key: Path
    expired_cert: Path
    misnamed_cert: Path


def _key_pair(folder: Path, name: str) -> tuple[ec.EllipticCurvePrivateKey, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    path = folder / f"{name}.key"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o644)
    return key, path


def _certificate(
    path: Path,
    *,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[str, ec.EllipticCurvePrivateKey] | None = None,
    days: tuple[int, int] = (-2, 30),
    address: str = "127.0.0.1",
) -> Path:
    now = dt.datetime.now(dt.UTC)
    issuer_name, issuer_key = issuer or (name, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer_name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer is not None:
        here = x509.IPAddress(ipaddress.ip_address(address))
        builder = builder.add_extension(x509.SubjectAlternativeName([here]), critical=False)
    path.write_bytes(builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    folder.chmod(0o755)
    ca_key, _ = _key_pair(folder, "ca")
    other_key, _ = _key_pair(folder, "other")
    key, key_path = _key_pair(folder, "broker")
    issuer = ("test authority", ca_key)
    return Certificates(
        ca=_certificate(folder / "ca.pem", name="test authority", key=ca_key),
        other_ca=_certificate(folder / "other.pem", name="other authority", key=other_key),
        cert=_certificate(folder / "broker.pem", name="broker", key=key, issuer=issuer),
        key=key_path,
        expired_cert=_certificate(folder / "expired.pem", name="broker", key=key, issuer=issuer, days=(-9, -1)),
        misnamed_cert=_certificate(folder / "misnamed.pem", name="b", key=key, issuer=issuer, address="192.0.2.1"),
    )


@dataclass(kw_only=True)
class Broker:
    """mosquitto in a folder of its own. ``start`` again keeps ports; ``persistent`` decides what it remembers."""

    folder: Path
    certificates: Certificates
    persistent: bool = True
    extra: str = ""
    cert: Path | None = None
    ports: dict[str, int] = field(
        default_factory=lambda: dict(zip(("mqtt", "mqtts", "ws"), free_ports(3), strict=True))
    )
    process: subprocess.Popen[bytes] | None = None

    def url(self, scheme: str = "mqtt", login: str = "") -> str:
        return f"{scheme}://{login}127.0.0.1:{self.ports[scheme]}"

    def start(self) -> Broker:
        lines = [
            "per_listener_settings false",
            f"persistence {'true' if self.persistent else 'false'}",
            f"persistence_location {self.folder}/",
            "max_inflight_messages 65000",
            "max_queued_messages 1000000",
            "sys_interval 1",
            f"listener {self.ports['mqtt']} 127.0.0.1",
            f"listener {self.ports['mqtts']} 127.0.0.1",
            f"certfile {self.cert or self.certificates.cert}",
            f"keyfile {self.certificates.key}",
            f"listener {self.ports['ws']} 127.0.0.1",
            "protocol websockets",
            self.extra or "allow_anonymous true",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
        for port in self.ports.values():
            eventually(lambda port=port: _accepts(port), f"mosquitto listens on {port}")
        return self

    def stop(self, sig: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(sig)
            self.process.wait(10)
            self.process = None


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def make_broker(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[Callable[..., Broker]]:
    brokers: list[Broker] = []

    def make(**options: Any) -> Broker:
        broker = Broker(folder=tmp_path_factory.mktemp("broker"), certificates=certificates, **options).start()
        brokers.append(broker)
        return broker

    yield make
    for broker in brokers:
        broker.stop(signal.SIGKILL)


@pytest.fixture
def broker(make_broker: Callable[..., Broker]) -> Broker:
    return make_broker()


class HeldIntake:
    """Keeps frames until ``commit``; with ``held`` False everything is committed at once. Its journal is a list."""

    def __init__(self, *, held: bool = False) -> None:
        self.held = held
        self.full = False
        self.journal: list[Frame] = []
        self.waiting: deque[tuple[Sequence[Frame], Acknowledger | None, int]] = deque()
        self.fail: Exception | None = None
        self.puts = 0
        self._lock = threading.RLock()

    def put(self, frames: Sequence[Frame], source: Acknowledger | None, generation: int) -> None:
        if self.fail is not None:
            failure, self.fail = self.fail, None
            raise failure
        with self._lock:
            self.puts += 1
            self.waiting.append((frames, source, generation))
            if not self.held:
                self.commit()

    def commit(self, *, acknowledge: bool = True) -> int:
        """Write what waits; returns how many frames of devices."""
        with self._lock:
            count = 0
            while self.waiting:
                frames, source, generation = self.waiting.popleft()
                self.journal.extend(frames)
                count += sum(is_message(frame) for frame in frames)
                if source is not None and acknowledge:
                    source.acknowledge(generation, [frame.packet_id for frame in frames if frame.packet_id])
            return count

    def flush(self, timeout: float) -> bool:
        if self.held:
            return not self.waiting
        return True

    @property
    def last(self) -> int:
        """One frame a batch."""
        return len(self.journal)

    def frames_before(self, number: int, count: int) -> tuple[int, Iterable[Frame]]:
        first = max(1, number - count)
        return first, self.journal[first - 1 : number - 1]

    def recent(self, count: int) -> Iterable[Frame]:
        return self.frames_before(self.last + 1, count)[1]

    def messages(self) -> list[Frame]:
        """What devices said: no heartbeats, no words of the hub."""
        return [frame for frame in list(self.journal) if is_message(frame)]

    def gaps(self) -> list[Gap]:
        found = [read_gap(frame.payload) for frame in list(self.journal) if frame.topic == GAP_TOPIC]
        return [gap for gap in found if gap is not None]

    def count_waiting(self) -> int:
        with self._lock:
            return sum(is_message(frame) for frames, _, _ in self.waiting for frame in frames)


def is_message(frame: Frame) -> bool:
    return not frame.topic.startswith((CONTROL, BEAT_ROOT.encode()))


@pytest.fixture
def intake() -> HeldIntake:
    return HeldIntake()


@dataclass
class Rig:
    """Receivers of one test, stopped at its end."""

    folder: Path
    intake: HeldIntake
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    deaths: list[str] = field(default_factory=list)
    receivers: list[Receiver] = field(default_factory=list)
    meters: MqttMeters | None = None
    clock: Clock = field(default_factory=WallClock)

    def receiver(
        self, url: str, *, ca: Path | None = None, connection: Mapping[str, Any] | None = None, **mqtt: Any
    ) -> Receiver:
        self.meters = self.meters or MqttMeters(self.registry)
        receiver = Receiver(
            Connection(url=url, ca_file=ca, **(connection or {})),
            Mqtt(**{"client_id": "hub-under-test", "heartbeat_s": 0.5, **mqtt}),
            intake=self.intake,
            tail=self.intake,
            clock=self.clock,
            meters=self.meters,
            state_file=self.folder / "mqtt-main.json",
            on_dead=self.deaths.append,
        )
        self.receivers.append(receiver)
        return receiver

    def started(self, url: str, **options: Any) -> Receiver:
        receiver = self.receiver(url, **options)
        receiver.start()
        return receiver

    def count(self, name: str) -> float:
        return self.registry.get_sample_value(f"hub_mqtt_{name}", {"connection": "main"}) or 0.0


@pytest.fixture
def rig(tmp_path: Path, intake: HeldIntake) -> Iterator[Rig]:
    rig = Rig(tmp_path, intake)
    yield rig
    for receiver in rig.receivers:
        receiver.stop()


class Device:
    """A publisher at QoS 1 that knows what the broker has acknowledged."""

    def __init__(self, broker: Broker, **options: Any) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, **options)
        self.client.connect("127.0.0.1", broker.ports["mqtt"])
        self.client.loop_start()

    def say(self, payloads: Iterable[bytes], topic: str = "community/v1/hg/lift-1/telemetry", **how: Any) -> None:
        infos = [self.client.publish(topic, payload, **{"qos": 1, **how}) for payload in payloads]
        for info in infos:
            info.wait_for_publish(DEADLINE_S)
            assert info.is_published()

    def hear(self, topic: str, told: Callable[[mqtt.MQTTMessage], None]) -> None:
        """``told`` gets every message of ``topic`` from now on: the broker has taken the subscription on return."""
        granted = threading.Event()
        self.client.on_subscribe = lambda *_: granted.set()
        self.client.on_message = lambda _client, _userdata, message: told(message)
        self.client.subscribe(topic, 1)
        assert granted.wait(DEADLINE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def device(broker: Broker) -> Iterator[Device]:
    device = Device(broker)
    yield device
    device.close()


@pytest.fixture(params=["fast", "stock"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=["mqtt", "mqtts", "ws"])
def scheme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextlib.contextmanager
def scripted_broker(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A broker that behaves as told: ``answer`` is given every connection, one after the other. Yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer, contextlib.suppress(OSError):
                    answer(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
