"""Alarms, tickets and hourly figures as points of the series that dashboards read.

A point is told apart by its measurement, tags and time. Two changes that agree in all tags at the same millisecond would be
one point, so the later ones of them move on by a millisecond; the same changes always move the same way, and writing them
again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from hub.domain.alarms import Alarm, Change
from hub.domain.kpi import Figure
from hub.domain.kpi_places import Counts
from hub.domain.places import Facility, Name
from hub.domain.series_names import ALARM_EVENT, FACILITY_HOUR, KPI_HOUR, TICKET_EVENT
from hub.domain.tickets import ENDED, Action, Ticket, TicketState

NOWHERE: Final = Name(zh="", en="")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One point: what a series store writes beside readings. ``time`` is epoch ms."""

    measurement: str
    tags: Mapping[str, str]
    """Without the empty ones."""
    fields: Mapping[str, float | int | str]
    """A float, an integer and a string are different types in the store: a field keeps its own."""
    time: int


def alarm_point(
    alarm: Alarm, *, at: int, change: Change, occurrence: int, facility: Facility | None, name: Name = NOWHERE
) -> SeriesPoint:
    """A change of an alarm. ``name`` is the failure mode's, in both languages."""
    return SeriesPoint(
        measurement=ALARM_EVENT,
        tags=_tags(
            community=alarm.community,
            **_place(alarm.facility, alarm.unit, facility),
            priority=alarm.priority.value,
            state=change.value,
            failure_mode=alarm.failure_mode,
        ),
        fields={
            "n": 1,
            **_active(change),
            "occurrence": occurrence,
            "alarm": alarm.id,
            "device": alarm.device,
            "title_zh": name.zh or alarm.failure_mode,
            "title_en": name.en or alarm.failure_mode,
        },
        time=at,
    )


_ACTIVE: Final = frozenset({Change.RAISED, Change.ANNUNCIATED})
_OVER: Final = frozenset({Change.RETURNED, Change.RESET, Change.WITHDRAWN})


def _active(change: Change) -> dict[str, int]:
    """Whether the alarm is active from now on; of changes that leave that as it was, nothing."""
    return {"active": int(change in _ACTIVE)} if change in _ACTIVE | _OVER else {}


def ticket_point(
    ticket: Ticket, *, at: int, action: Action, state: TicketState, facility: Facility | None
) -> SeriesPoint:
    """A change of a ticket's state. Nothing about a person: no assignee, no comment."""
    key = ticket.key
    return SeriesPoint(
        measurement=TICKET_EVENT,
        tags=_tags(
            community=key.community,
            **_place(key.facility, key.unit, facility),
            priority=ticket.priority.value,
            state=state.value,
            failure_mode=key.failure_mode,
        ),
        fields={
            "n": 1,
            "open": int(state not in ENDED),
            "action": action.value,
            "number": ticket.number,
            "ticket": ticket.id,
            "crew": ticket.crew,
            "title_zh": ticket.title_zh,
            "title_en": ticket.title_en,
        },
        time=at,
    )


def kpi_point(figure: Figure, *, hour: int) -> SeriesPoint:
    """A figure of an hour, stamped with its start."""
    return SeriesPoint(
        measurement=KPI_HOUR,
        tags=_tags(community=figure.community, kind=figure.kind, kpi=figure.kpi),
        fields={"value": float(figure.value), "n": figure.n},
        time=hour,
    )


def counts_point(counts: Counts, *, hour: int) -> SeriesPoint:
    """The counts of a facility in an hour, stamped with its start."""
    return SeriesPoint(
        measurement=FACILITY_HOUR,
        tags=_tags(community=counts.community, facility=counts.facility, kind=counts.kind),
        fields=counts.counts,
        time=hour,
    )


def apart(points: Iterable[SeriesPoint]) -> list[SeriesPoint]:
    """The points in their order, those that would be one moved on by a millisecond each."""
    taken: set[tuple[str, frozenset[tuple[str, str]], int]] = set()
    found = []
    for point in points:
        key = (point.measurement, frozenset(point.tags.items()))
        time = point.time
        while (*key, time) in taken:
            time += 1
        taken.add((*key, time))
        found.append(point if time == point.time else replace(point, time=time))
    return found


def _place(id_: str, unit: str, facility: Facility | None) -> dict[str, str]:
    """Where it is, as far as the registry knows; a unit alone says nothing."""
    return {
        "facility": id_,
        "unit": unit if id_ else "",
        "kind": facility.kind if facility else "",
        "grid": (facility.grid or "") if facility else "",
    }


def _tags(**given: str) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}
