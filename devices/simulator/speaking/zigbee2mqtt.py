"""Zigbee2MQTT: one bridge for the community, which keeps its inventory retained and gives each device a topic by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.noise import key_of
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Foreign, Said, Stage, compact, iso, parted
from devices.units import UNITS
from devices.words import SWITCHES, UNIT_OF

_BASE: Final = "zigbee2mqtt"


class _Switch(NamedTuple):
    """A binary feature, and what it says for yes and no."""

    key: str
    yes: Value = True
    no: Value = False


# fmt: off
_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    # metric -> key and unit where they differ from the metric's own
    "temperature": ("temperature", "°C"), "pm25": ("pm25", "µg/m³"), "pm10": ("pm10", "µg/m³"), "tvoc": ("voc", "µg/m³"),
    "formaldehyde": ("formaldehyd", "mg/m³"), "co2": ("co2", "ppm"), "co": ("co", "ppm"), "energy": ("energy", "kWh"),
    "occupancy": ("people", "人"), "residual_current": ("leakage_current", "mA"), "volume": ("water_consumed", "m³"),
    "voltage": ("mains_voltage", "V"),
}
_SWITCHES: Final[Mapping[str, _Switch]] = {
    "door_open": _Switch("contact", yes=False, no=True), "presence": _Switch("occupancy"), "leak": _Switch("water_leak"),
    "gas_alarm": _Switch("gas"), "mains_present": _Switch("ac_connected"), "valve_open": _Switch("valve_state", "OPEN", "CLOSED"),
}
# fmt: on


class Zigbee2MqttSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``.

    A Zigbee device that measures nothing is the coordinator, the radio of the bridge itself.
    """

    scheme = "ieee"

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        super().__init__(stage, devices)
        self._coordinator = next((each for each in devices if each.scheme == self.scheme and not each.points), None)
        self._names = _friendly_names(self, devices)
        self._open = False

    def topic(self, device: SimDevice) -> str:
        """The state under the friendly name."""
        return f"{_BASE}/{self._names[device.id]}"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Switches, and numbers in a known unit, but for ``pressure``, which is that of the air; words have other names."""
        found = parted(point)
        if found is None or device is self._coordinator:
            return False
        unit = UNIT_OF.get(found[1], "")
        return found[1] in SWITCHES or (found[1] != "pressure" and unit in UNITS) or unit == "1"

    def introduction(self, device: SimDevice, report: Report) -> Iterator[Said]:
        """The bridge and its inventory before the first word of any device."""
        if not self._open:
            self._open = True
            yield self._bridge(online=True)
            inventory = [self._radio(), *(self._entry(each) for each in self.devices if each is not self._coordinator)]
            yield Said(f"{_BASE}/bridge/devices", compact(inventory), retain=True)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Everything it measures, and when it was heard."""
        body: dict[str, Any] = {}
        for point in self.sayable(device):
            channel, metric = parted(point) or ("", "")
            key, value = _key(metric, channel), report.values[point.name]
            switch = _SWITCHES.get(metric)
            body[key] = value if switch is None else switch.yes if value else switch.no
        if not body:
            return ()
        if report.clock is not None:
            body["last_seen"] = iso(report.clock)
        return (Said(self.topic(device), compact(body)),)

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """The bridge's own word where the gateway is its radio; else the bridge says it of the device."""
        if device is self._coordinator:
            return self._bridge(online=online)
        return Said(f"{self.topic(device)}/availability", _state(online=online), retain=True)

    # --- the bridge -------------------------------------------------------------------------------------------

    def _bridge(self, *, online: bool) -> Said:
        return Said(f"{_BASE}/bridge/state", _state(online=online), retain=True)

    def _radio(self) -> dict[str, Any]:
        made_up = f"{key_of('coordinator', self.stage.community):016x}"
        address = made_up if self._coordinator is None else self.own(self._coordinator).id
        return {"ieee_address": f"0x{address}", "type": "Coordinator", "friendly_name": "Coordinator"}

    def _entry(self, device: SimDevice) -> dict[str, Any]:
        battery = any(point.metric in ("battery", "battery_voltage") for point in device.points)
        definition = {
            "model": device.model or device.kind or "sensor",
            "vendor": device.maker or "Simulated",
            "description": device.name or device.id,
            "exposes": [_exposed(*(parted(point) or ("", ""))) for point in self.sayable(device)],
        }
        return {
            "ieee_address": f"0x{self.own(device).id}",
            "type": "EndDevice" if battery else "Router",
            "friendly_name": self._names[device.id],
            "power_source": "Battery" if battery else "Mains (single phase)",
            "definition": definition,
            "supported": True,
        }


def _state(*, online: bool) -> bytes:
    return compact({"state": "online" if online else "offline"})


def _key(metric: str, channel: str) -> str:
    """The key in the message; a part of the device is an endpoint behind it."""
    switch = _SWITCHES.get(metric)
    word = switch.key if switch is not None else _NUMBERS.get(metric, (metric, ""))[0]
    return f"{word}_{channel}" if channel else word


def _exposed(channel: str, metric: str) -> dict[str, Any]:
    """The feature as a definition describes it: published, and not to be set."""
    found: dict[str, Any] = {"name": _key(metric, ""), "property": _key(metric, channel), "access": 1}
    if channel:
        found["endpoint"] = channel
    if metric in SWITCHES:
        switch = _SWITCHES.get(metric, _Switch(metric))
        return {"type": "binary", **found, "value_on": switch.yes, "value_off": switch.no}
    unit = _NUMBERS.get(metric, ("", ""))[1] or UNIT_OF[metric]
    return {"type": "numeric", **found, **({} if unit == "1" else {"unit": unit})}


def _friendly_names(speaker: Foreign, devices: Sequence[SimDevice]) -> dict[str, str]:
    """What people call each device, and the end of its address where two are called alike."""
    wanted = {device.id: _plain(device.name or device.id) for device in devices}
    often = Counter(wanted.values())
    return {
        device.id: name if often[name := wanted[device.id]] == 1 else f"{name} {speaker.own(device).id[-4:]}"
        for device in devices
    }


def _plain(name: str) -> str:
    return "".join("-" if each in "+#/" else each for each in name)
