"""The stack's broker, started for real by its own script: who may come in, and what each may say and hear."""

from __future__ import annotations

import queue
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import paho.mqtt.client as mqtt
import pytest

from hub.certificates_elsewhere import shown_at
from hub.ingest.broker_accounts import Account, PasswordFile, new_account
from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.listening import accepts
from hub.web.certificate import not_after
from tests.docker.programs import PATIENCE_S, Program, Programs
from tests.docker.stack import DOCKER, Stack, made
from tests.ports import free_ports

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed"),
]
LIFT = "community/v1/harmony-garden/lift-1"
SUMP = "community/v1/harmony-garden/sump-1"


class Broker(NamedTuple):
    """A running one: the shipped configuration and access rules with other ports and folders."""

    program: Program
    inner: int
    outer: int
    accounts: Path
    stack: Stack

    @property
    def hub(self) -> Account:
        return Account("hub", self.stack.secret("mqtt_hub_password"))


def start(programs: Programs, stack: Stack, folder: Path) -> Broker:
    """What compose.yaml does: mounts, secrets, and the start script as the command."""
    inner, outer = free_ports(2)
    text = (DOCKER / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    accounts = folder / "accounts" / "passwords"
    for shipped, here in (
        ("listener 1883", f"listener {inner} 127.0.0.1"),
        ("listener 8883", f"listener {outer} 127.0.0.1"),
        ("/mosquitto/accounts/passwords", str(accounts)),
        ("/mosquitto/config/acl", str(DOCKER / "mosquitto" / "acl")),
        ("/mosquitto/data/", f"{folder}/data/"),
        ("/run/secrets", str(stack.secrets)),
    ):
        assert shipped in text
        text = text.replace(shipped, here)
    for name in ("accounts", "data"):
        (folder / name).mkdir(exist_ok=True)
    # Started as root, mosquitto would change to a user who may not read this folder; the container starts it as nobody's root.
    (folder / "mosquitto.conf").write_text(f"user root\n{text}", encoding="utf-8")
    command = [
        "sh",
        DOCKER / "mosquitto" / "start",
        folder / "mosquitto.conf",
        accounts,
        stack.secrets / "mqtt_hub_password",
    ]
    path = f"{Path(str(find_mosquitto())).parent}:/usr/sbin:/usr/bin:/bin"
    program = programs.start(command, until=lambda: accepts("127.0.0.1", outer), environment={"PATH": path})
    return Broker(program, inner, outer, accounts, stack)


@pytest.fixture
def broker(programs: Programs, tmp_path: Path) -> Broker:
    (tmp_path / "stack").mkdir()
    return start(programs, made(tmp_path / "stack", "small", "localhost"), tmp_path)


class Client:
    """Connects, and keeps what it hears. Context manager."""

    def __init__(self, broker: Broker, account: Account | None, *, tls: bool = True) -> None:
        self.answers: queue.Queue[object] = queue.Queue()
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if account is not None:
            self._client.username_pw_set(account.name, account.password)
        if tls:
            self._client.tls_set_context(ssl.create_default_context(cafile=str(broker.stack.secrets / "mqtt_ca.crt")))
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self.answers.put(reason)
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.answers.put(reasons[0])
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.put(reason)
        self._client.on_message = lambda _c, _u, message: self.heard.put((message.topic, message.payload))
        self._client.connect("localhost" if tls else "127.0.0.1", broker.outer if tls else broker.inner)
        self._client.loop_start()
        self.let_in = str(self.answers.get(timeout=PATIENCE_S))

    def __enter__(self) -> Self:
        assert self.let_in == "Success"
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str = "{}") -> str:
        self._client.publish(topic, payload, qos=1)
        return str(self.answers.get(timeout=PATIENCE_S))

    def listen(self, topic: str) -> str:
        self._client.subscribe(topic, qos=1)
        return str(self.answers.get(timeout=PATIENCE_S))

    def hears(self) -> tuple[str, bytes]:
        return self.heard.get(timeout=PATIENCE_S)


def lets_in(broker: Broker, account: Account) -> bool:
    client = Client(broker, account)
    client.close()
    return client.let_in == "Success"


@pytest.fixture
def devices(broker: Broker) -> Iterator[tuple[Client, Client]]:
    """Two devices that have accounts, added while the broker runs."""
    lift, sump = new_account("harmony-garden/lift-1"), new_account("harmony-garden/sump-1")
    PasswordFile(broker.accounts).put(lift, sump)
    broker.program.wait(lambda: lets_in(broker, sump))
    with Client(broker, lift) as one, Client(broker, sump) as other:
        yield one, other


