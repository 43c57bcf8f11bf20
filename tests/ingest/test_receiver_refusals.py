"""A broker that cannot be used is refused in a sentence: which broker, why, and what would be right."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.clock import WallClock
from hub.domain.health import Status
from hub.errors import ConfigError
from hub.ingest.endpoint import endpoint_of
from hub.ingest.frames import BEAT_ROOT
from hub.ingest.probe import check_broker
from hub.ingest.remembered import Remembered, remember
from hub.ingest.subscriptions import filters_of
from hub.settings import Connection, Mqtt

from .conftest import Broker, Device, Rig, eventually, free_port, scripted_broker

pytestmark = pytest.mark.servers


def refusal(rig: Rig, url: str, *, ca: Path | None = None, timeout_s: float = 10.0, **mqtt: object) -> str:
    with pytest.raises(ConfigError) as caught:
        rig.receiver(url, ca=ca, **mqtt).start(timeout_s)
    return str(caught.value)


@pytest.fixture
def guarded(make_broker: Callable[..., Broker], tmp_path_factory: pytest.TempPathFactory) -> Broker:
    folder = tmp_path_factory.mktemp("passwords")
    words = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(words), "hub", "right"], check=True)
    words.chmod(0o644)
    rules = folder / "acl"
    rules.write_text("user hub\ntopic readwrite #\ntopic read $SYS/#\n")
    rules.chmod(0o644)
    return make_broker(extra=f"allow_anonymous false\npassword_file {words}\nacl_file {rules}")


def test_a_wrong_password(guarded: Broker, rig: Rig, transport: str) -> None:
    said = refusal(rig, guarded.url(login="hub:wrong@"), transport=transport)
    assert "MQTT connection main" in said
    assert f"mqtt://hub@127.0.0.1:{guarded.ports['mqtt']}" in said
    assert "user" in said
    assert "wrong" not in said
    assert "mqtt://user:pass@host" in said


def test_no_password_where_one_is_wanted(guarded: Broker, rig: Rig) -> None:
    assert "clients without a user name" in refusal(rig, guarded.url())


def test_the_right_password_gets_in(guarded: Broker, rig: Rig, transport: str) -> None:
    receiver = rig.started(guarded.url(login="hub:right@"), transport=transport)
    assert receiver.health(WallClock().now()).status is Status.OK
    assert receiver.connected


def test_a_port_where_nobody_listens(rig: Rig, transport: str) -> None:
    port = free_port()
    said = refusal(rig, f"mqtt://127.0.0.1:{port}", timeout_s=0.7, transport=transport)
    assert f"nothing listens on port {port}" in said


def test_a_host_that_does_not_resolve(rig: Rig) -> None:
    said = refusal(rig, "mqtt://broker.invalid", timeout_s=1)
    assert "broker.invalid does not resolve" in said


def test_an_expired_certificate(make_broker: Callable[..., Broker], rig: Rig, transport: str) -> None:
    broker = make_broker()
    broker.stop()
    broker.cert = broker.certificates.expired_cert
    broker.start()
    said = refusal(rig, broker.url("mqtts"), ca=broker.certificates.ca, transport=transport)
    assert "certificate that has expired: renew it on the broker" in said


def test_a_certificate_of_another_authority(broker: Broker, rig: Rig, transport: str) -> None:
    said = refusal(rig, broker.url("mqtts"), ca=broker.certificates.other_ca, transport=transport)
    assert "not trusted" in said
    assert "ca_file" in said


def test_a_certificate_for_another_address(make_broker: Callable[..., Broker], rig: Rig, transport: str) -> None:
    broker = make_broker()
    broker.stop()
    broker.cert = broker.certificates.misnamed_cert
    broker.start()
    said = refusal(rig, broker.url("mqtts"), ca=broker.certificates.ca, transport=transport)
    assert "is for another address" in said


def test_tls_where_the_port_speaks_none(broker: Broker, rig: Rig, transport: str) -> None:
    url = f"mqtts://127.0.0.1:{broker.ports['mqtt']}"
    said = refusal(rig, url, ca=broker.certificates.ca, transport=transport, timeout_s=1)
    assert "TLS" in said or "scheme" in said


def test_no_tls_where_the_port_wants_it(broker: Broker, rig: Rig, transport: str) -> None:
    said = refusal(rig, f"mqtt://127.0.0.1:{broker.ports['mqtts']}", transport=transport)
    assert "no MQTT answer" in said
    assert "mqtts://" in said


def test_a_websocket_where_there_is_none(broker: Broker, rig: Rig) -> None:
    said = refusal(rig, f"ws://127.0.0.1:{broker.ports['mqtt']}")
    assert "does not open a websocket at /mqtt" in said


def test_a_port_that_speaks_something_else(rig: Rig, transport: str) -> None:
    def answer(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with scripted_broker(answer) as port:
        assert "no MQTT answer" in refusal(rig, f"mqtt://127.0.0.1:{port}", transport=transport)


def test_a_subscription_that_the_broker_refuses(rig: Rig, transport: str) -> None:
    """mosquitto grants every subscription and stays silent; others say no."""
    version = "5" if transport == "fast" else "3.1.1"
    no = {"5": b"\x00\x87\x01\x01", "3.1.1": b"\x80\x01\x01"}[version]
    connack = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}[version]

    def answer(peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(connack)
        asked = peer.recv(4096)
        while b"telemetry" not in asked:
            asked += peer.recv(4096)
        peer.sendall(b"\x90" + bytes([len(no) + 2]) + asked[2:4] + no)
        peer.recv(4096)

    with scripted_broker(answer) as port:
        said = refusal(rig, f"mqtt://deaf:x@127.0.0.1:{port}", transport=transport)
    assert "refuses the subscription community/v1/+/+/telemetry" in said
    assert "the user deaf" in said


def keeps_a_session_and_says_no_more(peer: socket.socket) -> None:
    """As a broker does that has so much for the hub that the answer to its subscription is far behind."""
    peer.recv(4096)
    peer.sendall(b"\x20\x03\x01\x00\x00")
    while peer.recv(4096):
        pass


def remember_session(rig: Rig, url: str, subscriptions: tuple[str, ...]) -> None:
    shown = endpoint_of(Connection(url=url)).shown
    own = f"{BEAT_ROOT}hub-under-test"
    memory = Remembered(client_id="hub-under-test", broker=shown, session=True, subscriptions=(*subscriptions, own))
    remember(rig.folder / "mqtt-main.json", memory)


def test_a_start_does_not_wait_for_what_the_broker_has_kept(rig: Rig) -> None:
    with scripted_broker(keeps_a_session_and_says_no_more) as port:
        url = f"mqtt://127.0.0.1:{port}"
        remember_session(rig, url, filters_of(Connection(url=url)))
        receiver = rig.started(url)
        receiver.stop()


@pytest.mark.parametrize("other", ["one less", "one more"])
def test_a_start_waits_where_the_session_has_other_subscriptions(rig: Rig, other: str) -> None:
    with scripted_broker(keeps_a_session_and_says_no_more) as port:
        url = f"mqtt://127.0.0.1:{port}"
        wanted = filters_of(Connection(url=url))
        remember_session(rig, url, wanted[:-1] if other == "one less" else (*wanted, "meters/#"))
        with pytest.raises(ConfigError, match=r"no subscription within 0\.5 s"):
            rig.receiver(url).start(timeout_s=0.5)


def test_a_check_needs_no_session_and_leaves_none(guarded: Broker, transport: str) -> None:
    check_broker(Connection(url=guarded.url(login="hub:right@")), Mqtt(transport=transport), WallClock())
    with pytest.raises(ConfigError, match=r"refuses the user name or password|does not authorise"):
        check_broker(Connection(url=guarded.url(login="hub:wrong@")), Mqtt(transport=transport), WallClock())
    with pytest.raises(ConfigError, match="nothing listens"):
        check_broker(Connection(url=f"mqtt://127.0.0.1:{free_port()}"), Mqtt(transport=transport), WallClock())


def test_a_check_of_an_old_broker_goes_on_with_3_1_1(broker: Broker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = threading.Thread(target=_old_broker, args=(listener, broker.ports["mqtt"]), daemon=True)
        relay.start()
        check_broker(Connection(url=f"mqtt://127.0.0.1:{listener.getsockname()[1]}"), Mqtt(), WallClock())
    relay.join(5)


def test_files_that_are_not_there(rig: Rig, tmp_path: Path) -> None:
    said = refusal(rig, "mqtts://127.0.0.1:1", ca=tmp_path / "absent.pem")
    assert f"ca_file {tmp_path / 'absent.pem'} cannot be used (No such file or directory)" in said


@pytest.mark.parametrize(
    ("url", "words"), [("mqtt://host:99999", "no number from 1 to 65535"), ("mqtt://:1883", "names no host")]
)
def test_an_address_that_is_none(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        endpoint_of(Connection(url=url))


def test_a_format_that_nobody_knows() -> None:
    with pytest.raises(ConfigError, match=r"unknown format 'lorawan2'; expected one of .*native"):
        filters_of(Connection(url="mqtt://host", formats=("native", "lorawan2")))


def test_a_broker_that_knows_no_mqtt_5(make_broker: Callable[..., Broker], rig: Rig) -> None:
    """A relay in front of mosquitto answers the CONNECT of MQTT 5 as an old broker does."""
    broker = make_broker()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = threading.Thread(target=_old_broker, args=(listener, broker.ports["mqtt"]), daemon=True)
        relay.start()
        receiver = rig.started(f"mqtt://127.0.0.1:{listener.getsockname()[1]}")
        assert receiver.health(WallClock().now()).facts["mqtt_version"] == "3.1.1"
        device = Device(broker)
        device.say([b"heard"])
        device.close()
        eventually(rig.intake.messages, "a message over 3.1.1")
        receiver.stop()
    relay.join(5)


def _old_broker(listener: socket.socket, port: int) -> None:
    peer, _ = listener.accept()
    with peer:
        assert peer.recv(4096)[8] == 5
        peer.sendall(b"\x20\x02\x00\x01")
        peer.recv(1)
    peer, _ = listener.accept()
    with peer, socket.create_connection(("127.0.0.1", port)) as broker:

        def forward(source: socket.socket, target: socket.socket) -> None:
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

        back = threading.Thread(target=forward, args=(broker, peer), daemon=True)
        back.start()
        forward(peer, broker)
        back.join(5)


def test_subscriptions_of_an_earlier_configuration_are_given_up(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    receiver = rig.started(broker.url(), transport=transport)
    receiver.stop()
    state = json.loads((rig.folder / "mqtt-main.json").read_text())
    assert state["session"] is True
    # An earlier version had also subscribed to the meters' own topic.
    earlier = rig.receiver(broker.url(), transport=transport)
    earlier._ear.filters = (*earlier._ear.filters, "meters/#")
    earlier.start()
    device.say([b"1"], topic="meters/a")
    eventually(lambda: len(rig.intake.messages()) == 1, "the meter is heard")
    earlier.stop()
    rig.started(broker.url(), transport=transport)
    device.say([b"2"], topic="meters/a")
    device.say([b"3"])
    eventually(lambda: len(rig.intake.messages()) == 2, "the message after the meter's")
    assert [frame.payload for frame in rig.intake.messages()] == [b"1", b"3"]
    state = json.loads((rig.folder / "mqtt-main.json").read_text())
    assert "meters/#" not in state["subscriptions"]


def test_a_client_id_is_made_once_and_kept(broker: Broker, rig: Rig) -> None:
    first = rig.started(broker.url(), client_id=None)
    first.stop()
    second = rig.started(broker.url(), client_id=None)
    assert first.client_id == second.client_id
    assert first.client_id.startswith("community-hub-")


def test_a_second_hub_with_the_same_client_id_is_named(
    broker: Broker, rig: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = rig.started(broker.url())
    other = Rig(tmp_path_factory.mktemp("other"), rig.intake)
    second = other.started(broker.url())

    def told() -> bool:
        healths = [each.health(WallClock().now()) for each in (first, second)]
        return any("HUB_MQTT__CLIENT_ID" in health.reason for health in healths)

    eventually(told, "the other client is named")
    second.stop()
