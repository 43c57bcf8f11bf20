"""The hub's receiver on the embedded brokers, with the accounts and rules that they are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_programs import Iotcore, Mosquitto, Program, find_mosquitto
from hub.ingest.wire import Hello, Wire

pytestmark = pytest.mark.servers
TOPIC = "community/v1/hg/lift-1/telemetry"


def mosquitto() -> Program:
    path = find_mosquitto()
    if path is None:
        pytest.skip("mosquitto is not installed")
    return Mosquitto(path)


@pytest.fixture(params=[mosquitto, Iotcore], ids=["mosquitto", "iotcore"])
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    program: Callable[[], Program] = request.param
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=WallClock(), port=0, simulated=("hg",), program=program)
    broker.start()
    yield broker
    broker.stop()


def eventually(check: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def say(broker: EmbeddedBroker, *payloads: bytes) -> None:
    hello = Hello(client_id="simulator", name=broker.simulator.name, password=broker.simulator.password)
    with Wire("127.0.0.1", broker.port, hello) as wire:
        wire.publish_all(TOPIC, list(payloads))


def version(broker: EmbeddedBroker) -> str:
    return "5" if broker.keeps_mqtt5 else "3.1.1"


def test_the_hub_hears_devices_and_its_own_heartbeat(embedded: EmbeddedBroker, rig: Any, intake: Any) -> None:
    receiver = rig.started(embedded.hub_url, version=version(embedded))
    say(embedded, b"1", b"2")
    eventually(lambda: [frame.payload for frame in intake.messages()] == [b"1", b"2"], "the device's messages")
    eventually(lambda: any(frame.topic.startswith(b"hub/beat/") for frame in intake.journal), "the heartbeat")
    assert receiver.health(WallClock().now()).status == "ok"


def test_a_restart_in_order_loses_the_session_only_where_the_broker_is_known_to(
    embedded: EmbeddedBroker, rig: Any, intake: Any
) -> None:
    rig.started(embedded.hub_url, version=version(embedded))
    connects = rig.count("connects_total")
    embedded.restart()
    eventually(lambda: rig.count("connects_total") > connects, "connected again")
    say(embedded, b"after")
    eventually(lambda: b"after" in [frame.payload for frame in intake.messages()], "heard after the restart")
    lost = any(line.startswith("restart:") for line in embedded.limits)
    assert ("session_lost" in [gap.kind for gap in intake.gaps()]) is lost
