"""What a series store elsewhere did not take, or could not compute again: as people are to see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hub.flows.batch import PointKey


class WhyRefused(StrEnum):
    """What a person has to mend before the line is sent again."""

    NOT_FINITE = "not_finite"
    TOO_OLD = "too_old"
    WRONG_TYPE = "wrong_type"
    OTHER = "other"


class RefusedLine(NamedTuple):
    """A line that the server did not take; it is kept, and sent again when somebody says so."""

    point: PointKey | None
    """None: neither a reading nor a roll-up, such as a change of a ticket."""
    time: int | None
    """Of the reading, epoch ms."""
    at: int
    """When it was refused last."""
    why: WhyRefused
    status: int
    """0: it was not even sent, because the answer is known."""
    answer: str
    line: str


class OldCell(NamedTuple):
    """A roll-up that stands as it was before late readings came: the server does not give its readings back."""

    point: PointKey
    start: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstored:
    """Of one store: the newest of them, and how many there are in all."""

    target: str
    """Its address, without secrets."""
    lines_count: int
    lines: tuple[RefusedLine, ...]
    cells_count: int
    cells: tuple[OldCell, ...]
