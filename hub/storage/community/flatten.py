"""Takes a picture apart into the rows of a community file; the reverse of assembly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from hub.clock import to_iso
from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import Part, Span
from hub.domain.expected import Expected
from hub.domain.places import Binding, Device, DeviceState, Facility, Name
from hub.flows.community.picture import Picture
from hub.storage.community.assembly import default_unit, default_unit_name
from hub.storage.notation import write_duration

Row = dict[str, Any]
"""Cells by key; names are Name, everything else is plain; what equals its default is not there."""


def flatten(picture: Picture, catalogue: Catalogue) -> dict[str, list[Row]]:
    """The rows by table, in the picture's order."""
    community = picture.community
    facilities = {facility.id: facility for facility in picture.facilities.values()}
    homes = {device: _home(spans, facilities) for device, spans in _by_device(picture).items()}
    return {
        "community": [
            {
                "id": community.id,
                "name": community.name,
                "timezone": community.timezone,
                "language": community.language,
                "prefix": community.prefix,
            }
        ],
        "parties": [_filled(id=p.id, name=p.name, phone=p.phone) for p in picture.parties.values()],
        "crews": [_filled(id=c.id, name=c.name, default=c.is_default, party=c.party) for c in picture.crews.values()],
        "contacts": [
            {
                "crew": crew.id,
                "id": contact.id,
                "name": contact.name,
                "channel": contact.channel,
                "address": contact.address,
                "language": contact.language,
            }
            for crew in picture.crews.values()
            for contact in crew.contacts
        ],
        "places": [_filled(id=p.id, kind=p.kind.value, parent=p.parent, name=p.name) for p in picture.places.values()],
        "facilities": [_facility(facility) for facility in picture.facilities.values()],
        "units": list(_units(picture, catalogue)),
        "ledger": [
            {"facility": facility.id, "item": item, "value": value}
            for facility in picture.facilities.values()
            for item, value in facility.ledger.items()
        ],
        "devices": [_device(device, homes.get(device.id, ("", ""))) for device in picture.devices.values()],
        "points": [
            _point(span, homes[device], facilities) for (device, _), spans in picture.bindings.items() for span in spans
        ],
        "rules": [{"id": change.id, **change.text} for change in picture.rules.values()],
        "expected": [_expected(line) for line in picture.expected.values()],
        "commissioning": [_commissioning(span) for span in picture.commissioning.values()],
    }


def _filled(**cells: object) -> Row:
    return {key: value for key, value in cells.items() if value not in (None, "", False)}


def _facility(facility: Facility) -> Row:
    return _filled(
        id=facility.id,
        kind=facility.kind,
        name=facility.name,
        building=facility.building,
        grid=facility.grid,
        capacity=facility.capacity,
        opening=facility.opening,
        party=facility.party,
        crew=facility.crew,
        retired=None if facility.retired_at is None else to_iso(facility.retired_at),
    )


def _units(picture: Picture, catalogue: Catalogue) -> Iterator[Row]:
    for facility in picture.facilities.values():
        kind = catalogue.kinds.get(facility.kind)
        for unit in facility.units:
            own = None if unit.name == default_unit_name(kind, unit.id) else unit.name
            yield _filled(facility=facility.id, id=unit.id, name=own)


def _by_device(picture: Picture) -> dict[str, list[Binding]]:
    found: dict[str, list[Binding]] = {}
    for (device, _), spans in picture.bindings.items():
        found.setdefault(device, []).append(spans[-1])
    return found


def _home(spans: list[Binding], facilities: dict[str, Facility]) -> tuple[str, str]:
    """(facility, unit) that most points of a device share: said once at the device."""
    facility = Counter(span.facility for span in spans).most_common(1)[0][0]
    units = {
        span.unit
        for span in spans
        if span.facility == facility and default_unit(span.point, facilities[facility], facility, "") == ""
    }
    return facility, units.pop() if len(units) == 1 else ""


def _device(device: Device, home: tuple[str, str]) -> Row:
    own = device.id.partition("~")[2]
    return _filled(
        id=own,
        name=None if device.name == Name(zh=own, en=own) else device.name,
        facility=home[0],
        unit=home[1],
        gateway=device.gateway.partition("~")[2] if device.gateway else None,
        interval=None if device.expected_interval is None else write_duration(device.expected_interval),
        maker=device.maker,
        model=device.model,
        scheme=None if device.scheme == "native" else device.scheme,
        scheme_id=None if device.scheme_id == own else device.scheme_id,
        connection=None if device.connection == "main" else device.connection,
        sim_expires=_day(device.sim_expires),
        calibrated_until=_day(device.calibrated_until),
        end_of_life=_day(device.end_of_life),
        retired=device.state is DeviceState.RETIRED,
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _point(span: Binding, home: tuple[str, str], facilities: dict[str, Facility]) -> Row:
    facility, unit = home
    row = _filled(
        device=span.device.partition("~")[2],
        name=span.point,
        facility=None if span.facility == facility else span.facility,
        metric=span.metric,
        inverted=span.inverted,
    )
    if span.unit != default_unit(span.point, facilities[span.facility], facility, unit):
        row["unit"] = span.unit
    if span.factor != 1.0:
        row["factor"] = span.factor
    if span.offset != 0.0:
        row["offset"] = span.offset
    if span.valid_from != 0:
        row["from"] = to_iso(span.valid_from)
    if span.valid_to is not None:
        row["until"] = to_iso(span.valid_to)
    return row


def _expected(line: Expected) -> Row:
    row = _filled(
        id=line.id,
        name=None if line.name == Name(zh=line.id, en=line.id) else line.name,
        serial=line.serial,
        identity=f"{line.scheme}:{line.scheme_id}" if line.scheme else "",
        facility=line.facility,
        unit=line.unit,
        place=line.place,
        gateway=line.gateway,
        interval=None if line.interval is None else write_duration(line.interval),
        maker=line.maker,
        model=line.model,
    )
    if line.points:
        row["points"] = [f"{name}={metric}" if metric else name for name, metric in line.points.items()]
    return row


def _commissioning(span: Span) -> Row:
    return _filled(
        id=span.id,
        **{"from": to_iso(span.since)},
        until=None if span.until is None else to_iso(span.until),
        facility=span.of if span.part is Part.FACILITY else "",
        gateway=span.of.partition("~")[2] if span.part is Part.GATEWAY else "",
        note=span.note,
    )
