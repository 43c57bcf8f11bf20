"""The registry's tables: read as one picture, changed by an import plan or an adoption, never rewritten behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import Span
from hub.domain.places import Binding, Device, DeviceState, Tree
from hub.errors import Stale
from hub.flows.community.adoption import InboxPoint
from hub.flows.community.picture import Picture
from hub.flows.community.plan import Action, ImportPlan
from hub.flows.registry import Registry
from hub.storage import tables as t
from hub.storage.books.registry_rows import (
    binding_row,
    community_row,
    contact_rows,
    crew_row,
    device_from_row,
    device_row,
    expected_row,
    facility_row,
    party_row,
    place_row,
    point_from_row,
    read_pictures,
    rule_row,
    span_from_row,
    span_row,
    unit_rows,
)
from hub.storage.books.registry_version import raise_registry_version, registry_version
from hub.storage.books.upserts import Upsert
from hub.storage.community.registry import registry_of

Row = dict[str, Any]


def _upsert(table: Any, *keys: str, keep: tuple[str, ...] = ()) -> Upsert:
    """Insert, or write every column but the keys and ``keep``."""
    return Upsert(table, keys, update=tuple(c.name for c in table.c if c.name not in {*keys, *keep}))


_COMMUNITY: Final = _upsert(t.communities, "id")
_PARTY: Final = _upsert(t.parties, "community", "id")
_CREW: Final = _upsert(t.crews, "community", "id")
_PLACE: Final = _upsert(t.places, "community", "id")
_FACILITY: Final = _upsert(t.facilities, "community", "id")
_DEVICE: Final = _upsert(t.devices, "id", keep=("first_seen", "about"))
_POINT: Final = Upsert(t.points, ("device", "name"))
_RULE: Final = _upsert(t.rules, "community", "id", keep=("version",))
_EXPECTED: Final = _upsert(t.expected_devices, "community", "id", keep=("device", "arrived_at", "matched"))
_COMMISSIONING: Final = _upsert(t.commissionings, "community", "id")
_META: Final = _upsert(t.meta, "key")
_DELETE_BINDINGS: Final = delete(t.bindings).where(
    t.bindings.c.device == bindparam("this_device"), t.bindings.c.point == bindparam("this_point")
)
_REMOVABLE: Final = {
    "parties": t.parties,
    "crews": t.crews,
    "places": t.places,
    "rules": t.rules,
    "expected": t.expected_devices,
}


class RegistryBook:
    """Every change raises ``version``, by which the lanes see that there is a newer picture."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def version(self) -> int:
        """At least 1; raised by every change."""
        return registry_version(self._connection)

    def load(self, catalogue: Catalogue) -> Registry:
        """The whole picture, all communities. ConfigError where a stored rule no longer fits the catalogue."""
        pictures = read_pictures(self._connection, catalogue)
        return registry_of(*pictures, catalogue=catalogue, version=self.version())

    def picture(self, community: str, catalogue: Catalogue) -> Picture | None:
        """One community as its file would describe it; None where it has never been imported."""
        return next(iter(read_pictures(self._connection, catalogue, community)), None)

    def apply(self, plan: ImportPlan) -> bool:
        """Write what the plan changes; whether there was anything. Plan and apply belong into one unit of work."""
        if not plan.changes:
            return False
        picture = plan.result
        community = picture.community.id
        self._many(_COMMUNITY, [community_row(picture.community)])
        self._table(plan, "parties", _PARTY, picture.parties, lambda item: party_row(community, item))
        self._crews(plan, community)
        self._table(plan, "places", _PLACE, picture.places, place_row)
        self._facilities(plan)
        self._table(plan, "devices", _DEVICE, picture.devices, device_row)
        self._rules(plan, community)
        self._table(plan, "expected", _EXPECTED, picture.expected, expected_row)
        self._table(plan, "commissioning", _COMMISSIONING, picture.commissioning, span_row)
        self._bindings(picture.bindings, plan.touched("points"))
        self._remove(plan, community)
        self._bump()
        return True

    def inbox(self) -> list[tuple[Device, tuple[InboxPoint, ...]]]:
        """Devices that wait for adoption, oldest first, with their points and the first value of each."""
        return self.with_points((DeviceState.INBOX,))

    def with_points(
        self,
        states: Collection[DeviceState],
        *,
        community: str | None = None,
        ids: Collection[str] | None = None,
        without: Any = None,
    ) -> list[tuple[Device, tuple[InboxPoint, ...]]]:
        """Devices in these states with their points, the first heard first; ``without``: a query for ids to leave out."""
        c = t.devices.c
        chosen: list[ColumnElement[bool]] = [c.state.in_(sorted(state.value for state in states))]
        chosen += [] if community is None else [c.community == community]
        chosen += [] if ids is None else [c.id.in_(sorted(ids))]
        chosen += [] if without is None else [c.id.not_in(without)]
        rows = self._connection.execute(select(t.devices).where(*chosen).order_by(c.first_seen, c.id)).all()
        points: dict[str, list[InboxPoint]] = {row.id: [] for row in rows}
        found = self._connection.execute(
            select(t.points)
            .join(t.devices, c.id == t.points.c.device)
            .where(*chosen)
            .order_by(t.points.c.device, t.points.c.name)
        )
        for row in found:
            points[row.device].append(point_from_row(row))
        return [(device_from_row(row), tuple(points[row.id])) for row in rows]

    def adopt(self, adopted: Iterable[tuple[Device, tuple[Binding, ...]]]) -> None:
        """Take devices out of the inbox with their bindings. Stale where one is not there any more."""
        for device, bindings in adopted:
            taken = self._connection.execute(
                update(t.devices)
                .where(t.devices.c.id == device.id, t.devices.c.state == DeviceState.INBOX.value)
                .values(state=DeviceState.ADOPTED.value, name_zh=device.name.zh, name_en=device.name.en)
            )
            if taken.rowcount != 1:
                raise Stale(f"device {device.id} does not wait in the inbox any more: look at the list again")
            self._known_points(bindings)
            self._bindings({(b.device, b.point): (b,) for b in bindings}, {f"{b.device}/{b.point}" for b in bindings})
        self._bump()

    def retire_device(self, device: str, *, now: int) -> bool:
        """Out of use: its bindings end, its history stays. False where there is no such device in use."""
        taken = self._connection.execute(
            update(t.devices)
            .where(t.devices.c.id == device, t.devices.c.state != DeviceState.RETIRED.value)
            .values(state=DeviceState.RETIRED.value)
        )
        running = (t.bindings.c.device == device) & t.bindings.c.valid_to.is_(None)
        self._connection.execute(delete(t.bindings).where(running, t.bindings.c.valid_from >= now))
        self._connection.execute(update(t.bindings).where(running).values(valid_to=now))
        if taken.rowcount:
            self._bump()
        return bool(taken.rowcount)

    def spans(self, community: str) -> list[Span]:
        """Its times of commissioning, in order of their beginning."""
        c = t.commissionings.c
        query = select(t.commissionings).where(c.community == community).order_by(c.since, c.id)
        return [span_from_row(row) for row in self._connection.execute(query).mappings()]

    def bind(self, bindings: Mapping[tuple[str, str], tuple[Binding, ...]]) -> None:
        """Write the spans of these points as they are to be."""
        self._bindings(bindings, [f"{device}/{point}" for device, point in bindings])
        self._bump()

    def renewed(self) -> None:
        """Something that the lanes read from the picture has changed elsewhere."""
        self._bump()

    def device(self, device: str) -> tuple[Device, tuple[InboxPoint, ...]] | None:
        """A device in whatever state, with all that it has been heard to say."""
        row = self._connection.execute(select(t.devices).where(t.devices.c.id == device)).one_or_none()
        if row is None:
            return None
        said = select(t.points).where(t.points.c.device == device).order_by(t.points.c.name)
        return device_from_row(row), tuple(map(point_from_row, self._connection.execute(said)))

    def bindings_of(self, device: str) -> dict[str, tuple[Binding, ...]]:
        """Its points' bindings by name, in order of time."""
        query = select(t.bindings).where(t.bindings.c.device == device)
        found: dict[str, list[Binding]] = {}
        for row in self._connection.execute(query.order_by(t.bindings.c.point, t.bindings.c.valid_from)).mappings():
            found.setdefault(row["point"], []).append(Binding(**row))
        return {point: tuple(spans) for point, spans in found.items()}

    def change(
        self, devices: Iterable[Device], bindings: Mapping[tuple[str, str], tuple[Binding, ...]] = MappingProxyType({})
    ) -> None:
        """Write what people have decided of these devices, and the bindings of these points."""
        self._many(_DEVICE, [device_row(device) for device in devices])
        self._bindings(bindings, [f"{device}/{point}" for device, point in bindings])
        self._bump()

    def _bump(self) -> None:
        raise_registry_version(self._connection)

    def _many(self, statement: Upsert, rows: list[Row]) -> None:
        if rows:
            self._connection.execute(statement.on(self._connection), rows)

    def _table(
        self, plan: ImportPlan, table: str, statement: Upsert, values: Mapping[str, Any], row: Callable[[Any], Row]
    ) -> None:
        touched = plan.touched(table)
        self._many(statement, [row(value) for name, value in values.items() if name in touched])

    def _crews(self, plan: ImportPlan, community: str) -> None:
        touched = plan.touched("crews")
        if not touched:
            return
        # At most one default crew at any moment: the index would refuse the new one while the old one still is.
        c = t.crews.c
        self._connection.execute(update(t.crews).where(c.community == community).values(is_default=False))
        self._many(_CREW, [crew_row(crew) for crew in plan.result.crews.values()])
        self._connection.execute(delete(t.contacts).where(t.contacts.c.community == community))
        rows = [row for crew in plan.result.crews.values() for row in contact_rows(crew)]
        if rows:
            self._connection.execute(t.contacts.insert(), rows)

    def _facilities(self, plan: ImportPlan) -> None:
        touched = plan.touched("facilities")
        facilities = [f for f in plan.result.facilities.values() if f.id in touched]
        if not facilities:
            return
        community = plan.result.community.id
        self._many(_FACILITY, [facility_row(facility) for facility in facilities])
        for facility in facilities:
            c = t.units.c
            self._connection.execute(delete(t.units).where(c.community == community, c.facility == facility.id))
        units = [row for facility in facilities for row in unit_rows(facility)]
        if units:
            self._connection.execute(t.units.insert(), units)
        new = {c.id for c in plan.changes if c.table == "facilities" and c.action is Action.ADDED}
        for facility in facilities:
            for tree, place in ((Tree.MANAGEMENT, facility.building), (Tree.ADMINISTRATION, facility.grid)):
                start = 0 if facility.id in new else plan.now
                self._stand(community, facility.id, tree, place, start)

    def _stand(self, community: str, facility: str, tree: Tree, place: str | None, start: int) -> None:
        """From ``start`` on the facility hangs under ``place`` in this tree; where it hung before is kept."""
        c = t.facility_places.c
        here = (c.community == community) & (c.facility == facility) & (c.tree == tree.value)
        running = self._connection.execute(select(c.place).where(here, c.valid_to.is_(None))).scalar()
        if running == place:
            return
        self._connection.execute(delete(t.facility_places).where(here, c.valid_from >= start))
        self._connection.execute(update(t.facility_places).where(here, c.valid_to.is_(None)).values(valid_to=start))
        if place is not None:
            self._connection.execute(
                t.facility_places.insert(),
                [
                    {
                        "community": community,
                        "facility": facility,
                        "tree": tree.value,
                        "valid_from": start,
                        "valid_to": None,
                        "place": place,
                    }
                ],
            )

    def _rules(self, plan: ImportPlan, community: str) -> None:
        self._table(plan, "rules", _RULE, plan.result.rules, lambda change: rule_row(community, change))
        c = t.rules.c
        changed = plan.touched("rules") & plan.result.rules.keys()
        if changed:
            self._connection.execute(
                update(t.rules).where(c.community == community, c.id.in_(sorted(changed))).values(version=c.version + 1)
            )

    def _bindings(self, bindings: Mapping[tuple[str, str], tuple[Binding, ...]], touched: Iterable[str]) -> None:
        """Write the spans of the touched points (``device/point``) as they are to be; no other point is looked at."""
        names = [tuple(name.split("/", 1)) for name in touched]
        keys = [{"this_device": device, "this_point": point} for device, point in names]
        if not keys:
            return
        self._connection.execute(_DELETE_BINDINGS, keys)
        spans = [span for device, point in names for span in bindings.get((device, point), ())]
        self._known_points(spans)
        if spans:
            self._connection.execute(t.bindings.insert(), [binding_row(span) for span in spans])

    def _known_points(self, bindings: Iterable[Binding]) -> None:
        self._many(_POINT, [{"device": b.device, "name": b.point, "sample": ""} for b in bindings])

    def _remove(self, plan: ImportPlan, community: str) -> None:
        """Places from the leaves up, parties, crews and rule changes have no past of their own."""
        for change in plan.changes:
            if change.action is Action.REMOVED:
                table = _REMOVABLE[change.table]
                self._connection.execute(delete(table).where(table.c.community == community, table.c.id == change.id))
