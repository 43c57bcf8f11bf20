"""Who walks where with the list of a room, and what the sensors say meanwhile: between pages and the alarm lane."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.domain.walk import Point, PointTest, Walker, Word, judge_word
from hub.flows.batch import TOLD_AGAIN, Decoded, FaultEvent, PointKey, Slots
from hub.flows.bindings import Bindings
from hub.flows.memory import NEVER, Memory


class Hearing(NamedTuple):
    """What the alarm lane knows before a batch."""

    memory: Memory
    bindings: Bindings
    lateness: int
    """What comes later than this (ms) proves nothing."""


class Walks:
    """Kept in memory: whoever walks says so again when the hub has been restarted. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._walkers: dict[tuple[str, str], Walker] = {}
        self._wanted: frozenset[Point] = frozenset()

    def put(self, walker: Walker) -> None:
        """Somebody is there (again), or expects another sensor."""
        with self._lock:
            self._walkers[walker.community, walker.by] = walker
            self._gather(walker.seen_at)

    def find(self, community: str, by: str, now: int) -> Walker | None:
        """Where somebody walks; None: nowhere, or the walk is over."""
        walker = self._walkers.get((community, by))
        return walker if walker is not None and walker.walks(now) else None

    def end(self, community: str, by: str) -> None:
        """The walk is over."""
        with self._lock:
            self._walkers.pop((community, by), None)
            self._gather(0)

    def walking(self, community: str, now: int) -> list[Walker]:
        """Everybody, by name."""
        found = [w for w in list(self._walkers.values()) if w.community == community and w.walks(now)]
        return sorted(found, key=lambda walker: walker.by)

    def tested(self, tests: list[PointTest]) -> None:
        """What was expected has been heard, or another one instead: nobody waits for it any more."""
        with self._lock:
            self._walkers = {key: walker.after(tests) for key, walker in self._walkers.items()}

    def reopen(self, devices: Collection[str]) -> None:
        """They hang elsewhere now: what they have passed proves nothing any more."""
        with self._lock:
            self._walkers = {
                key: replace(
                    walker,
                    done=frozenset(point for point in walker.done if point[0] not in devices),
                    doubts=frozenset(pair for pair in walker.doubts if not {point[0] for point in pair} & {*devices}),
                )
                for key, walker in self._walkers.items()
            }

    def _gather(self, now: int) -> None:
        self._walkers = {key: walker for key, walker in self._walkers.items() if walker.walks(now)}
        wanted: set[Point] = set()
        for walker in self._walkers.values():
            wanted |= walker.points | walker.neighbours | ({walker.expects} if walker.expects else set())
        self._wanted = frozenset(wanted)

    # --- the lane's side ----------------------------------------------------------------------------------------

    def heard(
        self,
        batch: Decoded,
        values: NDArray[np.float64],
        late: NDArray[np.bool_],
        hearing: Hearing,
    ) -> list[PointTest]:
        """What the batch proves to those who walk; nothing while nobody does."""
        wanted = self._wanted
        if not wanted:
            return []
        walkers = list(self._walkers.values())
        tests: list[PointTest] = []
        for word in _words(batch, values, late, wanted, hearing):
            test = judge_word(word, walkers)
            if test is None:
                continue
            tests.append(test)
            walkers = [walker.after([test]) for walker in walkers]
        return _once(tests)


def _once(tests: list[PointTest]) -> list[PointTest]:
    """Of several tests of a point in one batch the first: a contact that bounces was opened once."""
    found: dict[tuple[object, ...], PointTest] = {}
    for test in tests:
        found.setdefault((test.key, test.outcome), test)
    return list(found.values())


def _words(
    batch: Decoded,
    values: NDArray[np.float64],
    late: NDArray[np.bool_],
    wanted: frozenset[Point],
    hearing: Hearing,
) -> Iterator[Word]:
    """The values of wanted points in order of arrival, each with the one before it; what is late proves nothing."""
    readings, memory = batch.readings, hearing.memory
    slots = memory.slots
    chosen = _slots_of(wanted, slots)
    newest: dict[int, float] = {}
    for index in np.flatnonzero(np.isin(readings.slot, chosen) & ~late & ((readings.mark & TOLD_AGAIN) == 0)).tolist():
        slot, value = int(readings.slot[index]), float(values[index])
        before = newest.get(slot, float(memory.value[slot]) if memory.time[slot] != NEVER else np.nan)
        newest[slot] = value
        key = slots.keys[slot]
        at = int(readings.arrival[index])
        yield Word(key.community, (key.device, key.name), _metric(hearing, slot), at, value, "", before, "")
    for text in batch.texts:
        key = slots.keys[text.slot]
        if (
            (key.device, key.name) in wanted
            and text.arrival - text.time <= hearing.lateness
            and not text.mark & TOLD_AGAIN
        ):
            told, metric = memory.texts.get(text.slot, ""), _metric(hearing, text.slot)
            yield Word(key.community, (key.device, key.name), metric, text.arrival, None, text.text, np.nan, told)
    for event in batch.events:
        yield from _of_event(event, wanted, hearing.lateness)


def _metric(hearing: Hearing, slot: int) -> str:
    return hearing.bindings.spots[hearing.bindings.newest(slot)].metric


def _of_event(event: FaultEvent, wanted: frozenset[Point], lateness: int) -> Iterator[Word]:
    """A fault code counts for the sensor that is expected, whichever of its points that is."""
    if event.active is False or event.mark & TOLD_AGAIN or event.arrival - event.time > lateness:
        return
    for device, point in sorted(wanted):
        if device == event.device:
            yield Word(event.community, (device, point), "", event.arrival, None, event.code, np.nan, "")


def _slots_of(wanted: frozenset[Point], slots: Slots) -> NDArray[np.int64]:
    found = (slots.find(PointKey(device.partition("~")[0], device, point)) for device, point in wanted)
    return np.array([slot for slot in found if slot is not None], np.int64)
