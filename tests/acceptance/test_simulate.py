"""``hub simulate`` as a program of its own against a real broker: what others hear of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hub.ingest.broker import EmbeddedBroker
from tests.acceptance.conftest import eventually

pytestmark = pytest.mark.servers
ROOT = "community/v1/harmony-garden"

DARK = """
expect = []
[[step]]
shape = "silent"
devices = ["gateway:gw-ebike-1", "gw-ebike-1"]
start_s = 3
for_s = 600
"""


@pytest.fixture
def heard(broker: EmbeddedBroker) -> Iterator[list[paho.MQTTMessage]]:
    """Everything that the devices say, as any other listener hears it."""
    messages: list[paho.MQTTMessage] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    client.username_pw_set(broker.hub.name, broker.hub.password)
    client.on_message = lambda _client, _data, message: messages.append(message)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe(f"{ROOT}/+/telemetry", qos=1)
    client.subscribe(f"{ROOT}/+/status", qos=1)
    yield messages
    client.disconnect()
    client.loop_stop()


def start(broker: EmbeddedBroker, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hub", "simulate", "--broker", broker.simulator_url, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(messages: list[paho.MQTTMessage], topic: str) -> list[bytes]:
    return [message.payload for message in list(messages) if message.topic == f"{ROOT}/{topic}"]


def test_a_gateway_that_falls_silent_is_told_by_its_will_and_the_truth_is_written(
    broker: EmbeddedBroker, heard: list[paho.MQTTMessage], tmp_path: Path
) -> None:
    (tmp_path / "dark.toml").write_text(DARK, encoding="utf-8")
    truth = tmp_path / "truth.jsonl"
    process = start(broker, "--scenario", str(tmp_path / "dark.toml"), "--truth", str(truth))
    try:
        eventually(lambda: b"offline" in said(heard, "gw-ebike-1/status"), "the broker tells the will")
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "published" in out
    lines = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert {(line["device"], line["shape"], line["began"]) for line in lines} >= {("gw-ebike-1", "silent", True)}
    others = {m.topic.split("/")[3] for m in heard if m.topic.endswith("/status") and m.payload == b"offline"}
    assert others == {"gw-ebike-1"}, "a goodbye tells no will"
    telemetry = [json.loads(message.payload) for message in heard if message.topic.endswith("/telemetry")]
    assert telemetry
    assert all(body["values"] for body in telemetry)


def test_every_device_can_speak_one_other_format(broker: EmbeddedBroker, heard: list[paho.MQTTMessage]) -> None:
    listener = paho.Client(CallbackAPIVersion.VERSION2, client_id="bridge-listener")
    listener.username_pw_set(broker.hub.name, broker.hub.password)
    told: dict[str, bytes] = {}
    listener.on_message = lambda _client, _data, message: told.setdefault(message.topic, message.payload)
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    listener.subscribe("zigbee2mqtt/#", qos=1)
    process = start(broker, "--as", "zigbee2mqtt")
    try:
        eventually(lambda: "zigbee2mqtt/Gym air" in told, "a device's state")
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        listener.disconnect()
        listener.loop_stop()
    assert process.returncode == 0, err
    assert "left out, because the format has no word for it" in err
    inventory = json.loads(told["zigbee2mqtt/bridge/devices"])
    assert "Gym air" in {entry["friendly_name"] for entry in inventory}
    assert "co2" in json.loads(told["zigbee2mqtt/Gym air"])
    assert not heard, "nobody speaks the hub's own format"


def test_ctrl_c_ends_it_also_while_it_tells_the_past(broker: EmbeddedBroker, heard: list[paho.MQTTMessage]) -> None:
    process = start(broker, "--history", "28")
    try:
        eventually(lambda: len(heard) > 1000, "the past is being told")
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "hours of history told: 0 of" in err
    assert "history told\n" not in err.replace("hours of history told", "")


def test_the_day_of_fitting_is_played_by_the_devices_of_its_own_list(broker: EmbeddedBroker) -> None:
    process = start(broker, "--scenario", "commissioning", "--seconds", "0.5")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "messages of 330 devices" in out
