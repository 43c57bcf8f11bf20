"""From a message on the wire to what people see of it, one after the other, at 1,000 messages/s.

A fault until its ticket is in the API's answer; a sensor that is triggered in a walk test until its tick is in the event stream.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.benchmarks.exactness import Toll
from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import HubSubject
from tests.benchmarks.measure import FULL, Address, Spread, await_quiet, publisher
from tests.benchmarks.plan import Plan, quantile
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.benchmarks.visitor import TOKEN, Visitor

RATE: Final = 1000.0
_QUIET_DEVICES: Final = 500
"""The publisher's; the further ones up to 1,000 have one fault each."""
_LAST: Final = 1000
_PAUSE_S: Final = 0.05
_LOOK_EVERY_S: Final = 0.002
_PATIENCE_S: Final = 10.0
_LINES: Final = 12
"""Of the event stream, among which a tick must be: an event has four of them, a heartbeat two."""
_WALKED: Final = 40
"""Sensors that are triggered in each round, at most: naming each takes the API some time at this load."""


class Seen(NamedTuple):
    """Milliseconds from the publish of each."""

    tickets: list[float]
    ticks: list[float]


def tickets_seen(plan: Plan, toll: Toll) -> dict[str, Finding]:
    """p50 and p99 of each round."""
    rounds: list[Seen] = []
    for number in range(plan.rounds):
        await_quiet(plan.patience)
        found = _sample(plan, toll)
        rounds.append(found)
        p50, p99 = quantile(found.tickets, 0.5), quantile(found.tickets, 0.99)
        plan.say(f"round {number + 1}: {len(found.tickets)} tickets, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
        plan.say(f"round {number + 1}: {len(found.ticks)} ticks, p99 {quantile(found.ticks, 0.99):.0f} ms")
    note = f"{sum(len(found.tickets) for found in rounds)} tickets"
    return {
        "ticket_p50": Finding(spread=Spread.of([quantile(found.tickets, 0.5) for found in rounds]), note=note),
        "ticket_p99": Finding(spread=Spread.of([quantile(found.tickets, 0.99) for found in rounds]), note=note),
        "walk_p99": Finding(
            spread=Spread.of([quantile(found.ticks, 0.99) for found in rounds]),
            note=f"{sum(len(found.ticks) for found in rounds)} ticks",
        ),
    }


def _sample(plan: Plan, toll: Toll) -> Seen:
    broker = ShippedBroker()
    plan.counter.value = 0
    hub = HubSubject(broker.address, plan.counter, token=TOKEN)
    acked = Path(hub.folder) / "acked"
    load = replace(FULL, rate=RATE, devices=_QUIET_DEVICES, fault_every=0)
    more = (f"--duration={plan.warm_up + plan.seconds}", f"--acked={acked}")
    try:
        with publisher(plan.programs, broker.address, load, *more) as sender, _device(broker.address) as device:
            time.sleep(plan.warm_up)
            began = time.monotonic()
            ticks = _walk(hub.url, device, began + plan.seconds / 3)
            taken = _faults(hub.url, device, began + plan.seconds - 1)
            sender.communicate(timeout=plan.seconds + load.drain + 60)
        hub.end()
        toll.check(acked, hub.data)
        return Seen(taken, ticks)
    finally:
        hub.stop()
        broker.stop()


@contextlib.contextmanager
def _device(address: Address) -> Iterator[mqtt.Client]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-faults")
    client.username_pw_set(address.publisher_name, address.publisher_password)
    client.connect(address.host, address.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def _say(client: mqtt.Client, device: int, point: str, value: float) -> float:
    """When it was sent, on the clock that does not jump."""
    payload = json.dumps({"ts": time.time_ns() // 1_000_000, "values": {point: value}})
    began = time.monotonic()
    client.publish(f"community/v1/bench/d{device:04}/telemetry", payload, qos=1)
    return began


def _walk(url: str, client: mqtt.Client, until: float) -> list[float]:
    """Milliseconds from each reading that is triggered to its tick, as the walker's page hears it."""
    visitor, page = Visitor(url), Visitor(url)
    events = page.follow("/api/v1/events?kinds=walk")
    while events.readline().strip() != b": welcome":
        pass
    taken: list[float] = []
    for device in range(_LAST - _WALKED, _LAST):
        if taken and time.monotonic() >= until:
            break
        body = {"device": f"bench~d{device:04}", "point": "humidity"}
        visitor.post("/api/v1/commissioning/bench/walk/expect", body)
        began = _say(client, device, "humidity", 50.0)
        if not any(events.readline().startswith(b"data: ") for _ in range(_LINES)):
            raise RuntimeError(f"no tick for device {device}")
        taken.append((time.monotonic() - began) * 1000)
    visitor.close()
    page.close()
    return taken


def _faults(url: str, client: mqtt.Client, until: float) -> list[float]:
    """Milliseconds from each fault's publish to the first answer with its ticket."""
    visitor = Visitor(url)
    taken: list[float] = []
    for device in range(_QUIET_DEVICES, _LAST - _WALKED):
        if time.monotonic() >= until:
            break
        began = _say(client, device, "power", 999.5)
        while not visitor.items(f"/api/v1/tickets?facility=f{device:04}"):
            if time.monotonic() > began + _PATIENCE_S:
                raise RuntimeError(f"no ticket for device {device} within {_PATIENCE_S:g} s")
            time.sleep(_LOOK_EVERY_S)
        taken.append((time.monotonic() - began) * 1000)
        time.sleep(_PAUSE_S + device % 10 * 0.007)  # not in step with the batches
    visitor.close()
    return taken
