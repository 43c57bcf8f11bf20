"""The receiver against a real mosquitto, with both transports and over every kind of listener."""

from __future__ import annotations

import ssl

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .conftest import Broker, Device, Rig, eventually

pytestmark = pytest.mark.servers


def test_messages_arrive_whole_and_in_order(
    broker: Broker, device: Device, rig: Rig, transport: str, scheme: str
) -> None:
    rig.started(broker.url(scheme), ca=broker.certificates.ca, transport=transport)
    sent = [b'{"values": {"n": %d}}' % number for number in range(500)]
    device.say(sent)
    eventually(lambda: len(rig.intake.messages()) >= 500, "500 messages in the journal")
    heard = rig.intake.messages()
    assert [frame.payload for frame in heard] == sent
    assert {(frame.topic, frame.flags, frame.connection) for frame in heard} == {
        (b"community/v1/hg/lift-1/telemetry", 1, "main")
    }
    assert len({frame.packet_id for frame in heard}) == 500
    eventually(lambda: rig.count("acknowledged_total") >= 500, "500 acknowledgements")


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_large_message_arrives_whole(broker: Broker, device: Device, rig: Rig, transport: str, scheme: str) -> None:
    """Not over websockets: mosquitto 2.0.11 stops in the middle of whatever its first write could not take."""
    rig.started(broker.url(scheme), ca=broker.certificates.ca, transport=transport)
    large = bytes(range(256)) * 3600
    device.say([large, b"after"])
    eventually(lambda: len(rig.intake.messages()) == 2, "the large message and the one after it")
    assert [frame.payload for frame in rig.intake.messages()] == [large, b"after"]
    eventually(lambda: rig.count("acknowledged_total") >= 2, "both acknowledged")


def test_properties_of_mqtt_5_are_passed_over_and_the_content_type_kept(
    broker: Broker, device: Device, rig: Rig, transport: str
) -> None:
    rig.started(broker.url(), transport=transport)
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.UserProperty = [("maker", "x" * 300), ("site", "和谐花园")]
    properties.ResponseTopic = "somewhere"
    properties.MessageExpiryInterval = 3600
    properties.CorrelationData = b"\x00\x01"
    device.say([b"with"], properties=properties)
    device.say([b"without"])
    eventually(lambda: len(rig.intake.messages()) == 2, "both messages")
    assert [frame.payload for frame in rig.intake.messages()] == [b"with", b"without"]
    wanted = "application/json" if transport == "fast" else ""
    assert [frame.content_type for frame in rig.intake.messages()] == [wanted, ""]


def test_flags_tell_qos_and_retained(broker: Broker, device: Device, rig: Rig, transport: str) -> None:
    device.say([b"online"], topic="community/v1/hg/lift-1/status", retain=True)
    rig.started(broker.url(), transport=transport)
    eventually(rig.intake.messages, "the retained message")
    device.client.publish("community/v1/hg/lift-1/event", b"{}", 0).wait_for_publish(5)
    eventually(lambda: len(rig.intake.messages()) == 2, "the QoS 0 message")
    retained, fleeting = rig.intake.messages()
    assert (retained.payload, retained.flags) == (b"online", 0x05)
    assert (fleeting.flags, fleeting.packet_id) == (0, 0)


def test_the_brokers_certificate_is_known_once_connected(broker: Broker, rig: Rig, transport: str, scheme: str) -> None:
    receiver = rig.started(broker.url(scheme), ca=broker.certificates.ca, transport=transport)
    shown = ssl.PEM_cert_to_DER_cert(broker.certificates.cert.read_text()) if scheme == "mqtts" else None
    assert receiver.certificate() == shown
