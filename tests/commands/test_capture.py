"""``hub decode --capture`` reads what mosquitto_sub prints: topics with blanks, payloads of many lines, bytes as hexadecimal."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from devices.formats.sparkplug_host import Publication
from hub.cli import main
from hub.commands.capture import Heard, Unreadable, read
from tests.mosquitto import own_mosquitto

TELEMETRY = "community/v1/garden/pool-1/telemetry"
ROOM = "zigbee2mqtt/Living room sensor"
INVENTORY = """[
  {"ieee_address": "0x00158d00018255df", "friendly_name": "Living room sensor", "type": "EndDevice",
   "definition": {"model": "T1", "vendor": "Acme", "exposes": [
     {"type": "numeric", "name": "temperature", "property": "temperature", "unit": "°C", "access": 1}]}}
]"""
NODE_BORN = bytes.fromhex("0880ccb0d5aa3312140a0b74656d70657261747572652009650000ac411800")
"""seq 0 and one metric: temperature, a Float of 21.5."""
Hears = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def hears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Hears:
    """Decode a capture: the exit code, and the answers by message."""

    def hear(capture: bytes, *more: str) -> tuple[int, list[dict[str, Any]]]:
        file = tmp_path / "capture.txt"
        file.write_bytes(capture)
        code = main([*more, "decode", "--json", "--capture", str(file)])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return hear


def values(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [sample["values"] for answer in message["answers"] for sample in answer["samples"]]


@pytest.mark.servers
def test_what_mosquitto_sub_prints_of_real_messages_is_read(
    tmp_path: Path, hears: Hears, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed: apt-get install mosquitto-clients")
    plain = [
        Publication("zigbee2mqtt/bridge/devices", INVENTORY.encode(), retain=False),
        Publication(ROOM, b'{\n  "temperature": 21.5,\n  "note": "a } and a \\" in it"\n}', retain=False),
        Publication("homeassistant/sensor/room_1/config", b"", retain=False),
        Publication("telegraf/gw 1", b"room,host=a co2=640i\nroom,host=b co2=650i\n", retain=False),
        Publication(TELEMETRY, b'{"values": {"ph": 7.2}}', retain=False),
    ]
    born = Publication("spBv1.0/Plant 1/NBIRTH/Gateway A", NODE_BORN, retain=False)
    with own_mosquitto(tmp_path) as port:
        text = captured(port, plain, "-v")
        hexadecimal = captured(port, [born], "-F", "%t hex:%x")

    code, said = hears(text)
    assert [message["topic"] for message in said] == [each.topic for each in plain]
    assert [values(message) for message in said[1:]] == [
        [{"temperature": 21.5, "note": 'a } and a " in it'}],
        [],
        [{"room.co2": 640.0}, {"room.co2": 650.0}],
        [{"ph": 7.2}],
    ]
    assert code == 0, [message["answers"] for message in said]

    code, [node] = hears(hexadecimal)
    assert (code, node["topic"], values(node)) == (0, born.topic, [{"temperature": 21.5}])

    with own_mosquitto(tmp_path) as port:
        bytes_as_text = captured(port, [born], "-v")
    assert main(["decode", "--capture", str(written(tmp_path, bytes_as_text))]) == 1
    assert "binary, which a line cannot hold: print it with mosquitto_sub -F '%t hex:%x'" in capsys.readouterr().out


def captured(port: int, messages: list[Publication], *how: str) -> bytes:
    """As mosquitto_sub prints them: it is known to the broker before they come, and fetches them after."""
    words = ["mosquitto_sub", "-p", str(port), "-i", "capture", "-c", "-q", "1", "-t", "#"]
    subprocess.run([*words, "-E"], check=True, timeout=60)
    publish.multiple([(each.topic, each.payload, 1, False) for each in messages], port=port)
    done = subprocess.run([*words, "-C", str(len(messages)), *how], check=True, timeout=60, capture_output=True)
    return done.stdout


def written(folder: Path, content: bytes) -> Path:
    file = folder / "capture.bin"
    file.write_bytes(content)
    return file


CLAIMS = {"a b/state": b"on", "a": b"1", "z/x y": b"{}", "": b"2"}


def judge(topic: str, payload: bytes) -> int:
    """Four topics, each with the payload that it understands; many lines of ones are understood on ``a``."""
    if topic not in CLAIMS:
        return -1
    lines = payload.split(b"\n")
    return len(lines) if all(line == CLAIMS[topic] for line in lines) else 0


@pytest.mark.parametrize(
    ("lines", "heard"),
    [
        (["a b/state on"], [("a b/state", b"on")]),
        (["a b/state off"], [("a", b"b/state off")]),
        (["z/x y {", ' "k": 1', "}", "a 1"], [("z/x y", b'{\n "k": 1\n}'), ("a", b"1")]),
        (["z/x y [", " 2", "]"], [("z/x y", b"[\n 2\n]")]),
        (["z/x y {", "a 1"], [("z/x y", b"{"), ("a", b"1")]),
        (["a 1", "1", "1", "a b/state on"], [("a", b"1\n1\n1"), ("a b/state", b"on")]),
        (["a 1", "2"], [("a", b"1"), ("2", b"")]),
        (["not mine {1}", "nor this"], [("not mine", b"{1}"), ("nor", b"this")]),
        (["a (null)", "p q hex:0a0B", "a 1"], [("a", b""), ("p q", b"\n\x0b"), ("a", b"1")]),
        (["a \udcff"], [("a", b"\xff")]),
        (["\udcff 1"], [("\\xff", b"1")]),
    ],
)
def test_the_formats_say_where_a_topic_ends_and_a_message_begins(
    lines: list[str], heard: list[tuple[str, bytes]]
) -> None:
    assert [(each.topic, each.payload) for each in read(lines, judge) if isinstance(each, Heard)] == heard


def test_a_line_that_is_no_message_is_named_and_the_next_one_is_read(hears: Hears) -> None:
    found = list(read(["a 1", "p q hex:0a0", "a 1"], judge))
    assert found[1] == Unreadable(2, "'hex:0a0' is not hexadecimal: write hex:0a0b0c")
    assert found[2] == Heard("a", b"1", 3)
    code, said = hears(f'x hex:zz\n{TELEMETRY} {{"values": {{"ph": 7.2}}}}\n'.encode())
    assert (code, [values(message) for message in said]) == (1, [[{"ph": 7.2}]])


def test_json_that_never_ends_is_given_up() -> None:
    [first, *_] = read(["z/x y {", *['  "k": 1,' + " " * 1_000] * 300], judge)
    assert isinstance(first, Heard)
    assert len(first.payload) < 300_000


SETTINGS = """
[mqtt]
url = "mqtt://127.0.0.1"
community = "garden"
formats = ["zigbee2mqtt", "telegraf_json", "influx_line"]
options.zigbee2mqtt.base = "z2m"
"""


def test_a_connection_brings_its_formats_their_options_and_its_community(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, capture = tmp_path / "hub.toml", tmp_path / "capture.txt"
    config.write_text(SETTINGS, encoding="utf-8")
    capture.write_text(f'z2m/bridge/devices {INVENTORY}\nz2m/Living room sensor {{"temperature": 20}}\n', "utf-8")
    words = ["--config", str(config), "decode", "--capture", str(capture)]
    assert main(words) == 1
    assert "no format reads this topic" in capsys.readouterr().out
    for more in (["--connection", "main"], ["--community", "garden", "--option", "zigbee2mqtt.base=z2m"]):
        assert main([*words, *more]) == 0
        assert "garden~ieee-00158d00018255df\n      temperature = 20.0 ℃" in capsys.readouterr().out
    assert main([*words[:3], "--connection", "main", "telegraf/a", "room,host=a co2=640i"]) == 1
    assert "influx_line" not in capsys.readouterr().out, "the first format that claims a topic has it"


def test_the_content_type_decides_where_a_format_asks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    payload = "hex:81a200637572313a6474656d70 02181a".replace(" ", "")
    words = ["decode", "--format", "senml", "senml/x", payload]
    before = main(words), capsys.readouterr().out
    assert (main([*words, "--content-type", "application/senml+json"]), capsys.readouterr().out) != before


def test_the_help_says_how_bytes_are_captured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["decode", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "mosquitto_sub -t 'spBv1.0/#' -F '%t hex:%x' | hub decode --connection main --capture -" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--connection", "west"], "the settings have no MQTT connection 'west'; there is none"),
        (["--connection", "main", "--format", "native"], "--connection brings formats, options and community"),
        (["--option", "zigbee2mqtt.base"], "--option 'zigbee2mqtt.base': expected FORMAT.KEY=VALUE"),
        (["--option", "zigbee.base=x"], "zigbee is not among the formats"),
        (["--format", "native", "--option", "zigbee2mqtt.base=x"], "zigbee2mqtt is not among the formats"),
        (["--option", "zigbee2mqtt.bass=x"], "format zigbee2mqtt: "),
    ],
)
def test_wrong_words_about_formats_are_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", "topic", "x", *arguments]) == 1
    assert said in capsys.readouterr().err
