"""The inbox side of the device table: what has been heard of for the first time, and what devices say of themselves."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, Connection, select, update

from hub.clock import to_iso
from hub.domain.ids import IdMaker
from hub.domain.leaving import withdrawn_since
from hub.domain.people import AuditEntry
from hub.domain.places import UNTOLD, About, Binding, Device, DeviceState, Name
from hub.flows.batch import Announced, DeviceSeen
from hub.flows.self_description import difference, taken_up_again, told_anew
from hub.storage.books.people import PeopleBook
from hub.storage.books.registry import RegistryBook
from hub.storage.books.registry_rows import about_text, binding_row, device_from_row
from hub.storage.books.registry_version import raise_registry_version
from hub.storage.books.upserts import Upsert
from hub.storage.tables import bindings, devices, facilities, points

_DEVICE: Final = Upsert(devices, ("id",))
_HUB: Final = "hub"
"""Who did it, where nobody did."""
_POINT: Final = Upsert(points, ("device", "name"))
_POINT_SAID: Final = Upsert(points, ("device", "name"), update=("metric", "unit", "label", "upkeep", "kind", "guess"))


class DeviceBook:
    """Writes devices and points that the registry does not know yet, and beside any device what it says of itself.

    What people have decided (name, place, bindings, a gateway or an interval that they set) it never changes.
    """

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._people = PeopleBook(connection, ids)

    def seen(self, heard: Iterable[DeviceSeen]) -> int:
        """Put new devices into the inbox and new points beside their device; how many devices were new."""
        new = 0
        for device in heard:
            new += self._connection.execute(_DEVICE.on(self._connection), _row(device)).rowcount
            guesses = dict(device.guesses)
            names = [
                {"device": device.device, "name": name, "first_seen": device.at, "guess": guesses.get(name, "")}
                for name in device.names
            ]
            if names:
                self._connection.execute(_POINT.on(self._connection), names)
        return new

    def announced(self, said: Iterable[Announced]) -> bool:
        """Note what devices said of themselves beside what they said before. Idempotent.

        True where the registry's picture is another one by it: a device in use has got a gateway, or a new firmware.
        What is another than before of a device in use, and its return, stands in the audit.
        """
        renewed = False
        for word in said:
            row = self._connection.execute(select(devices).where(devices.c.id == word.device)).one_or_none()
            if row is None:
                continue
            renewed |= not word.points_only and self._tell(device_from_row(row), word)
            told = [
                {
                    "device": word.device,
                    "name": point.name,
                    "first_seen": word.at,
                    "metric": point.metric,
                    "unit": point.unit,
                    "label": point.label,
                    "upkeep": point.upkeep,
                    "kind": point.kind,
                    "guess": "",
                }
                for point in word.points
            ]
            if told:
                self._connection.execute(_POINT_SAID.on(self._connection), told)
        if renewed:
            raise_registry_version(self._connection)
        return renewed

    def retire(self, gone: Collection[str], now: int) -> None:
        """Put devices out of use whose gateways no longer know them: their bindings end, their history stays."""
        registry = RegistryBook(self._connection)
        for device in gone:
            found = registry.device(device)
            about = UNTOLD if found is None else found[0].about
            if not about.withdrawn or not registry.retire_device(device, now=now):
                continue
            self._write(device, {"about": about_text(replace(about, retired_at=now))})
            since = {"withdrawn_at": to_iso(withdrawn_since(about) or now), "format": about.format}
            self._people.record(_audited(device, now, "device_left", since))

    def _tell(self, device: Device, word: Announced) -> bool:
        """Whether the picture is another one by it."""
        before, about = device.about, told_anew(device.about, word)
        changed: dict[str, object] = {}
        if replace(about, said_at=before.said_at) != before:
            changed["about"] = about_text(about)
        state = self._state_after(device, about, word.at)
        if state is not device.state:
            changed["state"] = state.value
        if device.state is DeviceState.INBOX and word.name:
            names = {"name_zh": about.name, "name_en": about.name}
            changed |= names if device.name != Name(zh=about.name, en=about.name) else {}
        if not changed:
            return False
        self._write(device.id, changed)
        if device.state is DeviceState.INBOX and "state" not in changed:
            return False
        if found := difference(before, about):
            self._people.record(_audited(device.id, word.at, "device_told", found))
        return True

    def _state_after(self, device: Device, about: About, at: int) -> DeviceState:
        """Who waits and is withdrawn goes, and comes back with its next word; so does who was put out of use by itself."""
        if device.state is DeviceState.INBOX and about.withdrawn:
            return DeviceState.RETIRED
        if device.state is not DeviceState.RETIRED or about.withdrawn or not device.about.withdrawn:
            return device.state
        return self._taken_up_again(device, at) if device.about.retired_at else DeviceState.INBOX

    def _taken_up_again(self, device: Device, at: int) -> DeviceState:
        """Its bindings go on where its place is free; where none of them does it waits for a new place."""
        c, left_at = bindings.c, device.about.retired_at
        known = _bindings(self._connection, c.device == device.id)
        past = [binding for binding in known if binding.valid_to == left_at]
        here = sorted({binding.facility for binding in past})
        taken = _bindings(self._connection, c.community == device.community, c.facility.in_(here), c.valid_to.is_(None))
        f = facilities.c
        in_use = select(f.id).where(f.community == device.community, f.id.in_(here), f.retired_at.is_(None))
        stands = set(self._connection.execute(in_use).scalars())
        again = taken_up_again([each for each in past if each.facility in stands], taken, max(at, left_at))
        if again:
            self._connection.execute(bindings.insert(), [binding_row(binding) for binding in again])
        self._people.record(_audited(device.id, at, "device_back", {"points": [binding.point for binding in again]}))
        return DeviceState.ADOPTED if again or not known else DeviceState.INBOX

    def _write(self, device: str, values: Mapping[str, object]) -> None:
        self._connection.execute(update(devices).where(devices.c.id == device).values(values))


def _bindings(connection: Connection, *where: ColumnElement[bool]) -> list[Binding]:
    return [Binding(**row) for row in connection.execute(select(bindings).where(*where)).mappings()]


def _row(device: DeviceSeen) -> dict[str, object]:
    return {
        "id": device.device,
        "community": device.community,
        "scheme": device.scheme,
        "scheme_id": device.scheme_id,
        "state": DeviceState.INBOX.value,
        "name_zh": device.scheme_id,
        "name_en": device.scheme_id,
        "connection": device.connection,
        "first_seen": device.at,
    }


def _audited(device: str, at: int, action: str, detail: Mapping[str, object]) -> AuditEntry:
    told = json.dumps(detail, ensure_ascii=False)
    return AuditEntry(at=at, by=_HUB, action=action, object=f"device:{device}", detail=told)
