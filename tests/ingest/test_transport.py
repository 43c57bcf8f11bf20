"""Both transports against a broker that misbehaves, and the choice between them."""

from __future__ import annotations

import socket
import threading

import paho.mqtt.client as mqtt
import pytest

from hub.clock import WallClock
from hub.ingest.frames import DUP
from hub.ingest.packets import Harvest
from hub.ingest.transport import FastLink, StockLink, choose, why_not_fast

from .conftest import Broker, Device, Rig, eventually, scripted_broker


class _Other(mqtt.Client):
    def loop_read(self) -> None: ...  # type: ignore[override]


def test_the_installed_paho_is_known() -> None:
    assert why_not_fast() is None
    assert choose("fast") == "fast"
    assert choose("stock") == "stock"


def test_an_unknown_paho_means_the_stock_transport_and_one_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert "2.3.0" in (why_not_fast("2.3.0") or "")
    assert "loop_read" in (why_not_fast("2.2.0", _Other) or "")
    assert choose("fast", [why_not_fast("1.6.1")]) == "stock"
    (record,) = caplog.records
    assert "paho-mqtt 1.6.1" in record.getMessage()


TOPIC = b"community/v1/hg/lift-1/telemetry"


def packet(first: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def publish(number: int, *, topic: bytes = TOPIC, first: int = 0x32) -> bytes:
    return packet(first, len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big") + b"%d" % number)


def shake_hands(peer: socket.socket) -> None:
    """CONNACK (3.1.1, session present as asked) and a SUBACK for each of the three SUBSCRIBEs."""
    peer.recv(4096)
    peer.sendall(b"\x20\x02\x01\x00")
    asked = b""
    while asked.count(b"\x82") < 3:
        asked += peer.recv(4096)
    for part in asked.split(b"\x82")[1:]:
        codes = b"\x01\x01\x01" if b"telemetry" in part else b"\x01"
        peer.sendall(packet(0x90, part[1:3] + codes))


@pytest.mark.servers
def test_packets_may_come_byte_by_byte(rig: Rig, transport: str) -> None:
    stream = b"".join(publish(number) for number in range(1, 20)) + b"\xd0\x00" + publish(20, first=0x3B)
    heard = threading.Event()

    def answer(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shake_hands(peer)
        for byte in stream:
            peer.sendall(bytes([byte]))
        heard.wait(20)

    with scripted_broker(answer) as port:
        receiver = rig.started(f"mqtt://127.0.0.1:{port}", transport=transport, version="3.1.1")
        eventually(lambda: len(rig.intake.messages()) == 20, "20 messages")
        heard.set()
        receiver.stop()
    assert [int(frame.payload) for frame in rig.intake.messages()] == list(range(1, 21))
    assert rig.intake.messages()[-1].flags & DUP


@pytest.mark.servers
@pytest.mark.parametrize(
    "odd",
    [
        b"\x32\x7f\x00\x7e" + b"x" * 125,  # topic longer than its packet
        publish(9, first=0x36),  # QoS 3
        b"\xf0\x00",  # no such packet
        b"\x00\x00",
        b"\x32\xff\xff\xff\xff\xff",  # length of five bytes
        b"\x90\x01\x00",  # SUBACK cut short
        b"\x40\x01\x00",  # PUBACK cut short
        b"\x20\x00",  # CONNACK without content
        b"\x32\x10\x00",  # half a packet, then the end
    ],
    ids=lambda odd: odd[:3].hex(),
)
def test_a_malformed_packet_ends_the_connection_and_not_the_receiver(rig: Rig, transport: str, odd: bytes) -> None:
    connections: list[int] = []

    def answer(peer: socket.socket) -> None:
        connections.append(1)
        shake_hands(peer)
        if len(connections) == 1:
            peer.sendall(publish(1) + odd)
            peer.shutdown(socket.SHUT_WR)
        else:
            peer.sendall(publish(2))
        while peer.recv(4096):
            pass

    with scripted_broker(answer) as port:
        receiver = rig.started(f"mqtt://127.0.0.1:{port}", transport=transport, version="3.1.1")
        eventually(lambda: len(rig.intake.messages()) >= 2, "a message over the next connection")
        receiver.stop()
    assert [int(frame.payload) for frame in rig.intake.messages()] == [1, 2]


@pytest.mark.servers
def test_a_topic_that_is_no_text_is_journalled_as_it_came(rig: Rig, transport: str) -> None:
    topic = b"community/v1/\xff\xfe/x/telemetry"

    def answer(peer: socket.socket) -> None:
        shake_hands(peer)
        peer.sendall(publish(1, topic=topic) + publish(2))
        while peer.recv(4096):
            pass

    with scripted_broker(answer) as port:
        receiver = rig.started(f"mqtt://127.0.0.1:{port}", transport=transport, version="3.1.1")
        eventually(lambda: len(rig.intake.messages()) == 2, "both messages")
        assert rig.count("connects_total") == 1
        receiver.stop()
    assert [frame.topic for frame in rig.intake.messages()] == [topic, TOPIC]


@pytest.mark.servers
def test_a_message_of_qos_2_is_ended_only_after_its_commit(rig: Rig, transport: str) -> None:
    """A session of an earlier configuration may still hold some."""
    said: list[bytes] = []
    pubcomp = threading.Event()

    def answer(peer: socket.socket) -> None:
        shake_hands(peer)
        peer.sendall(publish(5, first=0x34))
        while data := peer.recv(4096):
            said.append(data)
            if b"\x50\x02\x00\x05" in data:
                peer.sendall(b"\x62\x02\x00\x05")
            if b"\x70\x02\x00\x05" in data:
                pubcomp.set()

    rig.intake.held = True
    with scripted_broker(answer) as port:
        receiver = rig.started(f"mqtt://127.0.0.1:{port}", transport=transport, version="3.1.1", heartbeat_s=60)
        eventually(lambda: rig.intake.count_waiting() == 1, "the message")
        assert not pubcomp.is_set()
        rig.intake.commit()
        assert pubcomp.wait(10)
        receiver.stop()
    assert [frame.flags for frame in rig.intake.messages()] == [2]


@pytest.mark.servers
@pytest.mark.parametrize("link_class", [FastLink, StockLink])
def test_a_clean_close_publishes_no_will(
    broker: Broker, device: Device, link_class: type[FastLink | StockLink], scheme: str
) -> None:
    heard: list[bytes] = []
    device.hear("said/#", lambda message: heard.append(message.payload))
    for number in range(3):
        link = link_class(
            "main",
            client_id=f"closing-{number}",
            protocol=mqtt.MQTTv311,
            transport="websockets" if scheme == "ws" else "tcp",
        )
        link.client.will_set("said/will", b"will", 1)
        if scheme == "mqtts":
            link.client.tls_set(str(broker.certificates.ca))
        link.client.connect("127.0.0.1", broker.ports[scheme])
        up = threading.Event()
        link.client.on_connect = lambda *_, up=up: up.set()

        def turn(link: FastLink | StockLink = link, up: threading.Event = up) -> bool:
            link.write()
            link.read(Harvest(0, [], []))
            return up.is_set()

        eventually(turn, "connected")
        link.client.publish("said/last", b"last", 0)
        link.client.disconnect()
        link.write()
        assert link.client.socket() is None
    device.say([b"end"], topic="said/end")
    eventually(lambda: b"end" in heard, "the last word")
    assert heard.count(b"last") == 3
    assert b"will" not in heard


@pytest.mark.servers
def test_many_threads_may_publish_while_messages_come(broker: Broker, device: Device, rig: Rig, transport: str) -> None:
    heard: list[str] = []
    device.hear("community/v1/+/+/error", lambda message: heard.append(message.topic))
    receiver = rig.started(broker.url(), transport=transport)

    def publish_some(name: str) -> None:
        for number in range(200):
            receiver.publish(f"community/v1/hg/{name}/error", b"%d" % number, qos=number % 2)

    threads = [threading.Thread(target=publish_some, args=(f"d{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    device.say([b"x"] * 500)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    eventually(lambda: len(heard) == 800, "all that was published")
    eventually(lambda: len(rig.intake.messages()) == 500, "all that was said")
    with pytest.raises(ValueError, match="cannot publish"):
        receiver.publish("a/+/b", b"")
    assert receiver.health(WallClock().now()).facts["connected"] == 1
