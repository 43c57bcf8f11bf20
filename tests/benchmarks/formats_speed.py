"""CPU per message of each format, on everyday messages and on the worst that is accepted."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle
from typing import Any, Final, NamedTuple

import msgspec

from devices import formats
from devices.contract import Message
from devices.conversation import Conversation
from devices.formats.native import NativeFormat
from tests.benchmarks.goals import Finding
from tests.benchmarks.measure import Spread
from tests.benchmarks.plan import Plan
from tests.devices.stretched import stretched

NOW: Final = 1_763_800_001_000
_MESSAGES: Final = 3_000
_EXPOSED: Final = 12
"""Values of each device of a large inventory."""
_TURNS: Final = 3
"""Times that each large payload is read, each time by a format that has read nothing."""


class Everyday(NamedTuple):
    """What a device of the format sends most of the time."""

    topic: str
    payload: bytes
    before: tuple[tuple[str, bytes], ...] = ()
    """What has to be heard first."""
    following: tuple[bytes, ...] = ()
    """The messages after it, over and over, where they count themselves."""


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


_INVENTORY: Final = [
    {
        "ieee_address": "0x00158d00018255df",
        "friendly_name": "hall",
        "type": "EndDevice",
        "power_source": "Battery",
        "definition": {
            "model": "WSDCGQ11LM",
            "vendor": "Aqara",
            "exposes": [
                {"type": "numeric", "name": name, "property": name, "unit": unit, "access": 1}
                for name, unit in (("temperature", "°C"), ("humidity", "%"), ("battery", "%"), ("voltage", "mV"))
            ],
        },
    }
]
EVERYDAY: Final = {
    "zigbee2mqtt": Everyday(
        "zigbee2mqtt/hall",
        _json({"temperature": 21.5, "humidity": 44.2, "battery": 97, "voltage": 3005, "linkquality": 120}),
        (("zigbee2mqtt/bridge/devices", _json(_INVENTORY)),),
    ),
    "shelly": Everyday(
        "shellyplusplugs-a8032ab12345/events/rpc",
        _json(
            {
                "src": "shellyplusplugs-a8032ab12345",
                "dst": "x/events",
                "method": "NotifyStatus",
                "params": {"ts": 1763800000.5, "switch:0": {"apower": 8.9, "voltage": 231.0, "current": 0.1}},
            }
        ),
    ),
    "chirpstack": Everyday(
        "application/1/device/0101010101010101/event/up",
        _json(
            {
                "deduplicationId": "3ac7e3c4",
                "time": "2025-11-22T08:26:40.123+00:00",
                "deviceInfo": {"deviceProfileName": "AM307", "deviceName": "hall", "devEui": "0101010101010101"},
                "fCnt": 7,
                "fPort": 85,
                "data": "AXVc",
                "object": {"temperature": 21.5, "humidity": 44.0, "co2": 612, "battery": 92},
                "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
            }
        ),
    ),
    "tasmota": Everyday(
        "tele/plug/SENSOR",
        _json({"Time": "2025-11-22T16:26:40", "ENERGY": {"Total": 9.2, "Power": 170, "Voltage": 231, "Current": 0.7}}),
    ),
    "alink": Everyday(
        "/sys/pk/dn/thing/event/property/post",
        _json({"id": "1", "version": "1.0", "params": {"temperature": {"value": 23.6, "time": 1763800000000}}}),
    ),
    "telegraf_json": Everyday(
        "telegraf/host/modbus",
        _json({"name": "modbus", "tags": {"host": "gw1"}, "fields": {"temperature": 21.5}, "timestamp": 1763800000}),
    ),
}
"""JSON formats, an everyday message each."""


def formats_speed(plan: Plan) -> dict[str, Finding]:
    """Microseconds of CPU a message: the native short way, the slowest of the JSON formats, ten Sparkplug metrics."""
    native = NativeFormat()
    route = native.route("community/v1/garden/hall/telemetry", None)
    assert route is not None
    quick = native.quick(route)
    assert quick is not None
    line = _json({"ts": NOW, "seq": 7, "boot": "a", "values": {f"p{n}": 21.5 for n in range(5)}})
    rounds: dict[str, list[float]] = {"native": [], "json": [], "sparkplug": []}
    slowest: dict[str, list[float]] = {name: [] for name in EVERYDAY}
    for _ in range(plan.rounds):
        rounds["native"].append(_cost(lambda: quick[1](line)))
        for name, everyday in EVERYDAY.items():
            slowest[name].append(_cost(_hearing(name, everyday)))
        rounds["json"].append(max(each[-1] for each in slowest.values()))
        rounds["sparkplug"].append(_cost(_hearing("sparkplug", _sparkplug())))
    each = ", ".join(f"{name} {sorted(costs)[len(costs) // 2]:.1f}" for name, costs in slowest.items())
    plan.say(f"formats, us: native {rounds['native'][-1]:.1f}, {each}, sparkplug {rounds['sparkplug'][-1]:.1f}")
    gc.disable()  # what the collector takes says how full this process is, and nothing of a format
    worst_ms, worst_mb, name = _worst()
    whole_ms, whole_mb = _whole()
    gc.enable()
    return {
        "format_native": Finding(spread=Spread.of(rounds["native"])),
        "format_json": Finding(spread=Spread.of(rounds["json"]), note=each),
        "format_sparkplug": Finding(spread=Spread.of(rounds["sparkplug"])),
        "format_worst": Finding(spread=Spread.of([worst_ms]), note=name),
        "format_worst_mb": Finding(spread=Spread.of([worst_mb])),
        "format_whole": Finding(spread=Spread.of([whole_ms]), note=f"{whole_mb:.0f} MB"),
    }


def _hearing(name: str, everyday: Everyday) -> Callable[[], object]:
    conversation = Conversation(formats.make(name), "garden")
    for topic, payload in everyday.before:
        conversation.hear(Message(topic, payload, NOW))
    route = conversation.route(everyday.topic)
    assert route is not None, name
    first = conversation.hear(Message(everyday.topic, everyday.payload, NOW))
    assert first is not None
    assert first.samples, f"{name} reads nothing: {first.problems}"
    messages = cycle([Message(everyday.topic, each, NOW) for each in everyday.following or (everyday.payload,)])

    def hear() -> object:
        said = conversation.format.decode(route, next(messages), conversation.state)
        if said.changes:
            conversation.learn(said.changes)
        return said

    return hear


def _cost(work: Callable[[], object]) -> float:
    for _ in range(300):
        work()
    began = time.process_time()
    for _ in range(_MESSAGES):
        work()
    return (time.process_time() - began) / _MESSAGES * 1e6


def _worst() -> tuple[float, float, str]:
    """(ms, MB, which): the dearest of all worked examples, made as large as is accepted. MB: the most of any of them.

    Each costs what the cheapest of its turns did, none of which has been read before: what is more is the machine's.
    """
    costs: dict[int, float] = {}
    titles: dict[int, str] = {}
    largest = 0.0
    for turn in range(_TURNS):
        for number, each in enumerate(stretched()):
            titles[number] = f"{each.name}, {len(each.message.payload):,} bytes: {each.title}"
            cost = _once(each.conversation, each.message, measured=False)[0]
            costs[number] = min(costs.get(number, math.inf), cost)
            if not turn:
                largest = max(largest, _once(each.conversation, each.message, measured=True)[1])
        gc.collect()
    which = max(costs, key=costs.__getitem__)
    return costs[which], largest, titles[which]


def _once(conversation: Conversation, message: Message, *, measured: bool) -> tuple[float, float]:
    """(ms, MB) of a message; without ``measured`` its memory is not looked at, which costs time."""
    if measured:
        tracemalloc.start()
    began = time.process_time()
    conversation.format.decode(conversation.route(message.topic), message, conversation.state)
    taken = (time.process_time() - began) * 1e3
    peak = tracemalloc.get_traced_memory()[1] / 1e6 if measured else 0.0
    tracemalloc.stop()
    return taken, peak


def _whole() -> tuple[float, float]:
    """(ms, MB) of the dearer of two messages that name everything at once: an inventory of 2,000 devices, no two of one
    model, and a birth of 19,000 metrics.
    """
    found = []
    inventory = []
    for number in range(2_000):
        points = [
            {"type": "numeric", "name": f"n{n}", "property": f"n{n}_{number}", "unit": "%", "access": 1}
            for n in range(_EXPOSED)
        ]
        known = {"model": f"X{number}", "vendor": "Y", "exposes": points}
        device = {"ieee_address": f"0x{number:016x}", "friendly_name": f"d{number}", "type": "Router"}
        inventory.append(device | {"definition": known})
    births = (
        ("zigbee2mqtt", "zigbee2mqtt/bridge/devices", _json(inventory)),
        ("sparkplug", "spBv1.0/plant/NBIRTH/edge", _birth(19_000)),
    )
    for name, topic, payload in births:
        for measured in (False, True):
            conversation = Conversation(formats.make(name), "garden")
            found.append(_once(conversation, Message(topic, payload, NOW, retain=True), measured=measured))
    return max(each[0] for each in found[::2]), max(each[1] for each in found)


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _field(number: int, kind: int, body: bytes) -> bytes:
    return _varint(number << 3 | kind) + (_varint(len(body)) + body if kind == 2 else body)


def _metric(alias: int, *, name: str = "") -> bytes:
    body = _field(1, 2, name.encode()) if name else b""
    body += _field(2, 0, _varint(alias)) + _field(3, 0, _varint(NOW)) + _field(4, 0, _varint(9))
    body += _field(12, 5, b"\0\0\xac\x41")
    return _field(2, 2, body)


def _birth(metrics: int) -> bytes:
    named = b"".join(_metric(n, name=f"line{n}/temperature") for n in range(metrics))
    return _field(1, 0, _varint(NOW)) + named + _field(3, 0, _varint(0))


def _sparkplug() -> Everyday:
    """Ten metrics by alias, each with its time, as an edge node sends them after its birth; numbered as it numbers them."""
    head, ten = _field(1, 0, _varint(NOW)), b"".join(_metric(n) for n in range(10))
    data = [head + ten + _field(3, 0, _varint(seq % 256)) for seq in range(1, 258)]
    born = (("spBv1.0/plant/NBIRTH/edge", _birth(10)),)
    return Everyday("spBv1.0/plant/NDATA/edge", data[0], born, tuple(data[1:]))
