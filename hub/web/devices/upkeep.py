"""/devices/upkeep and /api/v1/devices/upkeep: what devices will need, building by building, as one round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.domain.places import Binding, Device, DeviceState, Facility, Place
from hub.domain.upkeep import (
    BATTERY_METRICS,
    HORIZON_DAYS,
    LONGEST_HORIZON_DAYS,
    TREND_DAYS,
    Chore,
    Level,
    Need,
    Why,
    battery,
    dated,
    worth_watching,
)
from hub.errors import HubError
from hub.flows.batch import PointKey
from hub.flows.registry import Registry
from hub.flows.series import Window
from hub.flows.topology import building_of
from hub.web.auth.access import Access, Read
from hub.web.deps import WebDeps
from hub.web.devices.api import places_of, visible
from hub.web.paging import page_of
from hub.web.queries import Queries
from hub.web.rendering import Pages
from hub.web.schemas import Cursor, Limit, Listing, NameOut, Schema

pages_router = APIRouter(include_in_schema=False)
api_router = APIRouter(prefix="/api/v1/devices", tags=["registry"])

Days = Annotated[int, Query(ge=0, le=LONGEST_HORIZON_DAYS, description="due within so many days")]


class Stop(NamedTuple):
    """One device of a round, with all that it needs."""

    device: Device
    facilities: tuple[Facility, ...]
    """What it speaks for."""
    chores: tuple[Chore, ...]
    """The most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One building (None: those that stand in none), its stops in order of facility."""

    community: str
    building: Place | None
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All rounds; ``trouble``: why nothing is known of the course of batteries."""

    rounds: tuple[Round, ...]
    trouble: HubError | None = None

    def counts(self) -> dict[Need, int]:
        """How many of each need."""
        found = dict.fromkeys(Need, 0)
        for each in self.rounds:
            for stop in each.stops:
                for chore in stop.chores:
                    found[chore.need] += 1
        return found


class ChoreOut(Schema):
    """One thing that one device needs."""

    device: str
    name: NameOut
    community: str
    building: str | None
    facilities: list[str]
    need: Need
    why: Why
    due: date
    """The last day that is still in time."""
    overdue: bool
    metric: str
    value: float | None


