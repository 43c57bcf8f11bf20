"""What the community says between two moments: ordered, and the same for the same seed."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Final, NamedTuple

from devices.simulator import speaking
from devices.simulator.effects import EFFECTS, Report
from devices.simulator.fitting import fitted, in_turn, places
from devices.simulator.model import SimCommunity, SimDevice
from devices.simulator.scenario import Scenario, Step
from devices.simulator.speaking.speech import Fault, Said, Speaker, Stage


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


class _Act(NamedTuple):
    """A device has something to say, before it is put into words."""

    at: int
    device: SimDevice
    about: Report | Fault


NO_STEPS: Final[tuple[Step, ...]] = ()
HELLO_WITHIN: Final = 10_000
"""Every device reports once within this long (ms) after the start, as after power-on, whatever its interval."""


@dataclass(slots=True)
class Play:
    """The community with a scenario laid over it. ``start`` is the scenario's zero, epoch ms.

    ``speaks``: the format that all devices speak; empty: each the one of its scheme. UnknownSpeaker where there is none.
    ``introduces``: whether devices say who they are before they say anything else, where their format has them do so.
    ``profiles``: the folder of the user's own formats.
    """

    community: SimCommunity
    scenario: Scenario | None
    start: int
    seed: int = 1
    speaks: str = ""
    introduces: bool = True
    profiles: Path | None = None
    _speakers: dict[str, Speaker] = field(init=False)
    """By device id."""
    _steps: dict[str, tuple[Step, ...]] = field(init=False)
    """By device id: what happens where it hangs."""

    def __post_init__(self) -> None:
        written = self.scenario.steps if self.scenario else NO_STEPS
        self.community = fitted(self.community, written)
        steps = in_turn(self.community, written)
        self._steps = {
            device: tuple(step for step in steps if step.touches(place.id, place.gateway, place.building))
            for device, place in places(self.community, written).items()
        }
        stage = Stage(self.community.id, self.start)
        by_format: dict[str, list[SimDevice]] = {}
        for device in self.community.devices.values():
            by_format.setdefault(self.speaks or speaking.format_of(device), []).append(device)
        self._speakers = {}
        for name, devices in by_format.items():
            speaker = speaking.make(name, stage, devices, self.profiles)
            self._speakers.update((device.id, speaker) for device in devices)

    def steps_for(self, device: SimDevice) -> tuple[Step, ...]:
        """The scenario's steps about the place where this device hangs."""
        return self._steps[device.id]

    def between(self, begin: int, end: int) -> Iterator[Publication]:
        """Every message that leaves in [begin, end), in order of time. Call it for spans that follow one another."""
        awake = (device for device in self.community.devices.values() if not self._is_idle(device, begin, end))
        streams = [self._device(device, begin, end) for device in awake]
        for act in heapq.merge(*streams, key=lambda act: act.at):
            # put into words only now: numbers of messages run over the devices of a gateway
            for topic, payload, retain in self._words(act):
                yield Publication(act.at, act.device.gateway, topic, payload, retain)

    def speaker_of(self, device: SimDevice) -> Speaker:
        """Who puts into words what the device has to say."""
        return self._speakers[device.id]

    def presence(self, gateway: str, *, online: bool) -> Said | None:
        """What is said of a gateway when its connection is made, or (``online`` false) when it breaks."""
        device = self.community.devices.get(gateway)
        return None if device is None else self._speakers[gateway].presence(device, online=online)

    def silent_gateways(self, at: int) -> set[str]:
        """Gateways without power or uplink at this moment: their connections break and the broker tells their wills."""
        return {gateway for gateway in self.community.gateways() if self._is_silent(gateway, at)}

    def _is_silent(self, gateway: str, at: int) -> bool:
        device = self.community.devices.get(gateway)
        steps = () if device is None else self.steps_for(device)
        return any(step.shape == "silent" and step.runs_at(at - self.start) for step in steps)

    def truth(self, end: int) -> list[Truth]:
        """What began and ended before ``end``, in order."""
        found = []
        for device in self.community.devices.values():
            for step in self.steps_for(device):
                detail = step.code or step.serial or json.dumps(step.values, ensure_ascii=False)
                for edge, began in ((step.start, True), (step.end, False)):
                    if edge is not None and self.start + edge < end:
                        found.append(Truth(self.start + edge, device.id, device.facility, step.shape, began, detail))
        return sorted(found)

    def _is_idle(self, device: SimDevice, begin: int, end: int) -> bool:
        """Nothing happens to the device and no report is due: so it is with most of them in a short span."""
        if self.steps_for(device) or begin <= self._hello(device) < end:
            return False
        return self._due(device, begin) >= end

    def _device(self, device: SimDevice, begin: int, end: int) -> Iterator[_Act]:
        steps = self.steps_for(device)
        samples = (self._sample(device, steps, at) for at in self._times(device, steps, begin, end))
        if not steps:
            return samples
        faults = [fault for step in steps if step.shape == "event" for fault in self._faults(step, begin, end)]
        return heapq.merge((_Act(fault.at, device, fault) for fault in sorted(faults)), samples, key=lambda act: act.at)

    def _hello(self, device: SimDevice) -> int:
        """When it reports for the first time."""
        return self.start + device.phase % HELLO_WITHIN

    @staticmethod
    def _due(device: SimDevice, begin: int) -> int:
        """Its first report by its interval from ``begin`` on."""
        return begin + (device.phase - begin) % device.interval

    def _times(self, device: SimDevice, steps: tuple[Step, ...], begin: int, end: int) -> Iterator[int]:
        """When the device reports: at its interval, when a fault begins or ends, and in bursts."""
        edges = [self.start + edge for step in steps for edge in (step.start, step.end) if edge is not None]
        edges.append(self._hello(device))
        bursts = [
            range(self.start + step.start, min(end, self.start + (step.end or end - self.start)), step.every_ms)
            for step in steps
            if step.shape == "burst"
        ]
        last = -1
        for at in heapq.merge(range(self._due(device, begin), end, device.interval), sorted(edges), *bursts):
            if begin <= at < end and at != last:
                yield at
            last = at

    def _faults(self, step: Step, begin: int, end: int) -> Iterator[Fault]:
        for edge, active in ((step.start, True), (step.end, False)):
            if edge is not None and begin <= (at := self.start + edge) < end:
                yield Fault(at, step.code, active, step.text)

    def _sample(self, device: SimDevice, steps: tuple[Step, ...], at: int) -> _Act:
        zone = self.community.zone
        report = Report(device=device.id, at=at, values=device.values(at, zone), clock=at)
        for step in steps:
            if step.runs_at(at - self.start):
                report.fault_age = at - self.start - step.start
                EFFECTS[step.shape](report, step, partial(device.values, self.start + step.start, zone))
        return _Act(at, device, report)

    def _words(self, act: _Act) -> Iterator[Said]:
        device, speaker = act.device, self._speakers[act.device.id]
        if isinstance(act.about, Fault):
            yield from speaker.fault(device, act.about)
            return
        report = act.about
        if report.junk is not None:
            yield Said(speaker.topic(device), report.junk)
            return
        if not report.copies:
            yield from speaker.silenced(device, alone=not self._is_silent(device.gateway, act.at))
            return
        if self.introduces:
            yield from speaker.introduction(device, report)
        for said in speaker.report(device, report):
            yield from repeat(said, report.copies)
