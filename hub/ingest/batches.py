"""The next batch after a position: decoded once for the lanes that are level, read back for one that lags."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol

import numpy as np

from hub.flows.batch import Decoded, Learned, Position, Readings, Refusal
from hub.ingest.frames import Frame
from hub.ingest.heartbeat import Pulse
from hub.ingest.journal import Backlog, Batch, Journal
from hub.ingest.read_ahead import ReadAhead, Stretch

_KEPT_BATCHES: Final = 32
_KEPT_ROWS: Final = 300_000
_KEPT_BYTES: Final = 16 * 1024**2
"""What the lanes are handed from memory; one that is further behind reads the journal."""
_FRAME_BYTES: Final = 300
"""A frame in memory, beside its payload."""
_READ_AT_ONCE: Final = 4
_STRETCH_ROWS: Final = 50_000
"""Read ahead for a lane that lags behind: what it has, and as much again."""


class BatchDecoder(Protocol):
    """Turns frames into columns. Its state: the last window of frames, and what its formats have learned."""

    def decode(self, position: Position, frames: list[Frame], received_at: int) -> Decoded: ...
    def recall(self, past: Callable[[int], Iterator[list[Frame]]], known: Iterable[Learned] = ()) -> None:
        """For one that begins in the middle: ``past(count)`` reads at least the last ``count`` frames before its first.

        ``known``: what its formats knew by then.
        """
        ...


class _Reader:
    """A decoder and where it stands."""

    def __init__(self, decoder: BatchDecoder) -> None:
        self.decoder = decoder
        self.at: int | None = None


class BatchSource:
    """Shared by all lanes. The furthest lane decodes for everybody; one that falls far behind decodes for itself.

    ``listeners`` are told of every batch when it is first decoded, on a lane's thread; they return at once.
    """

    def __init__(
        self,
        journal: Journal,
        decoder_factory: Callable[[], BatchDecoder],
        *,
        pulse: Pulse,
        listeners: Sequence[Callable[[Decoded], None]] = (),
    ) -> None:
        self._journal = journal
        self._decoder_factory = decoder_factory
        self._listeners = (lambda decoded: pulse.note(decoded.beats), *listeners)
        self._changed = threading.Condition()
        self._frames: dict[int, tuple[Batch, int]] = {}
        self._frames_bytes = 0
        self._decoding = threading.Lock()
        self._decoded: dict[int, Decoded] = {}
        self._decoded_rows = 0
        self._shared = _Reader(decoder_factory())
        self._own: dict[str, ReadAhead] = {}
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")

    # --- the journal thread's side ----------------------------------------------------------------------------

    def offer(self, number: int, frames: list[Frame], size: int) -> None:
        """A batch has been committed: keep it in memory for a moment and wake the lanes."""
        size += _FRAME_BYTES * len(frames)
        with self._changed:
            self._frames[number] = (Batch(number, frames[-1].received_at, frames), size)
            self._frames_bytes += size
            while len(self._frames) > _KEPT_BATCHES or (self._frames_bytes > _KEPT_BYTES and len(self._frames) > 1):
                oldest = next(iter(self._frames))
                self._frames_bytes -= self._frames.pop(oldest)[1]
            self._changed.notify_all()

    # --- the lanes' side --------------------------------------------------------------------------------------

    @property
    def journal_id(self) -> str:
        """The id that positions carry."""
        return self._journal.id

    def locate(self, position: Position | None) -> int:
        """The last batch that a lane at this position has done with. PositionAhead where there is none such."""
        return self._journal.locate(position)

    def backlog(self, done: int) -> Backlog:
        """What a lane that has done with this batch still has before it."""
        return self._journal.backlog(done)

    @property
    def last(self) -> int:
        """The newest batch of the journal."""
        return self._journal.last

    def has_next(self, done: int) -> bool:
        """Whether a batch waits."""
        return self._journal.last > done

    def wait(self, ready: Callable[[], bool], timeout: float) -> None:
        """Sleep until ``ready`` (looked at whenever a batch comes or somebody calls ``wake``) or the time is up."""
        with self._changed:
            self._changed.wait_for(ready, timeout)

    def wake(self) -> None:
        """Have every waiting lane look again."""
        with self._changed:
            self._changed.notify_all()

    def next(self, lane: str, done: int) -> Decoded | None:
        """The batch after ``done``; None while there is none. StoreUnavailable where the journal cannot be read."""
        if not self.has_next(done):
            return None
        with self._decoding:
            found = self._decoded.get(done + 1)
            if found is not None:
                self._own.pop(lane, None)
                return found
            if self._shared.at is None or done >= self._shared.at or lane not in self._own:
                batch = self._batch_after(done)
                if batch is None:
                    return None
                if self._shared.at is None or batch.number > self._shared.at:
                    return self._for_all(batch, done)
            own = self._own.get(lane)
            if own is None:
                reader = _Reader(self._decoder_factory())
                own = self._own[lane] = ReadAhead(partial(self._stretch, reader), self._ahead)
        return own.next(done)

    def frame(self, number: int, index: int) -> Frame | None:
        """One frame as received, for quarantine."""
        batch = self._batch_after(number - 1)
        if batch is None or batch.number != number or index >= len(batch.frames):
            return None
        return batch.frames[index]

    # --- inside -----------------------------------------------------------------------------------------------

    def _for_all(self, batch: Batch, done: int) -> Decoded:
        decoded = self._decode(self._shared, batch, done)
        if decoded.learned:
            self._remember(batch.number, decoded)
        self._keep(decoded)
        for listener in self._listeners:
            listener(decoded)
        return decoded

    def _stretch(self, reader: _Reader, done: int) -> Stretch:
        """What comes after ``done``, for one lane: as much as a lane commits at once, or up to what all are handed."""
        found: Stretch = {}
        rows = size = 0
        while rows < _STRETCH_ROWS and size < _KEPT_BYTES:
            with self._decoding:
                if found and (self._shared.at is None or done >= self._shared.at or done + 1 in self._decoded):
                    break
                batch = self._batch_after(done)
                if batch is None:
                    break
                decoded = self._decode(reader, batch, done)
            found[done] = decoded
            done = batch.number
            rows += len(decoded.readings)
            size += sum(_FRAME_BYTES + len(frame.payload) for frame in batch.frames)
        return found

    def _batch_after(self, done: int) -> Batch | None:
        with self._changed:
            found = self._frames.get(done + 1)
        if found is not None:
            return found[0]
        batches = self._journal.read(done, 1)
        return batches[0] if batches else None

    def _decode(self, reader: _Reader, batch: Batch, done: int) -> Decoded:
        if reader.at is None or not done <= reader.at < batch.number:
            reader.decoder = self._decoder_factory()
            reader.decoder.recall(partial(self._past, batch.number), self._journal.known_before(batch.number))
        position = Position(self._journal.id, batch.number)
        decoded = reader.decoder.decode(position, batch.frames, batch.received_at)
        if batch.damaged is not None:
            decoded.refusals.append(_damaged(batch.damaged, batch))
        reader.at = batch.number
        return decoded

    def _remember(self, number: int, decoded: Decoded) -> None:
        """Before any lane can commit the batch: what it taught is known after a kill too."""
        try:
            self._journal.remember(number, decoded.learned)
        except BaseException:
            self._shared.at = None  # this decoder knows more than the file: the next try begins with a new one
            raise

    def _past(self, number: int, count: int) -> Iterator[list[Frame]]:
        """A few batches at a time: together they may be large."""
        at = self._journal.before(number, count)
        while batches := [batch for batch in self._journal.read(at, _READ_AT_ONCE) if batch.number < number]:
            for batch in batches:
                yield batch.frames
            at = batches[-1].number

    def _keep(self, decoded: Decoded) -> None:
        self._decoded[decoded.position.batch] = decoded
        self._decoded_rows += len(decoded.readings)
        while len(self._decoded) > _KEPT_BATCHES or (self._decoded_rows > _KEPT_ROWS and len(self._decoded) > 1):
            oldest = self._decoded.pop(next(iter(self._decoded)))
            self._decoded_rows -= len(oldest.readings)


def no_readings() -> Readings:
    """Columns without a row."""
    return Readings(
        slot=np.empty(0, np.int64),
        time=np.empty(0, np.int64),
        value=np.empty(0, np.float64),
        arrival=np.empty(0, np.int64),
        mark=np.empty(0, np.uint8),
        frame=np.empty(0, np.int64),
    )


def _damaged(blob: bytes, batch: Batch) -> Refusal:
    return Refusal(
        frame=0,
        reason="batch_damaged",
        detail=f"batch {batch.number} of the journal cannot be unpacked: a block of the disk has gone bad",
        device=None,
        community=None,
        whole=True,
        connection="",
        topic="$hub/journal",
        payload=blob,
        received_at=batch.received_at,
    )
