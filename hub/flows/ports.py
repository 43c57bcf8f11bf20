"""What the flows need of the outside world, as small protocols. The edges implement them; the wiring joins them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from hub.domain.alarms import Alarm
from hub.domain.notices import Notice
from hub.domain.tickets import Ticket, TicketKey
from hub.flows.batch import Announced, DeviceSeen, Gap, Position, Refusal
from hub.flows.commissioning.ports import CommissioningBook

T = TypeVar("T")


class AlarmEvent(NamedTuple):
    """A change of an alarm is a row."""

    alarm: str
    at: int
    kind: str
    reason: str
    occurrence: int
    by: str = ""
    value: float | None = None
    comment: str = ""


class TicketEvent(NamedTuple):
    """A change of a ticket is a row."""

    ticket: str
    at: int
    action: str
    from_state: str
    to_state: str
    by: str
    on_behalf_of: str = ""
    reason: str = ""
    comment: str = ""
    alarm: str | None = None


class LaneMark(NamedTuple):
    """Where the lane stands, and its bounded state as of an earlier (or the same) batch."""

    position: Position
    time: int
    state: bytes | None = None
    state_batch: int = 0


class AlarmBook(Protocol):
    """Written by the alarm lane only."""

    def live(self) -> list[Alarm]:
        """All alarms that are not plain normal: active, unacknowledged, pending, latched or under an overlay."""
        ...

    def find(self, *, community: str, rule: str, device: str, point: str, code: str, late: bool) -> Alarm | None:
        """The alarm of this rule on this source."""
        ...

    def get(self, alarm_id: str) -> Alarm | None: ...
    def save(self, alarm: Alarm, *, ticket: str | None, now: int) -> None:
        """Insert or update; ``ticket`` None leaves the link as it was."""
        ...

    def ticket_of(self, alarm_id: str) -> str | None: ...
    def of_ticket(self, ticket_id: str) -> list[Alarm]: ...
    def log(self, events: Iterable[AlarmEvent]) -> None: ...


class TicketBook(Protocol):
    """Every write is a compare-and-set on ``version``."""

    def open_for(self, key: TicketKey, *, late: bool) -> Ticket | None:
        """The one that has not ended."""
        ...

    def last_ended_for(self, key: TicketKey, *, late: bool) -> Ticket | None: ...
    def get(self, ticket_id: str) -> Ticket | None: ...
    def next_number(self, community: str, prefix: str, year: int) -> str:
        """``HG-2026-000123``; never repeats, also after a rollback or a deletion."""
        ...

    def add(self, ticket: Ticket) -> None: ...
    def swap(self, ticket: Ticket, *, expected: int, now: int) -> bool:
        """Write if the stored version is still ``expected``; False: somebody else was first."""
        ...

    def due(self, now: int, limit: int) -> list[Ticket]:
        """Tickets whose ``recheck_at`` has passed, oldest first."""
        ...

    def next_due(self) -> int | None:
        """The earliest ``recheck_at`` of all."""
        ...

    def log(self, events: Iterable[TicketEvent]) -> None: ...


class Queue(NamedTuple):
    """A part of the outbox: one channel's notices, or those of no channel named in ``without``."""

    only: str | None = None
    without: frozenset[str] = frozenset()

    def holds(self, channel: str) -> bool:
        """Whether this channel's notices are in it."""
        return channel not in self.without and self.only in {None, channel}


class NoticeBook(Protocol):
    """The outbox."""

    def add(self, notices: Iterable[Notice]) -> int:
        """Those whose dedupe key is new; how many."""
        ...

    def claim(self, now: int, *, lease_ms: int, limit: int, queue: Queue = ...) -> list[Notice]:
        """Lease what is due, safety first; also what an earlier lease let run out."""
        ...

    def sent(self, notice: Notice, *, now: int, took_ms: int) -> None: ...
    def retry(self, notice: Notice, *, now: int, took_ms: int, next_at: int, error: str) -> None: ...
    def failed(self, notice: Notice, *, now: int, took_ms: int, error: str, permanent: bool = True) -> None:
        """The end; ``permanent`` False where the last of the attempts was used up."""
        ...

    def withdraw(self, *, ticket: str | None = None, alarm: str | None = None) -> int: ...
    def waiting(self) -> tuple[int, int | None]:
        """How many wait, and since when the oldest does."""
        ...

    def next_due(self, queue: Queue = ...) -> int | None:
        """When the next one can be claimed."""
        ...


class LaneBook(Protocol):
    """A lane's position lives with its effects."""

    def load(self, lane: str) -> LaneMark | None: ...
    def save(self, lane: str, mark: LaneMark) -> None:
        """``state`` None leaves the stored state (and its batch) as they were."""
        ...


class GapBook(Protocol):
    """Times in which the hub could not hear; idempotent on (connection, kind, start)."""

    def add(self, gaps: Iterable[Gap]) -> None: ...
    def latest(self, limit: int) -> list[Gap]: ...


class QuarantineBook(Protocol):
    """At most 1,000 per device and reason and 256 MB in all; beyond that counted and named. Idempotent per frame."""

    def keep(self, position: Position, refusals: Sequence[Refusal]) -> int: ...


class DeviceBook(Protocol):
    """The inbox: what has been heard of for the first time."""

    def seen(self, heard: Iterable[DeviceSeen]) -> int:
        """Put new devices into the inbox and new points beside their device; how many devices were new."""
        ...

    def announced(self, said: Iterable[Announced]) -> bool:
        """Note what devices said of themselves beside what they said before. Idempotent.

        True where the registry's picture is another one by it.
        """
        ...

    def retire(self, gone: Collection[str], now: int) -> None:
        """Put devices out of use whose gateways no longer know them; those that are so already are passed over."""
        ...


class Books(Protocol):
    """The books open inside one transaction. (Registry, people, jobs: their owners declare their own protocols.)"""

    @property
    def alarms(self) -> AlarmBook: ...
    @property
    def tickets(self) -> TicketBook: ...
    @property
    def notices(self) -> NoticeBook: ...
    @property
    def lanes(self) -> LaneBook: ...
    @property
    def gaps(self) -> GapBook: ...
    @property
    def quarantine(self) -> QuarantineBook: ...
    @property
    def devices(self) -> DeviceBook: ...
    @property
    def commissioning(self) -> CommissioningBook: ...


B_co = TypeVar("B_co", covariant=True)


class Records(Protocol[B_co]):
    """The records store. ``work`` runs inside one transaction: committed when it returns, rolled back when it raises.

    On SQLite ``write`` runs on the one writer thread (BEGIN IMMEDIATE), so ``work`` makes no network call, hashes no
    password and touches no file. StoreUnavailable where the store cannot be reached or written.
    """

    def write(self, work: Callable[[B_co], T]) -> T: ...
    def read(self, work: Callable[[B_co], T]) -> T: ...
