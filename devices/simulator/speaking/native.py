"""The hub's own format: ``community/v1/{community}/{device}/telemetry|event|status``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice
from devices.simulator.speaking.speech import Fault, Own, Said, Stage, compact


def status_topic(community: str, device: str) -> str:
    """Where a device's last will is told."""
    return f"community/v1/{community}/{device}/status"


class NativeSpeaker:
    """Implements ``devices.simulator.speaking.speech.Speaker``. It has a word for everything."""

    tells_the_past = True

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        self._root = f"community/v1/{stage.community}"
        self._community = stage.community
        self._boot = f"{stage.start:x}"
        self._seq: dict[str, int] = {}

    def own(self, device: SimDevice) -> Own:
        """Its serial or slug, where it is a native device; else its name."""
        return Own("native", device.own if device.scheme == "native" and device.own else device.id)

    def heard_as(self, device: SimDevice) -> Mapping[str, str]:
        """Everything, as it is called."""
        return {point.name: point.name for point in device.points}

    def topic(self, device: SimDevice) -> str:
        """Telemetry."""
        return f"{self._root}/{self.own(device).id}/telemetry"

    def introduction(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """None: every message says whose it is."""
        return ()

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """All values, numbered; nothing of a device that measures nothing."""
        if not report.values:
            return ()
        seq = self._seq[device.id] = self._seq.get(device.id, 0) + 1
        stamp = {} if report.clock is None else {"ts": report.clock}
        body = compact({**stamp, "seq": seq, "boot": self._boot, "values": report.values})
        return (Said(self.topic(device), body),)

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """An event with its code."""
        body = {"ts": fault.at, "type": "fault", "code": fault.code, "active": fault.active, "text": fault.text}
        return (Said(f"{self._root}/{self.own(device).id}/event", compact(body)),)

    def silenced(self, device: SimDevice, *, alone: bool) -> Iterable[Said]:
        """Nothing: the next message goes on."""
        return ()

    def presence(self, device: SimDevice, *, online: bool) -> Said:
        """Status, retained."""
        return Said(
            status_topic(self._community, self.own(device).id), b"online" if online else b"offline", retain=True
        )
