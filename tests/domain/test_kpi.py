"""The hourly figures against what anybody would count by hand, and against a minute-by-minute look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.alarms import Alarm, Priority
from hub.domain.kpi import (
    HOUR,
    KPIS,
    SENSOR,
    Acknowledged,
    Cycle,
    Done,
    Figure,
    Life,
    Measure,
    Period,
    cycles,
    figures,
    total_length,
)
from hub.domain.places import Facility, Name
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState

START = 1_772_409_600_000
MINUTE = 60_000
A, S = Action, TicketState
Found = dict[tuple[str, str], Figure]


def facility(id_: str = "lift-1", kind: str = "lift", **changes: Any) -> Facility:
    return replace(Facility(community="garden", id=id_, kind=kind, name=Name(zh="梯", en="Lift")), **changes)


def ticket(number: int = 1, *, at: int = 0, place: str = "lift-1", **changes: Any) -> Ticket:
    """``at`` and all times in ``changes`` are minutes from the hour's start."""
    times = {name: START + value * MINUTE for name, value in changes.items() if name.endswith("_at")}
    plain = Ticket(
        id=f"t{number}",
        number=f"HG-2026-{number:06d}",
        key=TicketKey(community="garden", facility=place, unit="", failure_mode="door_fault"),
        kind=TicketKind.FAULT,
        state=S.ASSIGNED,
        priority=Priority.HIGH,
        title_zh="门",
        title_en="Door",
        crew="c",
        reported_at=START + at * MINUTE,
    )
    return replace(plain, **(changes | times))


def life(of: Ticket, *more: tuple[int, Action, str, str]) -> Life:
    """Opened when it was reported, and then what happened at which minute."""
    opened = Done(of.reported_at, A.OPEN, "", S.ASSIGNED)
    return Life(ticket=of, changes=(opened, *(Done(START + minute * MINUTE, *rest) for minute, *rest in more)))


def accepted(minute: int) -> tuple[int, Action, str, str]:
    return minute, A.ACCEPT, S.ASSIGNED, S.ACCEPTED


def checked(minute: int) -> tuple[int, Action, str, str]:
    return minute, A.CHECK, S.COMPLETED, S.VERIFYING


def resolved(minute: int, action: Action = A.VERIFY) -> tuple[int, Action, str, str]:
    return minute, action, S.VERIFYING, S.RESOLVED


def failed(minute: int) -> tuple[int, Action, str, str]:
    return minute, A.FAIL, S.VERIFYING, S.IN_PROGRESS


def reopened(minute: int, before: str = S.CLOSED) -> tuple[int, Action, str, str]:
    return minute, A.REOPEN, before, S.IN_PROGRESS


ALARM = Alarm(
    id="a1",
    rule="r",
    community="garden",
    device="garden~d",
    point="p",
    code="",
    facility="lift-1",
    unit="",
    failure_mode="door_fault",
    priority=Priority.HIGH,
)


def hour(*lives: Life, facilities: tuple[Facility, ...] = (facility(), facility("lift-2")), **alarms: Any) -> Found:
    nothing: dict[str, Any] = {"raised": (), "active": (), "acknowledged": ()}
    told = Period(
        community="garden", start=START, end=START + HOUR, facilities=facilities, lives=lives, **(nothing | alarms)
    )
    return {(figure.kind, figure.kpi): figure for figure in figures(told)}


def value(found: Found, kpi: str, kind: str = "lift") -> tuple[float, int] | None:
    figure = found.get((kind, kpi))
    return None if figure is None else (figure.value, figure.n)


def test_a_quiet_hour_counts_zero_and_has_no_means() -> None:
    found = hour()
    assert value(found, "tickets_opened") == (0, 0)
    assert value(found, "availability") == (1, 2)
    assert value(found, "operating_hours") == (2, 2)
    for kpi in ("time_to_acknowledge", "time_to_accept", "time_to_restore", "false_completion", "mtbf"):
        assert value(found, kpi) is None


