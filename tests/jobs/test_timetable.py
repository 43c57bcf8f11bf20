"""Periodic jobs: each tick once, missed ones made up for, failures tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from hub.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, WallClock, from_iso
from hub.domain.health import Status
from hub.jobs.timetable import ATTEMPTS, LEASE_MS, Job, Timetable, latest_tick, next_of_cron
from hub.storage.tables import jobs
from hub.storage.unit import SqlRecords
from tests.empty_records import records_in

NOW = from_iso("2026-11-23T03:30:00Z")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with records_in(tmp_path) as store:
        yield store


@pytest.fixture
def run(records: SqlRecords) -> Iterator[Callable[..., Timetable]]:
    """Starts a timetable and stops it at the end."""
    started: list[Timetable] = []

    def start(clock: ManualClock | WallClock, *jobs: Job) -> Timetable:
        timetable = Timetable(records, jobs, clock=clock)
        started.append(timetable)
        timetable.start()
        return timetable

    yield start
    for timetable in started:
        timetable.stop()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within ten seconds"
        time.sleep(0.005)


def open_rows(records: SqlRecords) -> int:
    query = select(func.count()).where(jobs.c.done_at.is_(None))
    return int(records.read(lambda books: books.connection.execute(query).scalar_one()))


def in_time(timetable: Timetable, clock: ManualClock, condition: Callable[[], bool]) -> None:
    """Waits for the condition while the clock runs fast."""

    def look() -> bool:
        clock.advance(MINUTE)
        timetable.wake()
        return condition()

    eventually(look)


def test_the_latest_missed_tick_is_made_up_for_once(records: SqlRecords, run: Callable[..., Timetable]) -> None:
    ticks: list[int] = []
    job = Job(name="prune", run=ticks.append, cron="20 3 * * *")
    first = run(ManualClock(NOW), job)
    eventually(lambda: open_rows(records) == 0)
    first.stop()
    second: list[int] = []
    run(ManualClock(NOW + HOUR), Job(name="prune", run=second.append, cron="20 3 * * *")).stop()
    assert open_rows(records) == 0
    run(ManualClock(NOW + 3 * DAY), Job(name="prune", run=second.append, cron="20 3 * * *"))
    eventually(lambda: len(second) == 1)
    assert ticks == [from_iso("2026-11-23T03:20:00Z")]
    assert second == [from_iso("2026-11-26T03:20:00Z")]


def test_a_job_that_fails_is_tried_again_and_then_given_up(records: SqlRecords, run: Callable[..., Timetable]) -> None:
    tries: list[int] = []

    def fail(tick: int) -> None:
        tries.append(tick)
        raise OSError("disk full")

    clock = ManualClock(NOW)
    timetable = run(clock, Job(name="prune", run=fail, every_ms=DAY))
    in_time(timetable, clock, lambda: open_rows(records) == 0)
    assert timetable.health(NOW).status is Status.DEGRADED
    assert len(tries) == ATTEMPTS
    assert "prune: OSError: disk full" in timetable.health(NOW).reason


def test_one_failing_job_does_not_stop_the_others(run: Callable[..., Timetable]) -> None:
    done = threading.Event()

    def fail(_: int) -> None:
        raise RuntimeError("poison")

    run(
        ManualClock(NOW),
        Job(name="bad", run=fail, every_ms=HOUR),
        Job(name="good", run=lambda _: done.set(), every_ms=HOUR),
    )
    assert done.wait(10)


def test_a_lease_that_ran_out_is_taken_over(records: SqlRecords, run: Callable[..., Timetable]) -> None:
    tick = NOW // DAY * DAY
    records.write(lambda books: books.jobs.tick("prune", tick))
    records.write(lambda books: books.jobs.claim(NOW, lease_ms=LEASE_MS))  # by a process that died
    ticks: list[int] = []
    clock = ManualClock(NOW)
    timetable = run(clock, Job(name="prune", run=ticks.append, every_ms=DAY))
    clock.advance(LEASE_MS)
    timetable.wake()
    eventually(lambda: ticks == [tick])


def test_a_job_that_is_gone_is_closed_by_name(records: SqlRecords, run: Callable[..., Timetable]) -> None:
    records.write(lambda books: books.jobs.tick("of-old", 5))
    clock = ManualClock(NOW)
    timetable = run(clock)
    in_time(timetable, clock, lambda: open_rows(records) == 0)


def test_the_clock_ticks(run: Callable[..., Timetable]) -> None:
    ticks: list[int] = []
    run(WallClock(), Job(name="often", run=ticks.append, every_ms=SECOND))
    eventually(lambda: len(ticks) >= 2)
    assert all(tick % SECOND == 0 for tick in ticks)
    assert len(ticks) == len(set(ticks))


def test_run_now(run: Callable[..., Timetable]) -> None:
    ticks: list[int] = []
    timetable = run(ManualClock(NOW), Job(name="prune", run=ticks.append, every_ms=365 * DAY))
    eventually(lambda: len(ticks) == 1)
    timetable.run_now("prune")
    eventually(lambda: ticks[1:] == [NOW])


@given(now=st.integers(DAY, 2**42), every=st.sampled_from([SECOND, MINUTE, HOUR, DAY]))
def test_the_latest_tick_of_an_interval(now: int, every: int) -> None:
    tick = latest_tick(Job(name="x", run=print, every_ms=every), None, now)
    assert tick is not None
    assert now - every < tick <= now
    assert tick % every == 0
    assert latest_tick(Job(name="x", run=print, every_ms=every), tick, now) is None


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        ("20 3 * * *", "UTC", "2026-11-23T03:20:00Z"),
        ("30 3 * * *", "UTC", "2026-11-23T03:30:00Z"),
        ("31 3 * * *", "UTC", "2026-11-22T03:31:00Z"),
        ("0 4 * * *", "Asia/Shanghai", "2026-11-22T20:00:00Z"),
        ("0 0 1 * *", "UTC", "2026-11-01T00:00:00Z"),
        ("0 0 1 1 *", "UTC", "2026-01-01T00:00:00Z"),
        ("* * * * *", "UTC", "2026-11-23T03:30:00Z"),
    ],
)
def test_the_latest_tick_of_a_cron_line(cron: str, zone: str, expected: str) -> None:
    tick = latest_tick(Job(name="x", run=print, cron=cron, timezone=zone), None, NOW)
    assert tick is not None
    assert datetime.fromtimestamp(tick / 1000, UTC).isoformat() == expected.replace("Z", "+00:00")


def test_the_next_instant_of_a_cron() -> None:
    assert next_of_cron("20 2 * * *", NOW) == from_iso("2026-11-24T02:20:00Z")
    assert next_of_cron("30 3 * * *", NOW) == NOW
    assert next_of_cron("30 3 * * *", NOW + 1) == NOW + DAY
    assert next_of_cron("0 0 * * sun", NOW) == from_iso("2026-11-29T00:00:00Z")
    assert next_of_cron("0 0 30 2 *", NOW) is None
