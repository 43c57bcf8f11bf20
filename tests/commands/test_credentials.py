"""``hub device-credentials`` with a real mosquitto: the embedded one of a running hub, and one that is not our child."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_accounts import PasswordFile, new_account
from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.listening import accepts, any_free
from hub.ingest.mosquitto import Layout, Listener, render_acl, render_config
from hub.settings import Mqtt, Settings, Web
from hub.wiring import Hub
from tests.commands.conftest import COURT, Said, call

pytestmark = [pytest.mark.servers, pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Device:
    """A client that tells what the broker said to it."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self.answer = ""
        self.ended = False
        self.got: list[str] = []
        self.granted = 0
        self.puback: dict[int, str] = {}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        self._client.username_pw_set(name, password)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: setattr(self, "answer", str(reason))
        self._client.on_disconnect = lambda *_: setattr(self, "ended", True)
        self._client.on_message = lambda _c, _u, message: self.got.append(message.topic)
        self._client.on_subscribe = lambda *_: setattr(self, "granted", self.granted + 1)
        self._client.on_publish = lambda _c, _u, mid, reason, _p: self.puback.__setitem__(mid, str(reason))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self.answer, "the broker answers")

    def hears(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        until(lambda: self.granted, "subscribed")

    def says(self, topic: str) -> str:
        mid = self._client.publish(topic, b"{}", qos=1).mid
        until(lambda: mid in self.puback, f"{topic} is answered")
        return self.puback[mid]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(kw_only=True)
class Site:
    """A broker, and the ``hub`` command beside it."""

    port: int
    passwords: Path
    config: Path

    def __call__(self, *words: str) -> Said:
        return call("--config", str(self.config), *words)

    def make(self, *names: str, verb: str = "make") -> dict[str, str]:
        said = self("device-credentials", verb, *names)
        assert (said.code, said.err) == (0, ""), "the broker has been told: nothing is left to do"
        return dict(line.split("\t") for line in said.out.splitlines())


@pytest.fixture(params=["embedded in a running hub", "not our child, no hub runs"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    config = tmp_path / "hub.toml"
    (tmp_path / "court.toml").write_text(COURT.format(id="court"), encoding="utf-8")
    if request.param.startswith("embedded"):
        config.write_text(f'data_dir = "{tmp_path / "data"}"\n', encoding="utf-8")
        broker = EmbeddedBroker(folder=tmp_path / "data" / "broker", clock=WallClock(), port=0)
        broker.start()
        hub = Hub(Settings(data_dir=tmp_path / "data", mqtt=Mqtt(url=broker.hub_url), web=Web(port=0)), accounts=broker)
        hub.start()
        site = Site(port=broker.port, passwords=tmp_path / "data" / "broker" / "passwords", config=config)
        assert site("import", str(tmp_path / "court.toml")).code == 0
        yield site
        hub.stop()
        broker.stop()
        return
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    (tmp_path / "data").mkdir()
    port = any_free("127.0.0.1")
    layout = Layout(
        listeners=(Listener(port=port, host="127.0.0.1", why="a test"),),
        folder=str(folder),
        passwords=str(folder / "passwords"),
        acl=str(folder / "acl"),
        log="stderr",
        user="root",
    )
    PasswordFile(folder / "passwords").put(new_account("hub"))
    (folder / "passwords").chmod(0o640)
    (folder / "acl").write_text(render_acl(), encoding="utf-8")
    (folder / "mosquitto.conf").write_text(f"{render_config(layout)}pid_file {folder}/pid\n", encoding="utf-8")
    config.write_text(
        f'data_dir = "{tmp_path / "data"}"\n[mqtt]\naccounts_file = "{folder / "passwords"}"\n'
        f'broker_pid_file = "{folder / "pid"}"\n',
        encoding="utf-8",
    )
    command = [str(find_mosquitto()), "-c", str(folder / "mosquitto.conf")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: accepts("127.0.0.1", port) and (folder / "pid").exists(), "the broker listens")
            (folder / "pid").write_text(str(process.pid), encoding="ascii")  # mosquitto writes it as a daemon only
            site = Site(port=port, passwords=folder / "passwords", config=config)
            assert site("import", str(tmp_path / "court.toml")).code == 0
            yield site
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture
def device(site: Site) -> Iterator[Callable[[str, str], Device]]:
    made: list[Device] = []

    def connect(name: str, password: str) -> Device:
        made.append(Device(site.port, name, password))
        return made[-1]

    yield connect
    for each in made:
        each.close()


def test_a_device_neither_writes_nor_reads_anothers_topics(site: Site, device: Callable[[str, str], Device]) -> None:
    given = site.make("court/lift", "court/pump")
    assert set(given) == {"court/lift", "court/pump"}
    assert len(set(given.values())) == 2
    assert all(len(password) >= 24 for password in given.values())
    lift, pump = (device(name, given[name]) for name in ("court/lift", "court/pump"))
    pump.hears("#")
    assert lift.says("community/v1/court/lift/telemetry") == "Success"
    assert lift.says("community/v1/court/pump/telemetry") == "Not authorized"
    assert lift.says("community/v1/court/lift/error") == "Not authorized"
    assert pump.says("community/v1/court/pump/telemetry") == "Success"
    assert pump.got == []
    assert not any(password in site.passwords.read_text() for password in given.values()), "only hashes are kept"


def test_a_rotated_password_ends_the_old_one_and_who_is_connected_with_it(
    site: Site, device: Callable[[str, str], Device]
) -> None:
    old = site.make("court/lift")["court/lift"]
    connected = device("court/lift", old)
    new = site.make("court/lift", verb="rotate")["court/lift"]
    assert new != old
    until(lambda: connected.ended, "the one with the old password is thrown out")
    assert device("court/lift", old).answer == "Not authorized"
    assert device("court/lift", new).answer == "Success"


def test_a_revoked_device_is_thrown_out_and_stays_out(site: Site, device: Callable[[str, str], Device]) -> None:
    given = site.make("court/lift", "court/pump")
    lift, pump = (device(name, given[name]) for name in ("court/lift", "court/pump"))
    said = site("device-credentials", "revoke", "court/lift")
    assert (said.code, said.out) == (0, "revoked court/lift\n")
    until(lambda: lift.ended, "it is thrown out")
    assert device("court/lift", given["court/lift"]).answer == "Not authorized"
    assert pump.says("community/v1/court/pump/telemetry") != "Not authorized", "nobody else notices"
    assert site("device-credentials", "list").out == "court/pump\tnot in the registry\n"


def test_all_devices_of_a_community_get_one_and_only_once(site: Site) -> None:
    assert list(site.make("--all", "court")) == ["court/shed-air"]
    assert site.make("--all", "court") == {}
    assert site("device-credentials", "list").out == "court/shed-air\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("make",), "name them as COMMUNITY/DEVICE, or add --all"),
        (("make", "lift"), "expected COMMUNITY/DEVICE"),
        (("make", "court/lift/#"), "expected COMMUNITY/DEVICE"),
        (("make", "hub"), "expected COMMUNITY/DEVICE"),
        (("make", "nowhere/lift"), "no community 'nowhere'; there is court"),
        (("make", "--all", "nowhere"), "no community 'nowhere'; there is court"),
        (("rotate", "court/lift"), "court/lift has no account at the broker"),
        (("revoke", "court/lift"), "court/lift has no account at the broker"),
        (("revoke", "hub"), "expected COMMUNITY/DEVICE"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(site: Site, words: tuple[str, ...], named: str) -> None:
    before = site.passwords.read_text()
    said = site("device-credentials", *words)
    assert (said.code, said.out) == (1, "")
    assert named in said.err
    assert site.passwords.read_text() == before


def test_an_account_that_is_there_is_not_made_again(site: Site) -> None:
    site.make("court/lift")
    before = site.passwords.read_text()
    said = site("device-credentials", "make", "court/pump", "court/lift")
    assert said.code == 1
    assert "court/lift has an account already: rotate gives it a new password" in said.err
    assert site.passwords.read_text() == before, "none of them was made"


def test_without_a_broker_of_ours_the_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f'data_dir = "{tmp_path}"\n', encoding="utf-8")
    said = call("--config", str(tmp_path / "hub.toml"), "device-credentials", "list")
    assert said.code == 1
    assert "HUB_MQTT__ACCOUNTS_FILE" in said.err


def test_a_broker_that_cannot_be_told_is_named_and_the_file_keeps_its_mode(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    PasswordFile(passwords).put(new_account("court/lift"))
    passwords.chmod(0o640)
    os.chown(passwords, -1, 65534)
    text = f'data_dir = "{tmp_path}"\n[mqtt]\naccounts_file = "{passwords}"\n'
    (tmp_path / "hub.toml").write_text(text + f'broker_pid_file = "{tmp_path / "none"}"\n', encoding="utf-8")
    said = call("--config", str(tmp_path / "hub.toml"), "device-credentials", "rotate", "court/lift")
    assert said.code == 1
    assert "is written, but the broker could not be told" in said.err
    assert (passwords.stat().st_mode & 0o777, passwords.stat().st_gid) == (0o640, 65534)
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    by_hand = call("--config", str(tmp_path / "hub.toml"), "device-credentials", "rotate", "court/lift")
    assert by_hand.code == 0
    assert "systemctl reload mosquitto" in by_hand.err
    (tmp_path / "hub.toml").write_text(f"{text}accounts_watched = true\n", encoding="utf-8")
    watched = call("--config", str(tmp_path / "hub.toml"), "device-credentials", "rotate", "court/lift")
    assert watched.err == "the broker takes this up by itself within some seconds: nothing is left to do\n"


def test_accounts_of_an_embedded_broker_that_does_not_run_wait_for_its_start(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    PasswordFile(tmp_path / "broker" / "passwords").put(new_account("court/lift"))
    (tmp_path / "hub.toml").write_text(f'data_dir = "{tmp_path}"\n', encoding="utf-8")
    said = call("--config", str(tmp_path / "hub.toml"), "device-credentials", "rotate", "court/lift")
    assert (said.code, said.err.startswith("the embedded broker does not run")) == (0, True)
