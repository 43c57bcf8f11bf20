"""The hourly figures against what anybody would count by hand, and against a minute-by-minute look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.kpi import HOUR, KPIS, SENSOR, Done, Figure, Hour, Measure, Raised, figures, total_length
from hub.domain.places import Facility, Name
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState

START = 1_772_409_600_000
MINUTE = 60_000
S = TicketState


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


def alarm(number: int = 1, **changes: Any) -> Alarm:
    times = {name: START + value * MINUTE for name, value in changes.items() if name.endswith("_at")}
    plain = Alarm(
        id=f"a{number}",
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
    return replace(plain, **(changes | times))


def done(of: Ticket, minute: int, action: Action, before: str, after: str) -> Done:
    return Done(of.id, START + minute * MINUTE, action, before, after)


def hour(
    *tickets: Ticket,
    changes: tuple[Done, ...] = (),
    alarms: tuple[Alarm, ...] = (),
    raised: tuple[Raised, ...] = (),
    facilities: tuple[Facility, ...] = (facility(), facility("lift-2")),
) -> dict[tuple[str, str], Figure]:
    told = Hour(
        community="garden",
        start=START,
        facilities=facilities,
        tickets={each.id: each for each in tickets},
        ticket_changes=changes,
        alarms={each.id: each for each in alarms},
        alarm_changes=raised,
    )
    return {(figure.kind, figure.kpi): figure for figure in figures(told)}


def value(found: dict[tuple[str, str], Figure], kpi: str, kind: str = "lift") -> tuple[float, int] | None:
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
    repaired = ticket(at=0, accepted_at=2, completed_at=20, restored_at=18, resolved_at=40)
    found = hour(
        repaired,
        changes=(
            done(repaired, 0, Action.OPEN, "", S.ASSIGNED),
            done(repaired, 2, Action.ACCEPT, S.ASSIGNED, S.ACCEPTED),
            done(repaired, 40, Action.VERIFY, S.VERIFYING, S.RESOLVED),
        ),
        alarms=(alarm(raised_at=0, annunciated_at=0),),
        raised=(Raised("a1", START, Change.RAISED), Raised("a1", START + MINUTE, Change.ACKNOWLEDGED, "li")),
    )
    assert {kpi for kind, kpi in found if kind == "lift"} == set(KPIS) - {"mtbf"}


def test_means_tell_how_many_cases_they_rest_on() -> None:
    quick, slow = ticket(1, at=-10, accepted_at=5), ticket(2, at=0, accepted_at=45)
    found = hour(
        quick,
        slow,
        changes=(
            done(quick, 5, Action.ACCEPT, S.ASSIGNED, S.ACCEPTED),
            done(slow, 45, Action.ACCEPT, S.ASSIGNED, S.ACCEPTED),
        ),
    )
    assert value(found, "time_to_accept") == ((15 + 45) / 2 * 60, 2)


def test_restored_is_when_the_sensor_saw_it_else_when_it_was_resolved() -> None:
    seen, unseen = ticket(1, at=-30, restored_at=10, resolved_at=30), ticket(2, at=0, resolved_at=50)
    found = hour(
        seen,
        unseen,
        changes=(
            done(seen, 30, Action.VERIFY, S.VERIFYING, S.RESOLVED),
            done(unseen, 50, Action.OVERRIDE, S.VERIFYING, S.RESOLVED),
        ),
    )
    assert value(found, "time_to_restore") == ((40 + 50) / 2 * 60, 2)
    assert value(found, "tickets_resolved") == (2, 2)


def test_tickets_that_ended_otherwise_are_not_resolved() -> None:
    gone = ticket(1, state=S.CANCELLED, closed_at=20)
    found = hour(gone, changes=(done(gone, 20, Action.CANCEL, S.ASSIGNED, S.CANCELLED),))
    assert value(found, "tickets_resolved") == (0, 0)
    assert value(found, "tickets_open") == (0, 0)


def test_a_completion_that_was_none_and_one_that_was() -> None:
    """The ticket's stamp may already be that of the second completion."""
    twice = ticket(1, completed_at=50, resolved_at=59, state=S.RESOLVED)
    found = hour(
        twice,
        changes=(
            done(twice, 30, Action.FAIL, S.VERIFYING, S.IN_PROGRESS),
            done(twice, 59, Action.VERIFY, S.VERIFYING, S.RESOLVED),
        ),
    )
    assert value(found, "false_completion") == (0.5, 2)


def test_a_fault_that_went_by_itself_says_nothing_about_completions() -> None:
    alone = ticket(1)
    back = done(alone, 30, Action.FAIL, S.VERIFYING, S.ASSIGNED)
    proven = done(alone, 40, Action.VERIFY, S.VERIFYING, S.RESOLVED)
    assert value(hour(alone, changes=(back, proven)), "false_completion") is None


