"""What the project promises about its speed, and what a measurement says about each promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tests.benchmarks.measure import Spread

Verdict = Literal["aim met", "at least met", "MISSED", "void", "not run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One row of the table. ``more`` is better, or less."""

    what: str
    least: float
    aim: float | None
    unit: str
    more: bool = False
    places: int = 0

    def holds(self, value: float, bound: float) -> bool:
        """Whether the value is as good as the bound."""
        return value >= bound if self.more else value <= bound

    def shown(self, value: float) -> str:
        """With its unit."""
        return f"{value:,.{self.places}f} {self.unit}".strip()

    def bound(self, value: float | None) -> str:
        """As it stands in the columns *at least* and *aim*."""
        return "" if value is None else f"{'≥' if self.more else '≤'} {self.shown(value)}"


GOALS: Final[Mapping[str, Goal]] = {
    "sustained": Goal(what="sustained QoS 1 messages", least=0.75, aim=1.0, unit="C", more=True, places=2),
    "cpu": Goal(what="hub CPU per message", least=17, aim=12, unit="µs", places=1),
    "stock": Goal(what="stock-paho fall-back", least=0.30, aim=0.38, unit="C", more=True, places=2),
    "durable": Goal(what="publish → durable, p99 at half of peak", least=150, aim=40, unit="ms", places=1),
    "alarm": Goal(what="publish → alarm committed, p99 at half of peak", least=250, aim=50, unit="ms", places=1),
    "ticket_p50": Goal(what="publish → ticket visible in the API, p50 at 1,000 msg/s", least=150, aim=60, unit="ms"),
    "ticket_p99": Goal(what="publish → ticket visible in the API, p99 at 1,000 msg/s", least=1000, aim=300, unit="ms"),
    "walk_p99": Goal(
        what="sensor triggered → tick in the walker's event stream, p99 at 1,000 msg/s",
        least=3_000,
        aim=None,
        unit="ms",
    ),
    "push": Goal(what="a cloud's push → 200, p99 at 1,000 msg/s", least=300, aim=100, unit="ms"),
    "board": Goal(what="board page p95 at half of peak", least=400, aim=150, unit="ms"),
    "facility": Goal(what="facility API p95 at half of peak", least=400, aim=150, unit="ms"),
    "lost": Goal(what="lost in any run", least=0, aim=0, unit=""),
    "double": Goal(what="double-counted in any run", least=0, aim=0, unit=""),
    "rss_demo": Goal(what="RSS of the demo with a page open", least=250, aim=None, unit="MB"),
    "rss_planner": Goal(what="RSS, 5,000 points stored, after one planner query", least=400, aim=None, unit="MB"),
    "week_hours": Goal(
        what="200 facilities of minutes: weekday × hour of all of them, from roll-ups",
        least=50,
        aim=15,
        unit="ms",
        places=1,
    ),
    "influx": Goal(
        what="values into InfluxDB per second of hub CPU", least=200_000, aim=300_000, unit="values", more=True
    ),
    "outage_drain": Goal(
        what="InfluxDB back: drained while 2,000 msg/s arrive", least=20_000, aim=None, unit="msg/s", more=True
    ),
    "outage_alarm": Goal(
        what="InfluxDB away and catching up: publish → alarm committed, p99", least=2_000, aim=None, unit="ms"
    ),
    "outage_rss": Goal(what="InfluxDB away and catching up: growth of the hub's RSS", least=50, aim=None, unit="MB"),
    "influx_page": Goal(what="facility page of 30 days from InfluxDB, p95", least=100, aim=None, unit="ms"),
    "influx_series": Goal(what="series API of 30 days from InfluxDB, p95", least=100, aim=None, unit="ms"),
    "format_native": Goal(what="decoding a native message", least=3, aim=None, unit="µs", places=1),
    "format_json": Goal(
        what="decoding an everyday message, the dearest JSON format", least=12, aim=None, unit="µs", places=1
    ),
    "format_sparkplug": Goal(what="decoding ten Sparkplug metrics", least=25, aim=None, unit="µs", places=1),
    "format_worst": Goal(what="decoding the dearest payload that is accepted", least=50, aim=None, unit="ms"),
    "format_worst_mb": Goal(what="the most memory that one of those takes", least=32, aim=None, unit="MB"),
    "format_whole": Goal(
        what="an inventory of 2,000 devices, a birth of 19,000 metrics", least=400, aim=None, unit="ms"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was measured for one goal over all rounds, and what has to be known beside it."""

    spread: Spread
    note: str = ""
    relative: bool = False
    """Of C, or at a rate that follows from C's neighbour in time: worth nothing where the machine was not free."""


def verdict(goal: Goal, finding: Finding | None, *, void: bool) -> Verdict:
    """Judged by the median. ``void``: the yardstick was too slow for the run to say anything."""
    if finding is None:
        return "not run"
    if void and finding.relative:
        return "void"
    median = finding.spread.median
    if goal.holds(median, goal.least):
        return "aim met" if goal.aim is None or goal.holds(median, goal.aim) else "at least met"
    return "MISSED"


def table(findings: Mapping[str, Finding], *, void: bool) -> str:
    """Every goal as a row of a Markdown table."""
    lines = ["| what | at least | aim | measured (median, min–max) | verdict |", "| --- | --- | --- | --- | --- |"]
    for name, goal in GOALS.items():
        finding = findings.get(name)
        measured = "" if finding is None else _measured(goal, finding)
        cells = [goal.what, goal.bound(goal.least), goal.bound(goal.aim), measured, verdict(goal, finding, void=void)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _measured(goal: Goal, finding: Finding) -> str:
    spread = finding.spread
    span = "" if spread.low == spread.high else f" ({goal.shown(spread.low)} – {goal.shown(spread.high)})"
    note = f"; {finding.note}" if finding.note else ""
    return f"{goal.shown(spread.median)}{span}{note}"


def missed(findings: Mapping[str, Finding], *, void: bool) -> list[str]:
    """Goals whose *at least* was not reached."""
    return [name for name, goal in GOALS.items() if verdict(goal, findings.get(name), void=void) == "MISSED"]
