"""The part of a community file that says what will be fitted, and what is being commissioned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from hub.domain.commissioning import Part, Span
from hub.domain.expected import Expected, plain_serial
from hub.domain.metrics import METRICS
from hub.domain.places import TREE_OF, Device, Facility, Name, Place, PlaceKind
from hub.domain.wording import Wording
from hub.flows.community.picture import RowError
from hub.storage.community.rows import RawRow, perhaps


class Checks(NamedTuple):
    """What the assembly of a file lends its parts."""

    community: str
    once: Callable[[str], Iterable[tuple[RawRow, Any]]]
    """The rows of a table, each id once."""
    refer: Callable[[RawRow, str, str | None, Iterable[str], str], bool]
    refer_unit: Callable[[RawRow, str, Facility | None], None]
    errors: list[RowError]


def expected_lines(
    checks: Checks,
    places: Mapping[str, Place],
    facilities: Mapping[str, Facility],
    devices: Mapping[str, Device],
) -> dict[str, Expected]:
    """The list of what will be fitted; each line has a serial or an identity, and no two have the same."""
    rows = list(checks.once("expected"))
    speakers = {row.id for _, row in rows} | {name.partition("~")[2] for name in devices}
    taken: dict[str, str] = {}
    lines: dict[str, Expected] = {}
    for raw, row in rows:
        if checks.refer(raw, "facility", row.facility, facilities, "facilities"):
            checks.refer_unit(raw, row.unit, facilities.get(row.facility or ""))
        checks.refer(raw, "gateway", row.gateway, speakers, "expected, devices")
        _check_place(checks, raw, row.place, places)
        _check_serial(checks, raw, row, taken)
        scheme, _, own = row.identity.partition(":")
        lines[row.id] = Expected(
            community=checks.community,
            id=row.id,
            name=row.name or Name(zh=row.id, en=row.id),
            serial=row.serial,
            scheme=scheme,
            scheme_id=own,
            facility=row.facility or "",
            unit=row.unit,
            place=row.place or "",
            gateway=row.gateway or "",
            points=_points(checks, raw, row),
            maker=row.maker,
            model=row.model,
            interval=row.interval,
        )
    return lines


def _check_place(checks: Checks, raw: RawRow, value: str | None, places: Mapping[str, Place]) -> None:
    if not checks.refer(raw, "place", value, places, "places") or value is None:
        return
    if TREE_OF[places[value].kind] is not TREE_OF[PlaceKind.BUILDING]:
        reason = Wording("%(value)r is a %(kind)s", value=value, kind=places[value].kind.value)
        checks.errors.append(raw.error("place", reason, Wording("a building or a place inside one")))


def _check_serial(checks: Checks, raw: RawRow, row: Any, taken: dict[str, str]) -> None:
    if not row.serial and not row.identity:
        expected = Wording("serial or identity")
        checks.errors.append(raw.error("serial", Wording("nothing says which device it is"), expected))
    if row.serial and not plain_serial(row.serial):
        reason = Wording("%(found)s is no serial", found=repr(row.serial))
        checks.errors.append(raw.error("serial", reason, Wording("letters and digits, as on the label")))
    for key, text in (("serial", plain_serial(row.serial)), ("identity", row.identity.casefold())):
        if not text:
            continue
        if f"{key} {text}" in taken:
            reason = Wording("%(id)s is there twice", id=getattr(row, key))
            checks.errors.append(
                raw.error(key, reason, Wording("once; also at %(place)s", place=taken[f"{key} {text}"]))
            )
        taken.setdefault(f"{key} {text}", raw.where)


def _points(checks: Checks, raw: RawRow, row: Any) -> dict[str, str]:
    if row.points and row.facility is None:
        reason = Wording("point %(point)r speaks for no facility", point=row.points[0])
        checks.errors.append(raw.error("facility", reason, Wording("the facility that it is fitted at")))
    found: dict[str, str] = {}
    for text in row.points:
        name, _, metric = text.partition("=")
        found[name] = metric
        measured = metric or name.rpartition(".")[2]
        if measured not in METRICS:
            near = get_close_matches(measured, METRICS, n=3)
            reason = Wording("unknown metric %(metric)r", metric=measured)
            checks.errors.append(raw.error("points", reason, perhaps(near) or Wording("a metric of the table")))
    return found


def commissioning_spans(
    checks: Checks, facilities: Mapping[str, Facility], lines: Mapping[str, Expected], devices: Mapping[str, Device]
) -> dict[str, Span]:
    """Times in which a facility, a gateway or the whole community is being commissioned."""
    spans: dict[str, Span] = {}
    gateways = {name.partition("~")[2] for name in devices} | lines.keys()
    for raw, row in checks.once("commissioning"):
        checks.refer(raw, "facility", row.facility, facilities, "facilities")
        checks.refer(raw, "gateway", row.gateway, gateways, "expected, devices")
        if row.facility and row.gateway:
            reason = Wording("names a facility and a gateway")
            checks.errors.append(raw.error("gateway", reason, Wording("one of them, or neither: the whole community")))
        if row.until is not None and row.until <= row.from_:
            checks.errors.append(raw.error("until", Wording("ends before it begins"), Wording("a time after from")))
        part = Part.FACILITY if row.facility else Part.GATEWAY if row.gateway else Part.COMMUNITY
        spans[row.id] = Span(
            id=row.id,
            community=checks.community,
            part=part,
            of=row.facility or (f"{checks.community}~{row.gateway}" if row.gateway else ""),
            since=row.from_,
            until=row.until,
            note=row.note,
        )
    return spans
