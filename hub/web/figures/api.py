"""/api/v1/kpi"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request

from hub.clock import DAY, to_iso
from hub.domain.kpi import KPIS, Measure
from hub.domain.kpi_parts import Values
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.figures.asked import Asked, By, divided, figures_of, gather
from hub.web.schemas import Instant, NameOut, Schema, iso, refused

router = APIRouter(prefix="/api/v1/kpi", tags=["kpi"])

LONGEST: Final = 92 * DAY
Slug = Annotated[str, Query(max_length=63)]


class KpiOut(Schema):
    """A figure of a part, or of all. ``value`` null: nothing can be said, which is not zero."""

    kpi: str
    of: str | None
    """Id of the kind, the grid or the crew; null: all together."""
    value: float | None
    n: int
    """How many cases it rests on."""


class FormulaOut(Schema):
    """What a figure is called and how it is worked out; share and mean are of ``n`` cases."""

    id: str
    measure: Measure
    title: NameOut
    formula: NameOut


class KpiListing(Schema):
    """Figures of a community and period; ``since`` is where the records begin if that is later than ``start``."""

    community: str
    start: str
    end: str
    since: str | None
    """Null: there is nothing of what was asked."""
    formulas: list[FormulaOut]
    items: list[KpiOut]
    next: None = None


@router.get("", response_model=KpiListing)
def read_kpi(
    request: Request,
    *,
    access: Read,
    community: Slug,
    start: Annotated[Instant, Query()],
    end: Annotated[Instant, Query()],
    by: By | None = None,
    kind: Slug = "",
    grid: Slug = "",
    crew: Slug = "",
) -> KpiListing:
    """Figures of maintenance from the records, each with its formula and the number of its cases."""
    deps: WebDeps = request.app.state.deps
    end = min(end, deps.clock.now())
    if end <= start:
        raise refused("query/end", "end is not after start, or start is to come", f"a time after {to_iso(start)}")
    if end - start > LONGEST:
        raise refused("query/start", f"more than {LONGEST // DAY} days at once", "a shorter period")
    asked = Asked(community=community, start=start, end=end, kind=kind, grid=grid, crew=crew)
    period = gather(deps, access, asked)
    items = _items(None, {} if period is None else figures_of(period, crew))
    if period is not None and by is not None:
        items += [item for part, found in divided(period, by, crew).items() for item in _items(part, found)]
    return KpiListing(
        community=community,
        start=to_iso(start),
        end=to_iso(end),
        since=iso(period.start if period else None),
        formulas=[
            FormulaOut(id=kpi.id, measure=kpi.measure, title=NameOut.of(kpi.title), formula=NameOut.of(kpi.formula))
            for kpi in KPIS.values()
        ],
        items=items,
    )


def _items(of: str | None, found: Values) -> list[KpiOut]:
    """Every figure, also those of which nothing can be said."""
    return [
        KpiOut(kpi=name, of=of, value=found[name].value, n=found[name].n)
        if name in found
        else KpiOut(kpi=name, of=of, value=None, n=0)
        for name in KPIS
    ]
