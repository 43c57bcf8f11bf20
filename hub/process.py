"""How the hub's process uses its memory and the interpreter: set once, at its start."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from typing import Final

SWITCH_INTERVAL_S: Final = 0.001
"""How long a thread may hold the interpreter: a fifth of Python's own, for the pages' sake while lanes are busy."""
GARBAGE_EVERY: Final = 50_000
"""Objects made between two looks for cyclic garbage: a batch makes thousands, and all of them go without it."""
ARENAS: Final = 2
"""Heaps of the C library. It would make eight for each core, as threads meet, and each keeps what it has once held: some 10 MB
at the start, and as much again while a backlog is drained. Under the interpreter's lock threads hardly meet there."""
_M_ARENA_MAX: Final = -8
"""mallopt(3) of the GNU C library."""


def prepare() -> None:
    """Before the first thread begins."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with contextlib.suppress(OSError, AttributeError):  # another C library has no such limit, and needs none
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def spare_the_collector(steps: contextlib.ExitStack) -> None:
    """What has been built lives as long as the hub: looking through it again and again cost 3 us of every message."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_EVERY, *before[1:])
    steps.callback(gc.unfreeze)
    steps.callback(gc.set_threshold, *before)
