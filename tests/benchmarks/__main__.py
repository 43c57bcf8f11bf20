"""``make bench``: everything that is promised about speed, measured in one run.

python -m tests.benchmarks [--rounds N] [--seconds N] [--quick] [--only PART ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.benchmarks import goals, report
from tests.benchmarks.counter import Counter, shared_file
from tests.benchmarks.demo_memory import demo_memory
from tests.benchmarks.exactness import Toll
from tests.benchmarks.formats_speed import formats_speed
from tests.benchmarks.goals import Finding
from tests.benchmarks.half_peak import half_peak
from tests.benchmarks.influx_page import influx_page
from tests.benchmarks.influx_writing import influx_writing
from tests.benchmarks.measure import Spread, build
from tests.benchmarks.outage import outage
from tests.benchmarks.past import planner_memory, week_hours
from tests.benchmarks.plan import Plan
from tests.benchmarks.pushing import pushing
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.benchmarks.throughput import Throughput
from tests.benchmarks.tickets_seen import tickets_seen

PARTS: Final = (
    "throughput",
    "half-peak",
    "tickets",
    "outage",
    "demo",
    "planner",
    "push",
    "week-hours",
    "influx",
    "influx-page",
    "formats",
)
_STAND_IN_PEAK: Final = 40_000.0
"""Messages/s, where half of the peak is asked for and the peak was not measured."""
_FEWEST_ROUNDS: Final = 5
_SHORT: Final = {"rounds": 2, "seconds": 5.0, "patience": 2.0, "demo_minutes": 1.0, "stored_days": 7, "away_s": 15.0}


_BY_THEMSELVES: Final[Mapping[str, Callable[[Plan], dict[str, Finding]]]] = {
    "push": pushing,
    "week-hours": week_hours,
    "influx": influx_writing,
    "influx-page": influx_page,
    "formats": formats_speed,
    "planner": planner_memory,
    "demo": demo_memory,
}
"""Parts that need nothing of the others, in the order in which they run."""


def main() -> int:
    """0: every *at least* was reached, or the machine was not free; 1: one was missed."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measures what the project promises about speed.")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=float, help="of each sample (default 60)")
    parser.add_argument(
        "--quick", action="store_true", help="a short form of everything, for trying changes; not written down"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of: {', '.join(PARTS)}")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, shared_file() as count:
        plan = Plan(programs=Path(folder), counter=Counter(count), say=_say)
        if chosen.quick:
            plan = replace(plan, **_SHORT)  # type: ignore[arg-type]  # the fields' own types
        plan = replace(plan, rounds=chosen.rounds or plan.rounds, seconds=chosen.seconds or plan.seconds)
        build(plan.programs)
        return _run(plan, chosen.only or PARTS, whole=not chosen.quick and not chosen.only)


def _run(plan: Plan, parts: tuple[str, ...] | list[str], *, whole: bool) -> int:
    toll, throughput = Toll(), Throughput()
    findings: dict[str, Finding] = {}
    if "throughput" in parts:
        throughput.run(plan, toll)
        findings |= throughput.findings
    if "half-peak" in parts:
        findings |= half_peak(plan, throughput.peak or _STAND_IN_PEAK, toll)
    if "tickets" in parts:
        findings |= tickets_seen(plan, toll)
    if "outage" in parts:
        findings |= outage(plan, toll)
    findings |= _exactness(toll)
    for part, measure in _BY_THEMSELVES.items():
        if part in parts:
            findings |= measure(plan)
    section = _section(plan, findings, throughput)
    print(section)
    if whole and plan.rounds >= _FEWEST_ROUNDS:
        report.write(section)
    void = throughput.void
    failed = goals.missed(findings, void=void)
    if failed:
        print("missed: " + ", ".join(goals.GOALS[name].what for name in failed), file=sys.stderr)
    return 1 if failed else 0


def _exactness(toll: Toll) -> dict[str, Finding]:
    if not toll.messages and not toll.counted:
        return {}
    note = f"{toll.messages:,} messages looked up by identity, {toll.counted:,} more counted"
    return {
        "lost": Finding(spread=Spread.of([toll.lost]), note=note),
        "double": Finding(spread=Spread.of([toll.double])),
    }


def _section(plan: Plan, findings: dict[str, Finding], throughput: Throughput) -> str:
    broker = ShippedBroker()
    try:
        head = report.conditions(broker.conditions())
    finally:
        broker.stop()
    void = throughput.void
    word = (
        " **Void where it says so: C was below 40,000 messages/s, the machine was not free.**"
        if void and throughput.cases
        else ""
    )
    length = f"{plan.rounds} rounds of {plan.seconds:g} s."
    return "\n".join([f"{head} {length}{word}", "", goals.table(findings, void=void), throughput.cases])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
