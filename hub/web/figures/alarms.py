"""/figures/alarms"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY, HOUR
from hub.domain.alarm_load import FLOOD, STEP, Course, Turn, courses, floods, frequent, per_step
from hub.flows.figures import Turns
from hub.flows.registry import Registry
from hub.web.auth.access import Access, Read
from hub.web.deps import WebDeps
from hub.web.facilities.courses import TABLE_ROWS, Drawn
from hub.web.figures.courses import FEWEST
from hub.web.rendering import Pages
from hub.web.telling import Teller
from hub.web.timeline import Rise, draw_rises
from hub.web.use.choice import Choice, Wanted, choose

router = APIRouter(include_in_schema=False)

Range = Literal["24h", "7d", "30d"]
MOST_TURNS: Final = 20_000
"""Changes of alarms that are read; where there are more, the newest, and the page says so."""
MOST_FAULTS: Final = 20
MOST_COURSES: Final = 25


class Scale(NamedTuple):
    """How long, and of what length the bars are in the two charts."""

    length: int
    busiest: int
    raised: int


SCALES: Final[dict[Range, Scale]] = {
    "24h": Scale(DAY, STEP, HOUR),
    "7d": Scale(7 * DAY, 2 * HOUR, 6 * HOUR),
    "30d": Scale(30 * DAY, 12 * HOUR, DAY),
}


class Strip(NamedTuple):
    """When a fault was active, as parts of the span in per cent: (from, width)."""

    course: Course
    bars: list[tuple[float, float]]


@router.get("/figures/alarms")
def alarm_figures_page(
    request: Request,
    *,
    access: Read,
    wanted: Wanted,
    range: Range = "7d",  # noqa: A002 - the parameter's public name
) -> Response:
    """Most frequent faults, alarms in ten minutes, and when alarms were active; from the records."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    choice = choose(request, access, wanted)
    say = pages.teller(request, choice.community)
    scale, registry = SCALES[range], deps.registrar.current
    start, end = say.now - scale.length, say.now
    read = _read(deps, choice, start, end)
    since = read.start if read else end
    before, turns = (_mine(registry, access, choice, of) for of in ((read.before, read.turns) if read else ((), ())))
    raised = [turn.at for turn in turns if turn.active]
    steps = per_step(raised, since, end, say.offset())
    flooded = floods(steps)
    active = courses(before, turns, since, end)
    kind_of = {
        facility.id: facility.kind
        for facility in (*registry.retired.values(), *registry.facilities.values())
        if facility.community == choice.filters.community
    }
    faults = frequent(turns, kind_of)
    of_kinds = Counter(kind_of.get(turn.fault.facility, "") for turn in turns if turn.active)
    return pages.page(
        request,
        "figures/alarms.html",
        say=say,
        community=choice.community,
        choice=choice,
        range=range,
        ranges=tuple(SCALES),
        start=start,
        since=since if since > start else None,
        cut=read is not None and len(read.turns) == MOST_TURNS,
        recorded=read is not None,
        raised=len(raised),
        most=max((count for _, count in steps), default=0),
        flood=FLOOD,
        flooded=sum(until - at for at, until in flooded),
        now_active=sum(course.spans[-1][1] == end for course in active),
        charts=_charts(steps, say, scale) if turns else [],
        faults=faults[:MOST_FAULTS],
        more_faults=len(faults) - MOST_FAULTS,
        of_kinds=of_kinds.most_common(),
        strips=[_strip(course, start, end) for course in active[:MOST_COURSES]],
        more_courses=len(active) - MOST_COURSES,
        unknown=_percent(since - start, end - start),
        registry=registry,
        catalogue=deps.catalogue,
    )


def _read(deps: WebDeps, choice: Choice, start: int, end: int) -> Turns | None:
    """Since the records begin, or since so many changes ago; None: nothing is recorded."""
    if choice.community is None:
        return None
    community = choice.community.id
    begun: int | None = deps.records.read(lambda books: books.figures.begun(community))
    if begun is None:
        return None
    since = min(max(start, begun), end)
    found: Turns = deps.records.read(
        lambda books: books.figures.turns(since, end, community=community, limit=MOST_TURNS)
    )
    return found


def _mine(registry: Registry, access: Access, choice: Choice, turns: Iterable[Turn]) -> list[Turn]:
    """Those of the facilities chosen; without a filter also what belongs to none, and of facilities that are no more."""
    wanted, chosen = choice.filters, {facility.id for facility in choice.facilities}
    narrowed = bool(wanted.kind or wanted.building or wanted.grid)

    def belongs(facility: str) -> bool:
        if facility in chosen:
            return True
        known = (wanted.community, facility) in registry.facilities
        return not narrowed and not known and access.scope.allows(wanted.community, facility)

    return [turn for turn in turns if belongs(turn.fault.facility)]


def _charts(steps: Sequence[tuple[int, int]], say: Teller, scale: Scale) -> list[Drawn]:
    """The fullest ten minutes of each step, and how many alarms each brought."""
    limit = (float(FLOOD), say.gettext("flood: more than %s") % FLOOD)
    fullest = say.gettext("the fullest ten minutes of each %s") % say.span(scale.busiest)
    per = say.gettext("per %(span)s") % {"span": say.span(STEP)} if scale.busiest == STEP else fullest
    busiest = _by_step(steps, scale.busiest, say, max)
    brought = _by_step(steps, scale.raised, say, operator.add)
    length = scale.length
    raised = say.gettext("per %(span)s") % {"span": say.span(scale.raised)}
    return [
        _bars(
            say.gettext("Alarms in ten minutes"),
            per,
            busiest,
            say,
            width=scale.busiest,
            length=length,
            limits=[limit],
            least=1.5 * FLOOD,
        ),
        _bars(say.gettext("Alarms raised"), raised, brought, say, width=scale.raised, length=length),
    ]


def _by_step(
    steps: Iterable[tuple[int, int]], width: int, say: Teller, join: Callable[[int, int], int]
) -> dict[int, int]:
    found: dict[int, int] = {}
    for at, count in steps:
        first = (at + say.offset()) // width * width - say.offset()
        found[first] = join(found.get(first, 0), count)
    return found


def _bars(
    title: str,
    unit: str,
    found: Mapping[int, int],
    say: Teller,
    *,
    width: int,
    length: int,
    limits: Sequence[tuple[float, str]] = (),
    least: float = FEWEST,
) -> Drawn:
    return Drawn(
        title=title,
        unit=unit,
        manner="bars",
        chart=draw_rises(
            [Rise(at, float(count)) for at, count in found.items()],
            width,
            start=say.now - length,
            end=say.now,
            offset_ms=say.offset(),
            least=least,
            limits=limits,
        ),
        words=None,
        hint="",
        rows=tuple((at, say.number(count)) for at, count in found.items() if count)[-TABLE_ROWS:],
    )


def _strip(course: Course, start: int, end: int) -> Strip:
    whole = end - start
    bars = [(_percent(at - start, whole), max(_percent(until - at, whole), 0.4)) for at, until in course.spans]
    return Strip(course, bars)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2)
