"""A journal in a temporary folder, frames to put into it, and receivers that remember what was acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from hub.clock import ManualClock
from hub.ingest.frames import Frame
from hub.ingest.journal import Journal
from hub.ingest.journal_meters import IntakeMeters, LaneMeters
from hub.settings import JournalSettings

NOON = 1_795_000_000_000


class Receiver:
    """Remembers what it was told to acknowledge."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, int]] = []

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        self.acknowledged.extend((generation, packet_id) for packet_id in packet_ids)


@pytest.fixture
def noon() -> int:
    return NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def a_frame() -> Callable[..., Frame]:
    def make(
        number: int = 1, *, topic: bytes = b"t", payload: bytes = b"{}", at: int = NOON, flags: int = 1, **more: Any
    ) -> Frame:
        return Frame(more.get("connection", "main"), number, topic, payload, flags, at, more.get("content_type", ""))

    return make


@pytest.fixture
def open_journal(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Journal]]:
    """Open (again) the one journal of this test; whatever is open at the end is closed."""
    opened: list[Journal] = []

    def open_it(*, settings: JournalSettings | None = None, **more: Any) -> Journal:
        journal = Journal(tmp_path / "journal.sqlite", settings or JournalSettings(min_free=0), clock, **more)
        journal.open()
        opened.append(journal)
        return journal

    yield open_it
    for journal in opened:
        journal.close()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def intake_meters() -> IntakeMeters:
    return IntakeMeters(CollectorRegistry())


@pytest.fixture
def lane_meters() -> LaneMeters:
    return LaneMeters(CollectorRegistry())
