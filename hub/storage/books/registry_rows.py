"""Rows of the registry's tables as values, and back."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, RowMapping, Table, select

from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import GoneLive, Part, Span
from hub.domain.expected import Expected
from hub.domain.places import (
    UNTOLD,
    About,
    Binding,
    Community,
    Device,
    DeviceState,
    Facility,
    Name,
    Place,
    PlaceKind,
    Tree,
    Unit,
)
from hub.flows.community.adoption import InboxPoint
from hub.flows.community.picture import Party, Picture, RuleChange
from hub.flows.registry import Contact, Crew
from hub.storage import tables as t
from hub.storage.community.rules import read_rule

Row = dict[str, Any]
DATES: Final = ("sim_expires", "calibrated_until", "end_of_life")


def community_row(community: Community) -> Row:
    """Communities"""
    return {
        "id": community.id,
        **_name_row(community.name),
        "timezone": community.timezone,
        "language": community.language,
        "prefix": community.prefix,
    }


def party_row(community: str, party: Party) -> Row:
    """Parties"""
    return {"community": community, "id": party.id, **_name_row(party.name), "phone": party.phone}


def crew_row(crew: Crew) -> Row:
    """Crews"""
    return {
        "community": crew.community,
        "id": crew.id,
        **_name_row(crew.name),
        "is_default": crew.is_default,
        "party": crew.party,
    }


def contact_rows(crew: Crew) -> list[Row]:
    """Contacts"""
    return [
        {
            "community": crew.community,
            "id": contact.id,
            "crew": crew.id,
            "name": contact.name,
            "channel": contact.channel,
            "address": contact.address,
            "language": contact.language,
        }
        for contact in crew.contacts
    ]


def place_row(place: Place) -> Row:
    """Places"""
    return {
        "community": place.community,
        "id": place.id,
        "tree": place.tree.value,
        "kind": place.kind.value,
        "parent": place.parent,
        **_name_row(place.name),
    }


def facility_row(facility: Facility) -> Row:
    """Facilities"""
    return {
        "community": facility.community,
        "id": facility.id,
        "kind": facility.kind,
        **_name_row(facility.name),
        "capacity": facility.capacity,
        "opening": facility.opening,
        "party": facility.party,
        "crew": facility.crew,
        "ledger": json.dumps(facility.ledger, ensure_ascii=False),
        "retired_at": facility.retired_at,
    }


def unit_rows(facility: Facility) -> list[Row]:
    """Units"""
    return [
        {
            "community": facility.community,
            "facility": facility.id,
            "id": unit.id,
            "position": position,
            **_name_row(unit.name),
        }
        for position, unit in enumerate(facility.units)
    ]


def device_row(device: Device) -> Row:
    """devices; ``first_seen`` counts only where the device is new."""
    return {
        "id": device.id,
        "community": device.community,
        "scheme": device.scheme,
        "scheme_id": device.scheme_id,
        "state": device.state.value,
        **_name_row(device.name),
        "connection": device.connection,
        "maker": device.maker,
        "model": device.model,
        "gateway": device.gateway,
        "expected_interval": device.expected_interval,
        "first_seen": device.first_seen,
        **{key: _day_text(getattr(device, key)) for key in DATES},
    }


def binding_row(binding: Binding) -> Row:
    """Bindings"""
    return {
        "device": binding.device,
        "point": binding.point,
        "valid_from": binding.valid_from,
        "valid_to": binding.valid_to,
        "community": binding.community,
        "facility": binding.facility,
        "unit": binding.unit,
        "metric": binding.metric,
        "factor": binding.factor,
        "offset": binding.offset,
        "inverted": binding.inverted,
    }


def expected_row(line: Expected) -> Row:
    """expected_devices; which device has come counts only where the line is new."""
    return {
        "community": line.community,
        "id": line.id,
        **_name_row(line.name),
        "serial": line.serial,
        "scheme": line.scheme,
        "scheme_id": line.scheme_id,
        "facility": line.facility,
        "unit": line.unit,
        "place": line.place,
        "gateway": line.gateway,
        "points": json.dumps(dict(line.points), ensure_ascii=False),
        "maker": line.maker,
        "model": line.model,
        "interval": line.interval,
        "device": line.device,
        "arrived_at": line.arrived_at,
        "matched": line.matched,
    }


def expected_from_row(row: RowMapping) -> Expected:
    """One line of the list."""
    values = {key: value for key, value in row.items() if key not in ("name_zh", "name_en", "points")}
    return Expected(**values, name=_name(row), points=json.loads(row["points"]))


def span_row(span: Span) -> Row:
    """Commissionings"""
    return {
        "community": span.community,
        "id": span.id,
        "part": span.part.value,
        "subject": span.of,
        "since": span.since,
        "until": span.until,
        "by": span.by,
        "ended_by": span.ended_by,
        "note": span.note,
    }


def span_from_row(row: RowMapping) -> Span:
    """One time of commissioning."""
    values = {key: value for key, value in row.items() if key not in ("part", "subject")}
    return Span(**values, part=Part(row["part"]), of=row["subject"])


def rule_row(community: str, change: RuleChange) -> Row:
    """rules; ``version`` is raised by the book."""
    return {
        "community": community,
        "id": change.id,
        "enabled": change.rule.enabled,
        "definition": json.dumps(dict(change.text), ensure_ascii=False),
        "version": 0,
    }


def device_from_row(row: Any) -> Device:
    """One device."""
    return Device(
        id=row.id,
        community=row.community,
        scheme=row.scheme,
        scheme_id=row.scheme_id,
        state=DeviceState(row.state),
        name=Name(zh=row.name_zh, en=row.name_en),
        connection=row.connection,
        maker=row.maker,
        model=row.model,
        gateway=row.gateway,
        expected_interval=row.expected_interval,
        first_seen=row.first_seen,
        about=about_of(row.about),
        sim_expires=_day(row.sim_expires),
        calibrated_until=_day(row.calibrated_until),
        end_of_life=_day(row.end_of_life),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _day_text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def point_from_row(row: Any) -> InboxPoint:
    """What a device has been heard to say, with what it told of it."""
    point = InboxPoint.of(row.name, row.sample, said=row.metric, guess=row.guess)
    return point._replace(unit=row.unit, label=row.label, upkeep=row.upkeep, kind=row.kind)


def about_of(text: str) -> About:
    """What a device said of itself, from its column."""
    return UNTOLD if text == "{}" else msgspec.json.decode(text, type=About)


def about_text(about: About) -> str:
    """For the column."""
    return msgspec.json.encode(about).decode()


def read_pictures(connection: Connection, catalogue: Catalogue, community: str | None = None) -> list[Picture]:
    """All communities, or one; in order of id, and everything inside in order of entry or id."""
    return [_Reader(connection, row, catalogue).picture() for row in _rows(connection, t.communities, "id", community)]


def _rows(connection: Connection, table: Table, key: str, value: str | None, *order: str) -> list[RowMapping]:
    query = select(table).order_by(*(table.c[name] for name in order or ("id",)))
    if value is not None:
        query = query.where(table.c[key] == value)
    return list(connection.execute(query).mappings())


def _name_row(name: Name) -> Row:
    return {"name_zh": name.zh, "name_en": name.en}


def _name(row: RowMapping) -> Name:
    return Name(zh=row["name_zh"], en=row["name_en"])


class _Reader:
    """Reads one community, table by table."""

    def __init__(self, connection: Connection, row: RowMapping, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._community = Community(
            id=row["id"], name=_name(row), timezone=row["timezone"], language=row["language"], prefix=row["prefix"]
        )

    def picture(self) -> Picture:
        return Picture(
            community=self._community,
            parties={
                row["id"]: Party(id=row["id"], name=_name(row), phone=row["phone"]) for row in self._of(t.parties)
            },
            crews=self._crews(),
            places={row["id"]: self._place(row) for row in self._of(t.places)},
            facilities=self._facilities(),
            devices=self._devices(),
            bindings=self._bindings(),
            rules={
                row["id"]: read_rule(row["id"], json.loads(row["definition"]), self._catalogue)
                for row in self._of(t.rules)
            },
            expected={row["id"]: expected_from_row(row) for row in self._of(t.expected_devices)},
            commissioning={row["id"]: span_from_row(row) for row in self._of(t.commissionings, "since", "id")},
            live=tuple(GoneLive(**row) for row in self._of(t.gone_live, "at", "kind")),
        )

    def _of(self, table: Table, *order: str) -> list[RowMapping]:
        return _rows(self._connection, table, "community", self._community.id, *order)

    def _crews(self) -> dict[str, Crew]:
        contacts: dict[str, list[Contact]] = defaultdict(list)
        for row in self._of(t.contacts):
            contacts[row["crew"]].append(
                Contact(
                    id=row["id"],
                    name=row["name"],
                    channel=row["channel"],
                    address=row["address"],
                    language=row["language"],
                )
            )
        return {
            row["id"]: Crew(
                community=self._community.id,
                id=row["id"],
                name=_name(row),
                is_default=row["is_default"],
                party=row["party"],
                contacts=tuple(contacts[row["id"]]),
            )
            for row in self._of(t.crews)
        }

    def _place(self, row: RowMapping) -> Place:
        return Place(
            community=self._community.id,
            id=row["id"],
            tree=Tree(row["tree"]),
            kind=PlaceKind(row["kind"]),
            parent=row["parent"],
            name=_name(row),
        )

    def _facilities(self) -> dict[str, Facility]:
        units: dict[str, list[Unit]] = defaultdict(list)
        for row in self._of(t.units, "facility", "position"):
            units[row["facility"]].append(Unit(id=row["id"], name=_name(row)))
        today = {
            (row["facility"], row["tree"]): row["place"]
            for row in self._of(t.facility_places, "facility", "valid_from")
            if row["valid_to"] is None
        }
        return {
            row["id"]: Facility(
                community=self._community.id,
                id=row["id"],
                kind=row["kind"],
                name=_name(row),
                building=today.get((row["id"], Tree.MANAGEMENT.value)),
                grid=today.get((row["id"], Tree.ADMINISTRATION.value)),
                capacity=row["capacity"],
                opening=row["opening"],
                party=row["party"],
                crew=row["crew"],
                units=tuple(units[row["id"]]),
                ledger=json.loads(row["ledger"]),
                retired_at=row["retired_at"],
            )
            for row in self._of(t.facilities)
        }

    def _devices(self) -> dict[str, Device]:
        query = select(t.devices).where(
            t.devices.c.community == self._community.id, t.devices.c.state != DeviceState.INBOX.value
        )
        return {row.id: device_from_row(row) for row in self._connection.execute(query.order_by(t.devices.c.id))}

    def _bindings(self) -> dict[tuple[str, str], tuple[Binding, ...]]:
        spans: dict[tuple[str, str], list[Binding]] = defaultdict(list)
        for row in self._of(t.bindings, "device", "point", "valid_from"):
            spans[row["device"], row["point"]].append(Binding(**row))
        return {point: tuple(found) for point, found in spans.items()}
