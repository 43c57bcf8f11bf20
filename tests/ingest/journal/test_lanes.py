"""A lane gets every batch once and in order, waits for its store, leaves out poison, and keeps its own time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from hub.clock import HOUR, SECOND, ManualClock, to_iso
from hub.domain.health import Status
from hub.domain.store_standing import Halt
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.batch import (
    SET_BACK,
    Availability,
    Beat,
    Decoded,
    Gap,
    Learned,
    Position,
    Readings,
    Refusal,
    TextReading,
)
from hub.ingest import batches
from hub.ingest.batches import BatchSource
from hub.ingest.frames import Frame
from hub.ingest.heartbeat import Pulse
from hub.ingest.journal import WINDOW, Batch, Journal
from hub.ingest.journal_meters import LaneMeters
from hub.ingest.lanes import LaneRunner

Frames = Callable[..., Frame]
Open = Callable[..., Journal]
NOON = 1_795_000_000_000
PATIENCE = 20.0


class Numbers:
    """A decoder of its own kind: each frame is one reading, its packet id."""

    made = 0
    waited_for = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.reached = threading.Event()
        self.past: Callable[[int], Iterator[list[Frame]]] = lambda _count: iter(())
        self.gap: Callable[[], Gap] = lambda: Gap("main", "test", 1, 2, "")
        self.decoded: list[int] = []

    def recall(self, past: Callable[[int], Iterator[list[Frame]]], known: Iterable[Learned] = ()) -> None:
        self.past = past

    def decode(self, position: Position, frames: list[Frame], received_at: int) -> Decoded:
        self.decoded.append(position.batch)
        if position.batch == self.waited_for:
            self.reached.set()
        rows = len(frames)
        return Decoded(
            position=position,
            received_at=received_at,
            frames=rows,
            readings=Readings(
                slot=np.zeros(rows, np.int64),
                time=np.array([frame.received_at for frame in frames], np.int64),
                value=np.array([frame.packet_id for frame in frames], np.float64),
                arrival=np.array([frame.received_at for frame in frames], np.int64),
                mark=np.zeros(rows, np.uint8),
                frame=np.arange(rows, dtype=np.int64),
            ),
            texts=[TextReading(1, 0, str(f.packet_id), 0, 0, i) for i, f in enumerate(frames) if f.packet_id % 2],
            availability=[Availability("c", "d", True, 0, i) for i, f in enumerate(frames) if f.packet_id % 3 == 0],
            gaps=[self.gap()],
            beats=[Beat("main", received_at, received_at)],
        )


class FakeLane:
    """Keeps what it took; fails where it is told to."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.at: Position | None = None
        self.values: list[int] = []
        self.texts: list[str] = []
        self.heard = 0
        self.gaps = 0
        self.refusals: list[Refusal] = []
        self.positions: list[int] = []
        self.ticks: list[int] = []
        self.deadline: int | None = None
        self.poison: set[int] = set()
        self.unavailable = 0
        self.failure = StoreUnavailable("the store sleeps")
        self.broken = ""

    def position(self) -> Position | None:
        return self.at

    def take(self, batch: Decoded) -> None:
        if self.unavailable:
            self.unavailable -= 1
            raise self.failure
        if self.broken:
            raise RuntimeError(self.broken)
        values = [int(value) for value in batch.readings.value]
        if self.poison & set(values):
            raise ZeroDivisionError("cannot judge this")
        self.values.extend(values)
        self.texts.extend(text.text for text in batch.texts)
        self.heard += len(batch.availability)
        self.gaps += len(batch.gaps)
        self.refusals.extend(batch.refusals)
        self.at = batch.position
        self.positions.append(batch.position.batch)

    def tick(self, now: int) -> None:
        self.ticks.append(now)
        self.deadline = None

    def next_deadline(self) -> int | None:
        return self.deadline


