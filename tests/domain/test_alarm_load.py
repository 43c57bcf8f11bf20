"""Which faults came most often, how many alarms in ten minutes, and when each was active."""

from __future__ import annotations

from hub.clock import HOUR, MINUTE
from hub.domain.alarm_load import Fault, Turn, courses, floods, frequent, per_step
from hub.domain.alarms import Priority
from hub.domain.rollups import CELL, merged, spans_of

DOOR, LEVEL = Fault("lift-1", "", "door_fault"), Fault("sump-1", "pump", "level_high")


def turn(at: int, active: bool, fault: Fault = DOOR, alarm: str = "") -> Turn:  # noqa: FBT001 - raised or gone
    return Turn(alarm or fault.facility, at, active, fault, Priority.HIGH)


def test_the_most_frequent_fault_comes_first() -> None:
    other = DOOR._replace(facility="lift-2")
    turns = [
        turn(1, True),
        turn(2, False),
        turn(3, True, other),
        turn(4, True, LEVEL),
        turn(5, True, Fault("", "d", "x")),
    ]
    found = frequent(turns, {"lift-1": "lift", "lift-2": "lift", "sump-1": "sump"})
    assert [(each.kind, each.failure_mode, each.times, each.places, each.last) for each in found] == [
        ("lift", "door_fault", 2, 2, 3),
        ("", "x", 1, 1, 5),
        ("sump", "level_high", 1, 1, 4),
    ]


def test_ten_minutes_lie_on_the_zones_clock_and_empty_ones_count() -> None:
    """Kathmandu is 5:45 h ahead."""
    offset = 5 * HOUR + 45 * MINUTE
    steps = per_step([7 * MINUTE, 14 * MINUTE, 15 * MINUTE], 6 * MINUTE, 30 * MINUTE, offset)
    assert steps == [(5 * MINUTE, 2), (15 * MINUTE, 1), (25 * MINUTE, 0)]
    assert per_step([], 5, 5, 0) == [(0, 0)]


def test_a_flood_begins_above_ten_and_lasts_while_five_come() -> None:
    counts = [10, 11, 5, 4, 5, 12, 3]
    steps = [(number * 10 * MINUTE, count) for number, count in enumerate(counts)]
    assert floods(steps) == [(10 * MINUTE, 30 * MINUTE), (50 * MINUTE, 60 * MINUTE)]


def test_when_a_fault_was_active() -> None:
    before = [turn(-500, True, LEVEL)]
    turns = [turn(100, True), turn(200, False), turn(300, False, LEVEL), turn(900, True)]
    door, level = sorted(courses(before, turns, 0, 1000), key=lambda course: course.fault)
    assert (door.spans, door.raised, door.lasted) == (((100, 200), (900, 1000)), 2, 200)
    assert (level.spans, level.raised) == (((0, 300),), 0)
    assert [course.fault for course in courses(before, turns, 0, 1000)] == [LEVEL, DOOR], "the longest first"


def test_two_alarms_of_one_fault_are_active_together_once() -> None:
    turns = [
        turn(100, True, alarm="a"),
        turn(150, True, alarm="b"),
        turn(200, False, alarm="a"),
        turn(250, False, alarm="b"),
    ]
    (found,) = courses([], turns, 0, 1000)
    assert (found.spans, found.raised, found.lasted) == (((100, 250),), 2, 150)


def test_turns_that_were_written_late_are_put_in_order() -> None:
    (found,) = courses([], [turn(800, True), turn(100, True), turn(200, False)], 0, 1000)
    assert found.spans == ((100, 200), (800, 1000))


def test_cells_that_follow_on_each_other_are_one_span() -> None:
    assert spans_of([3 * CELL, 0, CELL, CELL]) == [(0, 2 * CELL), (3 * CELL, 4 * CELL)]
    assert merged([(5, 9), (1, 3), (2, 6)]) == [(1, 9)]
    assert merged([]) == []