def test_every_figure_that_is_written_is_in_the_table() -> None:
    repaired = life(ticket(restored_at=18), accepted(2), checked(20), resolved(40))
    found = hour(repaired, acknowledged=[Acknowledged(ALARM, START, START + MINUTE)])
    assert {kpi for kind, kpi in found if kind == "lift"} == set(KPIS) - {"mtbf"}


def test_counts_have_themselves_as_cases() -> None:
    for (_, kpi), figure in hour(life(ticket())).items():
        if KPIS[kpi].measure is Measure.COUNT:
            assert figure.value == figure.n


# --- times ------------------------------------------------------------------------------------------------------


def test_means_tell_how_many_cases_they_rest_on() -> None:
    found = hour(life(ticket(1, at=-10), accepted(5)), life(ticket(2), accepted(45)))
    assert value(found, "time_to_accept") == ((15 + 45) / 2 * 60, 2)


def test_only_the_first_acceptance_of_a_cycle_counts() -> None:
    given_back = (20, A.DECLINE, S.ACCEPTED, S.ASSIGNED)
    assert value(hour(life(ticket(), accepted(5), given_back, accepted(50))), "time_to_accept") == (300, 1)


def test_restored_is_when_the_sensor_saw_it_else_when_it_was_resolved() -> None:
    seen = life(ticket(1, at=-30, restored_at=10), checked(20), resolved(30))
    unseen = life(ticket(2), checked(40), resolved(50, A.OVERRIDE))
    found = hour(seen, unseen)
    assert value(found, "time_to_restore") == ((40 + 50) / 2 * 60, 2)
    assert value(found, "tickets_resolved") == (2, 2)


def test_a_reopened_ticket_is_measured_from_its_reopening() -> None:
    """The stamps of its first cycle are still on it; they must not count in the second one."""
    old = ticket(at=-9000, restored_at=-8000)
    back = life(old, checked(-7990), resolved(-7980), reopened(10), checked(25), resolved(30))
    found = hour(back)
    assert value(found, "time_to_restore") == (20 * 60, 1)
    assert value(found, "tickets_reopened") == (1, 1)
    assert value(found, "failures") == (1, 1)
    assert value(found, "availability") == pytest.approx((1 - 20 / 120, 2))


def test_an_acknowledgement_counts_from_when_people_were_told() -> None:
    seen = [Acknowledged(ALARM, START - MINUTE, START + 2 * MINUTE), Acknowledged(ALARM, START, START + MINUTE)]
    assert value(hour(acknowledged=seen), "time_to_acknowledge") == (120, 2)


def test_cycles() -> None:
    whole = life(ticket(), accepted(5), checked(20), failed(25), checked(30), resolved(35), reopened(40, S.RESOLVED))
    first, second = cycles(whole)
    assert first == Cycle(START, START + 35 * MINUTE, resolved=True, accepted=START + 5 * MINUTE)
    assert second == Cycle(START + 40 * MINUTE, None, resolved=False, accepted=None)
    assert cycles(life(ticket(), (3, A.CANCEL, S.ASSIGNED, S.CANCELLED)))[0].resolved is False
    assert cycles(Life(ticket=ticket(), changes=())) == []


# --- completions ------------------------------------------------------------------------------------------------


def test_a_completion_that_was_none_and_one_that_was() -> None:
    twice = life(ticket(), accepted(1), checked(20), failed(30), checked(50), resolved(59))
    assert value(hour(twice), "false_completion") == (0.5, 2)


def test_a_fault_that_went_by_itself_says_nothing_about_completions() -> None:
    alone = (10, A.SELF_CLEAR, S.ASSIGNED, S.VERIFYING)
    back = (20, A.FAIL, S.VERIFYING, S.ASSIGNED)
    again = (30, A.SELF_CLEAR, S.ASSIGNED, S.VERIFYING)
    assert value(hour(life(ticket(), alone, back, again, resolved(40))), "false_completion") is None


def test_only_verdicts_of_the_hour_count() -> None:
    before = life(ticket(at=-60), checked(-30), failed(-20), checked(10))
    assert value(hour(before), "false_completion") is None


# --- what stands ------------------------------------------------------------------------------------------------


