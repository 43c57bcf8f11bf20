"""Sustained rate and CPU per message: C, the hub, and the hub on stock paho, round by round."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.exactness import Toll
from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import hub_case
from tests.benchmarks.measure import FULL, interleave, is_void, yardstick
from tests.benchmarks.measure import table as cases
from tests.benchmarks.plan import Plan
from tests.benchmarks.shipped_broker import ShippedBroker


class Throughput:
    """``run`` once; then the findings, the hub's peak (messages/s) and whether the yardstick was too slow."""

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.peak = 0.0
        self.void = True
        self.cases = ""

    def run(self, plan: Plan, toll: Toll) -> None:
        """All rounds."""
        load = replace(FULL, seconds=plan.seconds, warm_up=plan.warm_up)
        results = interleave(
            [
                yardstick(plan.programs, load),
                hub_case("hub", transport="fast", load=load),
                hub_case("hub, stock paho", transport="stock", load=load),
            ],
            rounds=plan.rounds,
            programs=plan.programs,
            counter=plan.counter,
            broker=ShippedBroker,
            say=plan.say,
            patience=plan.patience,
        )
        _, hub, stock = results
        for result in results:
            toll.count(sent=result.sent, lost=result.lost)
        self.peak, self.void, self.cases = hub.rate.median, is_void(results), cases(results)
        self.findings = {
            "sustained": Finding(spread=hub.ratio, relative=True),
            "cpu": Finding(spread=hub.us["hub"], relative=True),
            "stock": Finding(spread=stock.ratio, relative=True),
        }
