"""What the pages ask the records for: filters, pages with a cursor, and the history of a ticket."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from hub.domain.alarms import Alarm, AlarmState, Overlay, Priority
from hub.domain.notices import Notice, NoticeState
from hub.domain.tickets import Ticket, TicketState
from hub.flows.batch import Gap
from hub.flows.ports import AlarmEvent, TicketEvent

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a caller may see: whole communities, and single facilities (a grid's) as (community, facility)."""

    everything: bool = False
    communities: frozenset[str] = frozenset()
    facilities: frozenset[tuple[str, str]] = frozenset()

    def allows(self, community: str, facility: str = "") -> bool:
        """Whether something of this facility (or of the community as a whole) is inside."""
        return self.everything or community in self.communities or (community, facility) in self.facilities

    def touches(self, community: str) -> bool:
        """Whether anything of this community is inside, be it one facility."""
        return self.allows(community) or any(of == community for of, _ in self.facilities)


EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some items in a stable order, and the cursor of the next page; None: that was all."""

    items: tuple[Item, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """None and empty mean: any. ``since`` compares with the time it was last raised."""

    community: str | None = None
    facility: str | None = None
    device: str | None = None
    states: frozenset[AlarmState] = frozenset()
    priority: Priority | None = None
    ticket: str | None = None
    late: bool | None = None
    since: int | None = None
    raised: bool | None = None
    """False: a condition whose first delay still runs, or ran out of it; it has never been an alarm."""
    overlays: frozenset[Overlay] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """None and empty mean: any. ``open`` True: has not ended. ``since`` compares with the time of the report."""

    community: str | None = None
    facility: str | None = None
    unit: str | None = None
    states: frozenset[TicketState] = frozenset()
    open: bool | None = None
    priority: Priority | None = None
    crew: str | None = None
    assignee: str | None = None
    late: bool | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """None and empty mean: any. ``since`` compares with the time it was written."""

    community: str | None = None
    ticket: str | None = None
    channel: str | None = None
    contact: str | None = None
    states: frozenset[NoticeState] = frozenset()
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineFilter:
    """None means: any. ``state`` is kept, redriven or dismissed."""

    community: str | None = None
    device: str | None = None
    reason: str | None = None
    state: str | None = "kept"
    since: int | None = None


class Attempt(NamedTuple):
    """One try at sending a notice. ``outcome`` is sent, temporary or permanent."""

    notice: str
    number: int
    at: int
    took_ms: int
    outcome: str
    detail: str


class TicketHistory(NamedTuple):
    """All that happened around a ticket, each part oldest first."""

    events: tuple[TicketEvent, ...]
    alarm_events: tuple[AlarmEvent, ...]
    notices: tuple[Notice, ...]
    attempts: tuple[Attempt, ...]


class QuarantineItem(NamedTuple):
    """A frame, or a part of one, that could not be understood."""

    id: int
    journal: str
    batch: int
    frame: int
    part: int
    community: str
    device: str
    connection: str
    topic: str
    payload: bytes
    """Empty once the item is redriven or dismissed."""
    content_type: str
    """As it came with the frame; empty where it came without."""
    received_at: int
    reason: str
    detail: str
    whole: bool
    state: str
    retained: bool = False
    """It was the broker's copy of something said before."""


class QuarantineCount(NamedTuple):
    """How many of a device's frames are kept for one reason, and how many were only counted."""

    device: str
    reason: str
    kept: int
    kept_bytes: int
    dropped: int
    last_at: int


class AlarmLists(Protocol):
    """Read side of the alarm book."""

    def page(
        self, what: AlarmFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Alarm]:
        """Last raised first."""
        ...

    def counts(self, what: AlarmFilter, scope: Scope = EVERYTHING) -> dict[AlarmState, int]: ...
    def get(self, alarm_id: str) -> Alarm | None: ...
    def ticket_of(self, alarm_id: str) -> str | None: ...
    def active_behind(self, tickets: Collection[str]) -> frozenset[str]:
        """Those of the tickets behind which an alarm is active now."""
        ...

    def covers(self, alarms: Collection[str]) -> dict[str, AlarmEvent]:
        """The last row that put an overlay on each: who, when and why. Those never covered are not there."""
        ...

    def events(self, alarm_id: str, *, limit: int = 200) -> tuple[AlarmEvent, ...]:
        """The last ones, oldest first."""
        ...


class TicketLists(Protocol):
    """Read side of the ticket book."""

    def page(
        self, what: TicketFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Ticket]:
        """Last reported first."""
        ...

    def counts(self, what: TicketFilter, scope: Scope = EVERYTHING) -> dict[TicketState, int]: ...
    def get(self, ticket_id: str) -> Ticket | None: ...
    def by_number(self, number: str) -> Ticket | None: ...
    def history(self, ticket_id: str) -> TicketHistory: ...


class NoticeLists(Protocol):
    """Read side of the outbox."""

    def page(
        self, what: NoticeFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Notice]:
        """Last written first."""
        ...

    def counts(self, what: NoticeFilter, scope: Scope = EVERYTHING) -> dict[NoticeState, int]: ...
    def get(self, notice_id: str) -> Notice | None: ...
    def attempts(self, notice_id: str) -> tuple[Attempt, ...]: ...


class GapLists(Protocol):
    """Read side of the gap book."""

    def latest(self, limit: int) -> list[Gap]: ...
    def between(self, start: int, end: int) -> list[Gap]: ...


class QuarantineLists(Protocol):
    """The quarantine as operators see it."""

    def page(
        self, what: QuarantineFilter, scope: Scope = EVERYTHING, *, limit: int = 100, cursor: str | None = None
    ) -> Page[QuarantineItem]:
        """Newest first."""
        ...

    def get(self, item: int) -> QuarantineItem | None: ...
    def several(self, items: Sequence[int]) -> list[QuarantineItem]:
        """Each once, in the order in which they were asked for; those that there are not are left out."""
        ...

    def counts(self, scope: Scope = EVERYTHING) -> tuple[QuarantineCount, ...]: ...
    def waiting(self, connection: str, reasons: Collection[str], since: int, limit: int) -> list[int]:
        """Whole frames of a connection that are kept for one of these reasons and came since then, in their order."""
        ...

    def mark(self, items: list[int], state: str) -> int:
        """``redriven`` or ``dismissed``: frees the place and lets the payload go; how many were still kept."""
        ...
