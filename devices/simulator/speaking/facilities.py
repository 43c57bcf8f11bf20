"""What is made for one kind of facility: lifts in the terms of GB/T 24476, people-counting cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.signals import Value
from devices.simulator.speaking.speech import Fault, Foreign, Said, compact, parted
from devices.words import METRICS

_ZONE_H: Final = 8

# fmt: off
_LIFT_KEYS: Final[Mapping[str, str]] = {
    "floor": "car_position", "speed": "car_speed", "weight": "car_load", "direction": "car_direction", "moving": "car_status",
    "presence": "passenger", "ebike_seen": "e_bike", "door_cycles": "door_count",
}
_LIFT_WORDS: Final[Mapping[str, Mapping[str, int]]] = {
    "direction": {"none": 0, "up": 1, "down": 2},
    "service_mode": {"stopped": 0, "normal": 1, "inspection": 2, "fire": 3, "maintenance": 5},
}
_LIFT_TOTALS: Final = frozenset({"trips", "door_cycles", "run_hours"})
# fmt: on


class LiftSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``: the data items of GB/T 24476."""

    scheme = "lift"

    def make_up(self, device: SimDevice) -> str:
        """A registration code is digits; the device's own name does as well."""
        return device.id

    def topic(self, device: SimDevice) -> str:
        """The status in real time."""
        return self._topic(device, "status")

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Every metric but the fault code, which is a fault; a lift has no parts."""
        found = parted(point)
        return found is not None and not found[0] and found[1] != "fault_code" and found[1] in METRICS

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """Status, and statistics apart from it."""
        stamp = {} if report.clock is None else {"time": report.clock}
        points = {point.metric: report.values[point.name] for point in self.sayable(device)}
        for leaf, total in (("status", False), ("statistics", True)):
            found = dict(_lift_item(m, v) for m, v in points.items() if (m in _LIFT_TOTALS) is total and v != "")
            if found:
                yield Said(self._topic(device, leaf), compact({**stamp, **found}))

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """A fault begins or ends."""
        state = "begin" if fault.active else "end"
        body = {"time": fault.at, "fault_code": fault.code, "state": state, "text": fault.text}
        return (Said(self._topic(device, "fault"), compact(body)),)

    def presence(self, device: SimDevice, *, online: bool) -> Said:
        """The last will."""
        return Said(self._topic(device, "online"), b"online" if online else b"offline", retain=True)

    def _topic(self, device: SimDevice, leaf: str) -> str:
        return f"lift/{self.own(device).id}/{leaf}"


def _lift_item(metric: str, value: Value) -> tuple[str, Any]:
    words = _LIFT_WORDS.get(metric)
    if words is not None and isinstance(value, str):
        return _LIFT_KEYS.get(metric, metric), words.get(value, value)
    return _LIFT_KEYS.get(metric, metric), value


class MilesightCounterSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker``: a people-counting camera of Milesight, in local time."""

    scheme = "milesight"

    def topic(self, device: SimDevice) -> str:
        """The template of the camera's settings."""
        return f"milesight/{device.id}"

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Heads, and who came and went."""
        return point.name in {"occupancy", "people_in", "people_out"} and point.metric == point.name

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """What was counted up to now."""
        values = {point.metric: report.values[point.name] for point in self.sayable(device)}
        if not values:
            return ()
        body: dict[str, Any] = {
            "event": "Region People Counting",
            "report_type": "interval",
            "device_info": {"device": device.model or "VS125", "device_sn": self.own(device).id},
        }
        if report.clock is not None:
            local = datetime.fromtimestamp(report.clock / 1000, UTC) + timedelta(hours=_ZONE_H)
            body["time_info"] = {"timezone": f"UTC+{_ZONE_H}:00", "end_time": local.strftime("%Y/%m/%d %H:%M:%S")}
        totals = {
            f"{way}_cumulative_counted": values[f"people_{way}"] for way in ("in", "out") if f"people_{way}" in values
        }
        now = {"current_total": values["occupancy"]} if "occupancy" in values else {}
        return (Said(self.topic(device), compact({**body, **now, **({"total_data": totals} if totals else {})})),)
