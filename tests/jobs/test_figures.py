"""The job that writes alarms, tickets and figures as series: each change once, hours again, nothing lost in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from hub.clock import DAY, HOUR, MINUTE, from_iso
from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.event_series import SeriesPoint
from hub.domain.ids import uuid7
from hub.domain.places import Community, Facility, Name
from hub.domain.rules import FailureMode
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState
from hub.errors import StoreUnavailable
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.flows.registry import Registrar, Registry
from hub.jobs import figures as module
from hub.jobs.figures import AGAIN, FIRST, IN_ONE_RUN, SETTLED, HourlyFigures
from hub.storage.books import Books
from hub.storage.tables import meta
from hub.storage.unit import SqlRecords
from tests.empty_records import records_in

NOON = from_iso("2026-03-02T12:00:00Z")
LIFT = Facility(community="garden", id="lift-1", kind="lift", name=Name(zh="梯", en="Lift"), grid="g1")
DOOR = FailureMode(
    id="door_fault",
    facility_kind="lift",
    name=Name(zh="门故障", en="Door fault"),
    priority=Priority.HIGH,
    response=Name(zh="修", en="Repair"),
    consequence=Name(zh="停", en="Stops"),
    checks=(),
)
REGISTRY = Registry(
    version=1,
    communities={"garden": Community(id="garden", name=Name(zh="园", en="Garden"))},
    facilities={("garden", "lift-1"): LIFT},
    failure_modes={("lift", "door_fault"): DOOR},
)
A1 = uuid7(NOON + MINUTE, 1, bytes(8))
ALARM = Alarm(
    id=A1,
    rule="r",
    community="garden",
    device="garden~d",
    point="p",
    code="",
    facility="lift-1",
    unit="",
    failure_mode="door_fault",
    priority=Priority.HIGH,
    active=True,
    raised_at=NOON + MINUTE,
    annunciated_at=NOON + MINUTE,
)
TICKET = Ticket(
    id="t1",
    number="HG-2026-000001",
    key=TicketKey(community="garden", facility="lift-1", unit="", failure_mode="door_fault"),
    kind=TicketKind.FAULT,
    state=TicketState.ASSIGNED,
    priority=Priority.HIGH,
    title_zh="门故障",
    title_en="Door fault",
    crew="c",
    reported_at=NOON + MINUTE,
)


class Store:
    """A series store: a point is told apart by measurement, tags and time; it may be away for a while."""

    def __init__(self, *, marks: bool = True) -> None:
        self.points: dict[tuple[str, tuple[tuple[str, str], ...], int], SeriesPoint] = {}
        self.written = 0
        self.away = False
        self._first = "" if marks else None
        self._marks: dict[str, str] = {}

    def mark(self, name: str) -> str | None:
        return self._marks.get(name, self._first)

    def set_mark(self, name: str, value: str) -> None:
        self._marks[name] = value

    def write_points(self, points: Sequence[SeriesPoint]) -> None:
        if self.away:
            raise StoreUnavailable("InfluxDB is away")
        for point in points:
            self.points[point.measurement, tuple(sorted(point.tags.items())), point.time] = point
        self.written += len(points)

    def of(self, measurement: str) -> list[SeriesPoint]:
        return sorted((p for p in self.points.values() if p.measurement == measurement), key=lambda p: p.time)

    def figure(self, kpi: str, hour: int, kind: str = "lift") -> float | None:
        found = [p for p in self.of("kpi_1h") if (p.tags["kpi"], p.time, p.tags["kind"]) == (kpi, hour, kind)]
        return float(found[0].fields["value"]) if found else None


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with records_in(tmp_path) as store:
        yield store


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(autouse=True)
def _a_day_instead_of_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", DAY)


@pytest.fixture
def job(records: SqlRecords, store: Store) -> HourlyFigures:
    return HourlyFigures(records, Registrar(REGISTRY), [store])


def happen(
    records: SqlRecords, *events: AlarmEvent | TicketEvent, alarm: Alarm = ALARM, ticket: Ticket = TICKET
) -> None:
    def work(books: Books) -> None:
        books.alarms.save(alarm, ticket=None, now=NOON)
        if books.tickets.get(ticket.id) is None:
            books.tickets.add(ticket)
        for event in events:
            if isinstance(event, AlarmEvent):
                books.alarms.log([event])
            else:
                books.tickets.log([event])

    records.write(work)


def raised(records: SqlRecords, number: int, at: int = NOON + MINUTE) -> None:
    id_ = uuid7(at, number, bytes(8))
    happen(records, RAISED._replace(alarm=id_, at=at), alarm=replace(ALARM, id=id_, device=f"garden~d{number}"))


RAISED = AlarmEvent(A1, NOON + MINUTE, Change.RAISED, "above_limit", 1)
OPENED = TicketEvent("t1", NOON + MINUTE, Action.OPEN, "", TicketState.ASSIGNED, "hub")
SAID = TicketEvent(
    "t1", NOON + 2 * MINUTE, Action.COMMENT, TicketState.ASSIGNED, TicketState.ASSIGNED, "li", comment="x"
)
TAKEN = TicketEvent("t1", NOON + 6 * MINUTE, Action.ACCEPT, TicketState.ASSIGNED, TicketState.ACCEPTED, "li")


def test_each_change_is_written_once(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, RAISED, OPENED, SAID)
    job.run(NOON + 5 * MINUTE)
    (alarm,), (ticket,) = store.of("alarm_event"), store.of("ticket_event")
    assert alarm.tags["grid"] == "g1"
    assert alarm.fields["title_en"] == "Door fault"
    assert ticket.fields["number"] == "HG-2026-000001"
    store.written = 0
    job.run(NOON + 10 * MINUTE)
    assert store.written == 0
    happen(records, TAKEN)
    job.run(NOON + 15 * MINUTE)
    assert [point.tags["state"] for point in store.of("ticket_event")] == ["assigned", "accepted"]


def test_a_remark_is_no_change_of_state(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, SAID)
    job.run(NOON + 5 * MINUTE)
    assert store.of("ticket_event") == []


def test_an_hour_is_written_when_it_is_over(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, RAISED, OPENED, TAKEN, ticket=replace(TICKET, accepted_at=NOON + 6 * MINUTE))
    job.run(NOON + HOUR + SETTLED - 1)
    assert store.figure("tickets_opened", NOON) is None
    job.run(NOON + HOUR + SETTLED)
    assert store.figure("tickets_opened", NOON) == 1
    assert store.figure("time_to_accept", NOON) == 300
    assert store.figure("availability", NOON) == pytest.approx(1 / 60)
    assert store.figure("alarms_active", NOON) == 1


def test_an_hour_has_the_counts_of_each_facility(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, RAISED, OPENED)
    job.run(NOON + HOUR + SETTLED)
    found = {(p.tags.get("facility"), p.time): p for p in store.of("facility_1h")}
    lift, before = found["lift-1", NOON], found["lift-1", NOON - HOUR]
    assert lift.tags == {"community": "garden", "facility": "lift-1", "kind": "lift"}
    assert (lift.fields["alarms_active"], lift.fields["tickets_open"], lift.fields["tickets_opened"]) == (1, 1, 1)
    assert before.fields["alarms_active"] == 0, "nothing is told as well, or the newest figure would be an old one"
    assert found[None, NOON].tags == {"community": "garden", "kind": "sensor"}


def test_counts_of_facilities_are_made_for_the_past_where_only_those_of_kinds_are(
    records: SqlRecords,
) -> None:
    """A hub that is brought up to date has hours of kinds alone behind it."""
    records.write(lambda books: books.connection.execute(insert(meta).values(key="figures.kpi", value=str(NOON))))
    store = Store(marks=False)
    HourlyFigures(records, Registrar(REGISTRY), [store]).run(NOON + SETTLED)
    assert {point.time for point in store.of("facility_1h")} == set(range(NOON - DAY, NOON, HOUR))


def test_the_first_run_makes_the_past_month(store: Store, job: HourlyFigures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", FIRST)
    job.run(NOON + SETTLED)
    hours = {point.time for point in store.of("kpi_1h")}
    assert hours == set(range(NOON - FIRST, NOON, HOUR))
    assert FIRST == 30 * DAY


def test_hours_missed_are_made_up_for(store: Store, job: HourlyFigures) -> None:
    job.run(NOON + SETTLED)
    store.points.clear()
    job.run(NOON + 9 * HOUR + SETTLED)
    assert {point.time for point in store.of("kpi_1h")} == set(range(NOON - AGAIN, NOON + 9 * HOUR, HOUR))


def test_what_arrives_late_is_counted_in_its_hour(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    job.run(NOON + HOUR + SETTLED)
    assert store.figure("tickets_opened", NOON) == 0
    happen(records, OPENED)
    job.run(NOON + 2 * HOUR + SETTLED)
    assert store.figure("tickets_opened", NOON) == 1


def test_a_store_that_is_away_loses_nothing(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, RAISED, OPENED)
    store.away = True
    with pytest.raises(StoreUnavailable):
        job.run(NOON + HOUR + SETTLED)
    store.away = False
    job.run(NOON + HOUR + SETTLED)
    assert len(store.of("alarm_event")) == len(store.of("ticket_event")) == 1
    assert store.figure("tickets_opened", NOON) == 1


def test_a_kill_between_store_and_mark_writes_the_same_points_again(
    records: SqlRecords, store: Store, job: HourlyFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three alarms of one facility at the same millisecond are three points, also the second time."""
    for number in (1, 2, 3):
        raised(records, number)

    def killed(*_: object) -> None:
        raise StoreUnavailable("killed before the mark was set")

    with monkeypatch.context() as patched:
        patched.setattr(store, "set_mark", killed)
        with pytest.raises(StoreUnavailable):
            job.run(NOON + 5 * MINUTE)
    first = dict(store.points)
    assert len(first) == 3
    job.run(NOON + 5 * MINUTE)
    assert {key: first[key] for key in first} == {key: store.points[key] for key in first}
    assert len(store.of("alarm_event")) == 3


