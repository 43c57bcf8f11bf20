"""A facility's page and its series over 30 days, from a real InfluxDB, on one connection that stays open."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hub.clock import DAY, MINUTE, WallClock, to_iso
from hub.datadir import DataDir
from hub.storage.influx.target import parse
from hub.storage.series_influx import InfluxSeries
from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import HubSubject
from tests.benchmarks.measure import Spread, await_quiet
from tests.benchmarks.plan import Plan, quantile
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.benchmarks.stored import Shape, write_past
from tests.benchmarks.visitor import TOKEN, Visitor
from tests.influx_server import InfluxServer

DAYS: Final = 30
_FACILITIES: Final = 10
_ASKED: Final = 100
"""Times in each round, of each of the two; as often before the first round, which does not count."""


def influx_page(plan: Plan) -> dict[str, Finding]:
    """p95 of each round. The past ends now: the last cells are not rolled up yet, as in a hub that hears."""
    with ExitStack() as ending:
        server = InfluxServer()
        ending.callback(server.remove)
        server.start()
        broker = ShippedBroker()
        ending.callback(broker.stop)
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="bench-page-")))
        url = server.url(server.new_database())
        end = time.time_ns() // 1_000_000 // MINUTE * MINUTE
        rows = _fill(url, folder, end)
        hub = HubSubject(broker.address, plan.counter, token=TOKEN, folder=folder / "hub", more=("--series", url))
        ending.callback(hub.stop)
        await_quiet(plan.patience)
        return _ask(plan, hub.url, end, f"{_FACILITIES} facilities, {rows:,} readings")


def _fill(url: str, folder: Path, end: int) -> int:
    data = DataDir(folder / "hub" / "data")
    data.make()
    target = parse(url)
    store = InfluxSeries(target, data.series_positions(target.shown), WallClock(), question_seconds=60)
    store.open()
    write_past(store, Shape(facilities=_FACILITIES, points=5, days=DAYS, step_s=60), end)
    rows = store.sizes().readings
    store.close()
    return rows


def _ask(plan: Plan, url: str, end: int, note: str) -> dict[str, Finding]:
    span = f"start={quote(to_iso(end - DAYS * DAY))}&end={quote(to_iso(end))}"
    paths = {
        "influx_page": "/facilities/f{n:04}?range=30d",
        "influx_series": f"/api/v1/series?facility=f{{n:04}}&metric=power&{span}&step=1h",
    }
    found: dict[str, Finding] = {}
    visitor = Visitor(url)
    for name, path in paths.items():
        _times(visitor, path)  # whatever is made at first use, by the hub and by the server
        p95 = [quantile(_times(visitor, path), 0.95) for _ in range(plan.rounds)]
        plan.say(f"{name}: p95 " + ", ".join(f"{value:.0f}" for value in p95) + " ms")
        found[name] = Finding(spread=Spread.of(p95), note=note)
    visitor.close()
    return found


def _times(visitor: Visitor, path: str) -> list[float]:
    """Milliseconds of each answer."""
    taken: list[float] = []
    for number in range(_ASKED):
        asked = time.monotonic()
        visitor.get(path.format(n=number % _FACILITIES))
        taken.append((time.monotonic() - asked) * 1000)
    return taken
