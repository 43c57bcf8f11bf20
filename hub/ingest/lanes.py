"""Lanes: whoever follows the journal batch by batch, and the thread that drives one of them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final, Protocol, TypeVar

from hub.clock import SECOND, Clock, to_iso
from hub.domain.health import Health, Status
from hub.domain.store_standing import Halt
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.batch import Decoded, Position, Refusal
from hub.ingest.batches import BatchSource
from hub.ingest.journal import PositionAhead
from hub.ingest.journal_meters import LaneMeter
from hub.ingest.poison import Isolation, refusal_of

T = TypeVar("T")
_BACK_OFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LONGEST_WAIT: Final = 1.0
_SHORTEST_WAIT: Final = 0.01
_LAG_LIMIT: Final = 30 * SECOND
_log = logging.getLogger(__name__)


class Lane(Protocol):
    """Depends on nothing but (position -> next batch)."""

    @property
    def name(self) -> str: ...

    def position(self) -> Position | None:
        """The last batch whose effects are committed; None before the first one."""
        ...

    def take(self, batch: Decoded) -> None:
        """Commit the batch's effects together with ``batch.position``.

        StoreUnavailable: nothing was committed, the runner waits and brings the same batch again. Any other exception:
        nothing was committed, the runner looks for the frame that cannot be taken. It then brings the batch in parts:
        those before the last carry the position *before* the batch (store it like any other), and the last one
        carries the batch's own position and the refusals of the frames that were left out.
        """
        ...

    def tick(self, now: int) -> None:
        """Judge deadlines at the lane's time ``now``. It runs backwards only with a batch that says ``set_back``."""
        ...

    def next_deadline(self) -> int | None:
        """When ``tick`` is wanted without a message, epoch ms; None while nothing is pending."""
        ...


