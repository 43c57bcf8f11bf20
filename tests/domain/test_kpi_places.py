"""Counts of facilities: together they are the kind's figures, so that what is narrowed and what is not agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hub.domain.kpi import KPIS, SENSOR, Life, Measure, Period, figures
from hub.domain.kpi_places import COUNTS, Counts, counts
from hub.domain.tickets import Action
from hub.domain.tickets import TicketState as S
from tests.domain.test_kpi import ALARM, HOUR, START, accepted, facility, life, resolved, ticket

ENDED = (50, Action.CLOSE, S.RESOLVED, S.CLOSED)


def hour(*lives: Life, **more: Any) -> Period:
    nothing: dict[str, Any] = {"raised": (), "active": (), "acknowledged": ()}
    places = (facility("lift-2"), facility("lift-1"), facility("gym", kind="gym"))
    return Period(community="garden", start=START, end=START + HOUR, lives=lives, facilities=places, **(nothing | more))


STORY = hour(
    life(ticket(1, at=-30, due_at=10), accepted(5)),
    life(ticket(2, at=10, place="lift-2"), accepted(12), resolved(40), ENDED),
    life(ticket(3, at=20, place=""), accepted(25)),
    life(ticket(4, at=20, late=True)),
    raised=(replace(ALARM, facility="lift-2"), replace(ALARM, facility="gym"), replace(ALARM, late=True)),
    active=(replace(ALARM, facility="gym"),),
)


def by_place(found: list[Counts]) -> dict[str, dict[str, int]]:
    """Without the zeros."""
    return {each.facility: {name: n for name, n in each.counts.items() if n} for each in found}


def test_every_facility_has_its_own_counts_and_sensors_theirs() -> None:
    assert by_place(counts(STORY)) == {
        "gym": {"alarms_raised": 1, "alarms_active": 1},
        "lift-1": {"tickets_open": 1, "tickets_overdue": 1},
        "lift-2": {"alarms_raised": 1, "tickets_opened": 1, "tickets_resolved": 1, "failures": 1},
        "": {"tickets_opened": 1, "tickets_open": 1, "failures": 1},
    }


def test_what_is_over_is_told_as_zero_and_sensors_come_last() -> None:
    found = counts(hour())
    assert [(each.facility, each.kind) for each in found] == [
        ("gym", "gym"),
        ("lift-1", "lift"),
        ("lift-2", "lift"),
        ("", SENSOR),
    ]
    assert all(each.counts == dict.fromkeys(COUNTS, 0) for each in found)
    assert set(COUNTS) == {kpi.id for kpi in KPIS.values() if kpi.measure is Measure.COUNT}


def test_facilities_add_up_to_their_kind() -> None:
    summed: Counter[tuple[str, str]] = Counter()
    for each in counts(STORY):
        summed.update({(each.kind, name): n for name, n in each.counts.items()})
    assert summed == {(each.kind, each.kpi): each.value for each in figures(STORY) if each.kpi in COUNTS}
