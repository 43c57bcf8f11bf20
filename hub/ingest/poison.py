"""Finds the frames of a batch that a lane cannot take, so that only they are left out."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hub.errors import StoreUnavailable
from hub.flows.batch import Decoded, Position, Refusal
from hub.ingest.batches import no_readings
from hub.ingest.frames import RETAIN, Frame

_TRACE_LENGTH: Final = 4_000

Take = Callable[[Decoded], None]


def part_of(batch: Decoded, frames: Sequence[int], position: Position) -> Decoded:
    """What these frames (ascending, without holes among those with content) said, at another position."""
    low, high = frames[0], frames[-1]
    rows = batch.readings
    mask = (rows.frame >= low) & (rows.frame <= high)
    return Decoded(
        position=position,
        received_at=batch.received_at,
        frames=high - low + 1,
        readings=rows.only(mask),
        texts=[text for text in batch.texts if low <= text.frame <= high],
        events=[event for event in batch.events if low <= event.frame <= high],
        availability=[word for word in batch.availability if low <= word.frame <= high],
    )


def frames_with_content(batch: Decoded) -> list[int]:
    """Indices of the frames that a lane has something to do with."""
    found = set(np.unique(batch.readings.frame).tolist())
    found.update(text.frame for text in batch.texts)
    found.update(event.frame for event in batch.events)
    found.update(word.frame for word in batch.availability)
    return sorted(found)


class Isolation:
    """One batch on its way through a lane in parts. Can be gone on with after a store has failed in between."""

    def __init__(self, batch: Decoded, before: Position) -> None:
        self._batch = batch
        self._before = before
        self._head_done = False
        frames = frames_with_content(batch)
        self._pending: deque[list[int]] = deque([frames] if frames else [])
        self.poison: list[tuple[int, str]] = []
        """(frame, trace) of what could not be taken."""

    def run(self, take: Take) -> None:
        """Take everything but the poison, at the position before the batch.

        StoreUnavailable: go on later. Any other exception: it fails without a single frame, so no frame is to blame.
        """
        if not self._head_done:
            take(self._head())
            self._head_done = True
        while self._pending:
            frames = self._pending[0]
            try:
                take(part_of(self._batch, frames, self._before))
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - whatever a lane trips over, one frame must not stop the others
                self._pending.popleft()
                if len(frames) == 1:
                    self.poison.append((frames[0], traceback.format_exc()[-_TRACE_LENGTH:]))
                else:
                    half = len(frames) // 2
                    self._pending.extendleft((frames[half:], frames[:half]))
            else:
                self._pending.popleft()

    def _head(self) -> Decoded:
        return Decoded(
            position=self._before,
            received_at=self._batch.received_at,
            frames=0,
            readings=no_readings(),
            seen=self._batch.seen,
            announced=self._batch.announced,
            gaps=self._batch.gaps,
            beats=self._batch.beats,
        )

    def tail(self, refusals: list[Refusal]) -> Decoded:
        """What closes the batch: no readings, its own position, and everything that goes to quarantine."""
        return Decoded(
            position=self._batch.position,
            received_at=self._batch.received_at,
            frames=0,
            readings=no_readings(),
            refusals=[*self._batch.refusals, *refusals],
        )


def refusal_of(lane: str, index: int, trace: str, frame: Frame | None, received_at: int) -> Refusal:
    """The quarantine entry of a frame that a lane could not take."""
    return Refusal(
        frame=index,
        reason="lane_failed",
        detail=f"the {lane} lane could not take it; the hub is at fault, not the device:\n{trace}",
        device=None,
        community=None,
        whole=True,
        connection=frame.connection if frame else "",
        topic=frame.topic.decode("utf-8", "backslashreplace") if frame else "",
        payload=frame.payload if frame else b"",
        received_at=frame.received_at if frame else received_at,
        content_type=frame.content_type if frame else "",
        retained=bool(frame and frame.flags & RETAIN),
    )
