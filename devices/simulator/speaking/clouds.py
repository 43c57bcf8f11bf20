"""Devices and gateways made for the large platforms: Alink, TuyaLink, Huawei IoTDA, EdgeX."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from devices.profiles.columns import slug
from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Fault, Foreign, Said, compact, parted
from devices.units import UNITS
from devices.words import SWITCHES, TEXTS, UNIT_OF

_SURE: Final = frozenset(
    {"temperature", "humidity", "co2", "pm25", "pm10", "illuminance", "noise", "frequency", "power_factor", "ph"}
    | {"occupancy", "floor"}
)
"""Numbers that are understood without a word about their unit."""
_PRODUCT: Final = "a1Sim"


def _known(point: SimPoint, *, units: bool) -> bool:
    """Whether its own word says what it is; ``units``: numbers that need a unit have one beside them."""
    found = parted(point)
    if found is None:
        return False
    metric = found[1]
    plain = metric in SWITCHES or metric in TEXTS or metric in _SURE
    return plain or (units and UNIT_OF.get(metric, "") in UNITS)


class _WithModel(Foreign):
    """Devices whose product's model, which the platform answers at their request, tells the units of their properties."""

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        return _known(point, units=True)

    def properties(self, device: SimDevice, report: Report) -> dict[str, Any]:
        """Each with its own time; empty text is left out."""
        found: dict[str, Any] = {}
        for point in self.sayable(device):
            if (value := report.values[point.name]) != "":
                stamp = {} if report.clock is None else {"time": report.clock}
                found[self.key(point)] = {"value": value, **stamp}
        return found

    def key(self, point: SimPoint) -> str:
        """The property's identifier."""
        return point.name


class AlinkSpeaker(_WithModel):
    """Implements ``devices.simulator.speaking.speech.Speaker``: Alink, as Alibaba's platform has it."""

    scheme = "alink"

    def make_up(self, device: SimDevice) -> str:
        """Product and device."""
        return f"{_PRODUCT}/{device.id}"

    def key(self, point: SimPoint) -> str:
        """A part of the device is a module of the product."""
        return point.name.replace(".", ":")

    def topic(self, device: SimDevice) -> str:
        """Properties."""
        return self._topic(device, "event/property/post")

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """It asks for its product's model, and the platform answers."""
        listed = []
        for point in self.sayable(device):
            unit = UNIT_OF.get(point.metric, "")
            specs = {"dataType": {"type": "double", "specs": {"unit": unit if unit in UNITS else ""}}}
            listed.append({"identifier": self.key(point), "name": point.metric, **(specs if unit else {})})
        body = {"id": "1", "code": 200, "data": {"properties": listed}}
        return (Said(self._topic(device, "dsltemplate/get_reply"), compact(body)),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """All properties."""
        found = self.properties(device, report)
        method = "thing.event.property.post"
        body = {"id": str(report.at), "version": "1.0", "params": found, "method": method}
        return (Said(self.topic(device), compact(body)),) if found else ()

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """The platform's event ``Error``; code 0 says that nothing is wrong."""
        params = {"value": {"ErrorCode": fault.code if fault.active else 0}, "time": fault.at}
        return (Said(self._topic(device, "event/Error/post"), compact({"id": str(fault.at), "params": params})),)

    def presence(self, device: SimDevice, *, online: bool) -> Said:
        """What the platform tells of it."""
        return Said(f"/as/mqtt/status/{self.own(device).id}", compact({"status": "online" if online else "offline"}))

    def _topic(self, device: SimDevice, what: str) -> str:
        return f"/sys/{self.own(device).id}/thing/{what}"


class TuyaLinkSpeaker(_WithModel):
    """Implements ``devices.simulator.speaking.speech.Speaker``: TuyaLink."""

    scheme = "tuya"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """What has a unit or needs none; a device has no parts."""
        return "." not in point.name and _known(point, units=True)

    def topic(self, device: SimDevice) -> str:
        """Properties."""
        return self._topic(device, "thing/property/report")

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Its product's model."""
        listed = []
        for point in self.sayable(device):
            unit = UNIT_OF.get(point.metric, "")
            told = {"unit": unit} if unit in UNITS else {}
            listed.append({"code": point.name, "name": point.metric, "typeSpec": {"type": "value", "scale": 0, **told}})
        body = {"msgId": "1", "code": 0, "data": {"services": [{"properties": listed}]}}
        return (Said(self._topic(device, "thing/model/get_response"), compact(body)),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """All properties."""
        found = self.properties(device, report)
        body = {"msgId": str(report.at), "data": found}
        return (Said(self.topic(device), compact(body)),) if found else ()

    def _topic(self, device: SimDevice, what: str) -> str:
        return f"tylink/{self.own(device).id}/{what}"


class HuaweiSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``: Huawei IoTDA. The kind of facility is the service."""

    scheme = "huawei"

    def make_up(self, device: SimDevice) -> str:
        """Product and node."""
        return f"{_PRODUCT}_{device.id}"

    def topic(self, device: SimDevice) -> str:
        """Properties."""
        return f"$oc/devices/{self.own(device).id}/sys/properties/report"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """What is understood without a unit."""
        return _known(point, units=False)

    def renamed(self, device: SimDevice, point: SimPoint) -> str:
        """The service stands before the property."""
        return f"{slug(_service(device, point))}.{point.metric}"

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """A service for the device and each of its parts."""
        services: dict[str, dict[str, Value]] = {}
        for point in self.sayable(device):
            if (value := report.values[point.name]) != "":
                services.setdefault(_service(device, point), {})[point.metric] = value
        stamp = {}
        if report.clock is not None:
            stamp["event_time"] = datetime.fromtimestamp(report.clock / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        body = [{"service_id": service, "properties": found, **stamp} for service, found in services.items()]
        return (Said(self.topic(device), compact({"services": body})),) if body else ()


class EdgexSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``: events of EdgeX 3, whose values are texts with their unit."""

    scheme = "edgex"

    def make_up(self, device: SimDevice) -> str:
        """The device's name."""
        return device.id

    def topic(self, device: SimDevice) -> str:
        """Where the application service exports to."""
        return "edgex-events"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Numbers with a unit; truth would be a word, because all values are texts."""
        return "." not in point.name and _known(point, units=True) and point.metric in UNIT_OF

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """One event, its time in nanoseconds."""
        stamp = {} if report.clock is None else {"origin": report.clock * 1_000_000}
        readings = []
        for point in self.sayable(device):
            unit = UNIT_OF[point.metric]
            told = {"units": unit} if unit in UNITS else {}
            value = str(report.values[point.name])
            readings.append({"resourceName": point.name, "valueType": "Float64", "value": value, **told, **stamp})
        body = {"apiVersion": "v3", "deviceName": self.own(device).id, "profileName": device.model, **stamp}
        return (Said(self.topic(device), compact({**body, "readings": readings})),) if readings else ()


def _service(device: SimDevice, point: SimPoint) -> str:
    return point.name.rpartition(".")[0] or device.kind or "basic"
