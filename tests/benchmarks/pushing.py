"""A maker's cloud that pushes beside the everyday load: from the request to its 200, which means that it is on the disk."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import HubSubject
from tests.benchmarks.hub_process import PUSH_SECRET
from tests.benchmarks.measure import FULL, Spread, await_quiet, publisher
from tests.benchmarks.plan import Plan, quantile
from tests.benchmarks.shipped_broker import ShippedBroker

RATE: Final = 1_000.0
"""Messages/s over MQTT meanwhile."""
_CONNECTIONS: Final = 8
_PAUSE_S: Final = 0.1
"""Between an answer and the next push of a connection: some 60 pushes a second in all, below what a source may send (push.sources.rate_per_s)."""
_TIMEOUT_S: Final = 30.0


def pushing(plan: Plan) -> dict[str, Finding]:
    """p99 of each round; an answer other than 200 ends the measurement."""
    p99: list[float] = []
    count = 0
    for number in range(plan.rounds):
        await_quiet(plan.patience)
        taken = _sample(plan)
        count += len(taken)
        p99.append(quantile(taken, 0.99))
        plan.say(f"round {number + 1}: {len(taken)} pushes, p50 {quantile(taken, 0.5):.0f} ms, p99 {p99[-1]:.0f} ms")
    return {"push": Finding(spread=Spread.of(p99), note=f"{count:,} pushes on {_CONNECTIONS} connections")}


def _sample(plan: Plan) -> list[float]:
    broker = ShippedBroker()
    plan.counter.value = 0
    hub = HubSubject(broker.address, plan.counter, more=("--push",))
    try:
        with publisher(
            plan.programs, broker.address, replace(FULL, rate=RATE), f"--duration={2 * plan.warm_up + plan.seconds}"
        ) as sender:
            time.sleep(plan.warm_up)
            taken = _pushes(hub.url, plan.warm_up, plan.seconds)
            sender.communicate(timeout=plan.seconds + 60)
        return taken
    finally:
        hub.stop()
        broker.stop()


def _pushes(url: str, warm_up: float, seconds: float) -> list[float]:
    """Milliseconds that each answer took after the warm-up, in which devices are met for the first time."""
    since = time.monotonic() + warm_up
    until = since + seconds
    taken: list[list[float]] = [[] for _ in range(_CONNECTIONS)]
    failed: list[Exception] = []

    def run(number: int) -> None:
        try:
            _push(url, number, since, until, taken[number])
        except (OSError, RuntimeError) as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return [each for connection in taken for each in connection]


def _push(url: str, number: int, since: float, until: float, taken: list[float]) -> None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_S)
    while time.monotonic() < until:
        reading = {"device": f"meter-{number}", "ts": time.time_ns() // 1_000_000, "values": {"level": 1.5}}
        began = time.monotonic()
        connection.request("POST", f"/ingest/bench/{PUSH_SECRET}", json.dumps(reading))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a push was answered {answer.status}: {body[:200]!r}")
        if began >= since:
            taken.append((time.monotonic() - began) * 1000)
        time.sleep(_PAUSE_S + number * 0.003)  # not in step with the batches
    connection.close()
