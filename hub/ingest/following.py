"""Has each receiver follow the topics that its devices have named (Home Assistant discovery, Tasmota)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from devices.contract import LearningFormat
from hub.flows.batch import Decoded, Learned
from hub.ingest.announcing import of_a_format
from hub.ingest.spoken import Spoken

Follow = Callable[[str, tuple[str, ...]], None]
"""(connection, exact topics beyond its filters)"""


class Following:
    """A listener of the batch source. ``start`` with what was known before; then every batch that teaches something."""

    def __init__(self, connections: Sequence[Spoken], follow: Follow) -> None:
        self._spoken = {
            each.connection: each
            for each in connections
            if any(isinstance(wire_format, LearningFormat) for wire_format in each.formats)
        }
        self._follow = follow
        self._states: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self._spoken}

    def start(self, known: Iterable[Learned]) -> None:
        """What the formats know already."""
        self._learn(known)
        for connection in self._spoken:
            self._tell(connection)

    def note(self, decoded: Decoded) -> None:
        """Look at what a batch taught."""
        if decoded.learned and self._spoken:
            for connection in self._learn(decoded.learned):
                self._tell(connection)

    def _learn(self, learned: Iterable[Learned]) -> set[str]:
        changed = set()
        for each in learned:
            if each.connection not in self._states or not of_a_format(each):
                continue
            state = self._states[each.connection].setdefault(each.format, {})
            if each.value is None:
                state.pop(each.key, None)
            else:
                state[each.key] = each.value
            changed.add(each.connection)
        return changed

    def _tell(self, connection: str) -> None:
        self._follow(connection, self._spoken[connection].learned_topics(self._states[connection]))
