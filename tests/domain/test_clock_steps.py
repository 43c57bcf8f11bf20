"""A clock that was set back is told from one that was set forward, or that ran on while the machine slept."""

from __future__ import annotations

import pytest

from hub.domain.clock_steps import LEAST_STEP_MS, Look, set_back

HOUR = 3_600_000
NOON = Look(1_795_000_000_000, 77_000)


@pytest.mark.parametrize(
    ("wall", "steady", "by"),
    [
        pytest.param(20, 20, 0, id="time goes on"),
        pytest.param(HOUR, 20, 0, id="set forward, or slept"),
        pytest.param(20 - HOUR, 20, HOUR, id="set back by an hour"),
        pytest.param(1_000, HOUR, HOUR - 1_000, id="set back, seen an hour later"),
        pytest.param(1 - LEAST_STEP_MS, 0, 0, id="not worth telling"),
        pytest.param(-LEAST_STEP_MS, 0, LEAST_STEP_MS, id="just worth telling"),
    ],
)
def test_a_step_is_what_the_two_clocks_disagree_by(wall: int, steady: int, by: int) -> None:
    assert set_back(NOON, Look(NOON.wall + wall, NOON.steady + steady)) == by
