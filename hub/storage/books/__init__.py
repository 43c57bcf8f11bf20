"""The books open inside one transaction. A book is added with one line here."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import Connection

from hub.domain.ids import IdMaker
from hub.storage.books.alarms import AlarmBook
from hub.storage.books.commissioning import CommissioningBook
from hub.storage.books.devices import DeviceBook
from hub.storage.books.figures import FigureBook
from hub.storage.books.gaps import GapBook
from hub.storage.books.jobs import JobBook
from hub.storage.books.lanes import LaneBook
from hub.storage.books.notices import NoticeBook
from hub.storage.books.people import PeopleBook
from hub.storage.books.quarantine import QuarantineBook
from hub.storage.books.registry import RegistryBook
from hub.storage.books.tickets import TicketBook


class Books:
    """Implements hub.flows.ports.Books, and more: each book is made when a unit of work first asks for it."""

    def __init__(self, connection: Connection, ids: IdMaker, hub: str = "") -> None:
        self.connection = connection
        self.ids = ids
        self.hub = hub

    alarms = cached_property[AlarmBook](lambda self: AlarmBook(self.connection, self.ids))
    tickets = cached_property[TicketBook](lambda self: TicketBook(self.connection, self.ids))
    notices = cached_property[NoticeBook](lambda self: NoticeBook(self.connection))
    lanes = cached_property[LaneBook](lambda self: LaneBook(self.connection, self.hub))
    figures = cached_property[FigureBook](lambda self: FigureBook(self.connection))
    gaps = cached_property[GapBook](lambda self: GapBook(self.connection, self.ids))
    quarantine = cached_property[QuarantineBook](lambda self: QuarantineBook(self.connection))
    devices = cached_property[DeviceBook](lambda self: DeviceBook(self.connection, self.ids))
    commissioning = cached_property[CommissioningBook](lambda self: CommissioningBook(self.connection, self.ids))
    jobs = cached_property[JobBook](lambda self: JobBook(self.connection))
    people = cached_property[PeopleBook](lambda self: PeopleBook(self.connection, self.ids))
    registry = cached_property[RegistryBook](lambda self: RegistryBook(self.connection))
