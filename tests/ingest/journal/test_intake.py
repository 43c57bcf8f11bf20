"""Nothing is acknowledged before it is durable, whatever happens in between."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from hub.clock import ManualClock
from hub.domain.health import Status
from hub.errors import StoreUnavailable
from hub.flows.batch import Gap
from hub.ingest.control import read_gap
from hub.ingest.frames import GAP_TOPIC, Frame
from hub.ingest.intake import IntakeThread
from hub.ingest.journal import Journal
from hub.ingest.journal_meters import IntakeMeters
from hub.settings import Ingest, JournalSettings
from tests.ingest.journal.reading import recent

Frames = Callable[..., Frame]
Open = Callable[..., Journal]
NOON = 1_795_000_000_000
PATIENCE = 20.0


class Followers:
    """Remembers what was offered, and lets a test wait for it."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[Frame]]] = []

    def offer(self, number: int, frames: list[Frame], size: int) -> None:
        assert size == sum(len(frame.payload) for frame in frames)
        self.batches.append((number, frames))


@pytest.fixture
def make_intake(
    open_journal: Open, clock: ManualClock, intake_meters: IntakeMeters
) -> Iterator[Callable[..., IntakeThread]]:
    made: list[IntakeThread] = []

    def make(journal: Journal, follower: Followers | None = None, **ingest: Any) -> IntakeThread:
        intake = IntakeThread(
            journal,
            Ingest(**ingest),
            clock,
            follower=follower or Followers(),
            meters=intake_meters,
            back_off=(0.001,),
        )
        made.append(intake)
        intake.start()
        return intake

    yield make
    for intake in made:
        intake.stop()


def test_frames_are_committed_then_acknowledged_then_offered(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, receiver: Any
) -> None:
    follower = Followers()
    journal = open_journal()
    intake = make_intake(journal, follower)
    intake.put([a_frame(1), a_frame(2)], receiver, 7)
    intake.put([a_frame(0, flags=0), a_frame(3)], receiver, 8)
    assert intake.flush(PATIENCE)
    assert receiver.acknowledged == [(7, 1), (7, 2), (8, 3)]
    assert [frame.packet_id for frame in recent(journal, 9)] == [1, 2, 0, 3]
    assert [frame.packet_id for _, frames in follower.batches for frame in frames] == [1, 2, 0, 3]


def test_a_batch_closes_when_it_is_full(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, receiver: Any
) -> None:
    journal = open_journal()
    intake = make_intake(journal, batch_messages=10, batch_ms=1_000)
    for number in range(25):
        intake.put([a_frame(number + 1)], receiver, 1)
    assert intake.flush(PATIENCE)
    assert journal.read(0, 1)[0].frames[:10] == [a_frame(number + 1) for number in range(10)]
    assert max(len(batch.frames) for batch in journal.read(0, 99)) == 10


def gaps_of(journal: Journal) -> list[tuple[int, int, Gap]]:
    """Batch, frames in it, and the gap that it tells of."""
    return [
        (batch.number, len(batch.frames), gap)
        for batch in journal.read(0, 99)
        if batch.frames[0].topic == GAP_TOPIC and (gap := read_gap(batch.frames[0].payload)) is not None
    ]


def test_a_clock_that_is_set_back_is_told_before_what_arrives_by_the_new_time(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, clock: ManualClock
) -> None:
    journal = open_journal()
    follower = Followers()
    intake = make_intake(journal, follower)
    intake.put([a_frame(1, at=NOON)], Ignoring(), 1)
    assert intake.flush(PATIENCE)
    clock.advance(-3_600_000)
    stamped_before = a_frame(2, at=NOON)
    intake.put([stamped_before, a_frame(3, at=NOON - 3_600_000)], Ignoring(), 1)
    intake.put([a_frame(4, at=NOON)], Ignoring(), 1)
    assert intake.flush(PATIENCE)
    told = [(number, [(frame.packet_id, frame.received_at) for frame in frames]) for number, frames in follower.batches]
    later = NOON - 3_600_000
    assert told[:2] == [(1, [(1, NOON)]), (2, [(0, later)])]
    assert [frame for _, frames in told[2:] for frame in frames][-1] == (4, later)
    [(number, frames, gap)] = gaps_of(journal)
    assert (number, frames) == (2, 1)
    assert (gap.connection, gap.kind, gap.started_at, gap.ended_at) == ("*", "set_back", later, NOON)


