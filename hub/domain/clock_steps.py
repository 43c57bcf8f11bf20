"""Was the machine's clock set back? Told by a second clock that only counts, and that nobody can set."""

from __future__ import annotations

from typing import Final, NamedTuple

LEAST_STEP_MS: Final = 1_000
"""Less is not worth telling: it only makes the lanes' time stand still for as long."""


class Look(NamedTuple):
    """Both clocks at one moment, ms: the one that can be set (epoch), and the one that counts from anywhere."""

    wall: int
    steady: int


def set_back(before: Look, after: Look) -> int:
    """By how much the wall clock was set back between two looks, ms; 0 where it was not.

    A clock that was set forward, or that ran on while the machine slept and nothing counted, was not set back.
    """
    step = (after.steady - before.steady) - (after.wall - before.wall)
    return step if step >= LEAST_STEP_MS else 0
