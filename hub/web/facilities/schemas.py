"""Facilities as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.clock import to_iso
from hub.domain.facility_state import FacilityState
from hub.domain.places import Facility
from hub.web.alarms.schemas import AlarmOut
from hub.web.picture import FacilityView, PointView
from hub.web.schemas import NameOut, Schema, iso
from hub.web.tickets.schemas import TicketOut


class UnitOut(Schema):
    """A part of a facility."""

    id: str
    name: NameOut


class FacilityOut(Schema):
    """One line of the ledger."""

    id: str
    community: str
    kind: str
    name: NameOut
    building: str | None
    grid: str | None
    capacity: int | None
    opening: str
    party: str | None
    crew: str | None
    units: list[UnitOut]
    ledger: dict[str, str]
    state: Annotated[
        FacilityState,
        Field(
            description="`alarm`: an alarm is active; `unknown`: nothing that its rules judge is heard; "
            "`partly_unknown`: some of what its rules watch is silent; `normal`: all of it is heard and in order."
        ),
    ]
    silent_points: Annotated[int, Field(description="How many of its points say nothing now.")]

    @classmethod
    def of(cls, view: FacilityView) -> FacilityOut:
        return cls(**_base(view.facility), state=view.state, silent_points=view.silent)


class LiveOut(Schema):
    """The latest of one point. ``state`` unknown: silent; its last value is then no statement about now."""

    device: str
    point: str
    unit: str
    metric: str
    value: float | None
    text: str
    ucum: str
    state: str
    quality: int | None
    time: str | None
    arrival: str | None

    @classmethod
    def of(cls, view: PointView) -> LiveOut:
        reading, point = view.reading, view.point
        return cls(
            device=point.key.device,
            point=point.key.name,
            unit=point.binding.unit,
            metric=point.binding.metric_name(),
            value=reading.value if reading else None,
            text=reading.text if reading else "",
            ucum=point.metric.unit if point.metric else "",
            state="known" if view.known else "unknown",
            quality=reading.quality if reading else None,
            time=iso(reading.time) if reading else None,
            arrival=iso(reading.arrival) if reading else None,
        )


class FacilityFull(FacilityOut):
    """With its live state, open alarms and open tickets."""

    live: list[LiveOut]
    alarms: list[AlarmOut]
    tickets: list[TicketOut]
    as_of: str

    @classmethod
    def whole(cls, view: FacilityView, alarms: list[AlarmOut], tickets: list[TicketOut], now: int) -> FacilityFull:
        return cls(
            **_base(view.facility),
            state=view.state,
            silent_points=view.silent,
            live=[LiveOut.of(point) for point in view.points],
            alarms=alarms,
            tickets=tickets,
            as_of=to_iso(now),
        )


def _base(facility: Facility) -> dict[str, object]:
    return {
        "id": facility.id,
        "community": facility.community,
        "kind": facility.kind,
        "name": NameOut.of(facility.name),
        "building": facility.building,
        "grid": facility.grid,
        "capacity": facility.capacity,
        "opening": facility.opening,
        "party": facility.party,
        "crew": facility.crew,
        "units": [UnitOut(id=unit.id, name=NameOut.of(unit.name)) for unit in facility.units],
        "ledger": dict(facility.ledger),
    }
