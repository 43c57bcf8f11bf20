"""A small community for stories in virtual time: registry, batches, and a lane to drive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hub.clock import ManualClock
from hub.domain.alarms import Priority
from hub.domain.places import Binding, Community, Device, DeviceState, Facility, Name
from hub.domain.rules import FailureMode, Rule, RuleKind, Side
from hub.flows.alarm_lane import AlarmLane
from hub.flows.batch import (
    SET_BACK,
    Availability,
    Decoded,
    FaultEvent,
    Gap,
    PointKey,
    Position,
    Readings,
    Slots,
    TextReading,
)
from hub.flows.commissioning.lane import Commissioner
from hub.flows.registry import Contact, Crew, Registrar, Registry

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
START = 1_763_800_000_000
HOME = "garden"


def name(text: str) -> Name:
    return Name(zh=f"{text}中", en=text)


def mode(mode_id: str, kind: str = "pump_room", **more: Any) -> FailureMode:
    return FailureMode(
        id=mode_id,
        facility_kind=kind,
        name=name(mode_id),
        priority=more.pop("priority", Priority.HIGH),
        response=name("go there"),
        consequence=name("it breaks"),
        checks=(name("first"), name("second"), name("third")),
        **more,
    )


def limit_rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "pump-room-hot",
        "facility_kind": "pump_room",
        "failure_mode": "over_temperature",
        "kind": RuleKind.LIMIT,
        "priority": Priority.HIGH,
        "metric": "temperature",
        "side": Side.HIGH,
        "setpoint": 80.0,
        "deadband": 5.0,
    }
    return Rule(**values | more)


def fault_rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "pump-room-trip",
        "facility_kind": "pump_room",
        "failure_mode": "pump_trip",
        "kind": RuleKind.FAULT_EVENT,
        "priority": Priority.HIGH,
        "codes": ("E21",),
    }
    return Rule(**values | more)


def silence_rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "pump-room-no-data",
        "facility_kind": "pump_room",
        "failure_mode": "no_data",
        "kind": RuleKind.NO_DATA,
        "priority": Priority.LOW,
    }
    return Rule(**values | more)


def hub_id(device: str) -> str:
    return f"{HOME}~{device}"


def registry(
    *rules: Rule,
    devices: Iterable[str] = ("pump",),
    points: Iterable[str] = ("temperature",),
    version: int = 1,
    **more: Any,
) -> Registry:
    names = list(devices)
    values: dict[str, Any] = {
        "version": version,
        "communities": {HOME: Community(id=HOME, name=name("Garden"))},
        "facilities": {
            (HOME, f"room-{d}"): Facility(community=HOME, id=f"room-{d}", kind="pump_room", name=name(f"Room {d}"))
            for d in names
        },
        "crews": {
            (HOME, "works"): Crew(
                community=HOME,
                id="works",
                name=name("Works"),
                is_default=True,
                contacts=(
                    Contact(id="ana", name="Ana", channel="email", address="ana@example.org", language="zh-CN"),
                    Contact(id="bob", name="Bob", channel="email", address="bob@example.org", language="en"),
                ),
            )
        },
        "devices": {
            hub_id(d): Device(
                id=hub_id(d), community=HOME, scheme="native", scheme_id=d, state=DeviceState.ADOPTED, name=name(d)
            )
            for d in names
        },
        "bindings": {
            (hub_id(d), p): (Binding(community=HOME, device=hub_id(d), point=p, facility=f"room-{d}"),)
            for d in names
            for p in points
        },
        "failure_modes": {
            ("pump_room", m.id): m
            for m in (mode("over_temperature"), mode("pump_trip"), mode("no_data"), mode("device_fault"))
        },
        "rules": {HOME: tuple(rules)},
    }
    return Registry(**values | more)


@dataclass
class Saying:
    """One batch in the making."""

    rows: list[tuple[str, str, int, float, int, int]] = field(default_factory=list)
    texts: list[tuple[str, str, int, str]] = field(default_factory=list)
    events: list[FaultEvent] = field(default_factory=list)
    words: list[Availability] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def value(
        self,
        device: str,
        value: float,
        at: int,
        *,
        point: str = "temperature",
        arrival: int | None = None,
        mark: int = 0,
    ) -> Saying:
        self.rows.append((device, point, at, value, at if arrival is None else arrival, mark))
        return self

    def text(self, device: str, text: str, at: int, *, point: str = "state") -> Saying:
        self.texts.append((device, point, at, text))
        return self

    def fault(self, device: str, code: str, at: int, *, active: bool | None = True, type_: str = "fault") -> Saying:
        self.events.append(FaultEvent(HOME, hub_id(device), at, at, type_, code, active, "said so", 0, 0))
        return self

    def online(self, device: str, at: int, *, online: bool | None) -> Saying:
        self.words.append(Availability(HOME, hub_id(device), online, at))
        return self

    def gap(self, start: int, end: int) -> Saying:
        self.gaps.append(Gap("main", "hub_down", start, end, ""))
        return self

    def set_back(self, to: int, by: int) -> Saying:
        """The hub's own machine: its clock shows ``to`` once more."""
        self.gaps.append(Gap("*", SET_BACK, to, to + by, ""))
        return self

    def decoded(self, slots: Slots, number: int, journal: str = "j") -> Decoded:
        rows = self.rows
        slot = [slots.slot(PointKey(HOME, hub_id(d), p)) for d, p, *_ in rows]
        arrivals = [r[4] for r in rows] + [t[2] for t in self.texts] + [e.arrival for e in self.events]
        arrivals += [w.arrival for w in self.words] + [
            g.started_at if g.kind == SET_BACK else g.ended_at for g in self.gaps
        ]
        return Decoded(
            position=Position(journal, number),
            received_at=max(arrivals),
            frames=len(arrivals),
            readings=Readings(
                slot=np.array(slot, np.int64),
                time=np.array([r[2] for r in rows], np.int64),
                value=np.array([r[3] for r in rows], np.float64),
                arrival=np.array([r[4] for r in rows], np.int64),
                mark=np.array([r[5] for r in rows], np.uint8),
                frame=np.arange(len(rows), dtype=np.int64),
            ),
            texts=[
                TextReading(slots.slot(PointKey(HOME, hub_id(d), p)), at, text, at, 0, 0)
                for d, p, at, text in self.texts
            ],
            events=self.events,
            availability=self.words,
            gaps=self.gaps,
        )


