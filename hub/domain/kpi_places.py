"""The figures that are counts, facility by facility: what can be narrowed to a grid or a single facility."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from hub.domain.kpi import KPIS, SENSOR, Measure, Period, told

T = TypeVar("T")
COUNTS: Final = tuple(kpi.id for kpi in KPIS.values() if kpi.measure is Measure.COUNT)
"""Ids of the figures that are counts: those of facilities add up, to the kind's and to everybody's."""
NOTHING: Final[Mapping[str, int]] = MappingProxyType(dict.fromkeys(COUNTS, 0))
"""Zeros are told as well: what has ended must be seen to have ended."""


class Counts(NamedTuple):
    """All counts of one facility in one period."""

    community: str
    facility: str
    """Empty: what is wrong with sensors themselves."""
    kind: str
    counts: Mapping[str, int]
    """By the figure's id."""


def counts(period: Period) -> list[Counts]:
    """Of every facility that the community has, the retired ones too; sensors come last."""
    lives = _grouped(period.lives, lambda life: life.ticket.key.facility)
    raised = _grouped(period.raised, lambda alarm: alarm.facility)
    active = _grouped(period.active, lambda alarm: alarm.facility)
    kinds = {facility.id: facility.kind for facility in sorted(period.facilities, key=lambda each: each.id)}

    def of(place: str) -> Mapping[str, int]:
        if not (lives[place] or raised[place] or active[place]):
            return NOTHING  # as nearly everywhere in nearly every hour
        # without facilities nothing is said of availability, which is no count
        own = replace(
            period, facilities=(), acknowledged=(), lives=lives[place], raised=raised[place], active=active[place]
        )
        return {name: int(value) for name, value, _ in told(own) if name in COUNTS}

    return [Counts(period.community, place, kind, of(place)) for place, kind in (*kinds.items(), ("", SENSOR))]


def _grouped(things: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return found
