"""Figures of a period as people ask for them: of all of it, of a part, of a crew, and day by day.

The formulas are those of ``hub.domain.kpi`` with the period in the place of the hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from hub.domain.kpi import Life, Period, told
from hub.domain.tickets import ENDED

OF_CREWS: Final = frozenset(
    {
        "tickets_opened",
        "tickets_resolved",
        "tickets_reopened",
        "tickets_open",
        "tickets_overdue",
        "time_to_accept",
        "time_to_restore",
        "false_completion",
        "failures",
    }
)
"""What follows from tickets alone. An alarm is no crew's, and a facility's time is not divided among crews."""
WITHOUT_DAYS: Final = frozenset({"alarms_raised", "alarms_active"})
"""What a period tells as a whole only."""


class Value(NamedTuple):
    """A figure in the unit of its measure, and how many cases it rests on."""

    value: float
    n: int


Values = Mapping[str, Value]
"""By id of the figure; one of which nothing can be said is left out."""


def values(period: Period) -> Values:
    """Every figure of the period."""
    found = {name: Value(value, n) for name, value, n in told(period)}
    hours, failures = found.get("operating_hours"), found["failures"]
    if hours is not None and failures.n:
        found["mtbf"] = Value(hours.value / failures.value, failures.n)
    return found


def values_of_crew(period: Period, crew: str) -> Values:
    """Those that can be told of a crew, from the tickets that it has now."""
    mine = replace(period, lives=[life for life in period.lives if life.ticket.crew == crew])
    return {name: value for name, value in values(mine).items() if name in OF_CREWS}


def crews(period: Period) -> set[str]:
    """Those that have a ticket in the period."""
    return {life.ticket.crew for life in period.lives}


def stretches(period: Period, spans: Iterable[tuple[int, int]]) -> list[Period]:
    """The period cut up by spans (from, until) inside it, without alarms: see ``WITHOUT_DAYS``."""
    return [
        replace(
            period,
            start=start,
            end=end,
            lives=_until(period.lives, start, end),
            raised=(),
            active=(),
            acknowledged=[each for each in period.acknowledged if start <= each.at < end],
        )
        for start, end in spans
    ]


def _until(lives: Collection[Life], start: int, end: int) -> list[Life]:
    """Those that changed in the span or had not ended when it began, with their histories up to its end."""
    return [
        Life(ticket=life.ticket, changes=tuple(change for change in life.changes if change.at < end))
        for life in lives
        if life.changes
        and life.changes[0].at < end
        and (life.changes[-1].at >= start or life.changes[-1].to_state not in ENDED)
    ]