class Bench:
    """A journal, a source and runners that are stepped by hand."""

    def __init__(self, journal: Journal, clock: ManualClock, meters: LaneMeters, a_frame: Frames) -> None:
        self.journal = journal
        self.clock = clock
        self.meters = meters
        self.a_frame = a_frame
        self.fresh = True
        self.gap = Gap("main", "test", 1, 2, "")
        """What every batch says that is decoded from now on."""
        self.decoders: list[Numbers] = []
        self.source = BatchSource(journal, self.decoder, pulse=Pulse(within_ms=SECOND, connections=[]))
        self.sent = 0

    def decoder(self) -> Numbers:
        made = Numbers()
        made.gap = lambda: self.gap
        self.decoders.append(made)
        return made

    def send(self, frames: int = 1, *, at: int | None = None, in_memory: bool = True) -> None:
        received = self.clock.now() if at is None else at
        batch = [self.a_frame(self.sent + i + 1, at=received) for i in range(frames)]
        self.sent += frames
        number = self.journal.append(batch)
        if in_memory:
            self.source.offer(number, batch, 1)

    def runner(self, lane: FakeLane, **more: Any) -> LaneRunner:
        return LaneRunner(
            lane, self.source, self.clock, fresh=lambda _now: self.fresh, meter=self.meters.of(lane.name), **more
        )


@pytest.fixture
def bench(open_journal: Open, clock: ManualClock, lane_meters: LaneMeters, a_frame: Frames) -> Bench:
    return Bench(open_journal(), clock, lane_meters, a_frame)


def run(runner: LaneRunner) -> None:
    while runner.step():
        pass


# --- batches --------------------------------------------------------------------------------------------------


def test_lanes_that_are_level_share_one_decoding(bench: Bench) -> None:
    one, two = FakeLane("one"), FakeLane("two")
    runners = bench.runner(one), bench.runner(two)
    for _ in range(5):
        bench.send(2)
        for runner in runners:
            assert runner.step()
            assert not runner.step()
    assert one.values == two.values == list(range(1, 11))
    assert [decoder.decoded for decoder in bench.decoders if decoder.decoded] == [[1, 2, 3, 4, 5]]
    assert runners[0].level


def test_a_lane_that_lags_far_behind_reads_back_with_a_decoder_of_its_own(bench: Bench) -> None:
    fast, slow = FakeLane("fast"), FakeLane("slow")
    fast_runner, slow_runner = bench.runner(fast), bench.runner(slow)
    for _ in range(50):
        bench.send(2)
        run(fast_runner)
    assert slow_runner.step()
    assert slow.values == [1, 2]
    run(slow_runner)
    assert slow.values == fast.values == list(range(1, 101))
    used = [decoder.decoded for decoder in bench.decoders if decoder.decoded]
    assert used[1][0] == 1
    assert used[1][-1] < 50, "once near enough it takes what is in memory"
    bench.send(2)
    run(slow_runner)
    run(fast_runner)
    assert fast.values[-2:] == slow.values[-2:]


def test_a_lane_that_waits_for_its_store_has_its_batch_decoded_once(bench: Bench) -> None:
    fast, slow = FakeLane("fast"), FakeLane("slow")
    fast_runner, slow_runner = bench.runner(fast), bench.runner(slow)
    for _ in range(50):
        bench.send(2)
        run(fast_runner)
    slow.unavailable = 3
    for _ in range(3):
        assert not slow_runner.step()
    run(slow_runner)
    used = [decoder.decoded for decoder in bench.decoders if decoder.decoded]
    assert (len(used), used[1][:2]) == (2, [1, 2])
    assert slow.values == fast.values


def test_the_next_stretch_is_decoded_while_a_lane_that_lags_behind_commits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_STRETCH_ROWS", 8)
    fast = FakeLane("fast")
    runner = bench.runner(fast)
    for _ in range(50):
        bench.send(2)
        run(runner)

    class Committing(FakeLane):
        def take(self, batch: Decoded) -> None:
            if batch.position.batch == 1:
                assert bench.decoders[-1].reached.wait(PATIENCE), "batch 8 is the last one of the second stretch"
            super().take(batch)

    slow = Committing("slow")
    monkeypatch.setattr(Numbers, "waited_for", 8)
    run(bench.runner(slow))
    assert slow.values == fast.values
    assert bench.decoders[-1].decoded == list(range(1, bench.decoders[-1].decoded[-1] + 1)), "each once, in order"


