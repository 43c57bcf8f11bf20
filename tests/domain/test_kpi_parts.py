"""Figures of a period as people ask for them: the days put together are the whole, and a crew has only what is its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.domain.kpi import HOUR, KPIS, Acknowledged, Life, Measure, Period
from hub.domain.kpi_parts import OF_CREWS, WITHOUT_DAYS, stretches, values, values_of_crew
from hub.domain.tickets import Action
from hub.domain.tickets import TicketState as S
from tests.domain.test_kpi import ALARM, MINUTE, START, accepted, checked, facility, failed, life, resolved, ticket

CLOSED = (130, Action.CLOSE, S.RESOLVED, S.CLOSED)


def period(*lives: Life, hours: int = 3, **more: Any) -> Period:
    nothing: dict[str, Any] = {"raised": (), "active": (), "acknowledged": (), "facilities": (facility(),)}
    return Period(community="garden", start=START, end=START + hours * HOUR, lives=lives, **(nothing | more))


STORY = (
    life(ticket(1, at=-10), accepted(5), checked(20), failed(30), checked(70), resolved(75), CLOSED),
    life(ticket(2, at=50, place="", crew="d"), accepted(125)),
    life(ticket(3, at=100, late=True)),
)


def test_nothing_that_happened_gives_counts_and_no_means() -> None:
    found = values(period())
    assert found["tickets_opened"] == (0, 0)
    assert {name for name in KPIS if name not in found} == {
        "time_to_acknowledge",
        "time_to_accept",
        "time_to_restore",
        "false_completion",
        "mtbf",
    }
    assert "availability" not in values(period(facilities=()))


def test_operating_time_between_failures_is_of_the_whole_period() -> None:
    found = values(period(life(ticket(1, restored_at=30), checked(20), resolved(40)), life(ticket(2, at=90))))
    assert found["mtbf"] == pytest.approx(((3 - 0.5 - 1.5) / 2, 2))


def test_hours_put_together_are_the_whole() -> None:
    whole = period(*STORY, acknowledged=[Acknowledged(ALARM, START, START + 61 * MINUTE)], raised=[ALARM])
    told = values(whole)
    parts = [values(part) for part in stretches(whole, [(START + n * HOUR, START + (n + 1) * HOUR) for n in range(3)])]
    for name, kpi in KPIS.items():
        some = [part[name] for part in parts if name in part]
        if name in WITHOUT_DAYS | {"mtbf"}:
            continue
        if name in {"tickets_open", "tickets_overdue"}:
            assert some[-1] == told[name]
        elif kpi.measure in (Measure.COUNT, Measure.HOURS):
            assert sum(each.value for each in some) == pytest.approx(told[name].value), name
        elif some:
            n = sum(each.n for each in some)
            assert sum(each.value * each.n for each in some) / n == pytest.approx(told[name].value), name
    assert [part["tickets_open"].n for part in parts] == [2, 2, 1]


def test_what_ended_before_a_stretch_is_not_in_it() -> None:
    first, second = stretches(period(STORY[0]), [(START, START + 2 * HOUR), (START + 140 * MINUTE, START + 3 * HOUR)])
    assert [len(each.changes) for each in first.lives] == [6]
    assert second.lives == []


def test_a_crew_has_its_own_tickets_and_nothing_that_is_no_crews() -> None:
    whole = period(*STORY, raised=[ALARM])
    mine, other = values_of_crew(whole, "c"), values_of_crew(whole, "d")
    assert set(mine) <= OF_CREWS
    assert mine["false_completion"] == (0.5, 2)
    assert (mine["tickets_open"].n, other["tickets_open"].n) == (0, 1)
    assert other["time_to_accept"] == (75 * 60, 1)


def test_a_facility_that_was_retired_within_needed_time_until_then() -> None:
    both = (facility(), replace(facility("lift-2"), retired_at=START + HOUR))
    found = values(period(life(ticket(1, at=30, place="lift-2")), facilities=both))
    assert found["availability"] == pytest.approx((1 - 0.5 / 4, 2))
    assert found["operating_hours"].value == pytest.approx(3.5)
