"""The outbox: written once, leased to one sender, every attempt on record; on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from hub.domain.notices import Notice, NoticeKind, NoticeState
from hub.flows.lists import NoticeFilter, Scope
from hub.storage.books.notices import LAPSED
from hub.storage.unit import SqlRecords

LEASE = 100


def notice(number: int, **changes: Any) -> Notice:
    plain = Notice(
        id=f"notice-{number:03d}",
        dedupe_key=f"key-{number}",
        community="garden",
        kind=NoticeKind.OPENED,
        contact="li",
        channel="email",
        address="li@example.org",
        language="zh-CN",
        subject="电梯故障",
        body="…",
        priority="medium",
        link="http://hub.example/tickets/1",
        ticket="ticket-1",
        alarm="alarm-1",
        created_at=number,
        next_at=number,
    )
    return replace(plain, **changes)


def write(records: SqlRecords, *notices: Notice) -> int:
    return records.write(lambda books: books.notices.add(notices))


def claim(records: SqlRecords, now: int, limit: int = 10) -> list[Notice]:
    return records.write(lambda books: books.notices.claim(now, lease_ms=LEASE, limit=limit))


def stored(records: SqlRecords, number: int) -> Notice:
    found = records.read(lambda books: books.notices.get(f"notice-{number:03d}"))
    assert found is not None
    return found


def test_one_dedupe_key_is_written_once(records: SqlRecords) -> None:
    assert write(records, notice(1), notice(2), notice(3, dedupe_key="key-1")) == 2
    assert write(records, notice(4, dedupe_key="key-2")) == 0
    assert stored(records, 1) == notice(1)


def test_safety_is_claimed_first_then_what_has_waited_longest(records: SqlRecords) -> None:
    write(records, notice(1, priority="low"), notice(2, priority="high"), notice(3), notice(4, priority="safety"))
    write(records, notice(5, priority="safety", next_at=2), notice(6, next_at=1_000))
    assert [one.id[-1] for one in claim(records, 50)] == ["5", "4", "2", "3", "1"]


def test_what_is_leased_is_not_claimed_again_until_the_lease_runs_out(records: SqlRecords) -> None:
    write(records, notice(1))
    (first,) = claim(records, 50)
    assert (first.state, first.attempts, first.lease_until) == (NoticeState.SENDING, 1, 50 + LEASE)
    assert claim(records, 50 + LEASE - 1) == []
    (second,) = claim(records, 50 + LEASE)
    assert (second.id, second.attempts) == (first.id, 2)
    (lapsed,) = records.read(lambda books: books.notices.attempts(first.id))
    assert (lapsed.number, lapsed.outcome, lapsed.detail) == (1, "temporary", LAPSED)


def test_many_senders_never_share_a_notice(records: SqlRecords) -> None:
    write(records, *(notice(n) for n in range(40)))
    claimed: list[str] = []

    def send() -> None:
        while found := claim(records, 100, limit=3):
            claimed.extend(one.id for one in found)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed))
    assert set(claimed) | {one.id for one in claim(records, 100)} == {f"notice-{n:03d}" for n in range(40)}


def test_a_failed_attempt_waits_and_the_next_one_counts_on(records: SqlRecords) -> None:
    write(records, notice(1))
    (first,) = claim(records, 50)
    records.write(lambda books: books.notices.retry(first, now=60, took_ms=10, next_at=500, error="busy"))
    assert claim(records, 499) == []
    assert stored(records, 1).last_error == "busy"
    (second,) = claim(records, 500)
    records.write(lambda books: books.notices.sent(second, now=510, took_ms=7))
    after = stored(records, 1)
    assert (after.state, after.attempts, after.sent_at, after.last_error) == (NoticeState.SENT, 2, 510, "")
    tries = records.read(lambda books: books.notices.attempts(first.id))
    assert [(one.number, one.at, one.took_ms, one.outcome, one.detail) for one in tries] == [
        (1, 60, 10, "temporary", "busy"),
        (2, 510, 7, "sent", ""),
    ]


def test_a_permanent_failure_is_the_end(records: SqlRecords) -> None:
    write(records, notice(1))
    (first,) = claim(records, 50)
    records.write(lambda books: books.notices.failed(first, now=60, took_ms=10, error="no such mailbox"))
    assert stored(records, 1).state is NoticeState.FAILED
    assert claim(records, 10**12) == []


def test_a_sender_whose_lease_ran_out_cannot_push_back_the_work_of_the_next(records: SqlRecords) -> None:
    write(records, notice(1))
    (slow,) = claim(records, 50)
    (quick,) = claim(records, 50 + LEASE)
    records.write(lambda books: books.notices.retry(slow, now=200, took_ms=10, next_at=9_999, error="late"))
    assert stored(records, 1).state is NoticeState.SENDING
    records.write(lambda books: books.notices.sent(quick, now=210, took_ms=5))
    records.write(lambda books: books.notices.failed(slow, now=220, took_ms=10, error="late"))
    assert stored(records, 1).state is NoticeState.SENT


def test_what_is_withdrawn_is_not_sent_and_not_tried_again(records: SqlRecords) -> None:
    write(records, notice(1), notice(2, ticket="ticket-2", alarm="alarm-2"), notice(3))
    (sending,) = claim(records, 50, limit=1)
    assert records.write(lambda books: books.notices.withdraw(ticket="ticket-1")) == 2
    assert [one.id for one in claim(records, 10_000)] == ["notice-002"]
    records.write(lambda books: books.notices.retry(sending, now=60, took_ms=1, next_at=70, error="busy"))
    assert stored(records, 1).state is NoticeState.WITHDRAWN
    assert claim(records, 60) == []
    assert records.write(lambda books: books.notices.withdraw(alarm="alarm-2")) == 1
    assert records.write(lambda books: books.notices.withdraw()) == 0


def test_what_left_while_it_was_withdrawn_counts_as_sent(records: SqlRecords) -> None:
    write(records, notice(1))
    (sending,) = claim(records, 50)
    records.write(lambda books: books.notices.withdraw(ticket="ticket-1"))
    records.write(lambda books: books.notices.sent(sending, now=60, took_ms=1))
    assert stored(records, 1).state is NoticeState.SENT


def test_waiting_and_next_due(records: SqlRecords) -> None:
    assert records.read(lambda books: (books.notices.waiting(), books.notices.next_due())) == ((0, None), None)
    write(records, notice(5), notice(3, next_at=80))
    assert records.read(lambda books: (books.notices.waiting(), books.notices.next_due())) == ((2, 3), 5)
    claim(records, 10)
    assert records.read(lambda books: (books.notices.waiting(), books.notices.next_due())) == ((2, 3), 80)


def test_lists_filter_and_count(records: SqlRecords) -> None:
    write(records, notice(1), notice(2, channel="webhook"), notice(3, community="other", ticket=None))
    page = records.read(lambda books: books.notices.page(NoticeFilter(ticket="ticket-1"), limit=1))
    assert [one.id for one in page.items] == ["notice-002"]
    rest = records.read(lambda books: books.notices.page(NoticeFilter(ticket="ticket-1"), limit=1, cursor=page.next))
    assert ([one.id for one in rest.items], rest.next) == (["notice-001"], None)
    scope = Scope(communities=frozenset({"other"}))
    assert records.read(lambda books: books.notices.counts(NoticeFilter(), scope)) == {NoticeState.QUEUED: 1}
    mails = NoticeFilter(channel="email", states=frozenset({NoticeState.QUEUED}), since=2)
    assert [one.id for one in records.read(lambda books: books.notices.page(mails)).items] == ["notice-003"]
