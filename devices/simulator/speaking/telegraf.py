"""Telegraf's MQTT output, as line protocol or as JSON: the measurement is the kind of facility, the host is the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devices.formats.slugs import channel_slug
from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Foreign, Said, compact, parted


class TelegrafSpeaker(Foreign):
    """What both shapes share. A part of a device is told by the tag ``unit``."""

    scheme = "host"

    def make_up(self, device: SimDevice) -> str:
        """The host's name is the device's."""
        return device.id

    def topic(self, device: SimDevice) -> str:
        """A topic for each host."""
        return f"telegraf/{self.own(device).id}"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Whatever its name says what it measures."""
        return parted(point) is not None

    def renamed(self, device: SimDevice, point: SimPoint) -> str:
        """The measurement and the part stand before the metric."""
        part = point.name.rpartition(".")[0]
        return f"{channel_slug('-'.join(filter(None, (_measurement(device), part))))}.{point.metric}"

    def parts(self, device: SimDevice, report: Report) -> dict[str, dict[str, Value]]:
        """Part -> metric -> value; empty text is left out, because line protocol has none."""
        found: dict[str, dict[str, Value]] = {}
        for point in self.sayable(device):
            if (value := report.values[point.name]) != "":
                found.setdefault(point.name.rpartition(".")[0], {})[point.metric] = value
        return found

    def tags(self, device: SimDevice, part: str) -> dict[str, str]:
        """Who it is, and which part."""
        return {"host": self.own(device).id, **({"unit": part} if part else {})}


class InfluxLineSpeaker(TelegrafSpeaker):
    """Implements ``devices.simulator.speaking.speech.Speaker``: line protocol."""

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """A line for each part, in nanoseconds."""
        stamp = "" if report.clock is None else f" {report.clock * 1_000_000}"
        lines = []
        for part, values in self.parts(device, report).items():
            tags = ",".join(f"{key}={_escaped(value)}" for key, value in self.tags(device, part).items())
            fields = ",".join(f"{metric}={_field(value)}" for metric, value in values.items())
            lines.append(f"{_measurement(device)},{tags} {fields}{stamp}\n")
        return (Said(self.topic(device), "".join(lines).encode()),) if lines else ()


class TelegrafJsonSpeaker(TelegrafSpeaker):
    """Implements ``devices.simulator.speaking.speech.Speaker``: JSON."""

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """A batch, in milliseconds."""
        stamp = {} if report.clock is None else {"timestamp": report.clock}
        metrics: list[dict[str, Any]] = [
            {"name": _measurement(device), "tags": self.tags(device, part), "fields": values, **stamp}
            for part, values in self.parts(device, report).items()
        ]
        return (Said(self.topic(device), compact({"metrics": metrics})),) if metrics else ()


def _measurement(device: SimDevice) -> str:
    return device.kind or "device"


def _escaped(tag: str) -> str:
    return "".join(f"\\{each}" if each in ",= " else each for each in tag)


def _field(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(float(value))
