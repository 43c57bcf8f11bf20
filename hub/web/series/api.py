"""/api/v1/series"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.requests import Request

from hub.clock import DAY, to_iso
from hub.domain.metrics import METRICS
from hub.domain.places import Binding
from hub.errors import InvalidInput, NotFound
from hub.flows.batch import PointKey
from hub.flows.series import Aggregate, SeriesReader, Step, Window
from hub.web.auth.access import Access, Read
from hub.web.deps import WebDeps
from hub.web.queries import Queries
from hub.web.schemas import Instant, Schema

router = APIRouter(prefix="/api/v1/series", tags=["series"])

LONGEST: Final = {Step.RAW: 31 * DAY, Step.QUARTER: 400 * DAY, Step.HOUR: 5 * 366 * DAY, Step.DAY: 10 * 366 * DAY}
MOST_POINTS: Final = 500


class TimesOut(Schema):
    """From ``start`` to before ``end``."""

    start: str
    end: str


class SeriesOut(Schema):
    """Columns of equal length. A step of which nothing is known is left out: it is never zero."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    community: str
    metric: str
    ucum: str
    step: Step
    agg: Aggregate
    start: str
    end: str
    points: list[str]
    """device/point, those that were read."""
    time: list[str]
    value: list[float | None]
    not_recomputed: Annotated[
        list[TimesOut],
        Field(
            description="Where the values are from before late readings came: the server that keeps them does not give "
            "them back, so that they are stored and yet not in the values. Always empty with `step=raw`."
        ),
    ]


@router.get("", response_model=SeriesOut)
def read_series(
    request: Request,
    *,
    access: Read,
    start: Annotated[Instant, Query()],
    end: Annotated[Instant, Query()],
    metric: Annotated[str | None, Query(max_length=128)] = None,
    facility: Annotated[str | None, Query(max_length=63)] = None,
    unit: Annotated[str | None, Query(max_length=63)] = None,
    device: Annotated[str | None, Query(max_length=200)] = None,
    community: Annotated[str | None, Query(max_length=63)] = None,
    step: Step = Step.QUARTER,
    agg: Aggregate = Aggregate.MEAN,
) -> SeriesOut:
    """One metric of a facility (or unit) or of a device; with several points, one series over all together."""
    deps: WebDeps = request.app.state.deps
    queries: Queries = request.app.state.queries
    if end <= start:
        raise InvalidInput("end is not after start", pointer="query/end", expected=f"a time after {to_iso(start)}")
    if end - start > LONGEST[step]:
        raise InvalidInput(
            f"step {step} allows {LONGEST[step] // DAY} days at once",
            pointer="query/step",
            expected="a longer step or a shorter span",
        )
    if (facility is None) == (device is None):
        raise InvalidInput(
            "name a facility or a device", pointer="query/facility", expected="one of facility and device"
        )
    asked = _Asked(
        start=start, end=end, metric=metric, facility=facility, unit=unit, device=device, community=community
    )
    keys = _points(deps, access, asked)
    metrics = {name for _, name in keys}
    if len(metrics) > 1:
        raise InvalidInput(
            "several metrics at once", pointer="query/metric", expected=" or ".join(sorted(metrics)[:20])
        )
    if len(keys) > MOST_POINTS:
        raise InvalidInput(f"{len(keys)} points", pointer="query/unit", expected=f"at most {MOST_POINTS} points")
    points = [key for key, _ in keys]
    home = deps.registrar.current.communities.get(points[0].community) if points else None
    zone = home.timezone if home else "UTC"

    def question(series: SeriesReader) -> Window:
        return series.window(points, start=start, end=end, step=step, agg=agg, zone=zone)

    found = queries.ask(question) if points else None
    name = next(iter(metrics), metric or "")
    return SeriesOut(
        community=points[0].community if points else community or "",
        metric=name,
        ucum=METRICS[name].unit if name in METRICS else "",
        step=step,
        agg=agg,
        start=to_iso(start),
        end=to_iso(end),
        points=[f"{key.device}/{key.name}" for key in points],
        time=[to_iso(time) for time in found.time.tolist()] if found else [],
        value=found.value.tolist() if found else [],
        not_recomputed=[TimesOut(start=to_iso(at), end=to_iso(until)) for at, until in found.not_recomputed]
        if found
        else [],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the caller named; None: any."""

    start: int
    end: int
    metric: str | None
    facility: str | None
    unit: str | None
    device: str | None
    community: str | None

    def names(self, owner: str, binding: Binding) -> bool:
        """Whether a binding of the device ``owner`` is among it."""
        return (
            self.community in (None, binding.community)
            and self.device in (None, owner)
            and self.facility in (None, binding.facility)
            and self.unit in (None, binding.unit)
        )

    def reaches(self, point: str, binding: Binding) -> bool:
        """Whether it measures the metric, and spoke for the place in this time."""
        overlaps = binding.valid_from < self.end and (binding.valid_to is None or self.start < binding.valid_to)
        return overlaps and self.metric in (None, binding.metric_name(), point)


def _points(deps: WebDeps, access: Access, asked: _Asked) -> list[tuple[PointKey, str]]:
    """Points that spoke for it in this time, each with its metric. NotFound where it is outside the scope."""
    registry = deps.registrar.current
    named = [
        (owner, point, binding)
        for (owner, point), bindings in sorted(registry.bindings.items())
        for binding in bindings
        if access.scope.allows(binding.community, binding.facility) and asked.names(owner, binding)
    ]
    if not named and not any(
        place[1] == asked.facility and asked.community in (None, place[0]) and access.scope.allows(*place)
        for place in registry.facilities
    ):
        thing = f"facility {asked.facility[:63]!r}" if asked.facility else f"device {(asked.device or '')[:63]!r}"
        raise NotFound(f"no {thing} here")
    return list(
        {
            PointKey(binding.community, owner, point): binding.metric_name()
            for owner, point, binding in named
            if asked.reaches(point, binding)
        }.items()
    )
