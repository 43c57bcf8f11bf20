"""A town for the dashboards: two facilities of every kind with all their sensors, told by the simulator, faults included."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from devices.simulator.habits import signal_for
from devices.simulator.model import SimCommunity, SimDevice, SimPoint, point_key
from devices.simulator.play import Play
from devices.simulator.scenario import Scenario, Step
from hub.clock import HOUR, MINUTE, from_iso
from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.catalogue import Catalogue
from hub.domain.event_series import SeriesPoint, alarm_point, apart, counts_point, kpi_point, ticket_point
from hub.domain.health_series import HubLook, LaneLook, health_points
from hub.domain.kpi import Acknowledged, Done, Life, Period, figures
from hub.domain.kpi_places import counts
from hub.domain.metrics import METRICS
from hub.domain.places import Facility, Name, Rhythm
from hub.domain.readings import Quality
from hub.domain.rollups import hold_of
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace, TextRow
from hub.storage.series_influx import InfluxSeries

COMMUNITY = "test-town"
ZONE = "Asia/Shanghai"
START = from_iso("2026-03-02T00:00:00Z")
END = START + 6 * HOUR
EVERY = 5 * MINUTE
AWAY, BACK = START + 2 * HOUR, START + 3 * HOUR
"""When the store takes nothing."""
GRID = "grid-1"
OF_EVERY_SENSOR = ("battery", "signal", "online", "uptime")
OF_SOME_METERS = {
    "energy_exported": "energy",
    "reactive_energy": "energy",
    "apparent_power": "power",
    "reactive_power": "power",
    "heat_power": "power",
}
"""What a meter may tell beside what its kind is sure to tell, and which of these it goes like."""


class Reading(NamedTuple):
    """A reading as the store has it."""

    metric: str
    facility: str
    unit: str
    kind: str
    device: str
    point: str
    time: int
    value: float | str
    quality: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong in the town, and what becomes of it. Times are ms from the start."""

    kind: str
    mode: str
    begins: int
    lasts: int
    values: dict[str, float | bool] = field(default_factory=dict)
    fixed: bool = True
    """Whether the first completion was a true one."""
    handed_back: bool = False
    """Whether its ticket had no crew at first, and was given back by the one that accepted it."""


FAULTS = (
    Fault(
        kind="sump", mode="extra_high_level", begins=62 * MINUTE, lasts=41 * MINUTE, values={"extra_high_level": True}
    ),
    Fault(kind="lift", mode="door_fault", begins=130 * MINUTE, lasts=75 * MINUTE, fixed=False),
    Fault(kind="gym", mode="too_hot", begins=185 * MINUTE, lasts=300 * MINUTE, values={"temperature": 33.0}),
    Fault(
        kind="pump_room",
        mode="pump_trip",
        begins=205 * MINUTE,
        lasts=20 * MINUTE,
        values={"tripped": True},
        handed_back=True,
    ),
)
BEYOND_BELIEF = Step(shape="set", devices=("meeting-room-a-dev",), start=HOUR, end=2 * HOUR, values={"humidity": 140.0})


def slug(kind: str) -> str:
    return kind.replace("_", "-")