def test_tickets_that_ended_otherwise_are_not_resolved() -> None:
    found = hour(life(ticket(state=S.CANCELLED, closed_at=20), (20, A.CANCEL, S.ASSIGNED, S.CANCELLED)))
    assert value(found, "tickets_resolved") == (0, 0)
    assert value(found, "tickets_open") == (0, 0)


def test_what_stands_at_the_end_of_the_hour() -> None:
    """By the history: the ticket itself may have gone on since."""
    found = hour(
        life(ticket(1, at=-120, due_at=-1)),
        life(ticket(2, at=-5, state=S.CLOSED, closed_at=90, due_at=10)),
        life(ticket(3, at=-5, due_at=10), checked(10), resolved(20)),
        life(ticket(4, at=-5), checked(10), resolved(20), (30, A.CLOSE, S.RESOLVED, S.CLOSED)),
        life(ticket(5, at=-5, due_at=60)),
    )
    assert value(found, "tickets_open") == (4, 4)
    assert value(found, "tickets_overdue") == (2, 2)


def test_alarms_are_counted() -> None:
    found = hour(raised=[ALARM, ALARM], active=[ALARM])
    assert value(found, "alarms_raised") == (2, 2)
    assert value(found, "alarms_active") == (1, 1)


# --- availability -----------------------------------------------------------------------------------------------


def test_down_is_a_stopping_fault_that_a_sensor_told() -> None:
    assert value(hour(life(ticket(at=-30, restored_at=15))), "availability") == (1 - 15 / 120, 2)
    for harmless in (
        ticket(priority=Priority.MEDIUM),
        ticket(sensor_born=False),
        ticket(late=True),
        replace(ticket(), key=replace(ticket().key, failure_mode="no_data")),
        ticket(kind=TicketKind.PREVENTIVE),
    ):
        found = hour(life(harmless))
        assert value(found, "availability") == (1, 2)
        assert value(found, "failures") == (0, 0)


def test_two_faults_at_once_are_one_time_down() -> None:
    both = (life(ticket(1, restored_at=30)), life(ticket(2, at=20, restored_at=40)))
    assert value(hour(*both), "operating_hours") == pytest.approx((2 - 40 / 60, 2))


def test_late_data_count_nowhere() -> None:
    late = replace(ALARM, late=True)
    found = hour(life(ticket(late=True)), raised=[late], active=[late], acknowledged=[Acknowledged(late, START, START)])
    for kpi in ("tickets_opened", "alarms_raised", "alarms_active"):
        assert value(found, kpi) == (0, 0)
    assert value(found, "time_to_acknowledge") is None


def test_what_is_wrong_with_a_sensor_has_a_kind_of_its_own() -> None:
    found = hour(life(ticket(place="")), raised=[replace(ALARM, facility="")])
    assert value(found, "tickets_opened", SENSOR) == (1, 1)
    assert value(found, "alarms_raised", SENSOR) == (1, 1)
    assert value(found, "tickets_opened") == (0, 0)
    assert value(found, "availability", SENSOR) is None


def test_a_retired_facility_needs_no_time_but_its_tickets_have_a_kind() -> None:
    retired = facility("lift-2", retired_at=START - 1)
    found = hour(life(ticket(place="lift-2")), facilities=(facility(), retired))
    assert value(found, "tickets_opened") == (1, 1)
    assert value(found, "availability") == (1, 1)


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@given(SPANS)
def test_time_down_is_what_a_look_at_every_minute_finds(spans: list[tuple[int, int]]) -> None:
    covered = {minute for begin, end in spans for minute in range(begin, end)}
    assert total_length(spans) == len(covered)


@given(st.lists(st.tuples(st.integers(-120, 59), st.integers(0, 200)), max_size=5))
def test_availability_is_what_a_look_at_every_minute_finds(faults: list[tuple[int, int]]) -> None:
    lives = [life(ticket(n, at=begin, restored_at=begin + length)) for n, (begin, length) in enumerate(faults)]
    down = {m for begin, length in faults for m in range(max(0, begin), min(60, begin + length))}
    figure = hour(*lives)["lift", "availability"]
    assert abs(figure.value - (1 - len(down) / 120)) < 1e-12
    assert HOUR == 60 * MINUTE
