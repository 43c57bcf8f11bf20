"""When a series store that takes nothing is an alarm, and when it is none any more."""

from __future__ import annotations

import pytest

from hub.domain.store_standing import REFUSED_AFTER_MS, STEADY_MS, Halt, Standing, judge_store
from hub.domain.verdicts import Condition, Reason

NOON = 1_795_000_000_000
AWAY = 15 * 60_000


def halted(ago: int, *, for_good: bool) -> Standing:
    return Standing("main", Halt(NOON - ago, "it says no", for_good, 7), None)


def well(ago: int) -> Standing:
    return Standing("main", None, NOON - ago)


@pytest.mark.parametrize(
    ("standing", "condition", "reason"),
    [
        (halted(REFUSED_AFTER_MS - 1, for_good=True), Condition.UNKNOWN, Reason.PART_UNCERTAIN),
        (halted(REFUSED_AFTER_MS, for_good=True), Condition.OVER, Reason.STORE_REFUSES),
        (halted(AWAY - 1, for_good=False), Condition.UNKNOWN, Reason.PART_UNCERTAIN),
        (halted(AWAY, for_good=False), Condition.OVER, Reason.STORE_UNREACHABLE),
        (halted(-3_600_000, for_good=False), Condition.OVER, Reason.STORE_UNREACHABLE),  # the clock was set back
        (Standing("main", None, None), Condition.UNKNOWN, Reason.PART_UNCERTAIN),  # just started
        (well(STEADY_MS - 1), Condition.UNKNOWN, Reason.PART_UNCERTAIN),
        (well(STEADY_MS), Condition.NORMAL, Reason.STORE_TAKES),
    ],
)
def test_what_a_standing_says(standing: Standing, condition: Condition, reason: Reason) -> None:
    assert judge_store(standing, NOON, unreachable_after=AWAY) == (condition, reason)
