"""The inbox side of the device table: what has been heard of for the first time, and what devices say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, select, update

from hub.clock import SECOND
from hub.domain.places import About, DeviceState
from hub.flows.batch import Announced, DeviceSeen
from hub.storage.books.registry_rows import about_of, about_text
from hub.storage.books.registry_version import raise_registry_version
from hub.storage.books.upserts import Upsert
from hub.storage.tables import devices, points

_DEVICE: Final = Upsert(devices, ("id",))
_POINT: Final = Upsert(points, ("device", "name"))
_POINT_SAID: Final = Upsert(points, ("device", "name"), update=("metric", "unit", "label", "upkeep", "kind", "guess"))


class DeviceBook:
    """Writes devices and points that the registry does not know yet, and beside any device what it says of itself.

    What people have decided (name, place, bindings, an interval that they set) it never changes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        """
        renewed = False
        for word in said:
            row = self._connection.execute(select(devices).where(devices.c.id == word.device)).one_or_none()
            if row is None:
                continue
            changed = {} if word.points_only else _changed(row, word)
            if changed:
                self._connection.execute(update(devices).where(devices.c.id == word.device).values(changed))
                renewed |= row.state != DeviceState.INBOX.value or "state" in changed
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


def _changed(row: Any, word: Announced) -> dict[str, object]:
    """Columns that get another value. Of an adopted device only what nobody has filled in."""
    before = about_of(row.about)
    about = About(
        format=word.format,
        said_at=word.at,
        name=word.name or before.name,
        firmware=word.firmware or before.firmware,
        serial=word.serial or before.serial,
        power=word.power or before.power,
        hints=word.hints or before.hints,
        aliases=tuple(dict.fromkeys((*before.aliases, *word.aliases))),
        withdrawn=word.withdrawn,
    )
    waiting = row.state == DeviceState.INBOX.value
    wanted: dict[str, object] = {
        "maker": word.maker,
        "model": word.model,
        "gateway": word.gateway,
        "expected_interval": None if word.interval_s is None else word.interval_s * SECOND,
    }
    found = {key: value for key, value in wanted.items() if value and (waiting or not getattr(row, key))}
    if waiting and word.name:
        found |= {"name_zh": word.name, "name_en": word.name}
    if word.withdrawn and waiting:
        found["state"] = DeviceState.RETIRED.value
    elif not word.withdrawn and row.state == DeviceState.RETIRED.value and before.withdrawn:
        found["state"] = DeviceState.INBOX.value
    found = {key: value for key, value in found.items() if getattr(row, key) != value}
    same = replace(about, said_at=before.said_at) == before
    return found if same else found | {"about": about_text(about)}