class StoppedInBetween(ManualClock):
    """The process is stopped for a while between looking at the one clock and at the other."""

    stops = 0

    def now(self) -> int:
        if self.stops:
            self.stops -= 1
            self.advance(5_000)
        return super().now()


def test_a_process_that_was_stopped_takes_that_for_no_step_of_the_clock(
    open_journal: Open, intake_meters: IntakeMeters, a_frame: Frames
) -> None:
    journal, clock = open_journal(), StoppedInBetween(NOON)
    intake = IntakeThread(journal, Ingest(), clock, follower=Followers(), meters=intake_meters)
    intake.start()
    for number in range(4):
        clock.stops = 1 - number % 2
        intake.put([a_frame(number + 1)], Ignoring(), 1)
        assert intake.flush(PATIENCE)
    intake.stop()
    assert gaps_of(journal) == []


def test_a_clock_that_was_set_back_while_the_hub_was_down_is_told_at_the_start(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, clock: ManualClock
) -> None:
    journal = open_journal()
    journal.append([a_frame(1, at=NOON + 60_000)])
    intake = make_intake(journal)
    intake.put([a_frame(2)], Ignoring(), 1)
    assert intake.flush(PATIENCE)
    [(number, frames, gap)] = gaps_of(journal)
    assert (number, frames, gap.kind, gap.ended_at - gap.started_at) == (2, 1, "set_back", 60_000)


def test_a_start_writes_the_gap_since_the_last_message(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, clock: ManualClock
) -> None:
    journal = open_journal()
    fresh = make_intake(journal)
    assert fresh.flush(PATIENCE)
    assert journal.last == 0, "a first start has nothing to tell"
    fresh.put([a_frame(1)], Ignoring(), 1)
    fresh.stop()
    clock.advance(3_600_000)
    assert make_intake(journal).flush(PATIENCE)
    [_, frame] = recent(journal, 9)
    assert frame.topic == GAP_TOPIC
    gap = read_gap(frame.payload)
    assert gap is not None
    assert (gap.connection, gap.kind, gap.started_at, gap.ended_at) == ("*", "hub_down", NOON, NOON + 3_600_000)


def test_a_clock_set_back_makes_no_gap(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, clock: ManualClock
) -> None:
    journal = open_journal()
    journal.append([a_frame(1)])
    clock.advance(-3_600_000)
    assert make_intake(journal).flush(PATIENCE)
    assert journal.last == 1


def test_a_full_disk_holds_everything_and_goes_on_by_itself(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, receiver: Any, clock: ManualClock
) -> None:
    free = [0]
    journal = open_journal(settings=JournalSettings(min_free=1_000), disk_usage=lambda _path: (10**9, 0, free[0]))
    intake = make_intake(journal)
    intake.put([a_frame(1)], receiver, 1)
    until(lambda: intake.health(NOON).status is Status.DOWN and "nothing is acknowledged" in intake.health(NOON).reason)
    held = intake.standing(clock.now())
    assert held.held_since == clock.now()
    assert "must stay free" in held.held
    intake.put([a_frame(2)], receiver, 1)
    assert receiver.acknowledged == []
    assert not intake.flush(0.05)
    free[0] = 10**9
    assert intake.flush(PATIENCE)
    assert receiver.acknowledged == [(1, 1), (1, 2)]
    assert intake.health(NOON).status is Status.OK
    assert (intake.standing(NOON).held_since, intake.standing(NOON).held) == (None, "")


