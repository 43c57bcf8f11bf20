"""Puts checked rows together: who refers to whom, what is missing, what is said twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

from hub.domain.catalogue import Catalogue, FacilityKind
from hub.domain.device_names import device_name
from hub.domain.metrics import METRICS
from hub.domain.places import (
    TREE_OF,
    Binding,
    Community,
    Device,
    DeviceState,
    Facility,
    Name,
    Place,
    PlaceKind,
    Unit,
)
from hub.domain.wording import Wording
from hub.flows.community.picture import FileRefused, Party, Picture, PointName, RowError, RuleChange, Wish
from hub.flows.registry import Contact, Crew
from hub.storage.community.commissioning import Checks, commissioning_spans, expected_lines
from hub.storage.community.rows import CheckedRow, RawRow, check_rows, language_of, perhaps
from hub.storage.community.rules import resolve


def assemble(file: str, rows: list[RawRow], catalogue: Catalogue) -> Wish:
    """The wish that the rows of ``file`` state. FileRefused lists everything that is wrong."""
    good, errors = check_rows(rows)
    work = _Assembly(good, errors, catalogue)
    wish = work.wish()
    if wish is None or errors:
        raise FileRefused(file, errors, language=language_of(rows))
    return wish


def default_unit_name(kind: FacilityKind | None, unit: str) -> Name:
    """``bay3`` of a kind whose parts are called bays: 3号充电位, Bay 3; any other id is its own name."""
    digits = unit[len(unit.rstrip("0123456789")) :]
    if kind is None or kind.unit_word is None or not digits:
        return Name(zh=unit, en=unit)
    return Name(zh=f"{int(digits)}号{kind.unit_word.zh}", en=f"{kind.unit_word.en} {int(digits)}")


def default_unit(point: str, facility: Facility, device_facility: str | None, device_unit: str) -> str:
    """The unit that the point's own name says (``bay3.power``), else the device's where it is the same facility."""
    prefix = point.rpartition(".")[0]
    if prefix in {unit.id for unit in facility.units}:
        return prefix
    return device_unit if facility.id == device_facility else ""


def _plain(value: object) -> object:
    """A list of one is that one: both are written."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class _Assembly:
    """One pass over the tables in the order in which they refer to each other."""

    def __init__(self, good: dict[str, list[CheckedRow]], errors: list[RowError], catalogue: Catalogue) -> None:
        self._good = good
        self._errors = errors
        self._catalogue = catalogue
        self._broken = {(error.table, error.where) for error in errors}
        self._id = ""

    def wish(self) -> Wish | None:
        rows = self._good["community"]
        if len(rows) != 1:
            if not any(error.table == "community" for error in self._errors):
                self._errors.append(
                    RowError(
                        where="community",
                        key="",
                        reason=Wording("%(count)s communities", count=len(rows)),
                        expected=Wording("exactly one"),
                    )
                )
            return None
        row = rows[0].row
        self._id = row.id
        places = self._places()
        parties = {r.id: Party(id=r.id, name=r.name, phone=r.phone) for _, r in self._once("parties")}
        crews = self._crews(parties)
        facilities = self._facilities(places, parties, crews)
        devices = self._devices(facilities)
        bindings, undated = self._bindings(facilities)
        checks = Checks(self._id, self._once, self._refer, self._refer_unit, self._errors)
        expected = expected_lines(checks, places, facilities, devices)
        return Wish(
            picture=Picture(
                community=Community(
                    id=row.id, name=row.name, timezone=row.timezone, language=row.language, prefix=row.prefix
                ),
                parties=parties,
                crews=crews,
                places=places,
                facilities=facilities,
                devices=devices,
                bindings=bindings,
                rules=self._rules(facilities),
                expected=expected,
                commissioning=commissioning_spans(checks, facilities, expected, devices),
            ),
            undated=undated,
        )

    def _once(self, table: str, *keys: str) -> Iterable[tuple[RawRow, Any]]:
        """The rows of a table, each key once."""
        seen: dict[tuple[str, ...], str] = {}
        for checked in self._good[table]:
            key = tuple(getattr(checked.row, name) for name in (keys or ("id",)))
            if key in seen:
                self._errors.append(
                    checked.raw.error(
                        keys[-1] if keys else "id",
                        Wording("%(id)s is there twice", id="/".join(key)),
                        Wording("once; also at %(place)s", place=seen[key]),
                    )
                )
                continue
            seen[key] = checked.raw.where
            yield checked.raw, checked.row

    def _refer(self, raw: RawRow, key: str, value: str | None, known: Iterable[str], table: str) -> bool:
        """Whether ``value`` is there (or None); names the nearest where it is not."""
        known = list(known)
        if value is None or value in known:
            return True
        if any(broken == table for broken, _ in self._broken):
            return False  # the row that it means may be one of the refused ones: say the root alone
        near = get_close_matches(value, known, n=3)
        expected = perhaps(near) or Wording("an id of %(table)s", table=table)
        if not near and 0 < len(known) <= 8:
            expected = Wording("one of %(names)s", names=", ".join(known))
        self._errors.append(raw.error(key, Wording("no %(value)r in %(table)s", value=value, table=table), expected))
        return False

    def _places(self) -> dict[str, Place]:
        rows = list(self._once("places"))
        kinds = {row.id: row.kind for _, row in rows}
        places: dict[str, Place] = {}
        for raw, row in rows:
            if self._refer(raw, "parent", row.parent, kinds, "places") and row.parent is not None:
                self._check_parent(raw, row.kind, kinds[row.parent], row.parent)
            places[row.id] = Place(
                community=self._id, id=row.id, tree=TREE_OF[row.kind], kind=row.kind, parent=row.parent, name=row.name
            )
        return places

    def _check_parent(self, raw: RawRow, kind: PlaceKind, parent: PlaceKind, name: str) -> None:
        order = list(PlaceKind)
        if TREE_OF[kind] is not TREE_OF[parent] or order.index(parent) >= order.index(kind):
            self._errors.append(
                raw.error(
                    "parent",
                    Wording(
                        "a %(kind)s cannot stand under %(name)r, a %(parent)s",
                        kind=kind.value,
                        name=name,
                        parent=parent.value,
                    ),
                    Wording("a higher level of the same tree"),
                )
            )

    def _crews(self, parties: dict[str, Party]) -> dict[str, Crew]:
        crews: dict[str, Crew] = {}
        for raw, row in self._once("crews"):
            self._refer(raw, "party", row.party, parties, "parties")
            crews[row.id] = Crew(community=self._id, id=row.id, name=row.name, is_default=row.default, party=row.party)
        contacts: dict[str, list[Contact]] = defaultdict(list)
        for raw, row in self._once("contacts"):
            if self._refer(raw, "crew", row.crew, crews, "crews"):
                contacts[row.crew].append(
                    Contact(id=row.id, name=row.name, channel=row.channel, address=row.address, language=row.language)
                )
        defaults = [crew.id for crew in crews.values() if crew.is_default]
        if len(defaults) != 1 and not any(table == "crews" for table, _ in self._broken):
            found = (
                Wording("%(count)s default crews (%(names)s)", count=len(defaults), names=", ".join(defaults))
                if defaults
                else Wording("no default crew")
            )
            self._errors.append(
                RowError(
                    where="crews",
                    key="default",
                    reason=found,
                    expected=Wording("exactly one crew with default = true: it owns what nobody else does"),
                    table="crews",
                )
            )
        return {
            name: replace(crew, contacts=tuple(sorted(contacts[name], key=lambda contact: contact.id)))
            for name, crew in crews.items()
        }

    def _facilities(
        self, places: dict[str, Place], parties: dict[str, Party], crews: dict[str, Crew]
    ) -> dict[str, Facility]:
        rows = list(self._once("facilities"))
        names = {row.id for _, row in rows}
        units = self._units({row.id: row.kind for _, row in rows})
        ledger: dict[str, dict[str, str]] = defaultdict(dict)
        for raw, row in self._once("ledger", "facility", "item"):
            if self._refer(raw, "facility", row.facility, names, "facilities"):
                ledger[row.facility][row.item] = row.value
        facilities: dict[str, Facility] = {}
        for raw, row in rows:
            self._refer(raw, "kind", row.kind, self._catalogue.kinds, Wording("the facility catalogue"))
            self._refer(raw, "party", row.party, parties, "parties")
            self._refer(raw, "crew", row.crew, crews, "crews")
            self._refer_place(raw, "building", row.building, places, PlaceKind.GRID, grid=False)
            self._refer_place(raw, "grid", row.grid, places, PlaceKind.GRID, grid=True)
            facilities[row.id] = Facility(
                community=self._id,
                id=row.id,
                kind=row.kind,
                name=row.name,
                building=row.building,
                grid=row.grid,
                capacity=row.capacity,
                opening=row.opening,
                party=row.party,
                crew=row.crew,
                units=tuple(units[row.id]),
                ledger=ledger[row.id],
                retired_at=row.retired,
            )
        return facilities

    def _refer_place(
        self, raw: RawRow, key: str, value: str | None, places: dict[str, Place], kind: PlaceKind, *, grid: bool
    ) -> None:
        if not self._refer(raw, key, value, places, "places") or value is None:
            return
        place = places[value]
        if grid != (place.kind is kind) or (not grid and TREE_OF[place.kind] is not TREE_OF[PlaceKind.BUILDING]):
            expected = Wording("a place of kind grid") if grid else Wording("a building or a place inside one")
            reason = Wording("%(value)r is a %(kind)s", value=value, kind=place.kind.value)
            self._errors.append(raw.error(key, reason, expected))

    def _units(self, kinds: dict[str, str]) -> dict[str, list[Unit]]:
        units: dict[str, list[Unit]] = defaultdict(list)
        for raw, row in self._once("units", "facility", "id"):
            if self._refer(raw, "facility", row.facility, kinds, "facilities"):
                kind = self._catalogue.kinds.get(kinds[row.facility])
                units[row.facility].append(Unit(id=row.id, name=row.name or default_unit_name(kind, row.id)))
        return units

    def _devices(self, facilities: dict[str, Facility]) -> dict[str, Device]:
        rows = list(self._once("devices"))
        names = {row.id for _, row in rows}
        devices: dict[str, Device] = {}
        for raw, row in rows:
            self._refer(raw, "gateway", row.gateway, names, "devices")
            if self._refer(raw, "facility", row.facility, facilities, "facilities"):
                self._refer_unit(raw, row.unit, facilities.get(row.facility or ""))
            scheme_id = row.scheme_id or row.id
            expected = device_name(row.scheme, scheme_id)
            if expected != row.id:
                reason = Wording(
                    "%(scheme)s %(name)r is the device %(device)r", scheme=row.scheme, name=scheme_id, device=expected
                )
                self._errors.append(raw.error("scheme_id", reason, f'[devices."{expected}"]'))
            devices[f"{self._id}~{row.id}"] = Device(
                id=f"{self._id}~{row.id}",
                community=self._id,
                scheme=row.scheme,
                scheme_id=scheme_id,
                state=DeviceState.RETIRED if row.retired else DeviceState.ADOPTED,
                name=row.name or Name(zh=row.id, en=row.id),
                connection=row.connection,
                maker=row.maker,
                model=row.model,
                gateway=f"{self._id}~{row.gateway}" if row.gateway else None,
                expected_interval=row.interval,
                sim_expires=row.sim_expires,
                calibrated_until=row.calibrated_until,
                end_of_life=row.end_of_life,
            )
        return devices

    def _refer_unit(self, raw: RawRow, unit: str, facility: Facility | None) -> None:
        if unit and (facility is None or unit not in {known.id for known in facility.units}):
            known = ", ".join(u.id for u in facility.units) if facility is not None else ""
            reason = (
                Wording("facility %(facility)s has no unit %(unit)r", facility=facility.id, unit=unit)
                if facility is not None
                else Wording("unit %(unit)r without a facility", unit=unit)
            )
            self._errors.append(raw.error("unit", reason, known or Wording("a facility with units")))

    def _bindings(
        self, facilities: dict[str, Facility]
    ) -> tuple[dict[PointName, tuple[Binding, ...]], frozenset[PointName]]:
        spans: dict[PointName, list[tuple[RawRow, Binding]]] = defaultdict(list)
        undated: set[PointName] = set()
        owners = {checked.row.id: checked.row for checked in self._good["devices"]}
        for checked in self._good["points"]:
            raw, row = checked.raw, checked.row
            if not self._refer(raw, "device", row.device, owners, "devices"):
                continue
            owner = owners[row.device]
            facility = facilities.get(row.facility or owner.facility or "")
            if facility is None:
                self._no_facility(raw, row, owner, facilities)
                continue
            binding = self._binding(raw, row, owner, facility)
            point = (binding.device, binding.point)
            spans[point].append((raw, binding))
            if row.from_ is None and row.until is None:
                undated.add(point)
        for point, found in spans.items():
            self._check_spans(point, found)
            if len(found) > 1:
                undated.discard(point)
        ordered = {
            point: tuple(sorted((binding for _, binding in found), key=lambda binding: binding.valid_from))
            for point, found in spans.items()
        }
        return ordered, frozenset(undated)

    def _no_facility(self, raw: RawRow, row: Any, owner: Any, facilities: dict[str, Facility]) -> None:
        if row.facility is None and owner.facility is None:
            self._errors.append(
                raw.error(
                    "facility",
                    Wording("point %(point)r speaks for no facility", point=row.name),
                    Wording("facility at the device or at the point"),
                )
            )
        else:
            self._refer(raw, "facility", row.facility, facilities, "facilities")

    def _binding(self, raw: RawRow, row: Any, owner: Any, facility: Facility) -> Binding:
        unit = row.unit if row.unit is not None else default_unit(row.name, facility, owner.facility, owner.unit)
        if row.until is None:  # a span that has ended may name a unit that is gone by now
            self._refer_unit(raw, unit, facility)
        metric = row.metric or row.name.rpartition(".")[2]
        if row.metric and metric not in METRICS:
            near = get_close_matches(metric, METRICS, n=3)
            self._errors.append(
                raw.error(
                    "metric",
                    Wording("unknown metric %(metric)r", metric=metric),
                    perhaps(near) or Wording("a metric of the table"),
                )
            )
        if row.factor == 0:
            self._errors.append(
                raw.error("factor", Wording("a factor of 0 makes every reading the same"), Wording("any other number"))
            )
        return Binding(
            community=self._id,
            device=f"{self._id}~{row.device}",
            point=row.name,
            facility=facility.id,
            unit=unit,
            metric="" if metric == row.name.rpartition(".")[2] else metric,
            factor=row.factor,
            offset=row.offset,
            inverted=row.inverted,
            valid_from=row.from_ or 0,
            valid_to=row.until,
        )

    def _check_spans(self, point: PointName, found: list[tuple[RawRow, Binding]]) -> None:
        ordered = sorted(found, key=lambda item: item[1].valid_from)
        for raw, binding in ordered:
            if binding.valid_to is not None and binding.valid_to <= binding.valid_from:
                self._errors.append(
                    raw.error(
                        "until",
                        Wording("point %(point)r ends before it begins", point=point[1]),
                        Wording("a time after from"),
                    )
                )
        for (_, one), (raw, other) in pairwise(ordered):
            if one.valid_to is None or other.valid_from < one.valid_to:
                self._errors.append(
                    raw.error(
                        "from",
                        Wording(
                            "point %(point)r would speak for %(one)s and %(other)s at once",
                            point=point[1],
                            one=one.facility,
                            other=other.facility,
                        ),
                        Wording("spans that do not overlap: until on the earlier one"),
                    )
                )

    def _rules(self, facilities: dict[str, Facility]) -> dict[str, RuleChange]:
        rules: dict[str, RuleChange] = {}
        for raw, row in self._once("rules"):
            if not self._refer(raw, "facility", row.facility, facilities, "facilities"):
                continue
            text = {key: _plain(value) for key, value in raw.values.items() if key != "id"}
            rule, flaws = resolve(row, self._catalogue)
            self._errors += [raw.error(flaw.key, flaw.reason, flaw.expected) for flaw in flaws]
            if rule is not None:
                rules[row.id] = RuleChange(id=row.id, text=text, rule=rule)
        return rules
