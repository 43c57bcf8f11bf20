"""Harmony Garden's pump rooms and sumps while they are being fitted: a list, what has come, and what does not add up."""

from __future__ import annotations

from typing import Any

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.commissioning import Part, Span
from hub.domain.expected import Expected
from hub.domain.ids import uuid7
from hub.domain.places import About, Device, DeviceState, Name
from hub.domain.walk import How, Outcome, PointTest
from hub.flows.ports import AlarmEvent
from hub.flows.registry import Registry
from hub.storage.books.registry_rows import about_text, device_row, expected_row
from hub.storage.tables import devices, expected_devices

KINDS = ("pump_room", "sump")


def fit(books: Any, registry: Registry, home: str, now: int) -> None:
    """One span over the community, and every sort of hitch."""
    known = sorted(
        {
            device
            for (device, _), spans in registry.bindings.items()
            if _kind(registry, home, spans[-1].facility) in KINDS
        }
    )
    books.connection.execute(devices.insert(), [device_row(registry.devices[name]) for name in known])
    for name, serial, at in (("sn-4711-17", "SN-4711-17", 3), ("box-a", "SN-7", 2), ("box-b", "SN-7", 1)):
        waiting = Device(
            id=f"{home}~{name}", community=home, scheme="native", scheme_id=name, state=DeviceState.INBOX,
            name=Name(zh=name, en=name), first_seen=now - at * HOUR,
        )  # fmt: skip
        row = device_row(waiting) | {"about": about_text(About(serial=serial))}
        books.connection.execute(devices.insert(), row)
    lines = [
        Expected(
            community=home, id="cellar-leak", name=Name(zh="地下室水浸", en="Cellar leak"), serial="SN-4711-71",
            facility=_first(registry, home, "sump"), gateway="gw-cellar", points={"leak": ""},
        ),
        Expected(community=home, id="gw-cellar", name=Name(zh="地下室网关", en="Cellar gateway"), serial="GW-1"),
        Expected(
            community=home, id="gone", name=Name(zh="旧泵房", en="Old pump room"), serial="SN-9", facility="torn-down",
            points={"pressure": ""},
        ),
    ]  # fmt: skip
    books.connection.execute(expected_devices.insert(), [expected_row(line) for line in lines])
    books.commissioning.put_span(
        Span(id="first", community=home, part=Part.COMMUNITY, since=now - 2 * DAY, until=now + 12 * DAY, by="manager")
    )
    points = sorted(key for key in registry.bindings if key[0] in known)
    told = [
        PointTest(community=home, device=points[0][0], point=points[0][1], at=now - HOUR, by="crew", value=1.0),
        PointTest(
            community=home, device=points[1][0], point=points[1][1], at=now - HOUR, by="crew", how=How.BY_HAND, value=2.0
        ),
        PointTest(
            community=home, device=points[2][0], point=points[2][1], at=now - MINUTE, by="crew",
            outcome=Outcome.OTHER_FIRED, value=1.0, other_device=points[-1][0], other_point=points[-1][1],
        ),
    ]  # fmt: skip
    books.commissioning.add_tests(told)
    recorded(books, registry, home, now)


def recorded(books: Any, registry: Registry, home: str, now: int) -> None:
    """A sump that was loud two days ago, and told nobody."""
    sump = _first(registry, home, "sump")
    alarm = Alarm(
        id=uuid7(now - 2 * DAY, 0, bytes(8)), rule="sump-extra-high-level", community=home, device=f"{home}~s", point="p",
        code="", facility=sump, unit="", failure_mode="extra_high_level", priority=Priority.HIGH, commissioning=True,
    )  # fmt: skip
    books.alarms.save(alarm, ticket=None, now=now)
    rows = [
        AlarmEvent(alarm.id, now - 2 * DAY + n * MINUTE + offset, kind, "why", n + 1)
        for n in range(5)
        for offset, kind in ((0, Change.NOT_TOLD), (1_000, Change.RETURNED))
    ]
    books.alarms.log(rows)


def _kind(registry: Registry, home: str, facility: str) -> str:
    found = registry.facilities.get((home, facility))
    return found.kind if found else ""


def _first(registry: Registry, home: str, kind: str) -> str:
    return next(f.id for f in registry.facilities.values() if f.kind == kind)