class LaneRunner:
    """Drives one lane on a thread of its own: commands first, then the next batch, then what is due.

    ``fresh(now)`` says whether the wall clock may stand in for messages once the lane is level. ``keep`` puts poison
    frames into quarantine for a lane that has no quarantine in its own transaction; None: they come to ``take`` as
    refusals. ``oldest_needed`` is for a lane whose state belongs to an earlier batch than its position. ``taken`` is
    told of every batch once its effects are committed; it returns at once.
    """

    def __init__(
        self,
        lane: Lane,
        source: BatchSource,
        clock: Clock,
        *,
        fresh: Callable[[int], bool],
        meter: LaneMeter,
        keep: Callable[[Position, Sequence[Refusal]], object] | None = None,
        oldest_needed: Callable[[], int] | None = None,
        taken: Callable[[Decoded], None] = lambda _batch: None,
    ) -> None:
        self._lane = lane
        self._source = source
        self._clock = clock
        self._fresh = fresh
        self._meter = meter
        self._keep = keep
        self._oldest_needed = oldest_needed
        self._taken = taken
        self._commands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._isolation: Isolation | None = None
        self._done: int | None = None
        self._failures = 0
        self._stopping = False
        self.time = 0
        """The lane's time, epoch ms; goes back only where the journal says that the machine's clock did."""
        self.stopped: str = ""
        """Why the lane does not go on at all (a named error); commands are still answered."""
        self.waiting: str = ""
        """Why the lane waits before it tries the same batch again."""
        self._waiting_since = 0
        self._refused = False
        """It waits for a person, not for time."""
        self._thread = threading.Thread(target=self._run, name=f"lane-{lane.name}", daemon=True)

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread. The lane has loaded its state before."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and end; commands that still wait are refused."""
        self._stopping = True
        self._source.wake()
        if self._thread.ident is not None:
            self._thread.join()
        while self._commands:
            _, answer = self._commands.popleft()
            if answer.set_running_or_notify_cancel():
                answer.set_exception(StoreUnavailable(f"the {self._lane.name} lane has stopped"))

    def submit(self, command: Callable[[], T], timeout: float = 10.0) -> T:
        """Run ``command`` on the lane's thread between two batches, before those that wait; its result.

        StoreUnavailable where the lane does not come to it in ``timeout`` seconds: then it has not run and never will,
        or it is running at this moment and takes too long.
        """
        if threading.current_thread() is self._thread:
            return command()
        if self._stopping:
            raise StoreUnavailable(f"the {self._lane.name} lane has stopped")
        answer: Future[T] = Future()
        self._commands.append((command, answer))
        self._source.wake()
        try:
            return answer.result(timeout)
        except FutureTimeout as error:
            answer.cancel()
            raise StoreUnavailable(
                f"the {self._lane.name} lane did not answer within {timeout} s: try again"
            ) from error

    def _run(self) -> None:
        while not self._stopping:
            worked = self.step()
            if self.waiting:
                self._source.wait(self._called, _BACK_OFF[min(self._failures, len(_BACK_OFF)) - 1])
            elif not worked:
                self._source.wait(self._has_work, self._patience())

    def _called(self) -> bool:
        return bool(self._commands) or self._stopping

    def _has_work(self) -> bool:
        return self._called() or (not self.stopped and self._done is not None and self._source.has_next(self._done))

    def _patience(self) -> float:
        """Seconds until the next deadline, at most one second: heartbeat and clock are looked at again then."""
        deadline = None if self.stopped else self._lane.next_deadline()
        if deadline is None:
            return _LONGEST_WAIT
        return min(max((deadline - self._clock.now()) / 1000, _SHORTEST_WAIT), _LONGEST_WAIT)

    @property
    def started(self) -> bool:
        """Whether the thread has begun."""
        return self._thread.ident is not None

    # --- work -------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Commands, then one batch or, when there is none, what is due. Whether a batch was taken; never raises."""
        self._run_commands()
        if self.stopped:
            return False
        try:
            worked = self._next_batch()
        except StoreUnavailable as error:
            self._refused = isinstance(error, StoreRefuses)
            self._wait_for(str(error), retry=True)
            return False
        except PositionAhead as error:
            self.stopped, self._waiting_since = str(error), self._clock.now()
            _log.critical("lane %s stopped: %s", self._lane.name, error, extra={"action": "lane_stopped"})
            return False
        except Exception as error:  # noqa: BLE001 - the lane's loop has to survive; health names what is wrong
            if not self.waiting:
                _log.exception("lane %s cannot go on", self._lane.name, extra={"action": "lane_failed"})
            self._refused = False
            self._wait_for(f"{type(error).__name__}: {error}", retry=False)
            return False
        if self.waiting:
            _log.warning("lane %s goes on", self._lane.name, extra={"action": "lane_resumed"})
        self.waiting, self._failures = "", 0
        return worked

    def _wait_for(self, reason: str, *, retry: bool) -> None:
        if retry and not self.waiting:
            _log.warning("lane %s waits: %s", self._lane.name, reason, extra={"action": "lane_waits"})
        if not self.waiting:
            self._waiting_since = self._clock.now()
        self._meter.retries.inc()
        self.waiting = reason
        self._failures += 1
        self._report(self._clock.now())

    def _run_commands(self) -> None:
        while self._commands:
            command, answer = self._commands.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(command())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.set_exception(error)

    def _next_batch(self) -> bool:
        if self._done is None:
            self._done = self._source.locate(self._lane.position())
        batch = self._source.next(self._lane.name, self._done)
        if batch is None:
            now = self._clock.now()
            self._tick(now if self._fresh(now) else self.time)
            self._report(now)
            return False
        with self._meter.take_seconds.time():
            self._take(batch)
        self._done = batch.position.batch
        self._taken(batch)
        if batch.set_back:
            self.time = min(self.time, batch.received_at)
        self._meter.batches.inc()
        self._meter.messages.inc(batch.frames)
        self._tick(batch.received_at)
        self._report(self._clock.now())
        return True

    def _tick(self, at: int) -> None:
        self.time = max(self.time, at)
        deadline = self._lane.next_deadline()
        if self.time and deadline is not None and deadline <= self.time:
            self._lane.tick(self.time)

    def _take(self, batch: Decoded) -> None:
        if self._isolation is None:
            try:
                self._lane.take(batch)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001 - one frame must not stop the lane: it is looked for below
                _log.exception(
                    "lane %s: batch %s cannot be taken whole",
                    self._lane.name,
                    batch.position.batch,
                    extra={"action": "batch_split"},
                )
                self._isolation = Isolation(batch, Position(batch.position.journal, self._done or 0))
            else:
                return
        self._isolation.run(self._lane.take)
        refusals = [
            refusal_of(
                self._lane.name, index, trace, self._source.frame(batch.position.batch, index), batch.received_at
            )
            for index, trace in self._isolation.poison
        ]
        if self._keep is not None and refusals:
            self._keep(batch.position, refusals)
        self._lane.take(self._isolation.tail([] if self._keep is not None else refusals))
        self._meter.poison.inc(len(refusals))
        self._isolation = None

    # --- what others ask --------------------------------------------------------------------------------------

    def done_with(self) -> int:
        """The last batch that this lane will not want again; the journal keeps what comes after it."""
        if self._done is None:
            return 0
        return self._done if self._oldest_needed is None else min(self._done, self._oldest_needed())

    @property
    def level(self) -> bool:
        """No batch waits."""
        return self._done is not None and not self._source.has_next(self._done)

    @property
    def behind(self) -> int:
        """Batches of the journal that the lane has not taken yet; all of them before it has looked where it stands."""
        return self._source.last - (self._done or 0)

    def lag_ms(self, now: int) -> int:
        """How far the lane's time is behind the clock; 0 while it is level."""
        return 0 if self.level or not self.time else max(0, now - self.time)

    def halt(self) -> Halt | None:
        """Why the lane does not go on, and since when; None while it does."""
        reason = self.stopped or self.waiting
        if not reason:
            return None
        return Halt(self._waiting_since, reason, for_good=bool(self.stopped) or self._refused, batches=self.behind)

    def _report(self, now: int) -> None:
        if self._done is not None:
            self._meter.lag_batches.set(self._source.last - self._done)
            self._meter.lag_seconds.set(self.lag_ms(now) / 1000)

    def health(self, now: int) -> Health:
        """Position and lag; degraded while the lane waits, lags or is stopped."""
        backlog = self._source.backlog(self._done) if self._done is not None else None
        lag = self.lag_ms(now)
        facts: dict[str, str | int | float | None] = {
            "batch": self._done,
            "lag_batches": backlog.batches if backlog else None,
            "lag_frames": backlog.frames if backlog else None,
            "lag_ms": lag,
            "time": self.time,
            "waiting_since": self._waiting_since if self.waiting else None,
        }
        reason = ""
        if self.stopped:
            reason = f"stopped: {self.stopped}"
        elif self.waiting:
            behind = f", {backlog.batches} batches wait" if backlog else ""
            reason = f"waits since {to_iso(self._waiting_since)}{behind}: {self.waiting}"
        elif lag > _LAG_LIMIT:
            reason = f"is {lag // 1000} s behind the journal"
        status = Status.DEGRADED if reason else Status.OK
        return Health(component=f"lane {self._lane.name}", status=status, reason=reason, facts=facts)
