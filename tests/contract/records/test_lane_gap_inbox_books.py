"""Lane positions, gaps, the device inbox and the rows of jobs, on both databases."""

from __future__ import annotations

from hub.flows.batch import DeviceSeen, Gap, Position
from hub.flows.ports import LaneMark
from hub.storage.books import Books
from hub.storage.tables import devices, points
from hub.storage.unit import SqlRecords


def mark(batch: int, state: bytes | None = None, state_batch: int = 0) -> LaneMark:
    return LaneMark(position=Position("journal-a", batch), time=1_000 + batch, state=state, state_batch=state_batch)


def test_a_lane_that_never_ran_has_no_mark(records: SqlRecords) -> None:
    assert records.read(lambda books: books.lanes.load("alarm")) is None


def test_a_mark_without_state_leaves_the_state_as_it_was(records: SqlRecords) -> None:
    records.write(lambda books: books.lanes.save("alarm", mark(5, b"blob", 5)))
    records.write(lambda books: books.lanes.save("alarm", mark(9)))
    records.write(lambda books: books.lanes.save("series", mark(3)))
    assert records.read(lambda books: books.lanes.load("alarm")) == mark(9, b"blob", 5)
    records.write(lambda books: books.lanes.save("alarm", mark(12, b"other", 11)))
    assert records.read(lambda books: books.lanes.load("alarm")) == mark(12, b"other", 11)
    assert records.read(lambda books: books.lanes.load("series")) == mark(3)


def test_a_gap_is_kept_once_and_its_end_may_move(records: SqlRecords) -> None:
    down = Gap("main", "hub_down", 100, 200, "")
    records.write(lambda books: books.gaps.add([down, Gap("main", "broker_down", 100, 150, "cut")]))
    records.write(lambda books: books.gaps.add([down._replace(ended_at=250), Gap("main", "hub_down", 400, 500, "")]))
    records.write(lambda books: books.gaps.add([]))
    found = records.read(lambda books: books.gaps.latest(10))
    assert sorted(found) == sorted(
        [
            Gap("main", "broker_down", 100, 150, "cut"),
            Gap("main", "hub_down", 100, 250, ""),
            Gap("main", "hub_down", 400, 500, ""),
        ]
    )
    assert found[0].started_at == 400
    assert records.read(lambda books: books.gaps.between(200, 400)) == [Gap("main", "hub_down", 100, 250, "")]


def test_a_device_enters_the_inbox_once_and_is_never_changed_by_being_heard(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~lift-1", "native", "lift-1", "main", 7, ("door", "load"))
    assert records.write(lambda books: books.devices.seen([heard])) == 1
    records.write(
        lambda books: books.connection.execute(devices.update().values(state="adopted", name_en="Lift 1")).rowcount
    )
    again = heard._replace(at=99, names=("door", "speed"))
    assert records.write(lambda books: books.devices.seen([again])) == 0

    def rows(books: Books) -> tuple[object, ...]:
        device = books.connection.execute(devices.select()).one()
        names = books.connection.execute(points.select().order_by(points.c.name)).all()
        return device.state, device.name_en, device.first_seen, [(row.name, row.first_seen) for row in names]

    assert records.read(rows) == ("adopted", "Lift 1", 7, [("door", 7), ("load", 7), ("speed", 99)])


def test_a_tick_is_noted_once_and_leased_to_one(records: SqlRecords) -> None:
    assert records.write(lambda books: [books.jobs.tick("prune", 10), books.jobs.tick("prune", 10)]) == [True, False]
    run = records.write(lambda books: books.jobs.claim(20, lease_ms=100))
    assert (run.job, run.scheduled_for, run.attempt) == ("prune", 10, 1)
    assert records.write(lambda books: books.jobs.claim(119, lease_ms=100)) is None
    again = records.write(lambda books: books.jobs.claim(120, lease_ms=100))
    assert again.attempt == 2
    records.write(lambda books: books.jobs.done(run, now=130))  # the first one comes back too late
    assert records.write(lambda books: books.jobs.claim(500, lease_ms=100)).attempt == 3


def test_done_ticks_are_forgotten_but_the_latest_is_remembered(records: SqlRecords) -> None:
    def all_done(books: Books) -> None:
        for at in (10, 20, 30):
            books.jobs.tick("prune", at)
            run = books.jobs.claim(100, lease_ms=10)
            assert run is not None
            books.jobs.done(run, now=100)

    records.write(all_done)
    assert records.write(lambda books: books.jobs.forget(1_000)) == 2
    assert records.read(lambda books: books.jobs.last("prune")) == 30
    assert records.write(lambda books: books.jobs.claim(1_000, lease_ms=10)) is None
