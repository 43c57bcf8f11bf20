"""The sender on a real outbox: everything leaves, once if nothing breaks, never zero times."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from hub.clock import HOUR, ManualClock
from hub.domain.health import Status
from hub.domain.notices import Notice, NoticeState
from hub.errors import SendFailed, StoreUnavailable
from hub.notify.sender import LEASE_MS, Sender
from hub.storage.unit import SqlRecords

Wait = Callable[[Callable[[], bool]], None]


class Phone:
    """A channel that keeps what it gets; ``failures`` are raised first, one for each attempt."""

    def __init__(self, *failures: Exception) -> None:
        self.got: list[Notice] = []
        self.failures = list(failures)
        self.open = threading.Event()
        self.open.set()
        self.ringing = threading.Event()

    def send(self, notice: Notice) -> None:
        self.ringing.set()
        assert self.open.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(notice)

    def secrets(self, address: str) -> tuple[str, ...]:
        return (address,)


class Bench:
    """An outbox, a clock and the sender under test."""

    def __init__(self, records: SqlRecords, clock: ManualClock) -> None:
        self.records = records
        self.clock = clock
        self.senders: list[Sender] = []
        self.metrics = CollectorRegistry()

    def start(self, attempts: int = 3, **phones: Phone) -> Sender:
        sender = Sender(self.records, phones, clock=self.clock, attempts=attempts, metrics=self.metrics)
        self.senders.append(sender)
        sender.start()
        return sender

    def write(self, *notices: Notice) -> None:
        self.records.write(lambda books: books.notices.add(notices))
        for sender in self.senders:
            sender.wake()

    def stored(self, notice: Notice) -> Notice:
        found = self.records.read(lambda books: books.notices.get(notice.id))
        assert found is not None
        return found

    def outcomes(self, notice: Notice) -> list[str]:
        return [one.outcome for one in self.records.read(lambda books: books.notices.attempts(notice.id))]


@pytest.fixture
def bench(records: SqlRecords, clock: ManualClock) -> Iterator[Bench]:
    made = Bench(records, clock)
    yield made
    for sender in made.senders:
        sender.stop()


def test_what_is_written_leaves_and_is_recorded(bench: Bench, notice: Callable[..., Notice], eventually: Wait) -> None:
    phone = Phone()
    bench.start(email=phone)
    bench.write(notice(1), notice(2))
    eventually(lambda: bench.stored(notice(2)).state is bench.stored(notice(1)).state is NoticeState.SENT)
    assert [one.id for one in phone.got] == ["notice-1", "notice-2"]
    assert bench.outcomes(notice(1)) == ["sent"]
    assert bench.metrics.get_sample_value(
        "hub_notice_attempts_total", {"channel": "email", "outcome": "sent"}
    ) == pytest.approx(2)


def test_a_temporary_failure_is_tried_again_when_its_time_has_come(
    bench: Bench, notice: Callable[..., Notice], eventually: Wait
) -> None:
    phone = Phone(SendFailed("busy", permanent=False), RuntimeError("a fault of our own"))
    sender = bench.start(email=phone)
    bench.write(notice())
    for tries in (1, 2):
        eventually(lambda n=tries: len(bench.outcomes(notice())) == n)
        assert phone.got == []
        bench.clock.advance(HOUR)
        sender.wake()
    eventually(lambda: bench.stored(notice()).state is NoticeState.SENT)
    assert bench.outcomes(notice()) == ["temporary", "temporary", "sent"]


def test_a_permanent_failure_ends_it_at_once(bench: Bench, notice: Callable[..., Notice], eventually: Wait) -> None:
    sender = bench.start(email=Phone(SendFailed("no such mailbox li@example.org", permanent=True)))
    bench.write(notice())
    eventually(lambda: bench.stored(notice()).state is NoticeState.FAILED)
    assert bench.outcomes(notice()) == ["permanent"]
    assert "li@example.org" not in bench.stored(notice()).last_error
    health = sender.health(bench.clock.now())
    assert health.status is Status.DEGRADED
    assert "email: no such mailbox" in health.reason


def test_after_the_last_attempt_it_is_given_up(bench: Bench, notice: Callable[..., Notice], eventually: Wait) -> None:
    sender = bench.start(2, email=Phone(*[SendFailed("busy", permanent=False)] * 9))
    bench.write(notice())
    eventually(lambda: len(bench.outcomes(notice())) == 1)
    bench.clock.advance(HOUR)
    sender.wake()
    eventually(lambda: bench.stored(notice()).state is NoticeState.FAILED)
    assert bench.outcomes(notice()) == ["temporary", "temporary"]


def test_a_channel_that_hangs_holds_up_no_other(bench: Bench, notice: Callable[..., Notice], eventually: Wait) -> None:
    hanging, quick = Phone(), Phone()
    hanging.open.clear()
    bench.start(email=hanging, webhook=quick)
    bench.write(notice(1), notice(2, channel="webhook"))
    eventually(lambda: len(quick.got) == 1)
    assert hanging.got == []
    hanging.open.set()
    eventually(lambda: len(hanging.got) == 1)


def test_a_notice_for_an_unknown_channel_fails_with_the_known_ones(
    bench: Bench, notice: Callable[..., Notice], eventually: Wait
) -> None:
    bench.start(email=Phone(), webhook=Phone())
    bench.write(notice(channel="pigeon"))
    eventually(lambda: bench.stored(notice()).state is NoticeState.FAILED)
    assert "expected email, webhook" in bench.stored(notice()).last_error


def test_what_is_withdrawn_before_its_claim_does_not_leave(
    bench: Bench, notice: Callable[..., Notice], eventually: Wait
) -> None:
    phone = Phone()
    bench.write(notice(1), notice(2))
    bench.records.write(lambda books: books.notices.withdraw(ticket="ticket-1"))
    bench.start(email=phone)
    eventually(lambda: bench.stored(notice(2)).state is NoticeState.SENT)
    assert [one.id for one in phone.got] == ["notice-2"]


def test_a_sender_that_dies_between_sending_and_recording_sends_again_with_the_same_key(
    bench: Bench, notice: Callable[..., Notice], eventually: Wait
) -> None:
    phone = Phone()
    bench.write(notice())
    (taken,) = bench.records.write(lambda books: books.notices.claim(bench.clock.now(), lease_ms=LEASE_MS, limit=1))
    phone.send(taken)  # and here the process is gone
    sender = bench.start(email=phone)
    bench.clock.advance(LEASE_MS)
    sender.wake()
    eventually(lambda: bench.stored(notice()).state is NoticeState.SENT)
    assert [one.dedupe_key for one in phone.got] == [notice().dedupe_key] * 2
    assert bench.outcomes(notice()) == ["temporary", "sent"]


def test_a_store_that_is_away_for_a_while_loses_nothing(
    bench: Bench, clock: ManualClock, notice: Callable[..., Notice], eventually: Wait
) -> None:
    class Shaky:
        """Fails the first writes after the claim: the attempt must be recorded all the same."""

        def __init__(self) -> None:
            self.refusals = 0

        def write(self, work: Any) -> Any:
            if phone.got and self.refusals < 1:
                self.refusals += 1
                raise StoreUnavailable("disk full")
            return bench.records.write(work)

        def read(self, work: Any) -> Any:
            return bench.records.read(work)

    phone, shaky = Phone(), Shaky()
    bench.write(notice())
    sender = Sender(shaky, {"email": phone}, clock=clock, attempts=3)
    bench.senders.append(sender)
    sender.start()
    eventually(lambda: bench.stored(notice()).state is NoticeState.SENT)
    assert (len(phone.got), shaky.refusals) == (1, 1)


def test_stopping_waits_for_the_notice_under_way(bench: Bench, notice: Callable[..., Notice], eventually: Wait) -> None:
    phone = Phone()
    phone.open.clear()
    sender = bench.start(email=phone)
    bench.write(notice(1), notice(2))
    assert phone.ringing.wait(10)
    stopping = threading.Thread(target=sender.stop)
    stopping.start()
    eventually(lambda: sender.stopping)
    phone.open.set()
    stopping.join(10)
    assert not stopping.is_alive()
    assert [bench.stored(notice(n)).state for n in (1, 2)] == [NoticeState.SENT, NoticeState.QUEUED]


def test_health_tells_how_many_wait_and_how_long(bench: Bench, notice: Callable[..., Notice]) -> None:
    sender = Sender(bench.records, {}, clock=bench.clock, attempts=3)
    assert sender.health(bench.clock.now()).status is Status.OK
    bench.write(notice(1), notice(2))
    health = sender.health(bench.clock.now() + HOUR)
    assert (health.status, health.facts["waiting"], health.facts["oldest_age_ms"]) == (Status.DEGRADED, 2, HOUR)
    assert "60 minutes" in health.reason


def test_senders_of_two_processes_share_the_work(
    tmp_path: Path, bench: Bench, notice: Callable[..., Notice], eventually: Wait
) -> None:
    other = SqlRecords(tmp_path / "records.sqlite")
    other.open()
    phone = Phone()
    second = Sender(other, {"email": phone}, clock=bench.clock, attempts=3)
    bench.write(*(notice(n) for n in range(20)))
    second.start()
    bench.start(email=phone)
    eventually(lambda: bench.records.read(lambda books: books.notices.waiting())[0] == 0)
    second.stop()
    other.close()
    assert sorted(one.id for one in phone.got) == sorted(f"notice-{n}" for n in range(20))


def test_a_channel_that_hangs_does_not_hold_up_the_end(bench: Bench, notice: Callable[..., Notice]) -> None:
    phone = Phone()
    phone.open.clear()
    sender = bench.start(email=phone)
    bench.write(notice())
    assert phone.ringing.wait(10)
    sender.stop(patience_s=0.05)
    assert bench.stored(notice()).state is NoticeState.SENDING, "its lease brings it back"
    phone.open.set()


def test_the_number_waiting_is_a_metric(bench: Bench, records: SqlRecords, notice: Callable[..., Notice]) -> None:
    Sender(records, {}, clock=bench.clock, attempts=3, metrics=bench.metrics)
    bench.write(notice(1), notice(2))
    assert bench.metrics.get_sample_value("hub_notices_waiting") == pytest.approx(2)