@pages_router.get("/devices/upkeep")
def upkeep_page(request: Request, *, access: Read, days: Days = HORIZON_DAYS, need: str = "") -> Response:
    """To walk along, on the phone or on paper."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    chosen = Need(need) if need in {each.value for each in Need} else None
    plan = plan_of(request, access, days=days, need=chosen)
    registry = deps.registrar.current
    return pages.page(
        request,
        "devices/upkeep.html",
        plan=plan,
        counts=plan.counts(),
        days=days,
        need=chosen,
        needs=list(Need),
        spans=(30, HORIZON_DAYS, 90, 180, 365),
        today=today_of(registry, deps.clock.now()),
        registry=registry,
    )


@api_router.get("/upkeep", response_model=Listing[ChoreOut])
def list_upkeep(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    days: Days = HORIZON_DAYS,
    need: Need | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[ChoreOut]:
    """Building by building."""
    deps: WebDeps = request.app.state.deps
    plan, today = plan_of(request, access, days=days, need=need), today_of(deps.registrar.current, deps.clock.now())
    found = (
        ((each.community, each.building.id if each.building else "", stop.device.id, chore.need.value), row)
        for each in plan.rounds
        if community in (None, each.community)
        for stop in each.stops
        for chore in stop.chores
        for row in [_out(each, stop, chore, today[each.community])]
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=items, next=after)


def _out(each: Round, stop: Stop, chore: Chore, today: date) -> ChoreOut:
    return ChoreOut(
        device=stop.device.id,
        name=NameOut.of(stop.device.name),
        community=each.community,
        building=each.building.id if each.building else None,
        facilities=[facility.id for facility in stop.facilities],
        need=chore.need,
        why=chore.why,
        due=chore.due,
        overdue=chore.due < today,
        metric=chore.metric,
        value=chore.value,
    )


def today_of(registry: Registry, now: int) -> dict[str, date]:
    """The day that it is in each community."""
    return {
        community.id: datetime.fromtimestamp(now / 1000, ZoneInfo(community.timezone)).date()
        for community in registry.communities.values()
    }


def plan_of(request: Request, access: Access, *, days: int, need: Need | None = None) -> Plan:
    """What the visible devices in use need within ``days``."""
    deps: WebDeps = request.app.state.deps
    registry, now = deps.registrar.current, deps.clock.now()
    today, places = today_of(registry, now), places_of(registry, now)
    devices = [
        device
        for device in registry.devices.values()
        if device.state is DeviceState.ADOPTED and device.community in today and visible(access, device, places)
    ]
    chores: dict[str, list[Chore]] = {d.id: dated(d, today[d.community], days=days) for d in devices}
    batteries = {} if need not in (None, Need.BATTERY) else _batteries(registry, chores.keys(), now)
    courses, trouble = _courses(request, batteries, now)
    live = deps.live.readings(batteries.keys())
    for key, metric in batteries.items():
        reading = live.get(key)
        levels = _levels(courses.get(key), today[key.community])
        chore = battery(
            key.device, metric, reading.value if reading is not None else None, levels, today[key.community], days=days
        )
        if chore is not None:
            _note(chore, chores[key.device])
    stops = [
        Stop(device, tuple(_facilities(registry, device, places)), tuple(wanted))
        for device in devices
        if (wanted := sorted((c for c in chores[device.id] if need in (None, c.need)), key=lambda c: (c.due, c.need)))
    ]
    return Plan(rounds=tuple(_rounds(registry, stops)), trouble=trouble)


def _note(chore: Chore, among: list[Chore]) -> None:
    """A device has one battery to change, however many points tell of it: the most urgent word counts."""
    told = next((known for known in among if known.need is Need.BATTERY), None)
    if told is None:
        among.append(chore)
    elif chore.due < told.due:
        among[among.index(told)] = chore


def _batteries(registry: Registry, devices: Iterable[str], now: int) -> dict[PointKey, str]:
    wanted = frozenset(devices)
    bound: Iterable[tuple[tuple[str, str], Binding | None]] = (
        (key, registry.binding(*key, now)) for key in registry.bindings if key[0] in wanted
    )
    return {
        PointKey(binding.community, *key): binding.metric_name()
        for key, binding in bound
        if binding is not None and binding.metric_name() in BATTERY_METRICS
    }


def _courses(
    request: Request, batteries: Mapping[PointKey, str], now: int
) -> tuple[Mapping[PointKey, Window], HubError | None]:
    """Day by day, of those whose course could matter; a store that cannot answer leaves the rest of the list."""
    deps: WebDeps = request.app.state.deps
    queries: Queries = request.app.state.queries
    live = deps.live.readings(batteries.keys())
    keys = [
        key
        for key, metric in batteries.items()
        if (reading := live.get(key)) is None or reading.value is None or worth_watching(metric, reading.value)
    ]
    if not keys:
        return {}, None
    try:
        return queries.ask(lambda series: series.courses(keys, start=now - TREND_DAYS * DAY, end=now, width=DAY)), None
    except HubError as error:
        return {}, error


def _levels(window: Window | None, today: date) -> list[Level]:
    """The lowest of each day, without today's, which has not ended."""
    lowest: dict[date, float] = {}
    if window is not None:
        for at, value in zip(window.time.tolist(), window.value.tolist(), strict=True):
            day = datetime.fromtimestamp(at / 1000, UTC).date()
            lowest[day] = min(value, lowest.get(day, value))
    return [Level(day, value) for day, value in sorted(lowest.items()) if day < today]


def _facilities(registry: Registry, device: Device, places: Mapping[str, set[str]]) -> list[Facility]:
    found = (registry.facilities.get((device.community, name)) for name in sorted(places.get(device.id, ())))
    return [facility for facility in found if facility is not None]


def _rounds(registry: Registry, stops: Iterable[Stop]) -> list[Round]:
    """Buildings by their order in the file; those without one last."""
    found: dict[tuple[str, str], list[Stop]] = {}
    for stop in stops:
        where = building_of(registry, stop.facilities[0]) if stop.facilities else ""
        found.setdefault((stop.device.community, where), []).append(stop)
    order = {key: rank for rank, key in enumerate(registry.places)}
    keys = sorted(found, key=lambda key: (key[0], not key[1], order.get(key, len(order)), key[1]))
    return [
        Round(
            community=key[0],
            building=registry.places.get(key),
            stops=tuple(sorted(found[key], key=lambda s: (s.facilities[0].id if s.facilities else "", s.device.id))),
        )
        for key in keys
    ]
