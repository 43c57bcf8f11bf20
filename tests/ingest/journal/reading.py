"""What a journal holds, for tests to look at."""

from __future__ import annotations

from hub.ingest.frames import Frame
from hub.ingest.journal import Journal


def recent(journal: Journal, count: int) -> list[Frame]:
    """The newest ``count`` frames, oldest first."""
    return list(journal.frames_before(journal.last + 1, count)[1])[-count:]
