"""Intake: gathers received frames into batches, commits them, and only then lets them be acknowledged."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from hub.clock import SECOND, Clock
from hub.domain.clock_steps import Look, set_back
from hub.domain.health import Health, Status
from hub.domain.journal_standing import JournalStanding
from hub.errors import StoreUnavailable
from hub.flows.batch import SET_BACK, Gap
from hub.ingest.control import EVERY_CONNECTION, gap_frame
from hub.ingest.frames import CONTROL, Acknowledger, Frame
from hub.ingest.journal import Journal
from hub.ingest.journal_meters import IntakeMeters
from hub.settings import Ingest

_QOS0_BOUND: Final = 20_000
"""Frames that may wait before those of QoS 0, which nobody would send again, are dropped and counted."""
_BATCH_BYTES: Final = 8 * 1024**2
_WAITING_BYTES: Final = 256 * 1024**2
_BACK_OFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_PRUNE_EVERY: Final = SECOND
_ONE_MOMENT_MS: Final = 100
"""A tenth of the least step that is told."""
_STOP_ATTEMPTS: Final = 3
_log = logging.getLogger(__name__)
_payload = attrgetter("payload")


class Follower(Protocol):
    """Told of every committed batch, on the journal's thread; never blocks."""

    def offer(self, number: int, frames: list[Frame], size: int) -> None: ...


class _Put(NamedTuple):
    frames: Sequence[Frame]
    source: Acknowledger | None
    generation: int
    size: int


