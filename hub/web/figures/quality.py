"""/figures/quality"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.domain.places import Facility
from hub.domain.readings import Quality
from hub.errors import HubError
from hub.flows.batch import PointKey
from hub.flows.live import LiveReading
from hub.flows.series import Doubtful
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.overview import bound_points
from hub.web.picture import BoundPoint
from hub.web.queries import Queries, store_away
from hub.web.rendering import Pages
from hub.web.use.choice import Wanted, choose, fitting

router = APIRouter(include_in_schema=False)

Range = Literal["24h", "7d"]
SPANS: Final[dict[Range, int]] = {"24h": DAY, "7d": 7 * DAY}
MOST_LINES: Final = 200
MOST_POINTS: Final = 5000
"""In one question to the store."""


class Measured(NamedTuple):
    """A facility, and what speaks for it now."""

    facility: Facility
    bound: tuple[BoundPoint, ...]

    @property
    def points(self) -> list[PointKey]:
        """Its points."""
        return [point.key for point in self.bound]


class DoubtfulPoint(NamedTuple):
    """``past`` None: not in the span, or unknown. ``reading`` None: never heard."""

    facility: Facility
    point: BoundPoint
    past: Doubtful | None
    reading: LiveReading | None

    @property
    def now(self) -> bool:
        """Whether its latest reading is doubtful."""
        return self.reading is not None and self.reading.quality != Quality.GOOD


@router.get("/figures/quality")
def quality_page(
    request: Request,
    *,
    access: Read,
    wanted: Wanted,
    range: Range = "24h",  # noqa: A002 - the parameter's public name
) -> Response:
    """Points whose readings are doubtful now, or were in the span; one question to the store."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    queries: Queries = request.app.state.queries
    choice = choose(request, access, wanted)
    say = pages.teller(request, choice.community)
    bound = bound_points(request)
    measured = [Measured(facility, bound.get((facility.community, facility.id), ())) for facility in choice.facilities]
    asked = fitting(measured, MOST_POINTS)
    keys = [key for one in asked for key in one.points]
    past: list[Doubtful] = []
    trouble = None
    try:
        if keys:
            past = queries.ask(lambda series: series.doubtful(keys, start=say.now - SPANS[range], end=say.now + 1))
    except HubError as error:
        trouble = error
    bound_keys = [*_keys(measured)]
    found = doubtful_points(measured, {one.point: one for one in past}, deps.live.readings(bound_keys))
    return pages.page(
        request,
        "figures/quality.html",
        say=say,
        community=choice.community,
        choice=choice,
        catalogue=deps.catalogue,
        registry=deps.registrar.current,
        range=range,
        ranges=tuple(SPANS),
        points=len(bound_keys),
        found=found[:MOST_LINES],
        more=len(found) - MOST_LINES,
        now=sum(one.now for one in found),
        past=None if trouble else sum(one.past.times for one in found if one.past),
        left_out=len(measured) - len(asked),
        trouble=trouble,
        store_away=store_away(deps, say.now) if trouble else None,
    )


def doubtful_points(
    measured: Iterable[Measured], past: Mapping[PointKey, Doubtful], readings: Mapping[PointKey, LiveReading]
) -> list[DoubtfulPoint]:
    """Those that are so now come first, then those that were most often. Pure."""
    told = (
        DoubtfulPoint(one.facility, point, past.get(point.key), readings.get(point.key))
        for one in measured
        for point in one.bound
    )
    found = [one for one in told if one.now or one.past]
    return sorted(found, key=lambda one: (not one.now, -(one.past.times if one.past else 0), one.point.key))


def _keys(measured: Iterable[Measured]) -> Iterable[PointKey]:
    return (key for one in measured for key in one.points)