@dataclass(frozen=True)
class Town:
    """The truth: what every sensor read and what every fault became."""

    catalogue: Catalogue

    @cached_property
    def facilities(self) -> dict[str, Facility]:
        found = {}
        for kind in self.catalogue.kinds.values():
            for letter in "ab":
                id_ = f"{slug(kind.id)}-{letter}"
                name = Name(zh=f"{kind.name.zh}{letter}", en=f"{kind.name.en} {letter}")
                grid = GRID if letter == "a" else "grid-2"
                found[id_] = Facility(community=COMMUNITY, id=id_, kind=kind.id, name=name, grid=grid)
        return found

    @cached_property
    def play(self) -> Play:
        devices = {}
        for number, facility in enumerate(self.facilities.values()):
            kind = self.catalogue.kinds[facility.kind]
            unit = "u1." if kind.unit_word and facility.id.endswith("-a") else ""
            device = f"{facility.id}-dev"
            points = tuple(
                SimPoint(
                    name=f"{unit}{metric}",
                    metric=metric,
                    signal=signal_for(kind.id, OF_SOME_METERS.get(metric, metric)),
                    key=point_key(1, device, metric),
                    capacity=20,
                )
                for metric in dict.fromkeys(
                    (*kind.sensors, *OF_EVERY_SENSOR, *(OF_SOME_METERS if kind.id == "meter" else ()))
                )
            )
            devices[device] = SimDevice(
                id=device,
                gateway=device,
                building="b1",
                facility=facility.id,
                kind=kind.id,
                interval=EVERY,
                phase=(number * 7_000) % EVERY,
                points=points,
            )
        steps = [BEYOND_BELIEF]
        for fault in FAULTS:
            unit = "u1." if self.catalogue.kinds[fault.kind].unit_word else ""
            steps.append(
                Step(
                    shape="set",
                    devices=(f"{slug(fault.kind)}-a-dev",),
                    start=fault.begins,
                    end=fault.begins + fault.lasts,
                    values={f"{unit}{name}": value for name, value in fault.values.items()},
                    code=fault.mode,
                )
            )
        scenario = Scenario(name="town", about_zh="", about_en="", steps=tuple(steps), expect=())
        return Play(
            community=SimCommunity(id=COMMUNITY, zone=ZONE, devices=devices), scenario=scenario, start=START, seed=1
        )

    @cached_property
    def readings(self) -> list[Reading]:
        """What the simulator published, value by value."""
        found = {}
        for publication in self.play.between(START, END):
            device = publication.topic.split("/")[3]
            facility = self.facilities[device.removesuffix("-dev")]
            told = json.loads(publication.payload)
            for point, value in told["values"].items():
                unit, _, metric = point.rpartition(".")
                number = float(value) if isinstance(value, bool | int | float) else value
                good = isinstance(number, str) or METRICS[metric].plausible(number)
                quality = Quality.GOOD if good else Quality.UNCERTAIN
                reading = Reading(
                    metric, facility.id, unit, facility.kind, device, point, told["ts"], number, int(quality)
                )
                found[device, point, told["ts"]] = reading
        return sorted(found.values(), key=lambda reading: reading.time)

    def of(self, metric: str, kind: str = "") -> list[Reading]:
        return [r for r in self._by_metric[metric] if kind in ("", r.kind)]

    @cached_property
    def _by_metric(self) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = defaultdict(list)
        for reading in self.readings:
            found[reading.metric].append(reading)
        return found

    # --- what became of the faults ------------------------------------------------------------------------------

    @cached_property
    def _story(self) -> list[tuple[Alarm, list[tuple[int, Change]], Ticket, list[Done]]]:
        told = [truth for truth in self.play.truth(END) if truth.detail in {fault.mode for fault in FAULTS}]
        return [self._told(number, fault) for number, fault in enumerate(FAULTS) if told]

    def _told(self, number: int, fault: Fault) -> tuple[Alarm, list[tuple[int, Change]], Ticket, list[Done]]:
        """Raised as it begins, acknowledged after 3 minutes, accepted after 5, repaired when it has gone."""
        facility = self.facilities[f"{slug(fault.kind)}-a"]
        mode = self.catalogue.failure_modes[fault.kind, fault.mode]
        began = START + fault.begins
        gone = began + fault.lasts
        over = gone if gone < END else None
        alarm = Alarm(
            id=f"alarm-{number}",
            rule=f"{slug(fault.kind)}-{slug(fault.mode)}",
            community=COMMUNITY,
            device=f"{COMMUNITY}~{facility.id}-dev",
            point="",
            code="",
            facility=facility.id,
            unit="",
            failure_mode=fault.mode,
            priority=mode.priority,
            active=over is None,
            acked=True,
            occurrence=1,
            raised_at=began,
            annunciated_at=began,
            cleared_at=over,
        )
        changes = [
            (began, Change.RAISED),
            (began, Change.ANNUNCIATED),
            (began + 3 * MINUTE, Change.ACKNOWLEDGED),
        ]
        states = [
            (began, Action.OPEN, "", TicketState.ASSIGNED),
            (began + 5 * MINUTE, Action.ACCEPT, TicketState.ASSIGNED, TicketState.ACCEPTED),
            (began + 9 * MINUTE, Action.START, TicketState.ACCEPTED, TicketState.IN_PROGRESS),
        ]
        if fault.handed_back:
            states[:1] = [
                (began, Action.OPEN, "", TicketState.TRIAGED),
                (began + 2 * MINUTE, Action.ASSIGN, TicketState.TRIAGED, TicketState.ASSIGNED),
            ]
            states[-1:-1] = [
                (began + 6 * MINUTE, Action.DECLINE, TicketState.ACCEPTED, TicketState.ASSIGNED),
                (began + 8 * MINUTE, Action.ACCEPT, TicketState.ASSIGNED, TicketState.ACCEPTED),
            ]
        completed = None
        if not fault.fixed:
            completed = began + 20 * MINUTE
            states += [
                (completed, Action.COMPLETE, TicketState.IN_PROGRESS, TicketState.COMPLETED),
                (completed, Action.CHECK, TicketState.COMPLETED, TicketState.VERIFYING),
                (completed + 10 * MINUTE, Action.FAIL, TicketState.VERIFYING, TicketState.IN_PROGRESS),
            ]
        if over is not None:
            completed = over + MINUTE
            changes.append((over, Change.RETURNED))
            states += [
                (completed, Action.COMPLETE, TicketState.IN_PROGRESS, TicketState.COMPLETED),
                (completed, Action.CHECK, TicketState.COMPLETED, TicketState.VERIFYING),
                (over + 16 * MINUTE, Action.VERIFY, TicketState.VERIFYING, TicketState.RESOLVED),
            ]
        ticket = Ticket(
            id=f"ticket-{number}",
            number=f"TT-2026-{number + 1:06d}",
            key=TicketKey(community=COMMUNITY, facility=facility.id, unit="", failure_mode=fault.mode),
            kind=TicketKind.FAULT,
            state=states[-1][3],
            priority=mode.priority,
            title_zh=mode.name.zh,
            title_en=mode.name.en,
            crew="engineers",
            reported_at=began,
            accepted_at=began + 5 * MINUTE,
            completed_at=completed,
            restored_at=over,
            resolved_at=None if over is None else over + 16 * MINUTE,
            due_at=began + 2 * HOUR,
        )
        return alarm, changes, ticket, [Done(*state) for state in states]

    @property
    def tickets(self) -> list[Ticket]:
        return [ticket for _, _, ticket, _ in self._story]

    @property
    def alarms(self) -> list[Alarm]:
        return [alarm for alarm, *_ in self._story]

    @cached_property
    def events(self) -> list[SeriesPoint]:
        found = []
        for alarm, changes, ticket, done in self._story:
            facility = self.facilities[alarm.facility]
            name = self.catalogue.failure_modes[facility.kind, alarm.failure_mode].name
            found += [
                alarm_point(alarm, at=at, change=change, occurrence=1, facility=facility, name=name)
                for at, change in changes
            ]
            found += [
                ticket_point(ticket, at=d.at, action=d.action, state=TicketState(d.to_state), facility=facility)
                for d in done
            ]
        return apart(found)

    def hours(self) -> Iterator[Period]:
        for start in range(START, END, HOUR):
            end = start + HOUR
            yield Period(
                community=COMMUNITY,
                start=start,
                end=end,
                facilities=list(self.facilities.values()),
                lives=[
                    Life(ticket=ticket, changes=tuple(done for done in every if done.at < end))
                    for _, _, ticket, every in self._story
                    if ticket.reported_at < end
                ],
                raised=[alarm for alarm in self.alarms if start <= _began(alarm) < end],
                active=[
                    alarm
                    for alarm in self.alarms
                    if _began(alarm) < end and (alarm.active or (alarm.cleared_at or 0) >= end)
                ],
                acknowledged=[
                    Acknowledged(alarm, _began(alarm), at)
                    for alarm, changes, *_ in self._story
                    for at, change in changes
                    if change is Change.ACKNOWLEDGED and start <= at < end
                ],
            )

    # --- the hub itself -----------------------------------------------------------------------------------------

    @cached_property
    def looks(self) -> list[HubLook]:
        """Every minute. For an hour the store that others read takes nothing, and in the last minute of it the broker is away."""
        found = []
        for number, at in enumerate(range(START, END, MINUTE)):
            away = max(0, at - AWAY) if at < BACK else 0
            lanes = {"alarm": LaneLook(number % 3, 0), "series:influxdb": LaneLook(away, away // MINUTE)}
            found.append(
                HubLook(
                    hub="7e57",
                    at=at,
                    lanes=lanes,
                    brokers={"main": at != BACK - MINUTE},
                    stores={"main": True, "influxdb": not AWAY <= at < BACK},
                    room_bytes=10**10 - number * 10**6,
                    hours_left=None if number < 10 else 100.0 - number / 60,
                    messages=1_000 * number + 5 * (number // 60),
                )
            )
        return found

    # --- as the hub writes it -----------------------------------------------------------------------------------

    def fill(self, store: InfluxSeries) -> None:
        """All of it, through the hub's own writer: what it calls things is what the queries must find."""
        readings = self.readings
        point = store.point_ids([PointKey(COMMUNITY, device_of(each), each.point) for each in readings])
        place = store.place_ids(
            [SeriesPlace(COMMUNITY, each.facility, each.unit, each.kind) for each in readings],
            [each.metric for each in readings],
        )
        numbers = np.array([n for n, each in enumerate(readings) if not isinstance(each.value, str)], np.intp)
        rows = Rows(
            point=point[numbers],
            time=np.array([readings[n].time for n in numbers], np.int64),
            value=np.array([readings[n].value for n in numbers], np.float64),
            quality=np.array([readings[n].quality for n in numbers], np.uint8),
            place=place[numbers],
        )
        texts = [
            TextRow(int(point[n]), each.time, each.value, each.quality, int(place[n]))
            for n, each in enumerate(readings)
            if isinstance(each.value, str)
        ]
        every = np.unique(point)
        store.set_holds(every, np.full(len(every), hold_of(Rhythm(EVERY)), np.int64))
        store.append(rows, texts, Position("town", 1))
        while store.refresh_cells(END):
            pass
        store.write_points([*self.events, *self._hourly(), *self._health()])

    def _hourly(self) -> Iterator[SeriesPoint]:
        for hour in self.hours():
            yield from (kpi_point(figure, hour=hour.start) for figure in figures(hour))
            yield from (counts_point(each, hour=hour.start) for each in counts(hour))

    def _health(self) -> Iterator[SeriesPoint]:
        for before, look in pairwise((None, *self.looks)):
            if look is not None:
                yield from health_points(look, before)


def _began(alarm: Alarm) -> int:
    assert alarm.raised_at is not None
    return alarm.raised_at


def device_of(reading: Reading) -> str:
    """The hub's id of the device."""
    return f"{COMMUNITY}~{reading.device}"


STOPPING = frozenset({Priority.SAFETY, Priority.HIGH})