class IntakeThread:
    """Implements ``frames.Intake`` on a thread of its own.

    ``needed`` says which batch every lane has done with, so that the journal can be pruned; None: prune nothing yet.
    While the journal cannot be written nothing is acknowledged: frames wait here, the receiver's window fills, the
    broker keeps the rest, and the same batch is tried again until it is durable.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Ingest,
        clock: Clock,
        *,
        follower: Follower,
        meters: IntakeMeters,
        needed: Callable[[], int | None] = lambda: None,
        back_off: Sequence[float] = _BACK_OFF,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._follower = follower
        self._meters = meters
        self._needed = needed
        self._back_off = back_off
        self._changed = threading.Condition()
        self._waiting: deque[_Put] = deque()
        self._waiting_frames = 0
        self._waiting_bytes = 0
        self._put_count = 0
        self._done_count = 0
        self._stopping = False
        self._gave_up = False
        self._held = ""
        self._held_since = 0
        self._pruned_at = 0
        self._look = Look(0, 0)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    # --- for receivers ----------------------------------------------------------------------------------------

    def put(self, frames: Sequence[Frame], source: Acknowledger | None, generation: int) -> None:
        """Thread-safe, returns at once. QoS 0 frames beyond the bound are dropped and counted."""
        size = sum(map(len, map(_payload, frames)))
        with self._changed:
            if self._waiting_frames > _QOS0_BOUND or self._waiting_bytes > _WAITING_BYTES:
                kept = [frame for frame in frames if frame.packet_id or frame.topic.startswith(CONTROL)]
                self._meters.qos0_dropped.inc(len(frames) - len(kept))
                frames, size = kept, sum(map(len, map(_payload, kept)))
            if not frames:
                return
            before = self._waiting_frames
            self._waiting.append(_Put(frames, source, generation, size))
            self._waiting_frames += len(frames)
            self._waiting_bytes += size
            self._put_count += 1
            if not before or before < self._settings.batch_messages <= self._waiting_frames:
                self._changed.notify_all()

    @property
    def full(self) -> bool:
        """So many bytes wait that a receiver should stop reading its socket for a moment."""
        return self._waiting_bytes > _WAITING_BYTES

    def flush(self, timeout: float) -> bool:
        """Wait until everything put before has been committed (or the time is up: False)."""
        with self._changed:
            target = self._put_count
            return self._changed.wait_for(lambda: self._done_count >= target, timeout)

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Write the gap since the last run into the journal, then take frames."""
        last, now = self._journal.last_received_at, self._clock.now()
        self._look = self._both_clocks()
        if last is not None and now > last:
            gap = Gap(EVERY_CONNECTION, "hub_down", last, now, "the hub was not running")
            self.put([gap_frame(gap, now)], None, 0)
        elif last is not None:
            self._look = self._look._replace(wall=last)  # it was set back meanwhile
        self._thread.start()

    def stop(self) -> None:
        """Commit and acknowledge what waits, then end. What cannot be committed stays unacknowledged."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    # --- the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (puts := self._gather()) is not None:
            self._look_at_the_clock()
            if puts:
                self._commit([self._not_ahead(put) for put in puts])
            self._prune()

    def _look_at_the_clock(self) -> None:
        """Where it was set back, say so in a batch of its own, before everything that is received by the new time."""
        before, now = self._look, self._both_clocks()
        self._look = now
        step = set_back(before, now)
        if not step:
            return
        detail = f"the machine's clock was set back by {step / SECOND:g} s"
        _log.warning("%s", detail, extra={"action": SET_BACK})
        frame = gap_frame(Gap(EVERY_CONNECTION, SET_BACK, now.wall, now.wall + step, detail), now.wall)
        number = self._append([frame])
        if number is not None:
            self._follower.offer(number, [frame], len(frame.payload))

    def _both_clocks(self) -> Look:
        """Read at one moment: a thread that was stopped between the two would take the stop for a step."""
        while True:
            steady, wall = self._clock.steady(), self._clock.now()
            if self._clock.steady() - steady <= _ONE_MOMENT_MS:
                return Look(wall, steady)

    def _not_ahead(self, put: _Put) -> _Put:
        """Stamped by the old time just before the clock was set back: received now, for nobody receives in the future."""
        now = self._look.wall
        if put.frames[-1].received_at <= now:
            return put
        return put._replace(frames=[replace(frame, received_at=min(frame.received_at, now)) for frame in put.frames])

    def _gather(self) -> list[_Put] | None:
        """The next batch: open for 20 ms from its first frame, or until it is full. None: stop. Empty: nothing came."""
        limit = self._settings.batch_messages
        with self._changed:
            if not self._waiting and not self._stopping:
                self._changed.wait(_PRUNE_EVERY / SECOND)
            if not self._waiting:
                return None if self._stopping else []
            if not self._stopping:
                self._changed.wait_for(
                    lambda: self._waiting_frames >= limit or self._stopping, self._settings.batch_ms / 1000
                )
            puts: list[_Put] = []
            frames = size = 0
            while self._waiting and frames < limit and size < _BATCH_BYTES:
                put = self._waiting.popleft()
                puts.append(put)
                frames += len(put.frames)
                size += put.size
            return puts

    def _commit(self, puts: list[_Put]) -> None:
        frames: list[Frame] = []
        for put in puts:
            frames.extend(put.frames)
        number = self._append(frames)
        size = sum(put.size for put in puts)
        if number is not None:
            self._acknowledge(puts)
            self._follower.offer(number, frames, size)
            self._meters.committed(len(frames), size)
        with self._changed:
            self._waiting_frames -= len(frames)
            self._waiting_bytes -= size
            self._done_count += len(puts) if number is not None else 0
            self._changed.notify_all()

    def _append(self, frames: list[Frame]) -> int | None:
        """Append until it works; None where the hub is being stopped and it does not."""
        attempt = 0
        while True:
            try:
                with self._meters.commit_seconds.time():
                    number = self._journal.append(frames)
            except StoreUnavailable as error:
                if not self._held:
                    _log.error("intake holds: %s", error, extra={"action": "intake_held"})
                    self._held_since = self._clock.now()
                self._held = str(error)
                self._meters.holding.set(1)
                if self._stopping and (self._gave_up or attempt >= _STOP_ATTEMPTS):
                    self._gave_up = True
                    return None
                with self._changed:
                    self._changed.wait(self._back_off[min(attempt, len(self._back_off) - 1)])
                attempt += 1
                self._prune()
            else:
                if self._held:
                    _log.warning("intake goes on", extra={"action": "intake_resumed"})
                    self._held = ""
                    self._meters.holding.set(0)
                return number

    def _acknowledge(self, puts: list[_Put]) -> None:
        """One call per receiver and generation, in order of arrival."""
        grouped: dict[tuple[int, int], tuple[Acknowledger, list[int]]] = {}
        for put in puts:
            if put.source is not None:
                _, ids = grouped.setdefault((id(put.source), put.generation), (put.source, []))
                ids.extend([frame.packet_id for frame in put.frames if frame.packet_id])
        for (_, generation), (source, ids) in grouped.items():
            if not ids:
                continue
            try:
                source.acknowledge(generation, ids)
            except Exception:  # noqa: BLE001 - the journal thread has to survive any receiver
                self._meters.errors.inc()
                _log.exception("acknowledging failed; the broker will send again", extra={"action": "ack_failed"})

    def _prune(self) -> None:
        now = self._clock.now()
        if 0 <= now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        needed = self._needed()
        if needed is None:
            return
        try:
            self._journal.prune(needed)
        except StoreUnavailable as error:
            _log.warning("journal not pruned: %s", error, extra={"action": "prune_failed"})

    # --- health -----------------------------------------------------------------------------------------------

    def standing(self, now: int) -> JournalStanding:
        """The journal's own, and whether anything is acknowledged."""
        held = self._held
        return self._journal.standing(now)._replace(held=held, held_since=self._held_since if held else None)

    def health(self, now: int) -> Health:
        """The journal's own line, with what waits in front of it."""
        line = self._journal.health(now)
        facts = line.facts | {"waiting_frames": self._waiting_frames, "waiting_bytes": self._waiting_bytes}
        if self._held:
            return Health(
                component="journal", status=Status.DOWN, reason=f"nothing is acknowledged: {self._held}", facts=facts
            )
        return Health(component="journal", status=line.status, reason=line.reason, facts=facts)
