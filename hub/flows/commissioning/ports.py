"""What commissioning needs of the records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from hub.domain.alarms import Alarm, Change
from hub.domain.commissioning import GoneLive, Span
from hub.domain.expected import Expected, Match
from hub.domain.people import AuditEntry
from hub.domain.places import Binding, Device
from hub.domain.walk import PointTest
from hub.flows.community.adoption import InboxPoint

Heard = tuple[Device, tuple[InboxPoint, ...]]


class Recorded(NamedTuple):
    """A change of an alarm that was recorded in commissioning."""

    at: int
    kind: Change
    alarm: Alarm


class CommissioningBook(Protocol):
    """Expected devices, times of commissioning, tests of points."""

    def expected(self, community: str) -> list[Expected]:
        """The whole list of a community, by id."""
        ...

    def missing(self, communities: Collection[str]) -> list[Expected]:
        """Lines for which nothing has come yet."""
        ...

    def heard(self, ids: Collection[str] | None = None) -> list[Heard]:
        """Devices in use that stand for no line yet, with their points; ``ids`` None: all of them."""
        ...

    def arrive(self, match: Match, device: Device, bindings: Sequence[Binding], now: int) -> None:
        """The device takes the line's place. Stale where another has."""
        ...

    def device_of(self, community: str, line: str) -> str:
        """The hub id of the device that has come for a line; empty: none, or no such line."""
        ...

    def devices(self, community: str) -> list[Heard]:
        """Every device of a community but retired ones, with its points."""
        ...

    def spans(self, community: str) -> list[Span]: ...
    def put_span(self, span: Span) -> None:
        """Begin one, or write its end."""
        ...

    def go_live(self, word: GoneLive) -> None: ...
    def recorded(self, community: str, since: int) -> list[Recorded]:
        """What happened to alarms that were recorded in commissioning: occurrences and their ends, oldest first."""
        ...

    def tests(self, community: str) -> list[PointTest]:
        """All, oldest first."""
        ...

    def add_tests(self, tests: Iterable[PointTest]) -> None: ...
    def swap(self, devices_: tuple[Device, Device], bindings: dict[tuple[str, str], tuple[Binding, ...]]) -> None:
        """Two devices change places: bindings as given, names and lines of the list changed over."""
        ...

    def succeed(self, old: str, new: str, *, by: str) -> None:
        """The line that one device had come for is the other one's from now on; nothing where that has a line itself."""
        ...


class AuditBook(Protocol):
    """Who did what."""

    def record(self, entry: AuditEntry) -> None: ...


class CommissioningBooks(Protocol):
    """The books that the desk opens."""

    @property
    def commissioning(self) -> CommissioningBook: ...
    @property
    def people(self) -> AuditBook: ...