class Story:
    """A lane driven by hand, with a look at everything it wrote. ``crash`` forgets all that is not in the records."""

    def __init__(self, records: Any, picture: Registry, *, lateness: int = 10 * MINUTE, public_url: str = "") -> None:
        self.records = records
        self.picture = picture
        self.lateness = lateness
        self.public_url = public_url
        self.journal: list[Saying] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.clock = ManualClock(START)
        self._boot()

    def _boot(self) -> None:
        self.commissioner = Commissioner()
        self.slots = Slots()
        self.registrar = Registrar(self.picture)
        self.lane = AlarmLane(
            self.records,
            self.registrar,
            self.slots,
            self.clock,
            lateness=self.lateness,
            public_url=self.public_url,
            publish=lambda kind, data: self.published.append((kind, data)),
            commissioner=self.commissioner,
        )
        self.lane.open()

    def crash(self) -> None:
        """A new process: state blob, journal after it, then on."""
        self._boot()
        position = self.lane.position()
        done = position.batch if position is not None else 0
        first = self.lane.state_batch() + 1
        self.lane.restore(self.journal[n - 1].decoded(self.slots, n) for n in range(first, done + 1))
        for number in range(done + 1, len(self.journal) + 1):
            batch = self.journal[number - 1].decoded(self.slots, number)
            self.lane.take(batch)
            self.wait_until(batch.received_at)

    def say(self, saying: Saying, *, tick: bool = True) -> None:
        self.journal.append(saying)
        batch = saying.decoded(self.slots, len(self.journal))
        self.lane.take(batch)
        if tick:
            self.wait_until(batch.received_at)

    def wait_until(self, now: int) -> None:
        """Let time pass as the runner does: at every deadline on the way (long stretches in strides)."""
        while (deadline := self.lane.next_deadline()) is not None and deadline <= now:
            left = now - self.lane._time
            stride = max(MINUTE, left // 500) if left > HOUR else 0
            self.lane.tick(max(deadline, self.lane._time + stride))
            if self.lane.next_deadline() == deadline:
                break

    # --- looking ------------------------------------------------------------------------------------------------

    def alarms(self) -> list[Any]:
        return self.records.read(lambda books: list(_alarms(books)))

    def tickets(self) -> list[Any]:
        return self.records.read(lambda books: list(_tickets(books)))

    def notices(self) -> list[Any]:
        return self.records.read(lambda books: list(_notices(books)))

    def ticket(self) -> Any:
        found = self.tickets()
        assert len(found) == 1, found
        return found[0]

    def replace_registry(self, picture: Registry) -> None:
        self.picture = picture
        self.registrar.replace(picture)


def _alarms(books: Any) -> Iterable[Any]:
    if hasattr(books.alarms, "rows"):
        return books.alarms.rows.values()
    from hub.flows.lists import AlarmFilter

    return books.alarms.page(AlarmFilter(), limit=1000).items


def _tickets(books: Any) -> Iterable[Any]:
    if hasattr(books.tickets, "rows"):
        return books.tickets.rows.values()
    from hub.flows.lists import TicketFilter

    return reversed(books.tickets.page(TicketFilter(), limit=1000).items)


def _notices(books: Any) -> Iterable[Any]:
    if hasattr(books.notices, "rows"):
        return books.notices.rows.values()
    from hub.flows.lists import NoticeFilter

    return reversed(books.notices.page(NoticeFilter(), limit=1000).items)
