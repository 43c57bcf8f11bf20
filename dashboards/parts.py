"""What the dashboards share: variables, marks of alarms and tickets, and panels for one metric or one figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dashboards import influxql as q
from dashboards.model import (
    BAD,
    DOUBTFUL,
    GOOD,
    GREY,
    NOTE,
    PLAIN,
    WARN,
    Choice,
    Look,
    Override,
    Panel,
    Query,
    Source,
    Threshold,
    Variable,
    Word,
)
from dashboards.units import unit_of
from hub.domain.alarms import Priority
from hub.domain.catalogue import Catalogue
from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.places import Grid, Name
from hub.domain.rules import Rule, RuleKind, Side
from hub.domain.series_names import VALUE, cells_of

SECONDS: Final = Name(zh="s", en="s")
SHARE: Final = Name(zh="percentunit", en="percentunit")
COUNT: Final = Name(zh="none", en="none")
HOURS: Final = Name(zh="h", en="h")
WORDS: Final = Name(zh="string", en="string")

FACILITY_LINK: Final = "board:facility?var-facility=${__field.labels.facility}"
"""From a series to its facility's dashboard."""

PRIORITY_WORDS: Final = (
    Word(value="safety", says=Name(zh="安全", en="safety"), colour=BAD),
    Word(value="high", says=Name(zh="高", en="high"), colour=WARN),
    Word(value="medium", says=Name(zh="中", en="medium"), colour=NOTE),
    Word(value="low", says=Name(zh="低", en="low"), colour=PLAIN),
)
PRIORITY_NAMES: Final = tuple(Override(pattern=f"^{word.value}$", title=word.says) for word in PRIORITY_WORDS)
_COLOUR_OF: Final = {Priority.SAFETY: BAD, Priority.HIGH: BAD, Priority.MEDIUM: WARN, Priority.LOW: NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the dashboards are made from."""

    catalogue: Catalogue
    grids: tuple[Grid, ...] = ()
    hub_url: str = "http://127.0.0.1:8080"
    metrics: tuple[Metric, ...] = field(default_factory=lambda: tuple(METRICS.values()))

    def metric(self, name: str) -> Metric | None:
        """A metric of the table."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def measured(self) -> tuple[str, ...]:
        """Every measurement that holds numbers."""
        return tuple(metric.name for metric in self.metrics if not is_text(metric))


def is_text(metric: Metric) -> bool:
    """Whether it speaks in words."""
    return metric.kind is MetricKind.STATE and metric.off is None


# --- variables --------------------------------------------------------------------------------------------------

DATA_SOURCE: Final = Variable(
    name="ds", title=Name(zh="数据源", en="Data source"), source=Source.DATA_SOURCE, query="influxdb", many=False
)
COMMUNITY: Final = Variable(
    name="community", title=Name(zh="小区", en="Community"), source=Source.QUERY, query=q.values_of("community")
)
FACILITY: Final = Variable(
    name="facility",
    title=Name(zh="设施", en="Facility"),
    source=Source.QUERY,
    query=q.values_of("facility", where=(q.IN_COMMUNITY, q.IN_GRID, q.OF_KIND)),
)
UNIT: Final = Variable(
    name="unit",
    title=Name(zh="部件", en="Unit"),
    source=Source.QUERY,
    query=q.values_of("unit", where=(q.IN_COMMUNITY, q.IN_GRID, q.OF_KIND, q.OF_FACILITY)),
)


def hub_address(plan: Plan) -> Variable:
    """Where the hub's own pages are, for links to them."""
    return Variable(
        name="hub",
        title=Name(zh="平台地址", en="Address of the hub"),
        source=Source.CONSTANT,
        query=plan.hub_url.rstrip("/"),
        many=False,
    )


def grids(plan: Plan) -> Variable:
    """The grids as lists of facilities: readings do not name their grid, because facilities change grids."""
    everything = Choice(value=".*", says=Name(zh="全部", en="All"))
    listed = tuple(Choice(value=f"({'|'.join(grid.facilities) or '-'})", says=grid.name) for grid in plan.grids)
    return Variable(
        name="grid",
        title=Name(zh="网格", en="Grid"),
        source=Source.LIST,
        choices=(everything, *listed),
        many=False,
        current=".*",
    )


def kinds(plan: Plan) -> Variable:
    """The kinds of the catalogue, by their names."""
    choices = tuple(Choice(value=kind.id, says=kind.name) for kind in plan.catalogue.kinds.values())
    return Variable(name="kind", title=Name(zh="设施类型", en="Kind"), source=Source.LIST, choices=choices)


def usual(plan: Plan, *more: Variable) -> tuple[Variable, ...]:
    """Community, grid, kind and facility, each narrowing the next."""
    return (DATA_SOURCE, hub_address(plan), COMMUNITY, grids(plan), kinds(plan), FACILITY, *more)


# --- panels of one metric ---------------------------------------------------------------------------------------


def limits(metric: Metric, rules: Iterable[Rule] = (), *, fine: str = GOOD) -> tuple[Threshold, ...]:
    """Colours of a metric's values: what its rules call wrong, and what no sensor in order would say. ``fine``: the rest."""
    watched = [rule for rule in rules if rule.kind is RuleKind.LIMIT]
    beyond = metric.high + 10.0**-metric.decimals
    edges = sorted({metric.low, beyond, *(rule.setpoint for rule in watched)})
    zones = (Threshold(at=edge, colour=DOUBTFUL if edge >= beyond else _zone(edge, watched, fine)) for edge in edges)
    return (Threshold(at=None, colour=DOUBTFUL), *zones)


def _zone(edge: float, rules: Sequence[Rule], fine: str) -> str:
    """The colour of the values from this edge up to the next one."""
    broken = {
        rule.priority for rule in rules if (edge >= rule.setpoint if rule.side is Side.HIGH else edge < rule.setpoint)
    }
    return next((_COLOUR_OF[priority] for priority in Priority if priority in broken), fine)


def switch_words(metric: Metric, bad: float | None = None) -> tuple[Word, ...]:
    """What 0 and 1 are called; ``bad`` is the one that a rule calls a fault."""
    if metric.off is None or metric.on is None:
        return tuple(Word(value=word, says=Name(zh=word, en=word)) for word in metric.texts)
    colours = (GREY, PLAIN) if bad is None else ((BAD, GOOD) if bad == 0 else (GOOD, BAD))
    return tuple(
        Word(value=value, says=says, colour=colour)
        for value, says, colour in zip(("0", "1"), (metric.off, metric.on), colours, strict=True)
    )


def fault_state(rules: Iterable[Rule]) -> float | None:
    """The state of a switch that a rule calls a fault."""
    states = [state for rule in rules if rule.kind is RuleKind.STATE for state in rule.states]
    numbers = [state for state in states if not isinstance(state, str)]
    return numbers[0] if numbers else None


def metric_panel(
    metric: Metric,
    *,
    rules: Iterable[Rule] = (),
    where: Sequence[str] = q.CHOSEN,
    by: Sequence[str] = ("facility", "unit"),
    link: str = "",
) -> Panel:
    """The picture that suits the metric: a course, amounts in an hour, or states."""
    watched = tuple(rule for rule in rules if rule.metric == metric.name)
    alias = " ".join(f"$tag_{tag}" for tag in by)
    if metric.kind is MetricKind.STATE:
        return _states(metric, watched, where, by, link)
    if metric.kind is MetricKind.TOTAL:
        return amounts(metric, where=where, by=by, link=link)
    if metric.kind in (MetricKind.DELTA, MetricKind.EVENT):
        return Panel(
            look=Look.BARS,
            title=metric.title,
            about=Name(
                zh=f"每小时{metric.title.zh}之和（{metric.name}）。",
                en=f"Sum of {metric.title.en.lower()} in each hour ({metric.name}).",
            ),
            unit=unit_of(metric),
            decimals=metric.decimals,
            queries=(
                Query(text=q.select('sum("value")', q.name(metric.name), where=where, by=by, step="1h"), alias=alias),
            ),
            link=link,
        )
    return Panel(
        look=Look.COURSE,
        title=metric.title,
        about=Name(
            zh=f"读数的平均值（{metric.name}）。颜色按规则限值；紫色为传感器不可信范围。",
            en=f"Mean of the readings ({metric.name}). Colours follow the rules' limits; purple is beyond belief.",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        thresholds=limits(metric, watched),
        low=0 if metric.unit == "%" else None,
        high=100 if metric.unit == "%" and metric.high == 100 else None,
        queries=(
            Query(text=q.select('mean("value")', q.name(metric.name), where=where, by=by, step=q.STEP), alias=alias),
        ),
        link=link,
    )


def _states(metric: Metric, rules: Sequence[Rule], where: Sequence[str], by: Sequence[str], link: str) -> Panel:
    alias = " ".join(f"$tag_{tag}" for tag in by)
    column = "text" if is_text(metric) else VALUE
    return Panel(
        look=Look.STATES,
        title=metric.title,
        about=Name(
            zh=f"每段时间里最后一次上报的状态（{metric.name}）。空白：状态未知。",
            en=f"The last state reported in each step ({metric.name}). Blank: unknown.",
        ),
        unit=WORDS if is_text(metric) else COUNT,
        words=switch_words(metric, fault_state(rules)),
        queries=(
            Query(
                text=q.select(f'last("{column}")', q.name(metric.name), where=where, by=by, step=q.STEP), alias=alias
            ),
        ),
        link=link,
    )


def amounts(
    metric: Metric,
    *,
    where: Sequence[str] = q.CHOSEN,
    by: Sequence[str] = ("facility", "unit"),
    step: str = "1h",
    link: str = "",
) -> Panel:
    """How much a counter rose in each hour. A counter that was reset counts from its next reading."""
    points = ("device", "point", *by)
    rise = q.select(
        'non_negative_difference(last("last")) AS "rise"',
        q.name(cells_of(metric.name)),
        where=where,
        by=tuple(dict.fromkeys(points)),
        step=step,
    )
    return Panel(
        look=Look.BARS,
        title=metric.title,
        about=Name(
            zh=f"每小时的增量：本小时最后读数减去上一小时最后读数（{cells_of(metric.name)}.last）。",
            en=f"Rise in each hour: its last reading less the last one before ({cells_of(metric.name)}.last).",
        ),
        unit=unit_of(metric),
        decimals=metric.decimals,
        queries=(
            Query(
                text=q.select('sum("rise")', q.inner(rise), by=by, step=step),
                alias=" ".join(f"$tag_{tag}" for tag in by) or metric.name,
            ),
        ),
        link=link,
        least_step=step,
    )