def test_a_journal_that_cannot_be_read_ahead_is_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_STRETCH_ROWS", 2)
    fast, slow = FakeLane("fast"), FakeLane("slow")
    fast_runner, slow_runner = bench.runner(fast), bench.runner(slow)
    for _ in range(50):
        bench.send(2)
        run(fast_runner)
    read, fails = bench.journal.read, [2, 3]

    def failing(after: int, limit: int = 1) -> list[Batch]:
        if after in fails:
            fails.remove(after)
            raise StoreUnavailable("the disk sleeps")
        return read(after, limit)

    monkeypatch.setattr(bench.journal, "read", failing)
    waits = 0
    while not slow_runner.level:
        waits += not slow_runner.step()
    assert waits == 2
    assert slow.values == fast.values


def test_a_decoder_that_starts_in_the_middle_can_read_what_was_before(bench: Bench) -> None:
    for _ in range(6):
        bench.send(2, in_memory=False)
    lane = FakeLane()
    lane.at = Position(bench.journal.id, 4)
    run(bench.runner(lane))
    used = [decoder for decoder in bench.decoders if decoder.decoded]
    assert [decoder.decoded for decoder in used] == [[5, 6]]
    before = {count: [f.packet_id for frames in used[0].past(count) for f in frames] for count in (1, 3, 99)}
    assert before == {1: [7, 8], 3: [5, 6, 7, 8], 99: list(range(1, 9))}
    assert lane.values == [9, 10, 11, 12]


def test_the_furthest_lane_decodes_for_all_also_if_another_asked_first(bench: Bench) -> None:
    for _ in range(40):
        bench.send(1, in_memory=False)
    behind, ahead = FakeLane("behind"), FakeLane("ahead")
    ahead.at = Position(bench.journal.id, 38)
    one, two = bench.runner(behind), bench.runner(ahead)
    assert one.step()
    run(two)
    run(one)
    assert behind.values == list(range(1, 41))
    assert ahead.values == [39, 40]


def test_an_unreadable_batch_becomes_a_refusal_and_not_a_stop(bench: Bench) -> None:
    bench.send(2, in_memory=False)
    bench.send(2, in_memory=False)
    bench.journal._writer.execute("UPDATE batches SET blob = x'c1' WHERE id = 1")
    lane = FakeLane()
    run(bench.runner(lane))
    assert lane.values == [3, 4]
    assert [refusal.reason for refusal in lane.refusals] == ["batch_damaged"]


def test_the_window_of_frames_covers_two_receive_windows() -> None:
    assert WINDOW == 2 * 65_535


# --- positions ------------------------------------------------------------------------------------------------


def test_a_position_ahead_of_the_journal_stops_the_lane_by_name_but_not_its_commands(bench: Bench) -> None:
    bench.send()
    lane = FakeLane()
    lane.at = Position(bench.journal.id, 9)
    runner = bench.runner(lane)
    assert not runner.step()
    assert "position 9 is ahead of journal" in runner.stopped
    health = runner.health(NOON)
    assert health.status is Status.DEGRADED
    assert health.reason.startswith("stopped: position 9")
    assert runner.halt() == Halt(NOON, runner.stopped, for_good=True, batches=1)
    assert lane.values == []
    runner.start()
    assert runner.submit(lambda: "answered", timeout=PATIENCE) == "answered"
    runner.stop()


def test_done_with_holds_what_a_state_of_an_earlier_batch_still_needs(bench: Bench) -> None:
    runner = bench.runner(FakeLane(), oldest_needed=lambda: 2)
    assert runner.done_with() == 0
    for _ in range(5):
        bench.send()
    run(runner)
    assert runner.done_with() == 2


# --- stores that fail -----------------------------------------------------------------------------------------


