"""LoRaWAN devices of Milesight, as a codec on their network server decodes them; what both servers' speakers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.noise import key_of
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Foreign, Stage, parted
from devices.units import UNITS, convert
from devices.words import UNIT_OF

MAKER: Final = "Milesight"


class _Number(NamedTuple):
    """A key of the maker's, and the unit that it is in."""

    key: str
    unit: str = ""
    """Empty: the metric's own."""


class _Words(NamedTuple):
    """A key of the maker's, and its words for no and yes."""

    key: str
    no: str | bool
    yes: str | bool


# fmt: off
_NUMBERS: Final[Mapping[str, _Number]] = {
    "temperature": _Number("temperature"), "humidity": _Number("humidity"), "co2": _Number("co2"),
    "pm25": _Number("pm2_5"), "pm10": _Number("pm10"), "illuminance": _Number("illumination"), "noise": _Number("laeq"),
    "formaldehyde": _Number("hcho"), "ammonia": _Number("nh3"), "hydrogen_sulfide": _Number("h2s"),
    "tvoc": _Number("tvoc_ug_m3"), "level": _Number("water_level", "cm"), "battery": _Number("battery"),
    "occupancy": _Number("people_counter_all"), "people_in": _Number("total_in"), "people_out": _Number("total_out"),
    "voltage": _Number("voltage"), "power": _Number("active_power"), "energy": _Number("power_consumption", "W.h"),
    "current": _Number("socket_current", "mA"), "pressure": _Number("pipe_pressure", "kPa"),
}
_SWITCHES: Final[Mapping[str, _Words]] = {
    "leak": _Words("leak_status", "normal", "leak"), "door_open": _Words("door", "close", "open"),
    "tamper": _Words("tamper_status", "installed", "uninstalled"), "presence": _Words("pir", "idle", "trigger"),
    "gas_alarm": _Words("state", "normal", "abnormal"), "valve_open": _Words("valve", "close", "open"),
    "powered": _Words("socket_status", "off", "on"), "smoke": _Words("smoke", no=False, yes=True),
}
# fmt: on


class Uplink(NamedTuple):
    """One uplink of a device, before a server wraps it up."""

    number: int
    values: dict[str, Any]
    """What the codec made of it."""
    signal: Value | None
    """In dBm, where the device has a point for it."""


class LorawanSpeaker(Foreign):
    """A device of LoRaWAN behind any network server."""

    scheme = "eui64"

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        super().__init__(stage, devices)
        self.frames: dict[str, int] = {}

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """The maker's keys, at the device itself or in one of its parts; any other number beside its unit."""
        found = parted(point)
        if found is None:
            return False
        channel, metric = found
        if metric == "signal":
            return not channel
        return metric in _NUMBERS or metric in _SWITCHES or (not channel and UNIT_OF.get(metric, "") in UNITS)

    def uplink(self, device: SimDevice, report: Report) -> Uplink | None:
        """The next uplink; None where there is nothing to say."""
        values: dict[str, Any] = {}
        signal: Value | None = None
        for point in self.sayable(device):
            channel, metric = parted(point) or ("", "")
            if metric == "signal":
                signal = report.values[point.name]
                continue
            place = values.setdefault(channel, {}) if channel else values
            key, value = _worded(metric, report.values[point.name])
            place[key] = value
        if not values and signal is None:
            return None
        number = self.frames[device.id] = self.frames.get(device.id, 0) + 1
        return Uplink(number, values, signal)

    def address(self, device: SimDevice) -> str:
        """The short address that the network gave it."""
        return f"{key_of('address', device.id):016x}"[:8]


def _worded(metric: str, value: Value) -> tuple[str, Any]:
    """(key, value) as the maker's codec writes it."""
    number = _NUMBERS.get(metric)
    if number is not None and not isinstance(value, (str, bool)):
        return number.key, convert(value, UNIT_OF[metric], number.unit) if number.unit else value
    words = _SWITCHES.get(metric)
    if words is not None:
        return words.key, words.yes if value else words.no
    return metric, {"value": value, "unit": UNIT_OF.get(metric, "")}
