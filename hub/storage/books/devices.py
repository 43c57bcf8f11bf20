"""The inbox side of the device table: what has been heard of for the first time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from hub.domain.places import DeviceState
from hub.flows.batch import DeviceSeen
from hub.storage.books.upserts import Upsert
from hub.storage.tables import devices, points

_DEVICE: Final = Upsert(devices, ("id",))
_POINT: Final = Upsert(points, ("device", "name"))


class DeviceBook:
    """Writes devices and points that the registry does not know yet; never changes one that it does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, heard: Iterable[DeviceSeen]) -> int:
        """Put new devices into the inbox and new points beside their device; how many devices were new."""
        new = 0
        for device in heard:
            new += self._connection.execute(_DEVICE.on(self._connection), _row(device)).rowcount
            names = [{"device": device.device, "name": name, "first_seen": device.at} for name in device.names]
            if names:
                self._connection.execute(_POINT.on(self._connection), names)
        return new


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
