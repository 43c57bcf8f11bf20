"""After how much silence a device counts as lost: a rule's word, then its promise, then three times its interval."""

from __future__ import annotations

import numpy as np
import pytest

from hub.domain.rules import LEAST_SILENCE_MS, UNLEARNED_SILENCE_MS
from hub.flows.batch import PointKey, Slots
from hub.flows.memory import LEARNED_AFTER, Memory


@pytest.mark.parametrize(
    ("rule", "interval", "promised", "limit"),
    [
        (0, 10_000, 0, LEAST_SILENCE_MS),
        (0, 600_000, 0, 1_800_000),
        (0, 0, 0, UNLEARNED_SILENCE_MS),
        (5_000, 600_000, 0, 5_000),
        (0, 10_000, 600_000, 600_000),
        (0, 0, 1_000, LEAST_SILENCE_MS),
    ],
)
@pytest.mark.parametrize("learned", [False, True])
def test_silence(rule: int, interval: int, promised: int, limit: int, *, learned: bool) -> None:
    slots = Slots()
    at = np.array([slots.slot(PointKey("garden", "garden~one", "level"))])
    memory = Memory(slots)
    memory.grow()
    memory.set_silence[at], memory.promised[at] = rule, promised
    if learned:
        memory.interval[at], memory.beats[at] = interval, LEARNED_AFTER if interval else 0
    else:
        memory.set_interval[at] = interval
    assert memory.device_limits(at).tolist() == [limit]
