"""ChirpStack v4 as the network server of LoRaWAN devices of Milesight: joins, uplinks with the codec's object, errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.noise import key_of
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Fault, Foreign, Said, Stage, compact, iso, parted
from devices.units import UNITS, convert
from devices.words import UNIT_OF

_MAKER: Final = "Milesight"


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


class ChirpStackSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    scheme = "eui64"

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        super().__init__(stage, devices)
        self._application = _uuid("application", stage.community)
        self._frames: dict[str, int] = {}

    def topic(self, device: SimDevice) -> str:
        """Uplinks."""
        return self._topic(device, "up")

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """The makers' keys, at the device itself or in one of its parts; any other number beside its unit."""
        found = parted(point)
        if found is None:
            return False
        channel, metric = found
        if metric == "signal":
            return not channel
        return metric in _NUMBERS or metric in _SWITCHES or (not channel and UNIT_OF.get(metric, "") in UNITS)

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """It joins the network."""
        return (self._event(device, "join", report.clock, {"devAddr": self._address(device)}),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """An uplink, numbered."""
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
            return ()
        count = self._frames[device.id] = self._frames.get(device.id, 0) + 1
        heard = [] if signal is None else [{"gatewayId": f"{key_of(device.gateway):016x}", "rssi": signal, "snr": 7.5}]
        body = {"devAddr": self._address(device), "adr": True, "dr": 5, "fCnt": count, "fPort": 85, "object": values}
        return (self._event(device, "up", report.clock, {**body, "rxInfo": heard}),)

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """The server logs an error; that it is over, it does not log."""
        if not fault.active:
            return ()
        body = {"level": "ERROR", "code": fault.code, "description": fault.text}
        return (self._event(device, "log", fault.at, body),)

    def _event(self, device: SimDevice, event: str, at: int | None, body: dict[str, Any]) -> Said:
        stamp = {} if at is None else {"time": iso(at)}
        unique = _uuid(self.stage.start, device.id, event, at, self._frames.get(device.id, 0))
        info = {
            "tenantName": self.stage.community,
            "applicationId": self._application,
            "applicationName": self.stage.community,
            "deviceProfileName": f"{_MAKER} {device.model}" if device.model else _MAKER,
            "deviceName": device.name or device.id,
            "devEui": self.own(device).id,
            "tags": {"maker": device.maker or _MAKER},
        }
        found = {"deduplicationId": unique, **stamp, "deviceInfo": info, **body}
        return Said(self._topic(device, event), compact(found))

    def _topic(self, device: SimDevice, event: str) -> str:
        return f"application/{self._application}/device/{self.own(device).id}/event/{event}"

    def _address(self, device: SimDevice) -> str:
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


def _uuid(*parts: object) -> str:
    return str(UUID(int=key_of("uuid", *parts) << 64 | key_of("more", *parts), version=4))
