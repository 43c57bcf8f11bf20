"""What formats say beside readings, as the batch carries it on: announcements, lessons and requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from devices.contract import Announcement, Change, DeviceRef, Request
from hub.flows.batch import Announced, Asked, Learned, PointSaid
from hub.ingest.topics import Arrival

ALIASES: Final = "@aliases"
"""Stands where a format's name would: what all formats of a connection have learned about identities."""


OWNERS: Final = "@owners"
"""Stands there likewise: which format speaks for which points of a device."""


def of_a_format(learned: Learned) -> bool:
    """Whether a format has learned it, and not the hub about identities and who speaks for what."""
    return not learned.format.startswith("@")


def announced(
    said: Announcement, device: str, arrival: Arrival, wire_format: str, *, points_only: bool = False
) -> Announced:
    """``device``: the hub id under which it has been admitted."""
    return Announced(
        device=device,
        at=arrival.received_at,
        format=wire_format,
        name=said.name,
        maker=said.maker,
        model=said.model,
        firmware=said.firmware,
        serial=said.serial,
        power=said.power,
        gateway=said.via.hub_id if said.via is not None else "",
        interval_s=said.interval_s,
        hints=said.hints,
        aliases=tuple((alias.scheme, alias.id) for alias in said.aliases),
        points=tuple(
            PointSaid(point.name, point.metric, point.unit, point.label, point.upkeep, point.kind)
            for point in said.points
        ),
        withdrawn=said.withdrawn,
        points_only=points_only,
        silence_s=said.silence_s,
    )


def learned(changes: Iterable[Change], arrival: Arrival, wire_format: str) -> list[Learned]:
    """What has to outlive a restart."""
    return [Learned(arrival.connection, wire_format, each.key, each.value) for each in changes if each.lasting]


def alias_learned(connection: str, alias: DeviceRef, device: DeviceRef) -> Learned:
    """Who speaks as ``alias`` is ``device``."""
    key = f"{alias.community}/{alias.scheme}/{alias.id}"
    return Learned(connection, ALIASES, key, [device.community, device.scheme, device.id])


def gone_into(alias: DeviceRef, arrival: Arrival, wire_format: str) -> Announced:
    """Who waited in the inbox under the alias is there under its own name now."""
    return announced(Announcement(device=alias, withdrawn=True), alias.hub_id, arrival, wire_format)


def alias_of(known: Learned) -> tuple[DeviceRef, DeviceRef] | None:
    """(alias, device) of such a lesson; None where it is none, or none that can be read."""
    parts = known.key.split("/", 2)
    if known.format != ALIASES or len(parts) != 3 or not isinstance(known.value, list) or len(known.value) != 3:
        return None
    return DeviceRef(*parts), DeviceRef(*known.value)


def owners_learned(connection: str, device: DeviceRef, rank: int, names: list[str]) -> Learned:
    """A format of this rank has begun to speak for these points of the device: it never claims one of them twice."""
    key = f"{device.community}/{device.scheme}/{device.id}\n{rank} {names[0]}"
    return Learned(connection, OWNERS, key, [rank, names])


def owners_of(known: Learned) -> tuple[DeviceRef, int, list[str]] | None:
    """(device, rank, names) of such a lesson; None where it is none, or none that can be read."""
    parts = known.key.partition("\n")[0].split("/", 2)
    if known.format != OWNERS or len(parts) != 3 or not isinstance(known.value, list) or len(known.value) != 2:
        return None
    rank, names = known.value
    return DeviceRef(*parts), rank, names


def asked(requests: Iterable[Request], arrival: Arrival) -> Iterator[Asked]:
    """What devices are to be sent, on the connection that gave cause."""
    for each in requests:
        yield Asked(
            connection=arrival.connection,
            topic=each.topic,
            payload=each.payload,
            why=each.why,
            key=each.key,
            retain=each.retain,
            received_at=arrival.received_at,
        )
