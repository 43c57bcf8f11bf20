"""The planner's question to a store with a past: how long it takes, and how large the hub is after it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import ROOT
from tests.benchmarks.measure import Spread, await_quiet
from tests.benchmarks.plan import Plan

_ASKED = 20
"""Times; the first one reads the file, a page is asked for again and again."""


def week_hours(plan: Plan) -> dict[str, Finding]:
    """200 facilities with one point each, a reading a minute."""
    answer, rows = _ask(plan, facilities=200, points=1, step_s=60, times=_ASKED + 1)
    first, *further = answer["ms"]
    note = f"{plan.stored_days} days, {rows:,} readings; the first one {first:.0f} ms"
    return {"week_hours": Finding(spread=Spread.of(further), note=note)}


def planner_memory(plan: Plan) -> dict[str, Finding]:
    """5,000 points; a reading each quarter of an hour, so that raw rows and roll-up cells are as many."""
    answer, rows = _ask(plan, facilities=1000, points=5, step_s=900, times=1)
    note = f"{plan.stored_days} days, {rows:,} readings and as many cells"
    return {"rss_planner": Finding(spread=Spread.of([answer["rss"] / 1e6]), note=note)}


def _ask(plan: Plan, *, facilities: int, points: int, step_s: int, times: int) -> tuple[dict[str, Any], int]:
    shape = ["--facilities", str(facilities), "--points", str(points), "--days", str(plan.stored_days)]
    with tempfile.TemporaryDirectory(prefix="bench-past-") as folder:
        data = ["--data", str(Path(folder) / "data")]
        _run("fill", *data, *shape, "--step-s", str(step_s))
        await_quiet(plan.patience)
        answer: dict[str, Any] = json.loads(_run("ask", *data, *shape, "--times", str(times)))
    rows = facilities * points * plan.stored_days * 86_400 // step_s
    plan.say(f"{facilities} facilities, {rows:,} readings: {answer['ms'][0]:.0f} ms, {answer['rss'] / 1e6:.0f} MB")
    return answer, rows


def _run(*words: str) -> str:
    command = [sys.executable, "-m", "tests.benchmarks.stored", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True).stdout