def test_a_long_history_goes_page_by_page(
    records: SqlRecords, store: Store, job: HourlyFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    happen(records, *(RAISED._replace(at=NOON + number * MINUTE) for number in range(10)))
    job.run(NOON + 5 * MINUTE)
    assert len(store.of("alarm_event")) == 10


def test_a_page_does_not_end_between_changes_of_one_instant(
    records: SqlRecords, store: Store, job: HourlyFigures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told apart by a millisecond, which only whoever sees all of them can do."""
    monkeypatch.setattr(module, "AT_ONCE", 3)
    raised(records, 0, NOON)
    for number in (1, 2, 3):
        raised(records, number)
    raised(records, 4, NOON + 2 * MINUTE)
    job.run(NOON + 5 * MINUTE)
    assert len(store.of("alarm_event")) == 5


# --- several stores --------------------------------------------------------------------------------------------------


def test_a_store_that_is_away_holds_up_no_other(records: SqlRecords, store: Store) -> None:
    away = Store()
    away.away = True
    job = HourlyFigures(records, Registrar(REGISTRY), [away, store])
    happen(records, RAISED, OPENED)
    with pytest.raises(StoreUnavailable, match="is away"):
        job.run(NOON + HOUR + SETTLED)
    assert store.figure("tickets_opened", NOON) == 1
    happen(records, TAKEN)
    away.away = False
    job.run(NOON + HOUR + SETTLED)
    assert [point.time for point in away.of("ticket_event")] == [NOON + MINUTE, NOON + 6 * MINUTE]
    assert away.of("ticket_event") == store.of("ticket_event")


def test_a_new_store_gets_what_the_others_have_already(records: SqlRecords, store: Store, job: HourlyFigures) -> None:
    happen(records, RAISED, OPENED)
    job.run(NOON + HOUR + SETTLED)
    new = Store()
    HourlyFigures(records, Registrar(REGISTRY), [store, new]).run(NOON + HOUR + SETTLED)
    assert new.points == store.points


def test_a_store_from_before_there_were_marks_in_it_goes_on_where_all_stores_were(records: SqlRecords) -> None:
    happen(records, RAISED, OPENED)
    last = records.read(lambda books: books.figures.ticket_changes("", 9))[-1].id
    kept = {"figures.ticket_events": last, "figures.hours": str(NOON)}
    records.write(
        lambda books: books.connection.execute(insert(meta), [{"key": key, "value": kept[key]} for key in kept])
    )
    happen(records, TAKEN)
    old, new = Store(marks=False), Store()
    HourlyFigures(records, Registrar(REGISTRY), [old, new]).run(NOON + HOUR + SETTLED)
    assert [point.tags["state"] for point in old.of("ticket_event")] == ["accepted"]
    assert [point.tags["state"] for point in new.of("ticket_event")] == ["assigned", "accepted"]
    assert len(old.of("alarm_event")) == 1, "nothing was kept of alarms"
    assert {point.time for point in old.of("kpi_1h")} == set(range(NOON - AGAIN, NOON + HOUR, HOUR))


@pytest.mark.parametrize(
    ("since", "changes", "first"), [(None, 3, NOON + HOUR - DAY), (NOON + 2 * MINUTE, 1, NOON - AGAIN)]
)
def test_a_store_that_has_lost_its_points_gets_them_again(
    records: SqlRecords, since: int | None, changes: int, first: int
) -> None:
    store = Store()
    job = HourlyFigures(records, Registrar(REGISTRY), [store])
    happen(records, RAISED, OPENED, TAKEN)
    for _ in range(2):
        store.points.clear()
        job.run(NOON + HOUR + SETTLED)
        job.again(store, since)
    store.points.clear()
    job.again(store, NOON + DAY)  # a mark only goes back
    job.run(NOON + HOUR + SETTLED)
    assert len(store.of("ticket_event")) + len(store.of("alarm_event")) == changes
    assert store.of("kpi_1h")[0].time == first


def test_figures_begin_with_the_first_record_however_long_ago_and_leave_room_for_other_jobs(
    records: SqlRecords, store: Store, job: HourlyFigures
) -> None:
    raised(records, 1, NOON - 40 * DAY)
    job.run(NOON + SETTLED)
    assert {point.time for point in store.of("kpi_1h")} == set(
        range(NOON - 40 * DAY, NOON - 40 * DAY + IN_ONE_RUN * HOUR, HOUR)
    )
    job.run(NOON + SETTLED)
    assert {point.time for point in store.of("kpi_1h")} == set(range(NOON - 40 * DAY, NOON, HOUR))
