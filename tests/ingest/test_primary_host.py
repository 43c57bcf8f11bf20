"""The hub as a Sparkplug primary host on a real mosquitto: what nodes that wait for it see of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.formats.sparkplug_host import read_state
from hub.clock import WallClock
from hub.ingest.mosquitto import render_acl
from hub.ingest.mqtt import Receiver

from .conftest import DEADLINE_S, Broker, Device, Rig, eventually

pytestmark = pytest.mark.servers

TOPIC = "spBv1.0/STATE/hub-1"
PLANT = {"formats": ("native", "sparkplug"), "community": "hg", "sparkplug_host": "hub-1"}


class Said(NamedTuple):
    online: bool
    at: int


class Node:
    """An edge node's ear: every state of the host, and what the broker had kept of it when the node came."""

    def __init__(self, broker: Broker, name: str = "") -> None:
        self.said: list[Said] = []
        self.kept: list[Said] = []
        self._news = threading.Condition()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self.client.on_message = self._hear
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", broker.ports["mqtt"])
        self.client.loop_start()
        self.client.subscribe(TOPIC, 1)
        assert subscribed.wait(DEADLINE_S)

    def _hear(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        state = read_state(message.payload)
        assert state is not None
        assert state.timestamp is not None
        assert message.qos == 1
        with self._news:
            (self.kept if message.retain else self.said).append(Said(state.online, state.timestamp))
            self._news.notify_all()

    def wait(self, count: int) -> list[Said]:
        """What was said since, in all so many times."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.said) >= count, DEADLINE_S), f"only {self.said}"
            return list(self.said)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def node(broker: Broker) -> Iterator[Node]:
    node = Node(broker)
    yield node
    node.close()


def kept(broker: Broker) -> Said:
    """What a node that comes now is told first, once there is something to tell."""
    late = Node(broker)
    try:
        eventually(lambda: late.kept or late.said, "a state of the host")
        return (late.kept or late.said)[0]
    finally:
        late.close()


def throw_out(broker: Broker, receiver: Receiver) -> None:
    """The broker ends the hub's connection in the middle of it, and says its will."""
    intruder = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=receiver.client_id, reconnect_on_failure=False)
    came = threading.Event()
    intruder.on_connect = lambda *_: came.set()
    intruder.connect("127.0.0.1", broker.ports["mqtt"])
    intruder.loop_start()
    assert came.wait(DEADLINE_S)
    intruder.disconnect()
    intruder.loop_stop()


def test_it_is_there_as_long_as_its_connection_is(
    broker: Broker, device: Device, node: Node, rig: Rig, transport: str
) -> None:
    receiver = rig.started(broker.url(), connection=PLANT, transport=transport)
    [born] = node.wait(1)
    assert born.online

    device.say([b'{"online":false,"timestamp":1}'], topic=TOPIC, retain=True)
    assert node.wait(3)[1:] == [Said(online=False, at=1), born]
    assert kept(broker) == born

    throw_out(broker, receiver)
    will, again = node.wait(5)[3:]
    assert will == Said(online=False, at=born.at)
    assert again.online
    assert again.at > born.at

    receiver.stop()
    gone = node.wait(6)[5]
    assert not gone.online
    assert gone.at >= again.at
    assert not kept(broker).online

    rig.started(broker.url(), connection=PLANT, transport=transport)
    eventually(lambda: node.said[-1].online, "the next start's birth")
    assert node.said[-1].at > gone.at
    assert kept(broker) == node.said[-1]


def test_a_broker_that_forgot_it_is_told_again(make_broker: Callable[..., Broker], rig: Rig, transport: str) -> None:
    broker = make_broker(persistent=False)
    rig.started(broker.url(), connection=PLANT, transport=transport)
    before = kept(broker)
    broker.stop()
    broker.start()
    after = kept(broker)
    assert (before.online, after.online) == (True, True)
    assert after.at > before.at


def test_what_a_node_says_in_answer_is_heard(broker: Broker, rig: Rig, transport: str) -> None:
    """The state is said behind the subscriptions: a node that was waiting for it is not missed."""
    node = Node(broker)
    node.client.on_message = lambda *_: node.client.publish("spBv1.0/g/NBIRTH/edge", b"\x18\x00", 0)
    try:
        rig.started(broker.url(), connection=PLANT, transport=transport)
        eventually(
            lambda: any(frame.topic == b"spBv1.0/g/NBIRTH/edge" for frame in rig.intake.messages()), "the node's birth"
        )
    finally:
        node.close()


def test_an_error_in_the_hub_takes_it_away_too(broker: Broker, device: Device, node: Node, rig: Rig) -> None:
    """DISCONNECT takes a will back, so the hub says itself that it is gone, and then that it has come again."""
    rig.started(broker.url(), connection=PLANT)
    [born] = node.wait(1)
    rig.intake.fail = RuntimeError("broken on purpose")
    device.say([b"1"])
    gone = node.wait(2)[1]
    assert not gone.online
    eventually(lambda: node.said[-1].online, "the birth after it")
    assert node.said[-1].at > gone.at > born.at


def broker_with_rules(make_broker: Callable[..., Broker], folder: Path, rules: str) -> Broker:
    """The hub's rules hold for whoever comes without a name."""
    path = folder / "acl"
    path.write_text(rules.replace("user hub\n", ""), encoding="utf-8")
    return make_broker(extra=f"allow_anonymous true\nacl_file {path}")


def test_the_shipped_rules_allow_it(make_broker: Callable[..., Broker], rig: Rig, tmp_path: Path) -> None:
    broker = broker_with_rules(make_broker, tmp_path, render_acl())
    rig.started(broker.url(), connection=PLANT)
    assert kept(broker).online


def test_a_broker_that_does_not_is_named(make_broker: Callable[..., Broker], rig: Rig, tmp_path: Path) -> None:
    rules = render_acl().replace("topic write spBv1.0/STATE/+\n", "")
    receiver = rig.started(broker_with_rules(make_broker, tmp_path, rules).url(), connection=PLANT)
    eventually(lambda: TOPIC in receiver.health(WallClock().now()).reason, "a complaint")
    reason = receiver.health(WallClock().now()).reason
    assert f"the broker refuses {TOPIC} (Not authorized)" in reason
    assert "allow the hub's user to write it" in reason
