"""What could not be understood: kept up to its limits, counted beyond them; on both databases."""

from __future__ import annotations

from importlib import import_module

import pytest
from sqlalchemy import text, update

from hub.flows.batch import Position, Refusal
from hub.flows.lists import QuarantineCount, QuarantineFilter, Scope
from hub.storage.books import Books
from hub.storage.tables import quarantine_counts
from hub.storage.unit import SqlRecords

FIRST = Position("journal-a", 7)
TOPIC = "community/v1/garden/电梯-1/telemetry"
PAYLOAD = b"\x00\xff not json"
SIZE = len(TOPIC) + len(PAYLOAD)


def refusal(frame: int = 0, **changes: object) -> Refusal:
    plain = Refusal(
        frame=frame,
        reason="not_json",
        detail="expected an object",
        device="garden~lift-1",
        community="garden",
        whole=True,
        connection="main",
        topic=TOPIC,
        payload=PAYLOAD,
        received_at=1_000 + frame,
    )
    return plain._replace(**changes)


def keep(records: SqlRecords, position: Position, *refusals: Refusal, **limits: int) -> int:
    return records.write(lambda books: books.quarantine.keep(position, refusals, **limits))


def count(records: SqlRecords) -> QuarantineCount:
    (found,) = records.read(lambda books: books.quarantine.counts())
    return found


def test_a_frame_comes_back_with_its_bytes_and_where_it_was(records: SqlRecords) -> None:
    assert keep(records, FIRST, refusal(3)) == 1
    (item,) = records.read(lambda books: books.quarantine.page(QuarantineFilter())).items
    assert (item.journal, item.batch, item.frame, item.part) == ("journal-a", 7, 3, 0)
    assert (item.payload, item.reason, item.whole, item.state) == (b"\x00\xff not json", "not_json", True, "kept")
    assert records.read(lambda books: books.quarantine.get(item.id)) == item
    assert records.read(lambda books: books.quarantine.get(item.id + 1)) is None
    assert records.read(lambda books: books.quarantine.several([item.id + 1, item.id, item.id])) == [item]


def test_the_content_type_is_kept_short_and_printable(records: SqlRecords) -> None:
    said = "application/senml+cbor", "text/plain\0;x\n", "a/" + "b" * 200
    keep(records, FIRST, *(refusal(n, content_type=each) for n, each in enumerate(said)), refusal(3))
    items = records.read(lambda books: books.quarantine.page(QuarantineFilter())).items
    assert [item.content_type for item in reversed(items)] == [said[0], "text/plain;x", said[2][:100], ""]


def test_keeping_the_same_batch_again_changes_nothing(records: SqlRecords) -> None:
    parts = [refusal(0), refusal(1, whole=False), refusal(1, reason="nested", whole=False)]
    assert keep(records, FIRST, *parts) == 3
    assert keep(records, FIRST, *parts) == 0
    assert keep(records, FIRST._replace(batch=8), *parts) == 3
    counts = records.read(lambda books: books.quarantine.counts())
    assert [(one.reason, one.kept, one.dropped) for one in counts] == [("not_json", 4, 0), ("nested", 2, 0)]


def test_beyond_the_number_for_a_device_and_reason_they_are_counted(records: SqlRecords) -> None:
    assert keep(records, FIRST, *(refusal(n) for n in range(5)), per_reason=3) == 3
    assert keep(records, FIRST._replace(batch=8), refusal(0), refusal(1, reason="nested"), per_reason=3) == 1
    counts = records.read(lambda books: books.quarantine.counts())
    assert [(one.reason, one.kept, one.dropped) for one in counts] == [("not_json", 3, 3), ("nested", 1, 0)]


