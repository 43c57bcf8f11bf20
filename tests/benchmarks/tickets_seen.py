"""From a fault on the wire to its ticket in the API's answer, one fault after the other, at 1,000 messages/s."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

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


def tickets_seen(plan: Plan, toll: Toll) -> dict[str, Finding]:
    """p50 and p99 of each round."""
    p50: list[float] = []
    p99: list[float] = []
    count = 0
    for number in range(plan.rounds):
        await_quiet(plan.patience)
        found = _sample(plan, toll)
        count += len(found)
        p50.append(quantile(found, 0.5))
        p99.append(quantile(found, 0.99))
        plan.say(f"round {number + 1}: {len(found)} tickets, p50 {p50[-1]:.0f} ms, p99 {p99[-1]:.0f} ms")
    note = f"{count} tickets"
    return {
        "ticket_p50": Finding(spread=Spread.of(p50), note=note),
        "ticket_p99": Finding(spread=Spread.of(p99), note=note),
    }


def _sample(plan: Plan, toll: Toll) -> list[float]:
    broker = ShippedBroker()
    plan.counter.value = 0
    hub = HubSubject(broker.address, plan.counter, token=TOKEN)
    acked = Path(hub.folder) / "acked"
    load = replace(FULL, rate=RATE, devices=_QUIET_DEVICES, fault_every=0)
    more = (f"--duration={plan.warm_up + plan.seconds}", f"--acked={acked}")
    try:
        with publisher(plan.programs, broker.address, load, *more) as sender:
            time.sleep(plan.warm_up)
            taken = _faults(hub.url, broker.address, plan.seconds - 1)
            sender.communicate(timeout=plan.seconds + load.drain + 60)
        hub.end()
        toll.check(acked, hub.data)
        return taken
    finally:
        hub.stop()
        broker.stop()


def _faults(url: str, address: Address, seconds: float) -> list[float]:
    """Milliseconds from each fault's publish to the first answer with its ticket."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-faults")
    client.username_pw_set(address.publisher_name, address.publisher_password)
    client.connect(address.host, address.port)
    client.loop_start()
    visitor = Visitor(url)
    taken: list[float] = []
    until = time.monotonic() + seconds
    for device in range(_QUIET_DEVICES, _LAST):
        if time.monotonic() >= until:
            break
        payload = json.dumps({"ts": time.time_ns() // 1_000_000, "values": {"power": 999.5}})
        began = time.monotonic()
        client.publish(f"community/v1/bench/d{device:04}/telemetry", payload, qos=1)
        while not visitor.items(f"/api/v1/tickets?facility=f{device:04}"):
            if time.monotonic() > began + _PATIENCE_S:
                raise RuntimeError(f"no ticket for device {device} within {_PATIENCE_S:g} s")
            time.sleep(_LOOK_EVERY_S)
        taken.append((time.monotonic() - began) * 1000)
        time.sleep(_PAUSE_S + device % 10 * 0.007)  # not in step with the batches
    visitor.close()
    client.disconnect()
    client.loop_stop()
    return taken
