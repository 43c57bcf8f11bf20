"""/health/refused"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.metrics import METRICS, Metric
from hub.domain.places import Device
from hub.domain.rollups import Times, spans_of
from hub.errors import HubError
from hub.flows.batch import PointKey
from hub.flows.registry import Registry
from hub.flows.unstored import OldCell, RefusedLine, Unstored, WhyRefused
from hub.web.auth.access import OPERATORS, Access, Need
from hub.web.deps import WebDeps
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)
Lookers = Annotated[Access, Depends(Need(OPERATORS))]
Day = Callable[[int], date]
"""The day of an instant (epoch ms) on the community's clock."""
MOST: Final = 1000
"""Lines, and roll-ups, of one store that are read for the page: the newest."""


class RefusedOfDay(NamedTuple):
    """Lines of one point and day that were refused for the same reason, and the last of them."""

    day: date | None
    point: PointKey | None
    why: WhyRefused
    lines: int
    last: RefusedLine


class OldOfDay(NamedTuple):
    """Roll-ups of one point and day that were not computed again."""

    day: date
    point: PointKey
    spans: list[Times]
    reason: str


class StoreOfPage(NamedTuple):
    """One store."""

    name: str
    found: Unstored
    lines: list[RefusedOfDay]
    cells: list[OldOfDay]


class Spoken(NamedTuple):
    """What a point is called: its device, and what it measures. None where nobody has adopted it."""

    device: Device | None
    metric: Metric | None


@router.get("/health/refused")
def refused_page(request: Request, *, access: Lookers) -> Response:
    """What series stores elsewhere did not take or could not compute again: which points and days, why, and what to do."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    say = pages.teller(request)
    found: Mapping[str, Unstored] = {}
    trouble = None
    try:
        found = deps.unstored(None if access.scope.everything else access.scope.communities, MOST)
    except HubError as error:
        trouble = error

    def day(instant: int) -> date:
        return say.moment(instant).date()

    return pages.page(
        request,
        "health/refused.html",
        say=say,
        stores=[
            StoreOfPage(name, store, lines_by_day(store.lines, day), cells_by_day(store.cells, day))
            for name, store in sorted(found.items())
            if store.lines_count or store.cells_count
        ],
        trouble=trouble,
        most=MOST,
        spoken=lambda key: spoken(deps.registrar.current, key),
    )


def lines_by_day(lines: Iterable[RefusedLine], day: Day) -> list[RefusedOfDay]:
    """What was refused last comes first. Pure."""
    groups: dict[tuple[date | None, PointKey | None, WhyRefused], list[RefusedLine]] = {}
    for line in lines:
        key = (None if line.time is None else day(line.time), line.point, line.why)
        groups.setdefault(key, []).append(line)
    found = [RefusedOfDay(*key, len(of), max(of, key=lambda line: line.at)) for key, of in groups.items()]
    return sorted(found, key=lambda group: -group.last.at)


def cells_by_day(cells: Iterable[OldCell], day: Day) -> list[OldOfDay]:
    """The newest day first, its points in order. Pure."""
    groups: dict[tuple[date, PointKey], list[OldCell]] = {}
    for cell in cells:
        groups.setdefault((day(cell.start), cell.point), []).append(cell)
    found = [OldOfDay(*key, spans_of(cell.start for cell in of), of[0].reason) for key, of in groups.items()]
    return sorted(found, key=lambda group: (-group.day.toordinal(), group.point))


def spoken(registry: Registry, key: PointKey) -> Spoken:
    """What to call a point. Pure."""
    return Spoken(registry.devices.get(key.device), METRICS.get(registry.metric_of(key.device, key.name)))
