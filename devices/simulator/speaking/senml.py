"""SenML in JSON (RFC 8428): each device a pack of its own, named by a device URN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.speaking.speech import Foreign, Said, compact, parted
from devices.words import SWITCHES, TEXTS, UNIT_OF

# fmt: off
_UNITS: Final[Mapping[str, str]] = {
    # UCUM -> a unit of SenML that means the same
    "Cel": "Cel", "lx": "lx", "V": "V", "A": "A", "mA": "mA", "W": "W", "kW.h": "kWh", "Hz": "Hz", "[pH]": "pH",
    "[NTU]": "NTU", "dB[mW]": "dBm", "mm/h": "mm/h", "m3": "m3", "m": "m", "mm": "mm", "kg": "kg", "s": "s", "min": "min",
    "h": "h", "m/s": "m/s", "deg": "deg", "dB": "dB", "[ppm]": "ppm", "ug/m3": "ug/m3", "%": "/100",
}
# fmt: on


class SenmlSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    scheme = "urn"

    def make_up(self, device: SimDevice) -> str:
        """A one-wire address, as RFC 9039 writes it."""
        return f"dev:ow:{super().make_up(device)}"

    def topic(self, device: SimDevice) -> str:
        """A topic of the device's; the pack says itself whose it is."""
        return f"senml/{device.id}"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """What has a unit of SenML, or needs none; of the device itself."""
        found = parted(point)
        if found is None or found[0]:
            return False
        unit = UNIT_OF.get(found[1], "")
        return found[1] in SWITCHES or found[1] in TEXTS or unit in _UNITS or unit == "1" or unit.startswith("{")

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """One record for each value; the first one names device and time for all."""
        records: list[dict[str, Any]] = []
        for point in self.sayable(device):
            value, unit = report.values[point.name], _UNITS.get(UNIT_OF.get(point.metric, ""), "")
            kind = "vb" if isinstance(value, bool) else "vs" if isinstance(value, str) else "v"
            records.append({"n": point.name, **({"u": unit} if unit else {}), kind: value})
        if not records:
            return ()
        stamp = {} if report.clock is None else {"bt": report.clock / 1000}
        base = {"bn": f"urn:{self.own(device).id}:", **stamp}
        return (Said(self.topic(device), compact([{**base, **records[0]}, *records[1:]])),)
