"""Shelly of the second generation and later: notifications of components under a prefix that holds the MAC."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.speaking.speech import Fault, Foreign, Said, compact, parted

_CHANNEL: Final = re.compile(r"switch([1-9]\d?)")
"""Parts of a device that are sockets of it; the first one is the device itself."""


class _Field(NamedTuple):
    """Where a metric stands: component, keys inside it, and what the maker multiplies it by."""

    component: str
    path: tuple[str, ...]
    times: float = 1.0


# fmt: off
_FIELDS: Final[Mapping[str, _Field]] = {
    "power":            _Field("switch", ("apower",)),
    "voltage":          _Field("switch", ("voltage",)),
    "current":          _Field("switch", ("current",)),
    "power_factor":     _Field("switch", ("pf",)),
    "frequency":        _Field("switch", ("freq",)),
    "energy":           _Field("switch", ("aenergy", "total"), 1000.0),
    "powered":          _Field("switch", ("output",)),
    "lit":              _Field("light", ("output",)),
    "temperature":      _Field("temperature", ("tC",)),
    "humidity":         _Field("humidity", ("rh",)),
    "illuminance":      _Field("illuminance", ("lux",)),
    "leak":             _Field("flood", ("alarm",)),
    "smoke":            _Field("smoke", ("alarm",)),
    "presence":         _Field("presence", ("value",)),
    "occupancy":        _Field("presence", ("num_objects",)),
    "battery":          _Field("devicepower", ("battery", "percent")),
    "battery_voltage":  _Field("devicepower", ("battery", "V")),
    "signal":           _Field("wifi", ("rssi",)),
    "uptime":           _Field("sys", ("uptime",)),
}
_MODELS: Final = (("leak", "shellyfloodg4"), ("smoke", "shellyplussmoke"), ("presence", "shellypresenceg4"), ("humidity", "shellyhtg3"), ("lit", "shellypro2"), ("temperature", "shellyplusuni"))
# fmt: on
_ELSE: Final = "shellypro4pm"
_SINGLE: Final = frozenset({"wifi", "sys"})
"""Components without a number."""
_ASLEEP: Final = frozenset({"shellyfloodg4", "shellyplussmoke", "shellyhtg3"})
"""Models that sleep between reports, and whose last will therefore says nothing."""


class ShellySpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    scheme = "mac"
    digits = 12

    def topic(self, device: SimDevice) -> str:
        """Notifications."""
        return f"{self._id(device)}/events/rpc"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """What a component has a field for; of a further socket what that has."""
        found = parted(point)
        if found is None or found[1] not in _FIELDS:
            return False
        return not found[0] or (_FIELDS[found[1]].component == "switch" and _CHANNEL.fullmatch(found[0]) is not None)

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Its announcement."""
        body = {
            "id": self._id(device),
            "mac": self.own(device).id.upper(),
            "model": _model(device),
            "name": device.name or device.id,
            "gen": 2,
            "ver": "1.4.4",
            "app": "Simulated",
        }
        return (Said(f"{self._id(device)}/announce", compact(body)),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """All components."""
        components: dict[str, Any] = {}
        for point in self.sayable(device):
            channel, metric = parted(point) or ("", "")
            field, value = _FIELDS[metric], report.values[point.name]
            place = components.setdefault(_component(field, channel), {} if field.component in _SINGLE else {"id": 0})
            if channel:
                place["id"] = int(channel.removeprefix("switch"))
            for key in field.path[:-1]:
                place = place.setdefault(key, {})
            plain = isinstance(value, (bool, str)) or field.times == 1
            place[field.path[-1]] = value if plain else float(value) * field.times
        return (self._notification(device, report.clock, components),) if components else ()

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """A component lists its errors; none when it is over."""
        where = next((_FIELDS[point.metric] for point in self.sayable(device)), None)
        if where is None or not fault.code:
            return ()
        errors = {"errors": [fault.code] if fault.active else []}
        return (self._notification(device, fault.at, {_component(where, ""): {"id": 0, **errors}}),)

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """``online``, unless it sleeps."""
        if _model(device) in _ASLEEP:
            return None
        return Said(f"{self._id(device)}/online", b"true" if online else b"false", retain=True)

    def _id(self, device: SimDevice) -> str:
        return f"{_model(device)}-{self.own(device).id}"

    def _notification(self, device: SimDevice, at: int | None, components: dict[str, Any]) -> Said:
        stamp = {} if at is None else {"ts": at / 1000}
        own = self._id(device)
        body = {"src": own, "dst": f"{own}/events", "method": "NotifyStatus", "params": {**stamp, **components}}
        return Said(self.topic(device), compact(body))


def _model(device: SimDevice) -> str:
    """The word for what is in the box."""
    metrics = {point.metric for point in device.points}
    return next((model for metric, model in _MODELS if metric in metrics and "power" not in metrics), _ELSE)


def _component(field: _Field, channel: str) -> str:
    if field.component in _SINGLE:
        return field.component
    return f"{field.component}:{channel.removeprefix('switch') or 0}"
