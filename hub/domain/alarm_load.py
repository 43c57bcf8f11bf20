"""How alarms came: which faults most often, how many in ten minutes, and when each was active. Pure.

A flood begins with more than ten alarms in ten minutes and lasts until ten minutes bring fewer than five (EEMUA 191,
ISA-18.2): more than anybody can look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.rollups import Times, merged

STEP: Final = 600_000
"""Ten minutes, ms."""
FLOOD: Final = 10
FLOOD_ENDS: Final = 5


class Fault(NamedTuple):
    """What was wrong with what."""

    facility: str
    """Empty: with a device, a place or the hub itself, which ``unit`` names."""
    unit: str
    failure_mode: str


class Turn(NamedTuple):
    """An alarm became active, or ended to be."""

    alarm: str
    at: int
    active: bool
    fault: Fault
    priority: Priority


class Frequent(NamedTuple):
    """A failure mode of a kind of facility: how often it was raised, in how many places, and when last."""

    kind: str
    failure_mode: str
    times: int
    places: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When a fault was active in a span. ``raised``: how often it began in it."""

    fault: Fault
    priority: Priority
    spans: tuple[Times, ...]
    raised: int

    @property
    def lasted(self) -> int:
        """How long altogether, ms."""
        return sum(end - start for start, end in self.spans)


def frequent(turns: Iterable[Turn], kind_of: Mapping[str, str]) -> list[Frequent]:
    """Those that were raised most often come first. ``kind_of``: of each facility; of none it is empty."""
    groups: dict[tuple[str, str], list[Turn]] = {}
    for turn in turns:
        if turn.active:
            groups.setdefault((kind_of.get(turn.fault.facility, ""), turn.fault.failure_mode), []).append(turn)
    found = [
        Frequent(kind, mode, len(of), len({turn.fault[:2] for turn in of}), max(turn.at for turn in of))
        for (kind, mode), of in groups.items()
    ]
    return sorted(found, key=lambda each: (-each.times, -each.last))


def per_step(raised: Iterable[int], start: int, end: int, offset_ms: int) -> list[tuple[int, int]]:
    """(beginning of ten minutes on the zone's clock, how many alarms were raised in it), empty ones included."""
    first = (start + offset_ms) // STEP * STEP - offset_ms
    counts = [0] * -(-(end - first) // STEP)
    for at in raised:
        if start <= at < end:
            counts[(at - first) // STEP] += 1
    return [(first + number * STEP, count) for number, count in enumerate(counts)]


def floods(steps: Iterable[tuple[int, int]]) -> list[Times]:
    """When there was one, from ``per_step``."""
    found: list[Times] = []
    inside = False
    for at, count in steps:
        inside = count > FLOOD or (inside and count >= FLOOD_ENDS)
        if inside:
            found.append((at, at + STEP))
    return merged(found)


def courses(before: Sequence[Turn], turns: Sequence[Turn], start: int, end: int) -> list[Course]:
    """Of each fault that was active in the span, those that were longest first.

    ``before``: the last turns of alarms that were active when it began. ``turns``: those within it, in order.
    """
    of_alarm: dict[str, list[Turn]] = {}
    for turn in chain(before, turns):
        of_alarm.setdefault(turn.alarm, []).append(turn)
    spans: dict[Fault, list[Times]] = {}
    raised: dict[Fault, int] = {}
    weight: dict[Fault, Priority] = {}
    for of in of_alarm.values():
        fault = of[-1].fault
        spans.setdefault(fault, []).extend(_active(of, start, end))
        raised[fault] = raised.get(fault, 0) + sum(turn.active and turn.at >= start for turn in of)
        weight[fault] = of[-1].priority
    found = [
        Course(fault=fault, priority=weight[fault], spans=tuple(merged(of)), raised=raised[fault])
        for fault, of in spans.items()
        if of
    ]
    return sorted(found, key=lambda each: (-each.lasted, each.fault))


def _active(turns: Sequence[Turn], start: int, end: int) -> list[Times]:
    """Of one alarm. Turns are written in their order, but at the times that devices tell."""
    found: list[Times] = []
    since: int | None = None
    for turn in sorted(turns, key=lambda turn: turn.at):
        if turn.active and since is None:
            since = max(turn.at, start)
        elif not turn.active and since is not None:
            found.append((since, turn.at))
            since = None
    if since is not None:
        found.append((since, end))
    return found
