"""The series store away for a while, at 2,000 messages/s, and the hub killed twice: alarms, memory, and how fast the backlog goes.

The store is a real InfluxDB behind a cable that is cut and mended. The publisher's loop is closed on the alarm lane alone;
how far the series lane is behind is looked at apart.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from hub.clock import SECOND
from hub.flows.series_lane import BEHIND_MS
from tests.benchmarks.cable import Cable
from tests.benchmarks.counter import Counter
from tests.benchmarks.exactness import Toll
from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import HubSubject
from tests.benchmarks.measure import FULL, Spread, await_quiet, publisher
from tests.benchmarks.plan import Plan
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.faults.checker import read_acked
from tests.influx_server import InfluxServer

RATE: Final = 2_000.0
_LEVEL: Final = RATE * BEHIND_MS / SECOND
"""Frames that may wait where, by the hub's own word, there is no backlog."""
_LOOK_EVERY_S: Final = 0.02
_KILLS: Final = 2
_CALM_S: Final = 5.0
"""After a start, until latencies count again: what came while there was no hub waited for one."""
_OWN_WORDS: Final = 5
"""Heartbeats and the like go on when the publisher has ended."""


class Drained(NamedTuple):
    """How the backlog went."""

    rate: float
    """Messages/s by which the lane's position advanced, from its first step to the moment when it was level."""
    frames: int
    """What waited at the beginning."""
    seconds: float
    """From the mending of the cable to level."""


class Growth:
    """How much larger the hub has become than it was at the beginning, bytes."""

    def __init__(self, hub: HubSubject) -> None:
        self._hub = hub
        self._before = self._peak = hub.rss()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look while the block lasts."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    @property
    def megabytes(self) -> tuple[float, float]:
        """(growth, size before), MB."""
        return (self._peak - self._before) / 1e6, self._before / 1e6

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._peak = max(self._peak, self._hub.rss())


def outage(plan: Plan, toll: Toll) -> dict[str, Finding]:
    """Once: the full form takes a quarter of an hour."""
    await_quiet(plan.patience)
    with ExitStack() as ending:
        server = InfluxServer()
        ending.callback(server.remove)
        server.start()
        broker = ShippedBroker()
        ending.callback(broker.stop)
        cable = Cable(server.port)
        ending.callback(cable.close)
        behind = Counter(plan.counter.path.with_name("behind"))
        ending.callback(behind.close)
        database = server.new_database()
        plan.counter.value = 0
        url = f"influxdb://127.0.0.1:{cable.port}/{database}"
        hub = HubSubject(broker.address, plan.counter, timed=True, more=("--series", url, "--behind", str(behind.path)))
        ending.callback(hub.stop)
        findings, lives = _measure(plan, hub, broker, cable, behind)
        hub.end()
        _count(toll, server, database, hub.folder / "acked")
        return findings | _alarms([*lives, hub.latency["alarm"]])


def _measure(
    plan: Plan, hub: HubSubject, broker: ShippedBroker, cable: Cable, behind: Counter
) -> tuple[dict[str, Finding], list[dict[str, float]]]:
    """And the alarms' latencies of each hub that was killed."""
    load = replace(FULL, rate=RATE)
    more = (f"--counter={plan.counter.path}", "--duration=1e6", f"--acked={hub.folder / 'acked'}")
    with publisher(plan.programs, broker.address, load, *more) as sender:
        time.sleep(plan.warm_up + plan.seconds)
        hub.warmed_up()
        growth = Growth(hub)
        with growth.watched():
            cable.cut()
            lives = [_life(hub, plan.away_s / (_KILLS + 1)) for _ in range(_KILLS)]
            time.sleep(plan.away_s / (_KILLS + 1))
            cable.mend()
            drained = _drain(plan, behind)
            time.sleep(plan.seconds)  # what comes behind the backlog, such as roll-ups
        sender.terminate()
        result = json.loads(sender.communicate(timeout=load.drain + 60)[0])
        _settle(behind)
    grown, before = growth.megabytes
    plan.say(
        f"store away {plan.away_s:g} s: {drained.frames:,} waited, level {drained.seconds:.1f} s after it was back,"
        f" {drained.rate:,.0f}/s; RSS {before:.0f} MB and {grown:.0f} more; {result['sent']:,} sent"
    )
    note = f"after {plan.away_s:g} s {drained.frames:,} waited; level {drained.seconds:.0f} s after it was back"
    findings = {
        "outage_drain": Finding(spread=Spread.of([drained.rate]), note=note),
        "outage_rss": Finding(
            spread=Spread.of([grown]), note=f"{before:.0f} MB before; killed {_KILLS} times meanwhile"
        ),
    }
    return findings, lives


def _life(hub: HubSubject, seconds: float) -> dict[str, float]:
    """Let it work for so long, then kill it; the latencies of its alarms."""
    time.sleep(seconds)
    found: dict[str, float] = hub.killed()["alarm"]
    time.sleep(_CALM_S)
    hub.warmed_up()
    return found


def _drain(plan: Plan, behind: Counter) -> Drained:
    """Followed from the moment at which the store is back."""
    mended = time.monotonic()
    patience = mended + 60 + 2 * plan.away_s
    begun, count, waiting = mended, plan.counter.value, behind.value
    frames, moving = waiting, False
    while waiting > _LEVEL:
        if time.monotonic() > patience:
            raise RuntimeError(f"{waiting:,} frames still wait {patience - mended:.0f} s after the store was back")
        time.sleep(_LOOK_EVERY_S)
        now, waiting = time.monotonic(), behind.value
        if not moving and waiting >= frames:
            begun, count, frames = now, plan.counter.value, waiting
        else:
            moving = True
    ended = time.monotonic()
    done = frames - waiting + plan.counter.value - count
    return Drained(done / (ended - begun), frames, ended - mended)


def _settle(behind: Counter) -> None:
    """Until everything is stored, and the hub's own words of the last moments are all that can wait."""
    patience = time.monotonic() + 60
    while behind.value > _OWN_WORDS:
        if time.monotonic() > patience:
            raise RuntimeError(f"{behind.value:,} frames still wait a minute after the last message")
        time.sleep(_LOOK_EVERY_S)


def _alarms(lives: list[dict[str, float]]) -> dict[str, Finding]:
    """p99 of each life, the median of which is told; the first seconds after a start are left out."""
    note = f"the latest {max(found['worst'] for found in lives):.0f} ms; {_CALM_S:g} s after each start left out"
    return {"outage_alarm": Finding(spread=Spread.of([found["p99"] for found in lives]), note=note)}


def _count(toll: Toll, server: InfluxServer, database: str, acked: Path) -> None:
    stored = Tally(server.published(database))
    wanted = read_acked(acked)
    toll.messages += len(wanted)
    toll.lost += len(wanted.keys() - stored.keys())
    toll.double += sum(times - 1 for times in stored.values())