def test_stopping_while_the_disk_is_full_ends_without_acknowledging(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, receiver: Any
) -> None:
    journal = open_journal(settings=JournalSettings(min_free=10), disk_usage=lambda _path: (10**9, 0, 0))
    intake = make_intake(journal)
    intake.put([a_frame(1)], receiver, 1)
    intake.stop()
    assert receiver.acknowledged == []
    assert journal.last == 0


def test_qos_0_is_bounded_while_intake_is_behind_but_gaps_and_qos_1_are_kept(
    open_journal: Open,
    make_intake: Callable[..., IntakeThread],
    a_frame: Frames,
    intake_meters: IntakeMeters,
    receiver: Any,
) -> None:
    free = [0]
    journal = open_journal(settings=JournalSettings(min_free=10), disk_usage=lambda _path: (10**9, 0, free[0]))
    intake = make_intake(journal)
    for _ in range(30):
        intake.put([a_frame(0, flags=0)] * 1_000, receiver, 1)
    intake.put([a_frame(0, flags=0), a_frame(5), a_frame(0, flags=0, topic=GAP_TOPIC)], receiver, 1)
    free[0] = 10**9
    assert intake.flush(PATIENCE)
    frames = list(recent(journal, 100_000))
    assert 20_000 <= len(frames) <= 22_000
    assert [frame.topic for frame in frames[-2:]] == [b"t", GAP_TOPIC]
    assert intake_meters.qos0_dropped._value.get() == 30_000 + 3 - len(frames)


def test_a_receiver_that_raises_does_not_end_the_journal(
    open_journal: Open, make_intake: Callable[..., IntakeThread], a_frame: Frames, receiver: Any
) -> None:
    class Broken:
        def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
            raise RuntimeError("no longer there")

    intake = make_intake(open_journal())
    intake.put([a_frame(1)], Broken(), 1)
    intake.put([a_frame(2)], receiver, 1)
    assert intake.flush(PATIENCE)
    assert receiver.acknowledged == [(1, 2)]


class Ignoring:
    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """Nobody waits."""


class Flaky(Journal):
    """Fails as often as it is told to, before or after having tried."""

    failures = 0
    committed: set[int] = set()  # noqa: RUF012 - replaced for every example

    def append(self, frames: Sequence[Frame]) -> int:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("not just now")
        number = super().append(frames)
        self.committed.update(frame.packet_id for frame in frames)
        return number


class Checking:
    """Fails the moment something is acknowledged that is not committed, or twice."""

    def __init__(self, journal: Flaky) -> None:
        self.journal = journal
        self.acknowledged: list[int] = []
        self.wrong: list[int] = []

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        self.wrong.extend(set(packet_ids) - self.journal.committed)
        self.acknowledged.extend(packet_ids)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=12), st.integers(1, 6))
def test_any_order_of_puts_and_failures_acknowledges_committed_frames_only(
    steps: list[tuple[int, int]], batch_messages: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock(NOON)
        journal = Flaky(Path(folder) / "journal.sqlite", JournalSettings(min_free=0), clock)
        journal.open()
        journal.committed = set()
        intake = IntakeThread(
            journal,
            Ingest(batch_messages=batch_messages, batch_ms=1),
            clock,
            follower=Followers(),
            meters=IntakeMeters(CollectorRegistry()),
            back_off=(0.0005,),
        )
        receiver = Checking(journal)
        intake.start()
        sent = 0
        for frames, failures in steps:
            journal.failures = failures
            intake.put([Frame("main", sent + i + 1, b"t", b"{}", 1, NOON) for i in range(frames)], receiver, 1)
            sent += frames
        assert intake.flush(PATIENCE)
        intake.stop()
        assert receiver.wrong == []
        assert receiver.acknowledged == list(range(1, sent + 1))
        assert [frame.packet_id for frame in recent(journal, 999)] == receiver.acknowledged
        journal.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    ticks = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if true():
            return
        ticks.wait(0.005)
    raise AssertionError("did not happen in time")
