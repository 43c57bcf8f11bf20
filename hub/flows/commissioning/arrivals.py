"""Expected devices adopt themselves when they are first heard, in the transaction that writes down that they were."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from hub.domain.expected import Expected, Match, matches
from hub.domain.metrics import METRICS
from hub.domain.places import Binding, Device, DeviceState
from hub.errors import InvalidInput
from hub.flows.batch import Decoded
from hub.flows.commissioning.ports import CommissioningBook, Heard
from hub.flows.community.adoption import Adoption, Scales, adopt, as_sent
from hub.flows.registry import Registry

log: Final = logging.getLogger(__name__)


def heard_in(batch: Decoded) -> frozenset[str]:
    """The devices that are new in a batch, or have said something of themselves."""
    return frozenset(word.device for word in batch.seen) | frozenset(word.device for word in batch.announced)


def take_arrivals(
    book: CommissioningBook,
    registry: Registry,
    now: int,
    scales: Scales = as_sent,
    *,
    devices: Collection[str] | None = None,
) -> list[Match]:
    """Give each expected device that is there its place. Idempotent: a line that has its device is passed over.

    ``devices``: only these; None: all of the registry's communities. A device in use already (the file lists it twice)
    keeps its bindings and is only ticked off.
    """
    communities = registry.communities.keys() if devices is None else {device.partition("~")[0] for device in devices}
    missing = book.missing(communities) if communities else []
    if not missing:
        return []
    heard = {device.id: (device, points) for device, points in book.heard(devices)}
    done = []
    for match in matches(missing, [device for device, _ in heard.values()]):
        if devices is None and match.device.state is DeviceState.ADOPTED:
            continue  # listed as a device too: it ticks itself off with its next first message
        try:
            gateway = gateway_of(book, match.expected, registry)
            device, bindings = settle(match, heard[match.device.id], registry, gateway, scales)
        except InvalidInput as error:
            log.warning("%s cannot take its place: %s", match.device.id, error, extra={"action": "arrival_refused"})
            continue
        book.arrive(match, device, bindings, now)
        done.append(match)
    return done


def settle(
    match: Match, heard: Heard, registry: Registry, gateway: str, scales: Scales = as_sent
) -> tuple[Device, tuple[Binding, ...]]:
    """The device as it stands in its line's place, and its bindings.

    InvalidInput: the place is gone, or a point comes in a unit that is none of the line's metric.
    """
    line, (device, points) = match.expected, heard
    bindings: tuple[Binding, ...] = ()
    if device.state is DeviceState.INBOX:
        if line.facility:
            wish = Adoption(device=device.id, facility=line.facility, unit=line.unit, points=_metrics(line))
            device, bindings = adopt(wish, {device.id: (device, points)}, registry, scales)
        device = replace(device, state=DeviceState.ADOPTED, name=line.name)
    return (
        replace(
            device,
            maker=line.maker or device.maker,
            model=line.model or device.model,
            gateway=gateway or device.gateway,
            expected_interval=line.interval or device.expected_interval,
        ),
        bindings,
    )


def _metrics(line: Expected) -> dict[str, str]:
    """Every point of the line has its metric: the one written there, else what its name says."""
    named = {point: metric or point.rpartition(".")[2] for point, metric in line.points.items()}
    return {point: metric for point, metric in named.items() if metric in METRICS}


def gateway_of(book: CommissioningBook, line: Expected, registry: Registry) -> str:
    """The device through which a line speaks; empty where it names none, or one that has not come yet."""
    own = f"{line.community}~{line.gateway}"
    if not line.gateway or own in registry.devices:
        return own if line.gateway else ""
    return book.device_of(line.community, line.gateway)


def find_heard(book: CommissioningBook, device: str) -> Heard:
    """A device that stands for no line yet. InvalidInput where there is none."""
    found = book.heard([device])
    if not found:
        raise InvalidInput(
            f"no device {device[:80]!r} waits", pointer="/device", expected="one that stands in the inbox"
        )
    return found[0]
