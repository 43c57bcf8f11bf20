"""A hub in virtual time: frames through the decoder and the alarm lane into real books, with a clock wound by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from devices.simulator.play import Publication
from hub.clock import MINUTE, ManualClock
from hub.domain.alarms import Alarm
from hub.domain.notices import Notice
from hub.domain.tickets import Ticket
from hub.flows.alarm_lane import AlarmLane
from hub.flows.batch import Position, Slots
from hub.flows.commissioning.lane import Commissioner
from hub.flows.lists import AlarmFilter, NoticeFilter, TicketFilter
from hub.flows.ports import AlarmEvent
from hub.flows.registry import Registrar, Registry
from hub.ingest.decoding import Decoder
from hub.ingest.frames import Frame
from hub.ingest.spoken import Spoken
from hub.settings import Connection, Ingest
from hub.storage.unit import SqlRecords

MOST = 1000
"""More than any of these stories makes."""


class VirtualHub:
    """Time passes by messages and by ``wait_until``; nothing here reads the machine's clock."""

    def __init__(
        self,
        registry: Registry | Registrar,
        records: SqlRecords,
        *,
        start: int,
        spoken: Sequence[Spoken] | None = None,
        commissioner: Commissioner | None = None,
    ) -> None:
        ingest = Ingest()
        self.registrar = registry if isinstance(registry, Registrar) else Registrar(registry)
        self.records = records
        self.clock = ManualClock(start)
        slots = Slots()
        connection = Connection(name="main", url="mqtt://127.0.0.1:1883")
        self.decoder = Decoder(
            [Spoken.of(connection)] if spoken is None else spoken,
            slots,
            ingest,
            known=lambda device: device in self.registrar.current.devices,
            window=1000,
        )
        self.lane = AlarmLane(
            records, self.registrar, slots, self.clock, lateness=ingest.lateness, commissioner=commissioner
        )
        self.lane.open()
        self._batch = 0

    def hear(self, frames: Sequence[Frame]) -> None:
        """One batch. While its messages wait, time has come no further than to the first of them."""
        self.wait_until(frames[0].received_at)
        self._take(frames)

    def wake(self, frames: Sequence[Frame]) -> None:
        """The first batch after the hub was down: for the lanes no time has passed before it."""
        self._take(frames)

    def _take(self, frames: Sequence[Frame]) -> None:
        now = frames[-1].received_at
        self.clock.advance(now - self.clock.now())
        self._batch += 1
        self.lane.take(self.decoder.decode(Position("virtual", self._batch), list(frames), now))
        self.wait_until(now)

    def wait_until(self, now: int) -> None:
        """Let the lane look at every deadline on the way, as its runner does; at a long wait now and then.

        Delays are judged at their own instants either way.
        """
        wait = now - self.clock.now()
        stride = wait // 4 if wait > MINUTE else 0
        while (deadline := self.lane.next_deadline()) is not None and deadline <= now:
            at = min(now, max(deadline, self.clock.now() + stride))
            self.clock.advance(max(0, at - self.clock.now()))
            self.lane.tick(self.clock.now())
            if self.lane.next_deadline() == deadline:
                break
        self.clock.advance(max(0, now - self.clock.now()))

    # --- looking ------------------------------------------------------------------------------------------------

    def alarms(self) -> tuple[Alarm, ...]:
        return self.records.read(lambda books: books.alarms.page(AlarmFilter(), limit=MOST)).items

    def history(self, alarm: Alarm) -> tuple[AlarmEvent, ...]:
        return self.records.read(lambda books: books.alarms.events(alarm.id, limit=MOST))

    def tickets(self) -> tuple[Ticket, ...]:
        return self.records.read(lambda books: books.tickets.page(TicketFilter(), limit=MOST)).items

    def notices(self) -> tuple[Notice, ...]:
        return self.records.read(lambda books: books.notices.page(NoticeFilter(), limit=MOST)).items


def frame(publication: Publication) -> Frame:
    """The publication as the hub receives it: to a session that is subscribed already, nothing comes as retained."""
    return Frame("main", 1, publication.topic.encode(), publication.payload, 1, publication.at)


def batches(publications: Iterable[Publication], every_ms: int) -> Iterator[list[Frame]]:
    """Frames gathered while ``every_ms`` passes."""
    gathered: list[Frame] = []
    for publication in publications:
        if gathered and publication.at - gathered[0].received_at >= every_ms:
            yield gathered
            gathered = []
        gathered.append(frame(publication))
    if gathered:
        yield gathered
