"""The walk test: what counts as triggered, for whom, and when two sensors may be swapped."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from hub.domain.walk import (
    EXPECTS_MS,
    STAYS_MS,
    How,
    Outcome,
    PointTest,
    Walker,
    Word,
    fired,
    judge_word,
    standing,
)

HOME = "garden"
DOOR, LEAK, NEXT = ("garden~door", "door_open"), ("garden~leak", "leak"), ("garden~leak2", "leak")


def word(
    point: tuple[str, str], value: float | None = 1.0, *, before: float = 0.0, at: int = 1_000, **more: Any
) -> Word:
    values = {"metric": point[1], "text": "", "text_before": ""} | more
    return Word(HOME, point, values["metric"], at, value, values["text"], before, values["text_before"])


def walker(by: str = "ana", *points: tuple[str, str], **more: Any) -> Walker:
    return Walker(
        community=HOME, by=by, place="cellar", points=frozenset(points), seen_at=more.pop("seen_at", 900), **more
    )


@pytest.mark.parametrize(
    ("value", "before", "metric", "stood_at", "counts"),
    [
        (1.0, 0.0, "leak", None, True),
        (0.0, 1.0, "leak", None, True),
        (1.0, 1.0, "leak", None, False),
        (1.0, math.nan, "leak", None, True),
        (0.0, math.nan, "leak", None, False),
        (25.0, 21.0, "temperature", None, False),
        (25.0, 21.0, "temperature", 21.0, True),
        (21.1, 21.0, "temperature", 21.0, False),
        (21.0, math.nan, "temperature", math.nan, True),
        (3.0, 1.0, "floor", 1.0, True),
    ],
)
def test_a_state_that_turns_was_triggered_and_a_quantity_only_where_it_is_expected(
    value: float, before: float, metric: str, stood_at: float | None, *, counts: bool
) -> None:
    assert fired(word(("garden~x", metric), value, before=before), stood_at=stood_at) is counts


def test_a_word_counts_when_it_is_another_one() -> None:
    assert fired(word(("d", "state"), None, text="open", text_before="closed"))
    assert not fired(word(("d", "state"), None, text="open", text_before="open"))
    assert not fired(word(("d", "state"), None, text="E21"))
    assert fired(word(("d", "state"), None, text="E21"), stood_at=math.nan)


def test_whoever_stands_in_the_room_gets_the_tick() -> None:
    test = judge_word(word(DOOR), [walker("bob", LEAK), walker("ana", DOOR)])
    assert test == PointTest(community=HOME, device=DOOR[0], point=DOOR[1], at=1_000, by="ana", value=1.0)
    assert judge_word(word(DOOR), [walker("bob", LEAK)]) is None


def test_of_two_in_one_room_the_one_who_named_the_sensor_is_believed() -> None:
    ana = walker("ana", DOOR, expects=DOOR, since=950)
    test = judge_word(word(DOOR), [walker("bob", DOOR, seen_at=990), ana])
    assert test is not None
    assert test.by == "ana"


def test_a_neighbour_that_speaks_instead_is_a_doubt_and_no_tick() -> None:
    ana = walker("ana", LEAK, NEXT, expects=LEAK, since=950, neighbours=frozenset({NEXT}))
    test = judge_word(word(NEXT), [ana])
    assert test is not None
    assert (test.outcome, test.key, (test.other_device, test.other_point)) == (Outcome.OTHER_FIRED, LEAK, NEXT)
    other = judge_word(word(DOOR), [replace(ana, points=frozenset({DOOR, LEAK}))])
    assert other is not None
    assert other.outcome is Outcome.PASSED


def test_of_a_pair_in_doubt_neither_passes_before_one_is_named_again() -> None:
    """Else the next sensor of a swapped pair, triggered without being named, would tick the first one."""
    ana = walker("ana", LEAK, NEXT, expects=LEAK, since=950, neighbours=frozenset({NEXT}))
    told = judge_word(word(NEXT), [ana])
    assert told is not None
    doubtful = ana.after([told])
    assert doubtful.awaits(1_000) is None
    assert judge_word(word(LEAK), [doubtful]) is None
    assert judge_word(word(NEXT), [doubtful]) is None
    named = replace(doubtful, expects=LEAK, since=950, neighbours=frozenset({NEXT}))
    proof = judge_word(word(LEAK), [named])
    assert proof is not None
    assert proof.outcome is Outcome.PASSED
    assert judge_word(word(NEXT), [named.after([proof])]) == by_ana(NEXT)


def by_ana(point: tuple[str, str]) -> PointTest:
    return PointTest(community=HOME, device=point[0], point=point[1], at=1_000, by="ana", value=1.0)


def test_a_sensor_that_is_let_go_answers_for_no_other_one() -> None:
    """Pressed, ticked, the next one named: the end of the press is still on its way."""
    ana = walker("ana", LEAK, NEXT, expects=LEAK, since=950, neighbours=frozenset({NEXT}), done=frozenset({NEXT}))
    assert judge_word(word(NEXT)._replace(value=0.0, before=1.0), [ana]) is None
    pressed = judge_word(word(NEXT), [ana])
    assert pressed is not None
    assert pressed.outcome is Outcome.OTHER_FIRED


@pytest.mark.parametrize(
    ("seen_at", "since", "outcome"),
    [
        (1_000_000 - STAYS_MS + 1, 0, Outcome.PASSED),
        (1_000_000 - STAYS_MS, 0, None),
        (999_000, 1_000_000 - EXPECTS_MS, Outcome.PASSED),
        (999_000, 1_000_000 - EXPECTS_MS + 1, Outcome.OTHER_FIRED),
        (999_000, 1_000_001, Outcome.PASSED),
    ],
)
def test_a_walk_ends_and_so_does_the_wait_for_a_sensor(seen_at: int, since: int, outcome: Outcome | None) -> None:
    ana = walker("ana", NEXT, seen_at=seen_at, expects=LEAK, since=since, neighbours=frozenset({NEXT}))
    test = judge_word(word(NEXT, at=1_000_000), [ana])
    assert (test.outcome if test else None) is outcome


def test_another_community_is_not_walked_in() -> None:
    assert judge_word(word(DOOR), [replace(walker("ana", DOOR), community="park")]) is None


# --- standing ---------------------------------------------------------------------------------------------------


def passed(point: tuple[str, str], at: int) -> PointTest:
    return PointTest(community=HOME, device=point[0], point=point[1], at=at, by="ana", how=How.TRIGGERED)


def doubt(point: tuple[str, str], other: tuple[str, str], at: int) -> PointTest:
    return replace(passed(point, at), outcome=Outcome.OTHER_FIRED, other_device=other[0], other_point=other[1])


def test_a_test_from_before_the_present_binding_proves_nothing() -> None:
    assert standing([passed(LEAK, 5)], {LEAK: 5})[LEAK].passed is not None
    assert LEAK not in standing([passed(LEAK, 5)], {LEAK: 6})


def test_a_doubt_stays_until_one_of_the_two_passes_or_is_bound_anew() -> None:
    told = [doubt(LEAK, NEXT, 5)]
    assert standing(told, {})[LEAK].doubt is not None
    assert standing([*told, passed(LEAK, 9)], {})[LEAK].doubt is None
    assert LEAK not in standing([*told, passed(NEXT, 9)], {})
    assert LEAK not in standing(told, {LEAK: 6, NEXT: 6})
    assert standing([passed(LEAK, 3), *told], {})[LEAK].passed is None, "a later doubt takes an earlier tick away"
