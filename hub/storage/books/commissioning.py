"""Commissioning in the records: what is expected, what is being commissioned, and which points have been tested."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, select, update

from hub.domain.alarms import Change
from hub.domain.commissioning import GoneLive, Span
from hub.domain.expected import Expected, Match
from hub.domain.ids import IdMaker
from hub.domain.places import Binding, Device, DeviceState
from hub.domain.walk import How, Outcome, PointTest
from hub.errors import Stale
from hub.flows.commissioning.ports import Recorded
from hub.flows.community.adoption import InboxPoint
from hub.storage.books.alarms import alarm_from_row
from hub.storage.books.registry import RegistryBook
from hub.storage.books.registry_rows import expected_from_row, span_row
from hub.storage.books.upserts import Upsert
from hub.storage.tables import alarm_events, alarms, commissionings, devices, expected_devices, gone_live, point_tests

_SPAN: Final = Upsert(commissionings, ("community", "id"), update=("until", "ended_by"))
_LIVE: Final = Upsert(gone_live, ("community", "kind", "at"))
_REPLAYED: Final = (Change.NOT_TOLD.value, Change.RETURNED.value, Change.RESET.value)
_AT_ONCE: Final = 500
"""Ids in one query."""


class CommissioningBook:
    """Implements hub.flows.commissioning.ports.CommissioningBook. What changes who is told raises the registry's version."""

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._ids = ids
        self._registry = RegistryBook(connection)

    # --- expected devices ---------------------------------------------------------------------------------------

    def expected(self, community: str) -> list[Expected]:
        """The whole list of a community, by id."""
        query = (
            select(expected_devices).where(expected_devices.c.community == community).order_by(expected_devices.c.id)
        )
        return [expected_from_row(row) for row in self._connection.execute(query).mappings()]

    def missing(self, communities: Collection[str]) -> list[Expected]:
        """Lines for which nothing has come yet."""
        c = expected_devices.c
        query = select(expected_devices).where(c.community.in_(sorted(communities)), c.device == "").order_by(c.id)
        return [expected_from_row(row) for row in self._connection.execute(query).mappings()]

    def heard(self, ids: Collection[str] | None = None) -> list[tuple[Device, tuple[InboxPoint, ...]]]:
        """Devices in use that stand for no line yet, with their points; ``ids`` None: all of them."""
        taken = select(expected_devices.c.device).where(expected_devices.c.device != "")
        found: list[tuple[Device, tuple[InboxPoint, ...]]] = []
        states = (DeviceState.INBOX, DeviceState.ADOPTED)
        for part in [None] if ids is None else _parts(sorted(ids)):
            found += self._registry.with_points(states, ids=part, without=taken)
        return found

    def arrive(self, match: Match, device: Device, bindings: Sequence[Binding], now: int) -> None:
        """The device takes the line's place; one that waits is adopted, one in use keeps its bindings."""
        if match.device.state is DeviceState.INBOX:
            self._registry.adopt([(device, tuple(bindings))])
        told = {
            "maker": device.maker,
            "model": device.model,
            "gateway": device.gateway,
            "expected_interval": device.expected_interval,
        }
        self._connection.execute(update(devices).where(devices.c.id == device.id).values(told))
        c = expected_devices.c
        taken = self._connection.execute(
            update(expected_devices)
            .where(c.community == match.expected.community, c.id == match.expected.id, c.device == "")
            .values(device=device.id, arrived_at=now, matched=match.how)
        )
        if taken.rowcount != 1:
            raise Stale(f"another device has come for {match.expected.id}: look at the list again")
        self._children(match.expected, device)
        self._registry.renewed()

    def _children(self, line: Expected, device: Device) -> None:
        """What speaks through this gateway and came before it."""
        c = expected_devices.c
        mine = select(c.device).where(c.community == line.community, c.gateway == line.id, c.device != "")
        self._connection.execute(
            update(devices).where(devices.c.id.in_(mine), devices.c.gateway.is_(None)).values(gateway=device.id)
        )

    def device_of(self, community: str, line: str) -> str:
        """The hub id of the device that has come for a line; empty: none, or no such line."""
        c = expected_devices.c
        query = select(c.device).where(c.community == community, c.id == line)
        return self._connection.execute(query).scalar() or ""

    def devices(self, community: str) -> list[tuple[Device, tuple[InboxPoint, ...]]]:
        """Every device of a community but retired ones, with its points."""
        return self._registry.with_points((DeviceState.INBOX, DeviceState.ADOPTED), community=community)

    # --- what is being commissioned -----------------------------------------------------------------------------

    def spans(self, community: str) -> list[Span]:
        """All, in order of their beginning."""
        return list(self._registry.spans(community))

    def put_span(self, span: Span) -> None:
        """Begin one, or write its end."""
        self._connection.execute(_SPAN.on(self._connection), span_row(span))
        self._registry.renewed()

    def go_live(self, word: GoneLive) -> None:
        """A kind of facility is no longer in commissioning."""
        row = {"community": word.community, "kind": word.kind, "at": word.at, "by": word.by}
        self._connection.execute(_LIVE.on(self._connection), row)
        self._registry.renewed()

    def recorded(self, community: str, since: int) -> list[Recorded]:
        """What happened to alarms that were recorded in commissioning: occurrences and their ends, oldest first."""
        c = alarm_events.c
        quiet = select(c.alarm).where(c.kind == Change.NOT_TOLD.value, c.at >= since)
        query = (
            select(c.at.label("event_at"), c.kind.label("event_kind"), alarms)
            .join(alarms, alarms.c.id == c.alarm)
            .where(and_(alarms.c.community == community, c.at >= since, c.kind.in_(_REPLAYED), c.alarm.in_(quiet)))
            .order_by(c.at, c.id)
        )
        rows = self._connection.execute(query).mappings()
        return [Recorded(row["event_at"], Change(row["event_kind"]), alarm_from_row(row)) for row in rows]

    # --- tests --------------------------------------------------------------------------------------------------

    def tests(self, community: str) -> list[PointTest]:
        """All, oldest first."""
        c = point_tests.c
        query = select(point_tests).where(c.community == community).order_by(c.at, c.id)
        return [_test(row) for row in self._connection.execute(query).mappings()]

    def add_tests(self, tests: Iterable[PointTest]) -> None:
        """Keep what tests said."""
        rows = [
            {
                "id": self._ids.make(test.at),
                "community": test.community,
                "device": test.device,
                "point": test.point,
                "at": test.at,
                "by": test.by,
                "outcome": test.outcome.value,
                "how": test.how.value,
                "value": test.value,
                "text": test.text[:200],
                "other_device": test.other_device,
                "other_point": test.other_point,
            }
            for test in tests
        ]
        if rows:
            self._connection.execute(point_tests.insert(), rows)

    def swap(self, devices_: tuple[Device, Device], bindings: dict[tuple[str, str], tuple[Binding, ...]]) -> None:
        """Two devices change places: bindings as given, names and lines of the list changed over."""
        one, other = devices_
        for device, name in ((one, other.name), (other, one.name)):
            self._connection.execute(
                update(devices).where(devices.c.id == device.id).values(name_zh=name.zh, name_en=name.en)
            )
        c = expected_devices.c
        lines = {
            row.device: row.id
            for row in self._connection.execute(select(c.id, c.device).where(c.device.in_((one.id, other.id))))
        }
        for old, new in ((one.id, other.id), (other.id, one.id)):
            if old in lines:
                self._connection.execute(
                    update(expected_devices).where(c.community == one.community, c.id == lines[old]).values(device=new)
                )
        self._registry.bind(bindings)

    def succeed(self, old: str, new: str, *, by: str) -> None:
        """The line that one device had come for is the other one's from now on; nothing where that has a line itself."""
        c = expected_devices.c
        if self._connection.execute(select(c.id).where(c.device == new)).first() is None:
            self._connection.execute(update(expected_devices).where(c.device == old).values(device=new, matched=by))


def _parts(ids: list[str]) -> list[list[str]]:
    return [ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)]


def _test(row: RowMapping) -> PointTest:
    values: dict[str, Any] = {key: value for key, value in row.items() if key != "id"}
    values |= {"outcome": Outcome(row["outcome"]), "how": How(row["how"])}
    return PointTest(**values)
