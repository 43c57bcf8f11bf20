"""What the community says between two moments: ordered, and the same for the same seed."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from devices.simulator.effects import EFFECTS, Report
from devices.simulator.model import SimCommunity, SimDevice
from devices.simulator.scenario import Scenario, Step


class Publication(NamedTuple):
    """One MQTT message of the simulator."""

    at: int
    """When it leaves, epoch ms."""
    gateway: str
    topic: str
    payload: bytes
    retain: bool = False


class Truth(NamedTuple):
    """What really was so: a fault that began or ended."""

    at: int
    device: str
    facility: str
    shape: str
    began: bool
    detail: str


NO_STEPS: Final[tuple[Step, ...]] = ()
HELLO_WITHIN: Final = 10_000
"""Every device reports once within this long (ms) after the start, as after power-on, whatever its interval."""


@dataclass(slots=True)
class Play:
    """The community with a scenario laid over it. ``start`` is the scenario's zero, epoch ms."""

    community: SimCommunity
    scenario: Scenario | None
    start: int
    seed: int = 1
    _seq: dict[str, int] = field(default_factory=dict)

    def steps_for(self, device: SimDevice) -> tuple[Step, ...]:
        """The scenario's steps about this device."""
        steps = self.scenario.steps if self.scenario else NO_STEPS
        return tuple(step for step in steps if step.touches(device.id, device.gateway, device.building))

    def between(self, begin: int, end: int) -> Iterator[Publication]:
        """Every message that leaves in [begin, end), in order of time. Call it for spans that follow one another."""
        streams = [self._device(device, begin, end) for device in self.community.devices.values()]
        return heapq.merge(*streams, key=lambda publication: publication.at)

    def silent_gateways(self, at: int) -> set[str]:
        """Gateways without power or uplink at this moment: their connections break and the broker tells their wills."""
        return {
            gateway
            for gateway in self.community.gateways()
            if (device := self.community.devices.get(gateway)) is not None
            and any(step.shape == "silent" and step.runs_at(at - self.start) for step in self.steps_for(device))
        }

    def truth(self, end: int) -> list[Truth]:
        """What began and ended before ``end``, in order."""
        found = []
        for device in self.community.devices.values():
            for step in self.steps_for(device):
                detail = step.code or json.dumps(step.values, ensure_ascii=False)
                for edge, began in ((step.start, True), (step.end, False)):
                    if edge is not None and self.start + edge < end:
                        found.append(Truth(self.start + edge, device.id, device.facility, step.shape, began, detail))
        return sorted(found)

    def _device(self, device: SimDevice, begin: int, end: int) -> Iterator[Publication]:
        steps = self.steps_for(device)
        samples = (
            publication
            for at in self._times(device, steps, begin, end)
            for publication in self._sample(device, steps, at)
        )
        events = [e for step in steps if step.shape == "event" for e in self._events(device, step, begin, end)]
        return heapq.merge(sorted(events), samples, key=lambda publication: publication.at)

    def _times(self, device: SimDevice, steps: tuple[Step, ...], begin: int, end: int) -> Iterator[int]:
        """When the device reports: at its interval, when a fault begins or ends, and in bursts."""
        first = begin + (device.phase - begin) % device.interval
        edges = [self.start + edge for step in steps for edge in (step.start, step.end) if edge is not None]
        edges.append(self.start + device.phase % HELLO_WITHIN)
        bursts = [
            range(self.start + step.start, min(end, self.start + (step.end or end - self.start)), step.every_ms)
            for step in steps
            if step.shape == "burst"
        ]
        last = -1
        for at in heapq.merge(range(first, end, device.interval), sorted(edges), *bursts):
            if begin <= at < end and at != last:
                yield at
            last = at

    def _events(self, device: SimDevice, step: Step, begin: int, end: int) -> Iterator[Publication]:
        for edge, active in ((step.start, True), (step.end, False)):
            if edge is not None and begin <= (at := self.start + edge) < end:
                body = {"ts": at, "type": "fault", "code": step.code, "active": active, "text": step.text}
                yield Publication(at, device.gateway, self._topic(device, "event"), _json(body))

    def _sample(self, device: SimDevice, steps: tuple[Step, ...], at: int) -> Iterator[Publication]:
        zone = self.community.zone
        report = Report(device=device.id, at=at, values=device.values(at, zone), clock=at)
        for step in steps:
            if step.runs_at(at - self.start):
                report.fault_age = at - self.start - step.start
                EFFECTS[step.shape](report, step, partial(device.values, self.start + step.start, zone))
        topic = self._topic(device, "telemetry")
        if report.junk is not None:
            yield Publication(at, device.gateway, topic, report.junk)
            return
        seq = self._seq[device.id] = self._seq.get(device.id, 0) + (report.copies > 0)
        stamp = {} if report.clock is None else {"ts": report.clock}
        payload = _json({**stamp, "seq": seq, "boot": f"{self.start:x}", "values": report.values})
        for _ in range(report.copies):
            yield Publication(at, device.gateway, topic, payload)

    def _topic(self, device: SimDevice, leaf: str) -> str:
        return f"community/v1/{self.community.id}/{device.id}/{leaf}"


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
