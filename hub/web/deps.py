"""What the web needs of the rest of the hub, as small protocols. The wiring joins them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from hub.clock import Clock
from hub.domain.alarms import Alarm
from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import Part, Span, Unsent
from hub.domain.health import Health
from hub.domain.people import Answer, AuditEntry, Session, Token, User
from hub.domain.places import Device
from hub.domain.ticket_actions import Actor, Details
from hub.domain.tickets import Action, Ticket, TicketKind
from hub.domain.walk import PointTest, Walker
from hub.flows.batch import PointKey
from hub.flows.commissioning.desk import KindState
from hub.flows.commissioning.overview import Overview
from hub.flows.community.adoption import Adoption, InboxDevice
from hub.flows.community.desk import Amendment, DeviceFile
from hub.flows.community.exchange import Exchange
from hub.flows.figures import Histories
from hub.flows.lists import AlarmLists, GapLists, NoticeLists, QuarantineLists, TicketLists
from hub.flows.live import ClockFault, LiveReading
from hub.flows.ports import Records
from hub.flows.pushing import Inlet
from hub.flows.registry import Registrar
from hub.flows.series import SeriesReader
from hub.flows.unstored import Unstored
from hub.settings import Settings
from hub.web.stream import Changes


class PeopleBook(Protocol):
    """Users, sessions, tokens, remembered answers and the audit trail. Secrets are handed in hashed."""

    def user(self, login: str) -> User | None: ...
    def add_session(self, session: Session) -> None: ...
    def session(self, token_hash: str, now: int) -> tuple[Session, User] | None: ...
    def end_session(self, token_hash: str) -> None: ...
    def token(self, token_hash: str) -> Token | None: ...
    def token_used(self, token_id: str, now: int) -> None: ...
    def reserve(self, key: str, body_hash: str, now: int, *, stale_before: int) -> Answer | None: ...
    def remember(self, key: str, status: int, text: str) -> None: ...
    def release(self, key: str) -> None: ...
    def record(self, entry: AuditEntry) -> None: ...


class WebBooks(Protocol):
    """The books that the pages read."""

    @property
    def alarms(self) -> AlarmLists: ...
    @property
    def tickets(self) -> TicketLists: ...
    @property
    def notices(self) -> NoticeLists: ...
    @property
    def gaps(self) -> GapLists: ...
    @property
    def quarantine(self) -> QuarantineLists: ...
    @property
    def people(self) -> PeopleBook: ...
    @property
    def figures(self) -> Histories: ...


class Live(Protocol):
    """The alarm lane's memory of the present. Called from any thread; never waits for a store."""

    def readings(self, keys: Collection[PointKey]) -> Mapping[PointKey, LiveReading]:
        """Those that have been heard of."""
        ...

    def changed_since(self, mark: int) -> tuple[int, Sequence[LiveReading]]:
        """What has changed (a newer reading, or fallen silent) after ``mark``, and the mark for the next call."""
        ...

    def heard_at(self, device: str) -> int | None:
        """When a device was last heard, epoch ms."""
        ...

    def online(self, device: str) -> bool | None:
        """Its own statement, or its last will; None: it made none."""
        ...

    def clock_fault(self, device: str) -> ClockFault | None:
        """What is wrong with its own clock; None: nothing that can be told."""
        ...

    def of_device(self, device: str) -> Sequence[LiveReading]:
        """The latest words of all its points that have been heard, bound or not."""
        ...

    def interval(self, key: PointKey) -> int | None:
        """How often the point reports, as set or learned (ms); None: not known yet."""
        ...

    def lost_facilities(self) -> frozenset[tuple[str, str]]:
        """(community, id) of the lifts and pumps where power or uplink are lost."""
        ...


