"""Tasmota: retained discovery under the network address, then telemetry of sensors and of the relay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.speaking.speech import Foreign, Said, compact, iso, parted

# fmt: off
_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    # metric -> sensor and key
    "power": ("ENERGY", "Power"), "voltage": ("ENERGY", "Voltage"), "current": ("ENERGY", "Current"), "energy": ("ENERGY", "Total"),
    "power_factor": ("ENERGY", "Factor"), "frequency": ("ENERGY", "Frequency"),
    "temperature": ("AM2301", "Temperature"), "humidity": ("AM2301", "Humidity"), "illuminance": ("BH1750", "Illuminance"),
    "co2": ("MHZ19B", "CarbonDioxide"), "pm25": ("PMS5003", "PM2.5"), "pm10": ("PMS5003", "PM10"), "weight": ("HX711", "Weight"),
    "battery": ("BLE", "Battery"),
}
_STATES: Final[Mapping[str, str]] = {"powered": "POWER", "uptime": "UptimeSec", "signal": "Wifi"}
# fmt: on


class TasmotaSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    scheme = "mac"
    digits = 12

    def topic(self, device: SimDevice) -> str:
        """Telemetry of the sensors."""
        return f"tele/{self._name(device)}/SENSOR"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """What sensors and the one relay have keys for."""
        return (found := parted(point)) is not None and not found[0] and found[1] in _KEYS.keys() | _STATES.keys()

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Discovery: who it is and which words it uses, then an example of its sensors."""
        mac, name = self.own(device).id.upper(), self._name(device)
        root = f"tasmota/discovery/{mac}"
        config = {
            "dn": device.name or device.id,
            "fn": [device.name or device.id],
            "mac": mac,
            "md": device.model or "Generic",
            "ofln": "Offline",
            "onln": "Online",
            "state": ["OFF", "ON", "TOGGLE", "HOLD"],
            "sw": "14.2.0",
            "t": name,
            "ft": "%prefix%/%topic%/",
            "tp": ["cmnd", "stat", "tele"],
            "rl": [int(any(point.metric == "powered" for point in self.sayable(device)))],
            "dslp": 0,
            "ver": 1,
        }
        yield Said(f"{root}/config", compact(config), retain=True)
        yield Said(f"{root}/sensors", compact({"sn": self._sensors(device, report), "ver": 1}), retain=True)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Sensors and state, where there is anything to say."""
        stamp = {} if report.clock is None else {"Time": iso(report.clock)}
        sensors, state = self._sensors(device, report), self._state(device, report)
        if state:
            yield Said(f"tele/{self._name(device)}/STATE", compact({**stamp, **state}))
        if sensors:
            yield Said(self.topic(device), compact({**stamp, **sensors, "TempUnit": "C"}))

    def presence(self, device: SimDevice, *, online: bool) -> Said:
        """The last will."""
        return Said(f"tele/{self._name(device)}/LWT", b"Online" if online else b"Offline", retain=True)

    def _sensors(self, device: SimDevice, report: Report) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for point in self.sayable(device):
            if point.metric in _KEYS:
                sensor, key = _KEYS[point.metric]
                found.setdefault(sensor, {})[key] = report.values[point.name]
        return found

    def _state(self, device: SimDevice, report: Report) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for point in self.sayable(device):
            value = report.values[point.name]
            if point.metric == "powered":
                found["POWER"] = "ON" if value else "OFF"
            elif point.metric == "signal":
                found["Wifi"] = {"Signal": value}
            elif point.metric in _STATES:
                found[_STATES[point.metric]] = value
        return found

    def _name(self, device: SimDevice) -> str:
        return f"tasmota_{self.own(device).id[-6:].upper()}"