def test_acknowledged_is_by_a_person_and_after_people_were_told() -> None:
    told, alone, before = (alarm(n, annunciated_at=10) for n in (1, 2, 3))
    found = hour(
        alarms=(told, alone, before),
        raised=(
            Raised("a1", START + 13 * MINUTE, Change.ACKNOWLEDGED, "li"),
            Raised("a2", START + 50 * MINUTE, Change.ACKNOWLEDGED, ""),
            Raised("a3", START + 5 * MINUTE, Change.ACKNOWLEDGED, "li"),
        ),
    )
    assert value(found, "time_to_acknowledge") == (180, 1)


def test_what_stands_at_the_end_of_the_hour() -> None:
    standing = ticket(1, at=-120, due_at=-1)
    later = ticket(2, at=70, due_at=80)
    ended = ticket(3, at=-5, state=S.CLOSED, resolved_at=20, closed_at=30)
    after = ticket(4, at=-5, state=S.CLOSED, resolved_at=70, closed_at=90, due_at=10)
    proven = ticket(5, at=-5, state=S.RESOLVED, resolved_at=20, due_at=10)
    found = hour(standing, later, ended, after, proven)
    assert value(found, "tickets_open") == (3, 3)
    assert value(found, "tickets_overdue") == (2, 2)
    active = (
        alarm(1, active=True, raised_at=-5),
        alarm(2, raised_at=-5, cleared_at=30),
        alarm(3, raised_at=10, cleared_at=61),
        alarm(4, active=True, raised_at=60),
    )
    assert value(hour(alarms=active), "alarms_active") == (2, 2)


def test_down_is_a_stopping_fault_that_a_sensor_told() -> None:
    assert value(hour(ticket(1, at=-30, restored_at=15)), "availability") == (1 - 15 / 120, 2)
    for harmless in (
        ticket(1, priority=Priority.MEDIUM),
        ticket(1, sensor_born=False),
        ticket(1, late=True),
        replace(ticket(1), key=replace(ticket(1).key, failure_mode="no_data")),
        ticket(1, kind=TicketKind.PREVENTIVE),
    ):
        assert value(hour(harmless), "availability") == (1, 2)


def test_two_faults_at_once_are_one_time_down() -> None:
    both = (ticket(1, at=0, restored_at=30), ticket(2, at=20, restored_at=40))
    assert value(hour(*both), "operating_hours") == pytest.approx((2 - 40 / 60, 2))


def test_late_data_count_nowhere() -> None:
    late = ticket(1, late=True)
    found = hour(
        late,
        changes=(done(late, 0, Action.OPEN, "", S.ASSIGNED),),
        alarms=(alarm(late=True, active=True, raised_at=0),),
        raised=(Raised("a1", START, Change.RAISED),),
    )
    assert value(found, "tickets_opened") == (0, 0)
    assert value(found, "alarms_raised") == (0, 0)
    assert value(found, "alarms_active") == (0, 0)


def test_what_is_wrong_with_a_sensor_has_a_kind_of_its_own() -> None:
    silent = ticket(1, place="")
    found = hour(silent, changes=(done(silent, 0, Action.OPEN, "", S.ASSIGNED),))
    assert value(found, "tickets_opened", SENSOR) == (1, 1)
    assert value(found, "tickets_opened") == (0, 0)
    assert value(found, "availability", SENSOR) is None


def test_a_retired_facility_needs_no_time_but_its_tickets_have_a_kind() -> None:
    retired = facility("lift-2", retired_at=START - 1)
    old = ticket(1, place="lift-2")
    found = hour(old, changes=(done(old, 0, Action.OPEN, "", S.ASSIGNED),), facilities=(facility(), retired))
    assert value(found, "tickets_opened") == (1, 1)
    assert value(found, "availability") == (1, 1)


def test_counts_have_themselves_as_cases() -> None:
    for (_, kpi), figure in hour(ticket(1)).items():
        if KPIS[kpi].measure is Measure.COUNT:
            assert figure.value == figure.n


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@given(SPANS)
def test_time_down_is_what_a_look_at_every_minute_finds(spans: list[tuple[int, int]]) -> None:
    covered = {minute for begin, end in spans for minute in range(begin, end)}
    assert total_length(spans) == len(covered)


@given(st.lists(st.tuples(st.integers(-120, 90), st.integers(0, 200)), max_size=5))
def test_availability_is_what_a_look_at_every_minute_finds(faults: list[tuple[int, int]]) -> None:
    tickets = [ticket(n, at=begin, restored_at=begin + length) for n, (begin, length) in enumerate(faults)]
    down = {m for begin, length in faults for m in range(max(0, begin), min(60, begin + length))}
    figure = hour(*tickets)["lift", "availability"]
    assert abs(figure.value - (1 - len(down) / 120)) < 1e-12


def test_an_hour_is_half_open() -> None:
    edge = ticket(1, at=60)
    assert value(hour(edge), "tickets_open") == (0, 0)
    assert HOUR == 60 * MINUTE