class AlarmCommands(Protocol):
    """Operator actions on alarms; they enter the alarm lane between two batches and are answered after its commit."""

    def acknowledge(self, alarm_id: str, *, by: str, comment: str = "") -> Alarm: ...
    def shelve(self, alarm_id: str, *, by: str, until: int | None, reason: str) -> Alarm:
        """``until`` None: one-shot, until it next returns to normal."""
        ...

    def unshelve(self, alarm_id: str, *, by: str) -> Alarm: ...
    def reset(self, alarm_id: str, *, by: str) -> Alarm:
        """Ends a latched alarm; IllegalTransition while its cause is present."""
        ...

    def take_out_of_service(self, alarm_id: str, *, by: str, reason: str, ticket: str = "") -> Alarm:
        """Under a ticket, by id; empty: the alarm's own. InvalidInput where there is no such open one of the asset."""
        ...

    def return_to_service(self, alarm_id: str, *, by: str) -> Alarm: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A ticket made by a person."""

    community: str
    facility: str
    unit: str = ""
    failure_mode: str = ""
    kind: TicketKind = TicketKind.REPORT
    priority: str = "medium"
    title: str
    by: str
    comment: str = ""


class TicketActions(Protocol):
    """Every way in which a person changes a ticket. NotFound, Stale, IllegalTransition, InvalidInput, Forbidden."""

    def create(self, report: Report) -> Ticket: ...
    def act(
        self, ticket_id: str, action: Action, actor: Actor, details: Details, *, expected: int | None = None
    ) -> Ticket:
        """``expected``: the version the caller saw; None: whatever it is now."""
        ...


class Inbox(Protocol):
    """Devices that nobody has put in a place yet."""

    def waiting(self) -> Sequence[InboxDevice]:
        """Oldest first."""
        ...

    def adopt(self, adoptions: Sequence[Adoption]) -> Sequence[Device]:
        """All or none; InvalidInput names the device and the field."""
        ...


class Commissioning(Protocol):
    """Fitting a community. NotFound, InvalidInput, IllegalTransition."""

    def overview(self, community: str) -> Overview: ...
    def spans(self, community: str) -> list[Span]: ...
    def kinds(self, community: str) -> list[KindState]: ...
    def unsent(self, community: str, kind: str | None = None) -> list[Unsent]:
        """What the rules would have sent in the last seven days; the loudest first."""
        ...

    def begin(
        self, community: str, part: Part, of: str, *, by: str, until: int | None = None, note: str = ""
    ) -> Span: ...
    def end(self, community: str, span_id: str, *, by: str) -> Span: ...
    def go_live(self, community: str, kind: str, *, by: str) -> int:
        """How many facilities went live."""
        ...

    def take_place(self, community: str, line_id: str, device_id: str, *, by: str) -> None: ...
    def swap(self, community: str, one: str, other: str, *, by: str) -> None: ...


class Walk(Protocol):
    """The walk test. NotFound, IllegalTransition."""

    def here(self, community: str, place: str, *, by: str) -> Walker: ...
    def walker(self, community: str, *, by: str) -> Walker | None:
        """Where somebody walks; asking is a sign that they still do."""
        ...

    def walking(self, community: str) -> list[Walker]: ...
    def expect(self, community: str, device: str, point: str, *, by: str) -> Walker: ...
    def confirm(self, community: str, device: str, point: str, *, by: str) -> PointTest: ...
    def leave(self, community: str, *, by: str) -> None: ...


class Devices(Protocol):
    """What people decide about single devices. NotFound, Stale, IllegalTransition, InvalidInput.

    ``seen``: the device as the caller saw it; None: whatever it is now.
    """

    def device(self, device: str) -> DeviceFile:
        """All that the records hold of it."""
        ...

    def amend(self, device: str, amendment: Amendment, *, by: str, seen: Device | None = None) -> Device: ...
    def retire(self, device: str, *, by: str, seen: Device | None = None) -> Device: ...
    def exchange(self, asked: Exchange, *, seen: Device | None = None) -> Device:
        """Another device in its place: the new one."""
        ...


class Redrive(Protocol):
    """Puts kept frames through the decoders again."""

    def __call__(self, items: Sequence[int], *, by: str) -> tuple[int, int]:
        """(understood now, still not understood)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDeps:
    """Everything that ``create_app`` is given."""

    settings: Settings
    clock: Clock
    records: Records[Any]
    """Of books that are at least ``WebBooks``."""
    registrar: Registrar
    catalogue: Catalogue
    live: Live
    series: SeriesReader
    alarms: AlarmCommands
    tickets: TicketActions
    inbox: Inbox
    commissioning: Commissioning
    walk: Walk
    devices: Devices
    redrive: Redrive
    unstored: Callable[[Collection[str] | None, int], Mapping[str, Unstored]]
    """By store elsewhere: what it did not take of these communities (None: of all), the newest so many of it."""
    health: Callable[[int], Sequence[Health]]
    """One line per component, at an instant."""
    metrics: CollectorRegistry
    changes: Changes
    inlet: Inlet
    """Where vendors' clouds push to."""