def test_a_store_that_sleeps_gets_the_same_batch_again(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    bench.send(3)
    lane.unavailable = 4
    for _ in range(4):
        assert not runner.step()
        assert runner.health(NOON).reason == f"waits since {to_iso(NOON)}, 1 batches wait: the store sleeps"
        assert runner.halt() == Halt(NOON, "the store sleeps", for_good=False, batches=1)
    assert runner.step()
    assert runner.health(NOON).status is Status.OK
    assert runner.halt() is None
    assert lane.values == [1, 2, 3]
    assert lane.positions == [1]
    assert lane.refusals == []


def test_a_store_that_refuses_waits_for_a_person_and_only_as_long_as_it_does(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    bench.send()
    lane.unavailable, lane.failure = 2, StoreRefuses("the password is wrong")
    assert not runner.step()
    assert runner.halt() == Halt(NOON, "the password is wrong", for_good=True, batches=1)
    bench.clock.advance(SECOND)
    lane.failure = StoreUnavailable("the store sleeps")
    assert not runner.step()
    assert runner.halt() == Halt(NOON, "the store sleeps", for_good=False, batches=1)


def test_a_lane_that_fails_without_any_frame_waits_and_blames_nobody(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    bench.send(3)
    lane.broken = "out of its mind"
    assert not runner.step()
    assert not runner.step()
    assert runner.waiting == "RuntimeError: out of its mind"
    lane.broken = ""
    assert runner.step()
    assert sorted(lane.values) == [1, 2, 3]
    assert lane.refusals == []
    assert lane.at == Position(bench.journal.id, 1)


# --- poison ---------------------------------------------------------------------------------------------------


def test_only_the_poison_frames_go_to_quarantine(bench: Bench) -> None:
    lane = FakeLane()
    lane.poison = {7, 60}
    runner = bench.runner(lane)
    bench.send(5)
    bench.send(95)
    bench.send(2)
    run(runner)
    assert lane.values == [number for number in range(1, 103) if number not in lane.poison]
    assert [int(text) for text in lane.texts] == [n for n in range(1, 103, 2) if n not in lane.poison]
    assert lane.heard == 33
    assert lane.gaps == 3
    assert [(refusal.frame, refusal.reason) for refusal in lane.refusals] == [(1, "lane_failed"), (54, "lane_failed")]
    assert "ZeroDivisionError: cannot judge this" in lane.refusals[0].detail
    assert lane.refusals[0].payload == b"{}"
    assert lane.positions[0] == 1
    assert set(lane.positions[1:-2]) == {1}, "parts carry the position before the batch"
    assert lane.positions[-2:] == [2, 3]


def test_a_lane_without_quarantine_has_its_poison_kept_elsewhere(bench: Bench) -> None:
    lane = FakeLane()
    lane.poison = {2}
    kept: list[tuple[Position, int]] = []
    runner = bench.runner(lane, keep=lambda position, refusals: kept.extend((position, r.frame) for r in refusals))
    bench.send(3)
    run(runner)
    assert kept == [(Position(bench.journal.id, 1), 1)]
    assert lane.refusals == []
    assert lane.values == [1, 3]


def test_a_store_that_sleeps_in_the_middle_of_a_split_doubles_nothing(bench: Bench) -> None:
    lane = FakeLane()
    lane.poison = {5}
    runner = bench.runner(lane)
    bench.send(16)
    take, calls = lane.take, [0]

    def now_and_then(batch: Decoded) -> None:
        calls[0] += 1
        if calls[0] % 3 == 0:
            raise StoreUnavailable("a nap")
        take(batch)

    lane.take = now_and_then  # type: ignore[method-assign]
    for _ in range(40):
        runner.step()
    assert lane.values == [number for number in range(1, 17) if number != 5]
    assert [refusal.frame for refusal in lane.refusals] == [4]
    assert lane.gaps == 1


# --- lane time ------------------------------------------------------------------------------------------------


def test_while_batches_wait_the_lanes_time_is_that_of_the_last_finished_batch(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    bench.send(at=NOON - 3 * HOUR)
    bench.send(at=NOON - 2 * HOUR)
    lane.deadline = NOON - HOUR
    runner.step()
    assert runner.time == NOON - 3 * HOUR
    assert runner.lag_ms(NOON) == 3 * HOUR
    runner.step()
    assert (runner.time, lane.ticks) == (NOON - 2 * HOUR, [])
    runner.step()
    assert (runner.time, lane.ticks) == (NOON, [NOON]), "level and heard: the wall clock"


def test_without_a_fresh_heartbeat_the_wall_clock_does_not_count(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    bench.send(at=NOON - HOUR)
    lane.deadline = NOON - SECOND
    bench.fresh = False
    run(runner)
    assert (runner.time, lane.ticks) == (NOON - HOUR, [])
    bench.fresh = True
    runner.step()
    assert lane.ticks == [NOON]


def test_the_lanes_time_never_runs_backwards(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    runner.step()
    assert runner.time == NOON
    bench.clock.advance(-HOUR)
    bench.send()
    run(runner)
    assert runner.time == NOON
    lane.deadline = NOON
    runner.step()
    assert lane.ticks == [NOON]


def test_the_lanes_time_goes_back_with_the_clock_where_the_journal_says_so(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    runner.step()
    bench.clock.advance(-HOUR)
    bench.gap = Gap("*", SET_BACK, NOON - HOUR, NOON, "")
    bench.send()
    lane.deadline = NOON - HOUR + SECOND
    run(runner)
    assert (runner.time, lane.ticks) == (NOON - HOUR, [])
    bench.gap = Gap("main", "test", 1, 2, "")
    bench.clock.advance(SECOND)
    runner.step()
    assert (runner.time, lane.ticks) == (NOON - HOUR + SECOND, [NOON - HOUR + SECOND])


def test_the_newest_heartbeat_is_the_last_one_in_the_journal() -> None:
    pulse = Pulse(within_ms=15 * SECOND, connections=["main"])
    pulse.note([Beat("main", NOON, NOON)])
    assert not pulse.fresh(NOON - HOUR)
    pulse.note([Beat("main", NOON - HOUR, NOON - HOUR)])
    assert pulse.fresh(NOON - HOUR)


def test_a_deadline_fires_without_a_message(bench: Bench) -> None:
    lane = FakeLane()
    fired = threading.Event()

    def tick(now: int) -> None:
        lane.deadline = None
        lane.ticks.append(now)
        fired.set()

    lane.tick = tick  # type: ignore[method-assign]
    runner = bench.runner(lane)
    runner.start()
    runner.submit(lambda: setattr(lane, "deadline", bench.clock.now() + 50), timeout=PATIENCE)
    bench.clock.advance(50)
    assert fired.wait(PATIENCE)
    runner.stop()
    assert lane.ticks == [NOON + 50]


# --- commands -------------------------------------------------------------------------------------------------


def test_a_command_overtakes_a_backlog(bench: Bench) -> None:
    lane = FakeLane()
    started, go_on = threading.Event(), threading.Event()
    take = lane.take

    def slowly(batch: Decoded) -> None:
        started.set()
        assert go_on.wait(PATIENCE)
        take(batch)

    lane.take = slowly  # type: ignore[method-assign]
    for _ in range(20):
        bench.send()
    runner = bench.runner(lane)
    runner.start()
    assert started.wait(PATIENCE)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(runner.submit, lambda: len(lane.values), PATIENCE)
        until(lambda: bool(runner._commands))
        go_on.set()
        assert answer.result(PATIENCE) == 1
    until(lambda: runner.level)
    runner.stop()
    assert lane.values == list(range(1, 21))


def test_a_command_that_raises_tells_whoever_asked_and_the_lane_goes_on(bench: Bench) -> None:
    lane = FakeLane()
    runner = bench.runner(lane)
    runner.start()
    with pytest.raises(ZeroDivisionError):
        runner.submit(lambda: 1 / 0, timeout=PATIENCE)
    bench.send()
    until(lambda: lane.values == [1])
    runner.stop()
    with pytest.raises(StoreUnavailable, match="has stopped"):
        runner.submit(lambda: 1)


def test_a_command_is_answered_while_the_store_sleeps(bench: Bench) -> None:
    lane = FakeLane()
    lane.unavailable = 10**9
    bench.send()
    runner = bench.runner(lane)
    runner.start()
    until(lambda: bool(runner.waiting))
    assert runner.submit(lambda: 5, timeout=PATIENCE) == 5
    runner.stop()


def test_a_command_that_is_too_late_never_runs(bench: Bench) -> None:
    runner = bench.runner(FakeLane())
    ran: list[int] = []
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.01 s"):
        runner.submit(lambda: ran.append(1), timeout=0.01)
    runner.step()
    assert ran == []


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    ticks = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if true():
            return
        ticks.wait(0.005)
    raise AssertionError("did not happen in time")
