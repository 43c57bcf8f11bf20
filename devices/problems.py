"""What went wrong in one message, for people to read: the first few, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from devices.contract import DeviceRef, Problem

MOST_PROBLEMS: Final = 8
"""Of one message that are told one by one."""


def few(
    problems: Sequence[Problem], what: str, device: DeviceRef | None, *, whole: bool = False
) -> tuple[Problem, ...]:
    """The first ones, and how many more ``what`` (values, lines …) were refused. ``whole``: nothing else was in the message."""
    more = len(problems) - MOST_PROBLEMS
    if more <= 0:
        return tuple(problems)
    detail = f"{more} more {what} were refused: the first ones are named"
    return (*problems[:MOST_PROBLEMS], Problem("more_problems", detail, device, whole=whole))
