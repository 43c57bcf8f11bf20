"""Home Assistant's MQTT discovery: one retained message names a device's parts, its states are an object of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.speaking.speech import Foreign, Said, compact, parted
from devices.units import UNITS
from devices.words import SWITCHES, UNIT_OF

_CLASSES: Final[Mapping[str, str]] = {"power_factor": "power_factor"}
"""Metric -> the device class that it needs to be understood; the others are understood by their name and unit."""


class HomeAssistantSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``. Its states have no time of their own."""

    scheme = "mac"
    digits = 12
    tells_the_past = False

    def topic(self, device: SimDevice) -> str:
        """The state."""
        return f"{self._base(device)}/state"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Switches, and numbers in a known unit, of the device itself; words go under names of their own."""
        found = parted(point)
        if found is None or found[0]:
            return False
        return found[1] in SWITCHES or found[1] in _CLASSES or UNIT_OF.get(found[1], "") in UNITS

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Discovery; where it is a gateway, with the topic of its will."""
        address = ":".join(self.own(device).id[at : at + 2] for at in range(0, 12, 2))
        base = self._base(device)
        body = {
            "dev": {
                "cns": [["mac", address]],
                "name": device.name or device.id,
                "mf": device.maker or "Simulated",
                "mdl": device.model or device.kind,
            },
            "o": {"name": "simulator"},
            **({"avty_t": f"{base}/availability"} if device.id == device.gateway else {}),
            "stat_t": self.topic(device),
            "cmps": {point.metric: _component(point.metric) for point in self.sayable(device)},
        }
        return (Said(f"homeassistant/device/{self.own(device).id}/config", compact(body), retain=True),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """All values in one object."""
        values = {point.metric: report.values[point.name] for point in self.sayable(device)}
        return (Said(self.topic(device), compact(values)),) if values else ()

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """Availability, where discovery has named it."""
        if not self.sayable(device):
            return None
        return Said(f"{self._base(device)}/availability", b"online" if online else b"offline", retain=True)

    def _base(self, device: SimDevice) -> str:
        return f"simulated/{self.own(device).id}"


def _component(metric: str) -> dict[str, Any]:
    found: dict[str, Any] = {"val_tpl": f"{{{{ value_json.{metric} }}}}", "name": metric}
    if metric in SWITCHES:
        return {"p": "binary_sensor", **found, "pl_on": "True", "pl_off": "False"}
    unit = UNIT_OF[metric]
    told = {"unit_of_meas": unit} if unit in UNITS else {}
    classed = {"dev_cla": _CLASSES[metric]} if metric in _CLASSES else {}
    return {"p": "sensor", **found, **told, **classed}
