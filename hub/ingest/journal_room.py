"""How much the journal may still take, and for how long that lasts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from hub.clock import HOUR, MINUTE

FREE_FLOOR: Final = 1024**3
_KEPT: Final = 10 * MINUTE


def floor_of(wanted: int | None, total: int) -> int:
    """How much must stay free of a disk of ``total`` bytes: what is ``wanted``, else 1 GiB or 5 %, whichever is more."""
    return max(FREE_FLOOR, total // 20) if wanted is None else wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes. ``free`` counts the disk's free space and the journal file's own empty pages."""

    free: int
    floor: int
    """Must stay free, so that records and notices still fit."""

    @property
    def left(self) -> int:
        """What the journal may still take; not positive: intake stops."""
        return self.free - self.floor

    @property
    def short(self) -> bool:
        """Time to drop what nobody needs, before intake has to stop."""
        return self.left < self.floor // 4

    def fill(self, needed: int) -> float:
        """Which part of what the journal could hold is taken by what the lanes still need: 0 to 1."""
        could = needed + max(0, self.left)
        return needed / could if could else 1.0


class Growth:
    """The rate at which the journal is written, over the last minutes."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()

    def note(self, now: int, written: int) -> None:
        """``written``: bytes ever appended."""
        if self._marks and now < self._marks[-1][0]:
            self._marks.clear()
        if not self._marks or now - self._marks[-1][0] >= MINUTE // 6:
            self._marks.append((now, written))
        while self._marks[0][0] < now - _KEPT:
            self._marks.popleft()

    def hours_left(self, now: int, written: int, room: int) -> float | None:
        """Until ``room`` bytes are written at the present rate; None while nothing comes in."""
        if not self._marks:
            return None
        since, before = self._marks[0]
        if now <= since or written <= before:
            return None
        return round(max(0, room) * (now - since) / (written - before) / HOUR, 1)
