"""A real broker, the whole hub, and what comes out at its other ends: a tick on the walker's page, a command to a node."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.formats.sparkplug_payload import read_payload
from devices.simulator.effects import Report
from devices.simulator.habits import signal_for
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.speaking.sparkplug import SparkplugSpeaker
from devices.simulator.speaking.speech import Said, Stage
from hub.clock import SECOND, WallClock
from hub.settings import Mqtt, Settings, Web
from hub.storage.community_toml import parse_toml
from hub.wiring import Hub
from tests.acceptance.conftest import eventually
from tests.mosquitto import own_mosquitto

pytestmark = pytest.mark.servers

COURT: Final = "small-court"
TOKEN: Final = "the-token-of-the-whole-rig-0123456789"
_LINES: Final = 12
"""Of the event stream that are read: an event has four of them, a heartbeat two."""
API: Final = f"/api/v1/commissioning/{COURT}"
FILE: Final = f"""
[community]
id = "{COURT}"
name = {{ zh = "小院", en = "Small court" }}

[crews.works]
name = "Works"
default = true

[places.b1]
kind = "building"
name = "Building 1"

[places.cellar]
kind = "room"
parent = "b1"
name = "Cellar"

[facilities.leak-b1]
kind = "leak_watch"
name = "Leak watch"
building = "b1"

[expected.cellar-leak]
serial = "A8-40:41 00"
facility = "leak-b1"
place = "cellar"
points = ["leak"]
"""


class Client:
    """Somebody on the broker, who remembers what came."""

    def __init__(self, port: int, name: str) -> None:
        self.came: list[paho.MQTTMessage] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self.client.on_message = lambda _client, _data, message: self.came.append(message)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def listen(self, topic: str) -> None:
        granted = threading.Event()
        self.client.on_subscribe = lambda *_: granted.set()
        self.client.subscribe(topic, 1)
        assert granted.wait(30)

    def say(self, said: Said) -> None:
        info = self.client.publish(said.topic, said.payload, 1, said.retain)
        info.wait_for_publish(30)
        assert info.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Phone:
    """The hub over HTTP, as the walk page asks it."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = self._send(method, path, body)
        read = answer.read()
        assert answer.status < 300, (path, answer.status, read)
        return json.loads(read or b"null")

    def events(self, kinds: str) -> Iterator[dict[str, Any]]:
        """What the event stream says from now on: it has begun when this returns. It ends with a few heartbeats in a row."""
        answer = self._send("GET", f"/api/v1/events?kinds={kinds}", None)
        assert answer.status == 200
        while answer.readline().strip() != b": welcome":
            pass
        lines = islice(iter(answer.readline, b""), _LINES)
        return (json.loads(line[6:]) for line in lines if line.startswith(b"data: "))

    def _send(self, method: str, path: str, body: object) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with own_mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture(scope="module")
def hub(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    mqtt = Mqtt(
        url=f"mqtt://127.0.0.1:{port}",
        community=COURT,
        formats=("native", "sparkplug"),
        may_write=True,
    )
    folder: Path = tmp_path_factory.mktemp("hub")
    hub = Hub(Settings(data_dir=folder, admin_token=TOKEN, mqtt=mqtt, web=Web(port=0)))
    hub.start()
    hub.registry.import_file(parse_toml(FILE, hub.catalogue))
    yield hub
    hub.stop()


@pytest.fixture
def phone(hub: Hub) -> Iterator[Phone]:
    made = Phone(hub.url)
    yield made
    made.close()


@pytest.fixture
def sensor(port: int) -> Iterator[Client]:
    made = Client(port, "sensor")
    yield made
    made.close()


def test_a_sensor_that_is_triggered_on_the_broker_is_ticked_in_the_stream_of_the_walkers_page(
    hub: Hub, phone: Phone, sensor: Client
) -> None:
    phone.ask("POST", f"{API}/spans", {"part": "community"})
    sensor.say(leak(wet=False))
    eventually(lambda: f"{COURT}~a8404100" in hub.registrar.current.devices, "the sensor has adopted itself")
    eventually(lambda: phone.ask("POST", f"{API}/walk/here", {"place": "cellar"}), "somebody is in the cellar")
    page = Phone(hub.url)
    ticks = page.events("walk")
    sensor.say(leak(wet=True))
    tick = next(ticks, None)
    assert tick is not None, "no tick came"
    assert (tick["device"], tick["point"], tick["outcome"]) == (f"{COURT}~a8404100", "leak", "passed")
    page.close()
    (room,) = [room for room in phone.ask("GET", f"{API}/walk")["rooms"] if room["place"] == "cellar"]
    assert (len(room["points"]), room["untested"]) == (1, 0)


def leak(*, wet: bool) -> Said:
    body = {"ts": WallClock().now(), "values": {"leak": wet}}
    return Said(f"community/v1/{COURT}/a8404100/telemetry", json.dumps(body).encode())


def test_a_node_that_was_never_born_is_asked_for_its_birth_and_then_understood(
    hub: Hub, phone: Phone, sensor: Client
) -> None:
    meter = SimDevice(
        id="meter",
        gateway="meter",
        building="",
        facility="",
        kind="pump_room",
        interval=60 * SECOND,
        phase=0,
        points=(SimPoint(name="temperature", metric="temperature", signal=signal_for("gym", "temperature"), key=1),),
        scheme="spb",
        own="plant 1/gateway a",
    )
    at = WallClock().now()
    speaker = SparkplugSpeaker(Stage(COURT, at), [meter])
    report = Report(device="meter", at=at, values={"temperature": 21.5}, clock=at)
    births, [data] = list(speaker.introduction(meter, report)), list(speaker.report(meter, report))
    sensor.listen("spBv1.0/+/NCMD/+")

    sensor.say(data)
    eventually(lambda: sensor.came, "a command to the node")
    [command] = sensor.came
    assert command.topic == births[0].topic.replace("NBIRTH", "NCMD")
    [metric] = read_payload(bytes(command.payload), 1_000).metrics
    assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", 11, 1)

    for birth in births:
        sensor.say(birth)
    (waiting,) = eventually(lambda: inbox(phone), "the node waits for its place")
    assert [point["name"] for point in waiting["points"]] == ["temperature"]


def inbox(phone: Phone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = phone.ask("GET", f"/api/v1/devices/inbox?community={COURT}")["items"]
    return [item for item in found if item["points"]]
