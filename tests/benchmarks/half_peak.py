"""At half of the peak: how long until a message is durable and its alarm committed, and how fast pages answer."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.exactness import Toll
from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import HubSubject
from tests.benchmarks.measure import FULL, Spread, await_quiet, publisher
from tests.benchmarks.plan import Plan, quantile
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.benchmarks.visitor import TOKEN, Visitor

PAGES_A_SECOND = 2
"""Of each of the two, one after the other on one connection: a handful of people."""
_PATHS = {"board": "/board", "facility": "/api/v1/facilities/f0042"}


def half_peak(plan: Plan, peak: float, toll: Toll) -> dict[str, Finding]:
    """One hub for each round; pages first, then the latencies with nobody looking."""
    values: dict[str, list[float]] = {name: [] for name in ("durable", "alarm", *_PATHS)}
    for number in range(plan.rounds):
        await_quiet(plan.patience)
        sample = _sample(plan, peak / 2, toll)
        plan.say(
            f"round {number + 1} at {peak / 2:,.0f}/s, ms: " + ", ".join(f"{k} {v:.1f}" for k, v in sample.items())
        )
        for name, value in sample.items():
            values[name].append(value)
    note = f"at {peak / 2:,.0f}/s"
    return {name: Finding(spread=Spread.of(found), note=note, relative=True) for name, found in values.items()}


def _sample(plan: Plan, rate: float, toll: Toll) -> dict[str, float]:
    broker = ShippedBroker()
    plan.counter.value = 0
    hub = HubSubject(broker.address, plan.counter, token=TOKEN, timed=True)
    acked = Path(hub.folder) / "acked"
    load = replace(FULL, rate=rate)
    more = (f"--counter={plan.counter.path}", f"--duration={plan.warm_up + 2 * plan.seconds}", f"--acked={acked}")
    try:
        with publisher(plan.programs, broker.address, load, *more) as sender:
            time.sleep(plan.warm_up)
            pages = _visit(hub.url, plan.seconds)
            hub.warmed_up()
            sender.communicate(timeout=plan.seconds + load.drain + 60)
        hub.end()
        toll.check(acked, hub.data)
        return {"durable": hub.latency["durable"]["p99"], "alarm": hub.latency["alarm"]["p99"], **pages}
    finally:
        hub.stop()
        broker.stop()


def _visit(url: str, seconds: float) -> dict[str, float]:
    """p95 of each page, ms."""
    taken: dict[str, list[float]] = {name: [] for name in _PATHS}
    visitor = Visitor(url)
    for path in _PATHS.values():
        visitor.get(path)  # whatever is made at first use
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for name, path in _PATHS.items():
            asked = time.monotonic()
            visitor.get(path)
            taken[name].append((time.monotonic() - asked) * 1000)
        time.sleep(max(0.0, now + 1 / PAGES_A_SECOND - time.monotonic()))
    visitor.close()
    return {name: quantile(found, 0.95) for name, found in taken.items()}
