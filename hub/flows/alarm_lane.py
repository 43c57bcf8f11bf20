"""The alarm lane: batch by batch from readings to alarms, tickets and notices, each batch in one records transaction.

Decide first, on a worksheet; write it with the lane's position; only then change what the lane remembers. So a batch
that could not be written is decided again from the same state, and a batch read again after a crash has its effects once.

A batch that decides nothing need not be written at once: its position goes along with the next effect, or within a second.
After a crash such batches are read again, and decide nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from hub.clock import SECOND, Clock
from hub.domain.alarms import Overlay, ReturnToService, SetBack, Stretched
from hub.domain.findings import Finding
from hub.domain.health import Health, Status
from hub.domain.ids import IdMaker
from hub.domain.tickets import ENDED
from hub.flows.alarm_commands import AlarmCommands
from hub.flows.batch import SET_BACK, TOLD_AGAIN, Decoded, PointKey, Position, Slots
from hub.flows.bindings import Bindings
from hub.flows.commissioning.lane import Commissioner
from hub.flows.commissioning.walking import Hearing
from hub.flows.departures import Departures
from hub.flows.judging import Judging
from hub.flows.live import LiveState, alarm_data, ticket_data
from hub.flows.memory import Memory
from hub.flows.own_alarms import OwnAlarms
from hub.flows.ports import Books, LaneMark, Records
from hub.flows.registry import Registrar
from hub.flows.silence import Silence
from hub.flows.ticketing import Ticketing
from hub.flows.watch import Watch
from hub.flows.worksheet import Worksheet

NAME: Final = "alarm"
SAVE_EVERY_MS: Final = 5 * SECOND
MARK_EVERY_MS: Final = 1 * SECOND
"""At most so much quiet lane time is read again after a crash."""
TICKETS_EVERY_MS: Final = 1 * SECOND
RENEW_EVERY_MS: Final = 10 * SECOND
"""At most so often the registry is read again because of what devices say."""
DUE_AT_ONCE: Final = 200
"""Tickets reviewed in one transaction."""
Publish = Callable[[str, dict[str, Any]], None]
T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """Counted per batch, for metrics and health."""

    readings: int = 0
    judged: int = 0
    late: int = 0
    alarms: int = 0
    tickets: int = 0
    notices: int = 0


@dataclass(slots=True)
class _Columns:
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    late: NDArray[np.bool_]


class AlarmLane:
    """Implements hub.ingest.lanes.Lane. ``open`` and ``restore`` come first; then one thread drives it.

    ``lateness`` (ms): readings later than this are judged apart. ``publish`` is called after a commit, on the lane's thread,
    and must not block. ``renew`` has the registry read again where what devices say of themselves changes it: who their
    gateway is. ``noticed`` is told which channels have notices to send. ``clock`` serves the pages' live state alone: the lane has its own time. Operator actions (``commands``) run on
    the same thread, between two batches.
    """

    name = NAME

    def __init__(
        self,
        records: Records[Books],
        registrar: Registrar,
        slots: Slots,
        clock: Clock,
        *,
        lateness: int,
        public_url: str = "",
        publish: Publish = lambda _kind, _data: None,
        commissioner: Commissioner | None = None,
        renew: Callable[[], None] = lambda: None,
        noticed: Callable[[set[str]], None] = lambda _channels: None,
    ) -> None:
        self._records = records
        self._registrar = registrar
        self._slots = slots
        self._lateness = lateness
        self._publish = publish
        self._commissioner = commissioner or Commissioner()
        self._ids = IdMaker()
        self.tally = Tally()
        self.memory = Memory(slots)
        self._bindings = Bindings(registrar, slots)
        self._watch = Watch(self._bindings, self.memory)
        self._judging = Judging(self._bindings, self._watch, self.memory)
        self._silence = Silence(self._watch, self.memory, self._judging)
        self._departures = Departures(lambda: self._watch.registry, self.memory)
        self._own = OwnAlarms(self._watch, self._judging, self._silence.source)
        self._judging.ticketing = Ticketing(self._watch, self._own.source, public_url=public_url)
        self.commands = AlarmCommands(self._run, self._judging)
        self.live = LiveState(self.memory, self._watch, self._judging, clock, lateness=lateness)
        self._position: Position | None = None
        self._time = 0
        self._state_batch = 0
        self._absorbed = 0
        self._saved_at = 0
        self._marked_at = 0
        self._next_scan: int | None = None
        self._next_tickets: int | None = None
        self._unwatched = False
        self._next_commissioning: int | None = None
        self._commissioning_known = False
        self._renew = renew
        self._noticed = noticed
        self._outdated = False
        """What devices have said since makes the registry's picture another one."""
        self._renewed_at = 0

    # --- starting -----------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Load position, remembered state and live alarms. Then ``restore`` what the state does not know yet."""
        mark, alarms = self._records.read(lambda books: (books.lanes.load(NAME), books.alarms.live()))
        if mark is not None:
            self._position, self._time = mark.position, mark.time
            self._state_batch = self._absorbed = mark.state_batch
            if mark.state is not None:
                self.memory.load(mark.state)
            self._refresh(self._time)  # without a mark no time is known yet: points are watched from the first batch on
        self._judging.load(alarms)
        self._silence.refresh()

    def state_batch(self) -> int:
        """The remembered state belongs to this batch: ``restore`` wants those after it up to the position."""
        return self._state_batch

    def restore(self, batches: Iterable[Decoded]) -> None:
        """Take in batches ``state_batch + 1`` to the position again, silently: their effects are in the records."""
        for batch in batches:
            self._refresh(batch.received_at)
            self._absorb(batch, self._columns(batch))
        if self._position is not None:
            self._absorbed = self._position.batch

    def position(self) -> Position | None:
        """The last batch whose effects are committed."""
        return self._position

    def close(self) -> None:
        """After the last batch: position and state are saved, so that the next start has nothing to read again."""
        if self._position is None:
            return
        mark = LaneMark(self._position, self._time, self.memory.dump(), self._absorbed)
        self._records.write(lambda books: books.lanes.save(NAME, mark))
        self._marked(mark)

    # --- a batch ------------------------------------------------------------------------------------------------

    def take(self, batch: Decoded) -> None:
        """Decide, write with the position, then remember. StoreUnavailable: nothing has changed, bring it again."""
        batch = batch.judgeable()
        self._refresh(batch.received_at)
        columns = self._columns(batch)
        candidates = self._judging.candidates(batch.readings.slot, columns.rows, columns.values, columns.late)
        back = bool(batch.set_back)
        now = batch.received_at if back else max(self._time, batch.received_at)
        mark = self._mark(batch.position, now)
        sheet = None
        hearing = Hearing(self.memory, self._bindings, self._lateness)
        tested = self._commissioner.look(batch, columns.values, columns.late, hearing)
        quiet = not (candidates or tested or mark.state is not None or self._speaks(batch))
        if not quiet or now >= self._marked_at + MARK_EVERY_MS:
            sheet = self._records.write(lambda books: self._write(books, batch, columns, candidates, mark))
            self._marked(mark)
        self._position, self._time = batch.position, now
        if back:
            self._silence.set_back(batch.set_back)
            # Nothing has been saved, and nothing is to wait, until after a time that comes once more
            self._saved_at = min(self._saved_at, now)
            self._next_scan = self._next_tickets = None
        self._absorb(batch, columns)
        self._absorbed = batch.position.batch
        self._count(columns, candidates)
        if sheet is not None:
            self._written(sheet)
            self._commissioner.written(self._publish, now)

    def _speaks(self, batch: Decoded) -> bool:
        """Whether anything but quiet readings is in it, or somebody waits to hear of a point again."""
        return bool(
            batch.texts
            or batch.events
            or batch.availability
            or batch.refusals
            or batch.seen
            or batch.announced
            or batch.gaps
            or self._unwatched
            or self._silence.awaits(batch)
        )

    def _write(
        self, books: Books, batch: Decoded, columns: _Columns, candidates: list[int], mark: LaneMark
    ) -> Worksheet:
        sheet = Worksheet(books, self._judging.live, self._ids, mark.time)
        self._decide(sheet, batch, columns, candidates)
        self._keep(books, batch, mark)
        sheet.flush()
        return sheet

    def _marked(self, mark: LaneMark) -> None:
        self._marked_at = mark.time
        if mark.state is not None:
            self._state_batch, self._saved_at = mark.state_batch, mark.time

    def _refresh(self, now: int) -> None:
        """Take in new slots and a new registry picture."""
        renewed = self._bindings.refresh()
        if renewed or not self._watch.rules:
            self._slots_of_the_registry()
            self._bindings.refresh()
            self._unwatched = renewed
        self.memory.grow()
        self._judging.grow()
        if now:  # a lane that has never run knows no time from which silence could count
            self._watch.refresh(renewed=renewed, now=now)
            self._follow_commissioning(renewed=renewed, now=now)

    def _follow_commissioning(self, *, renewed: bool, now: int) -> None:
        """What time alone begins or ends is looked at as a new registry picture is."""
        due = renewed or (self._next_commissioning is not None and self._next_commissioning <= now)
        self._unwatched |= due
        if due or not self._commissioning_known:
            self._next_commissioning = self._watch.next_commissioning(now)
            self._commissioning_known = True

    def _slots_of_the_registry(self) -> None:
        """Bound points have slots from the start: one that has never been heard is missed too."""
        for (device, point), spans in self._bindings.registry.bindings.items():
            if spans and spans[-1].valid_to is None:
                self._slots.slot(PointKey(spans[-1].community, device, point))

    def _columns(self, batch: Decoded) -> _Columns:
        readings = batch.readings
        rows = self._bindings.rows(readings.slot, readings.time)
        values = self._bindings.calibrated(readings.value, rows)
        return _Columns(rows, values, readings.arrival - readings.time > self._lateness)

    def _decide(self, sheet: Worksheet, batch: Decoded, columns: _Columns, candidates: list[int]) -> None:
        if self._unwatched:
            self._judging.follow_registry(sheet)
        for gap in batch.gaps:
            signal = (
                SetBack(by=gap.ended_at - gap.started_at)
                if gap.kind == SET_BACK
                else Stretched(started_at=gap.started_at, ended_at=gap.ended_at)
            )
            for alarm in list(self._judging.live.values()):
                self._judging.signal(sheet, alarm, signal, sheet.now)
        self._judge_values(sheet, batch, columns, candidates)
        self._judge_texts(sheet, batch)
        for event in batch.events:
            self._judging.event(sheet, event, self._lateness)
        for word in batch.availability:
            self._silence.statement(sheet, word)
        self._silence.heard(sheet, batch)

    def _judge_values(self, sheet: Worksheet, batch: Decoded, columns: _Columns, candidates: list[int]) -> None:
        """In order of arrival; what is older than what was judged before is passed over, among late ones likewise."""
        readings, memory = batch.readings, self.memory
        current: dict[int, int] = {}
        old: dict[int, int] = {}
        for index in candidates:
            slot, time = int(readings.slot[index]), int(readings.time[index])
            late = bool(columns.late[index])
            if late and readings.mark[index] & TOLD_AGAIN:
                continue
            seen, column = (old, memory.late_time) if late else (current, memory.time)
            if time < seen.get(slot, int(column[slot])):
                continue
            seen[slot] = time
            value, arrival = float(columns.values[index]), int(readings.arrival[index])
            self._judging.sample(sheet, slot, value, time=time, arrival=arrival, late=late)

    def _judge_texts(self, sheet: Worksheet, batch: Decoded) -> None:
        """As values are."""
        current: dict[int, int] = {}
        old: dict[int, int] = {}
        for text in batch.texts:
            late = text.arrival - text.time > self._lateness
            if late and text.mark & TOLD_AGAIN:
                continue
            seen, column = (old, self.memory.late_time) if late else (current, self.memory.time)
            if text.time < seen.get(text.slot, int(column[text.slot])):
                continue
            seen[text.slot] = text.time
            self._judging.sample(sheet, text.slot, text.text, time=text.time, arrival=text.arrival, late=late)

    def _mark(self, position: Position, now: int) -> LaneMark:
        """The state is saved as of the batch before, every few seconds and whenever the journal is another one."""
        other = self._position is not None and self._position.journal != position.journal
        if not other and now < self._saved_at + SAVE_EVERY_MS:
            return LaneMark(position, now)
        return LaneMark(position, now, self.memory.dump(), 0 if other else self._absorbed)

    def _keep(self, books: Books, batch: Decoded, mark: LaneMark) -> None:
        if batch.refusals:
            books.quarantine.keep(batch.position, batch.refusals)
        if batch.seen:
            books.devices.seen(batch.seen)
        if batch.announced:
            self._outdated |= books.devices.announced(batch.announced)
        if batch.gaps:
            books.gaps.add(batch.gaps)
        self._commissioner.keep(books, batch, self._watch.registry, mark.time)
        books.lanes.save(NAME, mark)

    def _absorb(self, batch: Decoded, columns: _Columns) -> None:
        self.memory.absorb(batch, columns.values, columns.late, lateness=self._lateness)

    # --- time ---------------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Judge what is due at the lane's time: alarms, silences, tickets. Nothing is written where nothing is due."""
        now = max(now, self._time)
        self._retire(now)
        if self._outdated and now >= self._renewed_at + RENEW_EVERY_MS:
            self._renew()
            self._outdated, self._renewed_at = False, now
        self._refresh(now)
        alarms_due = self._judging.next_recheck is not None and self._judging.next_recheck <= now
        scan_due = self._next_scan is None or self._next_scan <= now
        tickets_due = False
        if self._next_tickets is None or self._next_tickets <= now:
            first = self._records.read(lambda books: books.tickets.next_due())
            tickets_due = (first is not None and first <= now) or self._has_maintenance()
        silence_due = scan_due and self._silence.has_news(now)
        if alarms_due or silence_due or tickets_due or self._unwatched:
            self._judge_time(now, scan=silence_due, tickets=tickets_due)
        self._time = now
        self._commissioner.renew(now)
        self._next_tickets = now + TICKETS_EVERY_MS
        if scan_due:
            self._next_scan = self._silence.next_scan(now)

    def _judge_time(self, now: int, *, scan: bool, tickets: bool) -> None:
        def work(books: Books) -> Worksheet:
            sheet = Worksheet(books, self._judging.live, self._ids, now)
            if self._unwatched:
                self._judging.follow_registry(sheet)
            self._silence.cover(sheet, now)
            self._judging.due(sheet, now)
            if scan:
                self._silence.scan(sheet, now)
            if tickets:
                self._end_maintenance(sheet)
                for ticket in books.tickets.due(now, DUE_AT_ONCE):
                    if ticket.id not in sheet.tickets:
                        self._judging.ticketing.review(sheet, ticket)
            if self._position is not None:
                books.lanes.save(NAME, LaneMark(self._position, now))
            sheet.flush()
            return sheet

        self._written(self._records.write(work))
        self._marked_at = now

    def _retire(self, now: int) -> None:
        """Who has left goes out of use; the next picture of the registry ends its alarms."""
        gone = self._departures.due(now)
        if gone:
            self._records.write(lambda books: books.devices.retire(gone, now))
            self._departures.left(gone)
            self._outdated = True

    def _has_maintenance(self) -> bool:
        return any(alarm.overlay is Overlay.OUT_OF_SERVICE for alarm in self._judging.live.values())

    def _end_maintenance(self, sheet: Worksheet) -> None:
        """Row 13: an asset is back in service at the latest when its ticket has ended."""
        for alarm in self._judging.live.values():
            if alarm.overlay is Overlay.OUT_OF_SERVICE:
                ticket = sheet.books.tickets.get(alarm.overlay_reason)
                if ticket is None or ticket.state in ENDED:
                    self._judging.signal(sheet, alarm, ReturnToService(by="hub"), sheet.now)

    def next_deadline(self) -> int | None:
        """When ``tick`` is wanted without a message."""
        instants = (self._judging.next_recheck, self._next_scan or self._time, self._next_tickets or self._time)
        return min(instant for instant in instants if instant is not None)

    # --- after the commit ---------------------------------------------------------------------------------------

    def look_at_the_hub(self, found: Sequence[Finding], now: int) -> None:
        """Raise or end the hub's own alarms. On the lane's thread, between two batches; ``now`` is the machine's clock."""
        changing = self._own.look(found)
        if changing:
            self._run(lambda sheet: self._own.decide(sheet, changing), now)

    def _run(self, decide: Callable[[Worksheet], T], now: int) -> T:
        """What comes from outside the journal, such as an operator's action, in a transaction of its own."""
        at = max(now, self._time)

        def work(books: Books) -> tuple[Worksheet, T]:
            sheet = Worksheet(books, self._judging.live, self._ids, at)
            decided = decide(sheet)
            if self._position is not None:
                books.lanes.save(NAME, LaneMark(self._position, at))
            sheet.flush()
            return sheet, decided

        sheet, decided = self._records.write(work)
        self._written(sheet)
        return decided

    def _written(self, sheet: Worksheet) -> None:
        """The worksheet holds: remember it, tell the pages."""
        self._unwatched = False
        if sheet.is_blank:
            return
        self._judging.committed(sheet.alarms)
        self._silence.committed(sheet.alarms.values())
        self.tally.alarms += len(sheet.alarms)
        self.tally.tickets += len(sheet.tickets)
        self.tally.notices += len(sheet.notices)
        if sheet.notices:
            self._noticed({notice.channel for notice in sheet.notices})
        for alarm in sheet.alarms.values():
            self._publish("alarm", alarm_data(alarm))
        for ticket in sheet.tickets.values():
            self._publish("ticket", ticket_data(ticket))

    def _count(self, columns: _Columns, candidates: list[int]) -> None:
        self.tally.readings += len(columns.values)
        self.tally.judged += len(candidates)
        self.tally.late += int(columns.late.sum())

    def health(self, now: int) -> Health:
        """Facts for the health page; whether the lane lags, its runner says."""
        return Health(
            component="alarms",
            status=Status.OK,
            facts={
                "live_alarms": len(self._judging.live),
                "points": self.memory.size,
                "watched_points": len(self._watch.watched),
                "readings": self.tally.readings,
                "judged": self.tally.judged,
                "late": self.tally.late,
                "time": self._time,
                "state_batch": self._state_batch,
                "state_age_ms": max(0, now - self._saved_at) if self._saved_at else None,
            },
        )
