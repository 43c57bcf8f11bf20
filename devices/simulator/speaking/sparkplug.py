"""Sparkplug B: a gateway is an edge node, born with its metrics and numbered messages; data go by alias."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from devices.formats.protobuf_wire import varint, write_field
from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Foreign, Said, Stage, parted
from devices.units import UNITS
from devices.words import SWITCHES, TEXTS, UNIT_OF

_INT64, _DOUBLE, _BOOLEAN, _STRING = 4, 10, 11, 12
_WRAP: Final = 256
_ALIASES: Final = 1_000
"""Numbers set aside for the metrics of one device."""


class _Metric(NamedTuple):
    """One metric of a message."""

    name: str
    alias: int | None
    at: int | None
    datatype: int
    value: Value | None
    """None: the metric is there, and nothing is known of it yet."""
    unit: str = ""


class SparkplugSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    scheme = "spb"
    tells_the_past = False  # a second voice would break the order of the first one's messages

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        super().__init__(stage, devices)
        self._by_own = {self.own(device).id: device for device in devices}
        self._often = {device.id: Counter(point.metric for point in device.points) for device in devices}
        self._aliases = {device.id: 1 + _ALIASES * number for number, device in enumerate(devices)}
        self._seq: dict[str, int] = {}
        self._session: dict[str, int] = {}
        self._born: dict[str, set[str]] = {}
        """Node -> devices that have been born in its session."""

    def make_up(self, device: SimDevice) -> str:
        """``{group}/{node}``, and behind it the device that is not the node itself."""
        node = f"{self.stage.community}/{device.gateway}"
        return node if device.id == device.gateway else f"{node}/{device.id}"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Whatever its name says what it measures."""
        return parted(point) is not None

    def renamed(self, device: SimDevice, point: SimPoint) -> str:
        """The hub calls a metric by its quantity where a device has it once, else by the whole name."""
        return point.metric if self._often[device.id][point.metric] == 1 else point.name

    def topic(self, device: SimDevice) -> str:
        """Data."""
        return self._topic(device, "DATA")

    def introduction(self, device: SimDevice, report: Report) -> Iterator[Said]:
        """The birth of the node where it has not been born, then that of the device."""
        node, own = self._node(device), self.own(device).id
        born = self._born.setdefault(node, set())
        at = report.at
        if node not in born:
            born.add(node)
            self._seq[node] = _WRAP - 1
            controls = [
                _Metric("bdSeq", None, at, _INT64, self._session.get(node, 0)),
                _Metric("Node Control/Rebirth", None, at, _BOOLEAN, value=False),
            ]
            itself = self._by_own.get(node)
            known = () if itself is None else self._metrics(itself, report if node == own else None, named=True)
            yield self._message(self._topic(device, "BIRTH", node), node, at, [*controls, *known])
        if own not in born:
            born.add(own)
            yield self._message(self._topic(device, "BIRTH"), node, at, [*self._metrics(device, report, named=True)])

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Data by alias, each at the device's own time."""
        metrics = [*self._metrics(device, report, named=False)]
        return (self._message(self.topic(device), self._node(device), report.clock, metrics),) if metrics else ()

    def silenced(self, device: SimDevice, *, alone: bool) -> Iterator[Said]:
        """Without its gateway a node ends its session; the next one has the next number. Else the node tells the death."""
        node, own = self._node(device), self.own(device).id
        if not alone:
            if self._born.pop(node, None) is not None:
                self._session[node] = self._session.get(node, 0) + 1
        elif own in self._born.get(node, ()):
            self._born[node].discard(own)
            yield self._message(self._topic(device, "DEATH"), node, None, [])

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """The death of the session at hand is the will; a birth says of itself that the node is there."""
        if online:
            return None
        node = self._node(device)
        bd = _Metric("bdSeq", None, None, _INT64, self._session.get(node, 0))
        return Said(self._topic(device, "DEATH", node), write_field(0x12, _metric(bd)))

    # --- topics and messages ----------------------------------------------------------------------------------

    def _node(self, device: SimDevice) -> str:
        """The identity of the node that a device speaks through."""
        return "/".join(self.own(device).id.split("/")[:2])

    def _topic(self, device: SimDevice, kind: str, own: str = "") -> str:
        group, node, *rest = (own or self.own(device).id).split("/")
        return "/".join(("spBv1.0", group, f"{'D' if rest else 'N'}{kind}", node, *rest))

    def _metrics(self, device: SimDevice, report: Report | None, *, named: bool) -> Iterator[_Metric]:
        """Names and units at birth, numbers afterwards; without a report nothing is known of the values."""
        for alias, point in enumerate(self.sayable(device), self._aliases[device.id]):
            value = None if report is None else report.values[point.name]
            unit = UNIT_OF.get(point.metric, "") if named else ""
            yield _Metric(
                point.name if named else "",
                alias,
                None if report is None else report.clock,
                _datatype(point.metric, value),
                value,
                unit if unit in UNITS else "",
            )

    def _message(self, topic: str, node: str, at: int | None, metrics: list[_Metric]) -> Said:
        seq = self._seq[node] = (self._seq[node] + 1) % _WRAP
        body = b"".join(write_field(0x12, _metric(metric)) for metric in metrics)
        stamp = b"" if at is None else write_field(0x08, at)
        return Said(topic, stamp + body + write_field(0x18, seq))


def _datatype(metric: str, value: Value | None) -> int:
    if isinstance(value, bool) or (value is None and metric in SWITCHES):
        return _BOOLEAN
    return _STRING if isinstance(value, str) or (value is None and metric in TEXTS) else _DOUBLE


def _metric(metric: _Metric) -> bytes:
    out = write_field(0x0A, metric.name.encode()) if metric.name else b""
    if metric.alias is not None:
        out += write_field(0x10, metric.alias)
    if metric.at is not None:
        out += write_field(0x18, metric.at)
    out += write_field(0x20, metric.datatype)
    if metric.unit:
        text = write_field(0x08, _STRING) + write_field(0x42, metric.unit.encode())
        out += write_field(0x4A, write_field(0x0A, b"engUnit") + write_field(0x12, text))
    if metric.value is None:
        return out + write_field(0x38, 1)
    if isinstance(metric.value, bool):
        return out + write_field(0x70, int(metric.value))
    if isinstance(metric.value, str):
        return out + write_field(0x7A, metric.value.encode())
    if metric.datatype == _INT64:
        return out + write_field(0x58, int(metric.value))
    return out + varint(0x69) + struct.pack("<d", metric.value)
