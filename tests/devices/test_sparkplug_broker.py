"""Sparkplug over a real broker: wills that the broker sends, overtaken deaths, commands that arrive.

The nodes speak payloads that foreign encoders wrote. Time is the test's own; nothing waits but for a message.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.contract import Decoded, Message, Request
from devices.conversation import Conversation
from devices.formats.sparkplug import SparkplugFormat
from devices.formats.sparkplug_host import PrimaryHost, Publication
from devices.formats.sparkplug_payload import read_payload
from tests.mosquitto import own_mosquitto

pytestmark = pytest.mark.servers

PATIENCE_S = 30.0
Case = dict[str, Any]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A mosquitto of its own."""
    with own_mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="module")
def steps(foreign_data: Path) -> Callable[[str], dict[int, Case]]:
    path = foreign_data / "vectors" / "sparkplug" / "cases.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    cases = json.loads(path.read_text(encoding="utf-8"))
    return lambda run: {case["step"]: case for case in cases if case.get("run") == run}


class Client:
    """A paho client that remembers what came. ``kill`` cuts its socket, so that the broker sends its will."""

    def __init__(self, port: int, *filters: str, name: str, will: Publication | None = None) -> None:
        self.came: list[mqtt.MQTTMessage] = []
        self._news = threading.Condition()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        if will is not None:
            self.client.will_set(will.topic, will.payload, will.qos, will.retain)
        self.client.on_message = lambda _client, _data, message: self._hear(message)
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        connected = threading.Event()
        self.client.on_connect = lambda *_: connected.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert connected.wait(PATIENCE_S)
        self.client.subscribe([(each, 1) for each in filters])
        assert subscribed.wait(PATIENCE_S)

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.came.append(message)
            self._news.notify_all()

    def wait(self, count: int) -> list[mqtt.MQTTMessage]:
        """As many messages as this, at least."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.came) >= count, PATIENCE_S), f"{len(self.came)} of {count} came"
            return list(self.came)

    def say(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        info = self.client.publish(topic, payload, qos, retain)
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published()

    def kill(self) -> None:
        sock = self.client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Hub(Client):
    """What the hub does with the format: decode in order, keep the state, send requests. Restarted, it keeps what lasts."""

    def __init__(self, port: int, kept: dict[str, Any] | None = None) -> None:
        self.conversation = Conversation(SparkplugFormat(), "c")
        self.conversation.state.update(kept or {})
        self.fleeting: set[str] = set()
        self.said: list[Decoded] = []
        self.now = 1_700_000_000_000
        super().__init__(port, *self.conversation.format.filters, name="hub")

    def hears(self, count: int = 1) -> list[Decoded]:
        """What the next messages say."""
        heard = []
        for message in self.wait(len(self.said) + count)[len(self.said) :][:count]:
            said = self.conversation.hear(
                Message(
                    message.topic, bytes(message.payload), received_at=self.now, retain=message.retain, dup=message.dup
                )
            )
            assert said is not None
            self.fleeting |= {change.key for change in said.changes if not change.lasting}
            self.said.append(said)
            heard.append(said)
        return heard

    def send(self, requests: tuple[Request, ...]) -> None:
        for request in requests:
            self.say(request.topic, request.payload)

    def restarted(self, port: int) -> Hub:
        self.close()
        return Hub(port, {key: value for key, value in self.conversation.state.items() if key not in self.fleeting})


class Node(Client):
    """An edge node that says what the vectors say."""

    def __init__(self, port: int, run: dict[int, Case], *, will: int, name: str) -> None:
        self.run = run
        dies = run[will]
        topic = dies["topic"]
        last = Publication(topic, bytes.fromhex(dies["hex"]), retain=False)
        super().__init__(port, topic.replace("NDEATH", "NCMD"), name=name, will=last)

    def step(self, *numbers: int) -> None:
        for number in numbers:
            self.say(self.run[number]["topic"], bytes.fromhex(self.run[number]["hex"]))


@pytest.fixture
def open_all() -> Iterator[Callable[[Any], Any]]:
    clients: list[Client] = []

    def keep(client: Any) -> Any:
        clients.append(client)
        return client

    yield keep
    for client in clients:
        client.close()


Opened = Callable[[Any], Any]
Steps = Callable[[str], dict[int, Case]]
EDGE = "pysparkplug/edge node"


@pytest.fixture(params=["pysparkplug", "sparkplug-payload"])
def aliases(request: pytest.FixtureRequest, steps: Steps) -> dict[int, Case]:
    """The same story, as each of two foreign encoders writes it."""
    return steps(f"{request.param}/aliases")


def told(said: Decoded) -> list[tuple[str, bool | None]]:
    return [(each.device.id, each.online) for each in said.statements]


def values(said: Decoded) -> dict[str, Any]:
    return {name: value for sample in said.samples for name, value in sample.values.items()}


def test_birth_data_and_death_by_the_will(port: int, steps: Steps, open_all: Opened) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, steps(EDGE), will=1, name="edge-7"))
    node.step(2, 3, 4)
    born, device, data = hub.hears(3)
    assert told(born) == [("site 1/edge-7", True)]
    assert told(device) == [("site 1/edge-7/chiller 1", True)]
    assert values(data) == {"temperature": 21.75, "setpoint offset": -3.0}
    node.kill()
    [death] = hub.hears()
    assert told(death) == [("site 1/edge-7", False), ("site 1/edge-7/chiller 1", False)]


def test_both_encoders_are_born_speak_and_die(port: int, aliases: dict[int, Case], open_all: Opened) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(13, 14, 15, 16)
    born, device, own, data = hub.hears(4)
    assert told(born) == [("plant 1/gateway a", True)]
    assert told(device) == [("plant 1/gateway a/ahu-1", True)]
    assert (values(own), values(data)) == ({"uptime": 21.0}, {"temperature": 23.5, "offset": -1.0})
    node.kill()
    [death] = hub.hears()
    assert told(death) == [("plant 1/gateway a", False), ("plant 1/gateway a/ahu-1", False)]


def next_session(run: dict[int, Case]) -> dict[int, Case]:
    """The same messages by a node that connects once more: the ``bdSeq`` of 3, a field of two bytes, is 4."""
    return {step: case | {"hex": case["hex"].replace("5803", "5804")} for step, case in run.items()}


def test_a_node_with_the_same_client_id_takes_over(port: int, aliases: dict[int, Case], open_all: Opened) -> None:
    """The broker ends the older connection, and with it the session; the newer one is born after that."""
    hub = open_all(Hub(port))
    first = open_all(Node(port, aliases, will=17, name="gateway a"))
    first.step(1, 2)
    second = open_all(Node(port, next_session(aliases), will=17, name="gateway a"))
    second.step(13, 14)
    said = hub.hears(5)
    node, device = "plant 1/gateway a", "plant 1/gateway a/ahu-1"
    assert [told(each) for each in said] == [
        [(node, True)],
        [(device, True)],
        [(node, False), (device, False)],
        [(node, True)],
        [(device, True)],
    ]


def test_a_duplicate_that_dies_late_does_not_take_the_living_one_with_it(
    port: int, aliases: dict[int, Case], open_all: Opened
) -> None:
    hub = open_all(Hub(port))
    old = open_all(Node(port, aliases, will=17, name="gateway a before"))
    old.step(1, 2)
    new = open_all(Node(port, next_session(aliases), will=17, name="gateway a"))
    new.step(13, 14)
    hub.hears(4)
    old.kill()
    [late] = hub.hears()
    assert late == Decoded()
    new.kill()
    [death] = hub.hears()
    assert told(death)[0] == ("plant 1/gateway a", False)


def test_an_unknown_alias_brings_a_rebirth(port: int, aliases: dict[int, Case], open_all: Opened) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(*range(1, 12))
    said = hub.hears(11)
    assert [problem.reason for each in said for problem in each.problems] == ["unknown_alias"]
    hub.send(said[-1].requests)
    [command] = node.wait(1)
    assert command.topic == "spBv1.0/Plant 1/NCMD/Gateway A"
    [metric] = read_payload(bytes(command.payload), 1_000).metrics
    assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", 11, 1)
    node.step(13, 14, 15, 16)
    *_, own, device = hub.hears(4)
    assert values(own) == {"uptime": 21.0}
    assert values(device) == {"temperature": 23.5, "offset": -1.0}


def test_a_hub_that_restarts_knows_the_names_and_asks_once(
    port: int, aliases: dict[int, Case], open_all: Opened
) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(1, 2, 3)
    hub.hears(3)
    hub = open_all(hub.restarted(port))
    node.step(4, 5)
    first, second = hub.hears(2)
    assert values(first) == {"temperature": 22.0}
    assert values(second)["energy"] == 4294967295.0
    assert [len(each.requests) for each in (first, second)] == [1, 0]
    hub.send(first.requests)
    node.wait(1)
    node.step(1, 2, 3, 4)
    assert all(not each.problems and not each.requests for each in hub.hears(4))


def test_a_hub_that_never_heard_a_birth_lets_data_wait_and_reads_them_after(
    port: int, aliases: dict[int, Case], open_all: Opened
) -> None:
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(1, 2)
    hub = open_all(Hub(port))
    node.step(4)
    [early] = hub.hears()
    assert [problem.reason for problem in early.problems] == ["before_birth"]
    hub.send(early.requests)
    node.wait(1)
    node.step(1, 2)
    hub.hears(2)
    kept = hub.came[0]
    again = hub.conversation.hear(Message(kept.topic, bytes(kept.payload), received_at=hub.now))
    assert again is not None
    assert values(again) == {"temperature": 22.0}


def test_a_lost_message_brings_a_rebirth_after_two_seconds(
    port: int, aliases: dict[int, Case], open_all: Opened
) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(1, 2, 3, 4, 6)
    assert not any(each.requests for each in hub.hears(5))
    hub.now += 2_000
    node.step(7)
    [late] = hub.hears()
    assert [each.why for each in late.requests] == ["messages with seq 4 did not come within 2 s"]
    hub.send(late.requests)
    assert [each.topic for each in node.wait(1)] == ["spBv1.0/Plant 1/NCMD/Gateway A"]


def test_an_overtaken_message_fills_its_hole(port: int, aliases: dict[int, Case], open_all: Opened) -> None:
    hub = open_all(Hub(port))
    node = open_all(Node(port, aliases, will=17, name="gateway a"))
    node.step(1, 2, 3, 4, 6, 5)
    hub.hears(6)
    hub.now += 10_000
    node.step(7)
    [later] = hub.hears()
    assert later.requests == ()


def test_a_primary_host_lives_and_dies_in_public(port: int, open_all: Opened) -> None:
    host = PrimaryHost("hub", 1_700_000_000_000)
    onlooker = open_all(Client(port, host.topic, name="onlooker"))
    mine = open_all(Client(port, host.topic, name="host", will=host.will()))
    mine.say(host.topic, host.birth().payload, retain=True)
    onlooker.say(host.topic, host.will().payload, retain=True)  # the will of an earlier connection, late
    answers = [host.answer(each.topic, bytes(each.payload)) for each in mine.wait(2)]
    assert answers == [None, host.birth()]
    mine.say(host.topic, host.birth().payload, retain=True)
    onlooker.wait(3)
    mine.kill()
    assert [json.loads(each.payload)["online"] for each in onlooker.wait(4)] == [True, False, True, False]
    newcomer = open_all(Client(port, host.topic, name="newcomer"))
    [kept] = newcomer.wait(1)
    assert (kept.retain, json.loads(kept.payload)["online"]) == (True, False)
    newcomer.say(host.topic, b"", retain=True)  # the next test finds a clean broker