def test_beyond_the_bytes_in_all_they_are_counted(records: SqlRecords) -> None:
    other = refusal(2, device="garden~lift-2")
    kept = keep(
        records,
        FIRST,
        refusal(0, payload=b"x" * 60),
        refusal(1, payload=b"x" * 60),
        other,
        total_bytes=80 + 2 * len(TOPIC),
    )
    assert kept == 2
    counts = records.read(lambda books: books.quarantine.counts())
    assert sorted((one.device, one.kept, one.kept_bytes, one.dropped) for one in counts) == [
        ("garden~lift-1", 1, len(TOPIC) + 60, 1),
        ("garden~lift-2", 1, SIZE, 0),
    ]


@pytest.mark.parametrize("state", ["redriven", "dismissed"])
def test_what_is_dealt_with_frees_its_place(records: SqlRecords, state: str) -> None:
    keep(records, FIRST, refusal(0), refusal(1))
    (newest, oldest) = records.read(lambda books: books.quarantine.page(QuarantineFilter())).items
    assert records.write(lambda books: books.quarantine.mark([newest.id, 999], state)) == 1
    assert records.write(lambda books: books.quarantine.mark([newest.id], state)) == 0
    left = records.read(lambda books: books.quarantine.page(QuarantineFilter())).items
    assert left == (oldest,)
    dealt = records.read(lambda books: books.quarantine.page(QuarantineFilter(state=state))).items
    assert [(one.id, one.payload) for one in dealt] == [(newest.id, b"")]
    assert (count(records).kept, count(records).kept_bytes) == (1, SIZE)


def test_an_unknown_state_is_refused(records: SqlRecords) -> None:
    with pytest.raises(ValueError, match="redriven, dismissed"):
        records.write(lambda books: books.quarantine.mark([1], "lost"))


def test_old_ones_are_forgotten_a_few_at_a_time(records: SqlRecords) -> None:
    keep(records, FIRST, *(refusal(n) for n in range(5)))
    assert records.write(lambda books: books.quarantine.forget(1_004, limit=3)) == 3
    assert records.write(lambda books: books.quarantine.forget(1_004, limit=3)) == 1
    assert (count(records).kept, count(records).kept_bytes) == (1, SIZE)


def test_lists_filter_and_stay_in_scope(records: SqlRecords) -> None:
    keep(
        records,
        FIRST,
        refusal(0),
        refusal(1, reason="nested"),
        refusal(2, device="other~x", community="other"),
        refusal(3, device=None, community=None),
    )
    assert frames(records, QuarantineFilter()) == [3, 2, 1, 0]
    assert frames(records, QuarantineFilter(reason="nested")) == [1]
    assert frames(records, QuarantineFilter(device="other~x")) == [2]
    assert frames(records, QuarantineFilter(since=1_002)) == [3, 2]
    garden = Scope(communities=frozenset({"garden"}))
    assert frames(records, QuarantineFilter(), garden) == [1, 0]
    assert frames(records, QuarantineFilter(), Scope()) == []
    in_scope = records.read(lambda books: books.quarantine.counts(garden))
    assert {one.device for one in in_scope} == {"garden~lift-1"}
    assert records.read(lambda books: books.quarantine.counts(Scope())) == ()


def frames(records: SqlRecords, what: QuarantineFilter, scope: Scope | None = None) -> list[int]:
    scope = scope or Scope(everything=True)
    return [one.frame for one in records.read(lambda books: books.quarantine.page(what, scope)).items]


def test_what_was_kept_by_an_earlier_program_is_counted_anew(records: SqlRecords) -> None:
    """It counted payloads only: freed with their topics, they would leave room that there is not."""
    keep(records, FIRST, refusal(0), refusal(1))
    (newest, _) = records.read(lambda books: books.quarantine.page(QuarantineFilter())).items
    records.write(lambda books: books.quarantine.mark([newest.id], "redriven"))

    def upgrade(books: Books) -> None:
        connection = books.quarantine._connection
        connection.execute(update(quarantine_counts).values(kept_bytes=len(PAYLOAD)))
        connection.execute(text(import_module(f"{versions}.0007_note_in_quarantine_what_was_retained").ANEW))

    versions = "hub.storage.migrations.versions"
    records.write(upgrade)
    assert (count(records).kept, count(records).kept_bytes) == (1, SIZE)