def test_a_device_speaks_under_its_own_name_alone(broker: Broker, devices: tuple[Client, Client]) -> None:
    lift, _ = devices
    with Client(broker, broker.hub, tls=False) as hub:
        hub.listen("community/v1/+/+/telemetry")
        for leaf in ("telemetry", "event", "status"):
            assert lift.say(f"{LIFT}/{leaf}") in {"Success", "No matching subscribers"}
            assert lift.say(f"{SUMP}/{leaf}") == "Not authorized"
        assert lift.say(f"{LIFT}/error") == "Not authorized"
        assert lift.say("hub/beat/main") == "Not authorized"
        assert hub.hears() == (f"{LIFT}/telemetry", b"{}")
        assert hub.heard.empty()


def test_a_device_hears_its_own_errors_alone(broker: Broker, devices: tuple[Client, Client]) -> None:
    lift, sump = devices
    # mosquitto grants any subscription and gives nothing that the rules forbid: so what is heard decides.
    for topic in (f"{LIFT}/error", f"{SUMP}/error", f"{SUMP}/telemetry", "#", "community/v1/#"):
        lift.listen(topic)
    with Client(broker, broker.hub, tls=False) as hub:
        sump.say(f"{SUMP}/telemetry")
        hub.say(f"{SUMP}/error", "for the sump")
        hub.say(f"{LIFT}/error", "for the lift")
        hub.say(f"{LIFT}/error", "the end")
    # Overlapping subscriptions bring a message as often as they match.
    heard = {lift.hears()}
    while (last := lift.hears()) != (f"{LIFT}/error", b"the end"):
        heard.add(last)
    assert heard == {(f"{LIFT}/error", b"for the lift")}


def test_nobody_comes_in_without_a_name_or_with_a_wrong_password(broker: Broker) -> None:
    for account in (None, Account("hub", "guess"), Account("harmony-garden/unknown", "guess")):
        for tls in (True, False):
            client = Client(broker, account, tls=tls)
            assert client.let_in == "Not authorized", account
            client.close()


def test_the_outer_port_speaks_tls_only(broker: Broker) -> None:
    plain = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    plain.username_pw_set(*broker.hub)
    ended: queue.Queue[bool] = queue.Queue()
    plain.on_connect = lambda *_: ended.put(False)
    plain.on_disconnect = lambda *_: ended.put(True)
    plain.connect("127.0.0.1", broker.outer)
    plain.loop_start()
    assert ended.get(timeout=PATIENCE_S)
    plain.disconnect()
    plain.loop_stop()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=str(broker.stack.secrets / "mqtt_ca.crt"))
        context.minimum_version = context.maximum_version = version
        with (
            socket.create_connection(("127.0.0.1", broker.outer), timeout=PATIENCE_S) as line,
            context.wrap_socket(line, server_hostname="localhost") as secure,
        ):
            assert secure.version() == str(version.name).replace("TLSv1_", "TLSv1.")
    shown = shown_at("127.0.0.1", broker.outer, "mosquitto")
    assert not_after(shown) == not_after(broker.stack.secret("mqtt_server.crt")), "so the hub can watch it"


def test_a_withdrawn_account_is_put_out_and_a_hangup_ends_neither_script_nor_broker(
    broker: Broker, devices: tuple[Client, Client]
) -> None:
    lift, sump = devices
    broker.program.process.send_signal(signal.SIGHUP)
    gone: queue.Queue[object] = queue.Queue()
    lift._client.on_disconnect = lambda _c, _u, _f, reason, _p: gone.put(reason)
    lines = broker.accounts.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("harmony-garden/lift-1:")]
    broker.accounts.write_text("\n".join(kept) + "\n")
    gone.get(timeout=PATIENCE_S)
    assert sump.say(f"{SUMP}/telemetry") in {"Success", "No matching subscribers"}


def test_accounts_survive_a_restart_and_the_hubs_follows_its_secret(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    stack = made(tmp_path / "stack")
    first = start(programs, stack, tmp_path)
    lift = new_account("harmony-garden/lift-1")
    PasswordFile(first.accounts).put(lift)
    first.program.wait(lambda: lets_in(first, lift))
    assert first.program.stop() == 0, "stopped in order it saves its sessions"
    (stack.secrets / "mqtt_hub_password").unlink()
    (stack.secrets / "mqtt_hub_password").write_text("another")
    second = start(programs, stack, tmp_path)
    for account in (lift, Account("hub", "another")):
        with Client(second, account):
            pass
    lines = first.accounts.read_text().splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["harmony-garden/lift-1", "hub"]
    assert first.accounts.stat().st_mode & 0o077 == 0
    assert "another" not in first.accounts.read_text()
    assert [path.name for path in first.accounts.parent.iterdir()] == ["passwords"]


def test_the_script_ends_with_its_broker(broker: Broker) -> None:
    children = subprocess.run(
        ["pgrep", "-P", str(broker.program.process.pid), "mosquitto"], capture_output=True, text=True, check=True
    )
    subprocess.run(["kill", "-KILL", children.stdout.strip()], check=True)
    deadline = time.monotonic() + PATIENCE_S
    while broker.program.process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert broker.program.process.returncode == 137, "Docker then starts it again"
