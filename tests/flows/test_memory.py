"""What the alarm lane remembers comes back from the bytes it was saved as."""

from __future__ import annotations

from typing import Any, cast

from hub.clock import ManualClock
from hub.flows.batch import Slots
from hub.flows.live import ClockFault, LiveState
from hub.flows.memory import Memory
from tests.flows.community import HOUR, MINUTE, START, Saying, hub_id

LATENESS = 10 * MINUTE


def remembering(*batches: Saying) -> Memory:
    slots = Slots()
    memory = Memory(slots)
    for number, saying in enumerate(batches, 1):
        batch = saying.decoded(slots, number)
        late = batch.readings.arrival - batch.readings.time > LATENESS
        memory.absorb(batch, batch.readings.value, late, lateness=LATENESS)
    return memory


def test_a_device_that_has_no_point_is_remembered() -> None:
    """A gateway that says nothing but that it is there: the memory made no room for it, and the hub did not start."""
    saved = remembering(Saying().value("sensor", 20.0, START).online("gateway", START + 1, online=True)).dump()
    memory = Memory(Slots())
    memory.load(saved)
    assert memory.device_index.keys() == {hub_id("sensor"), hub_id("gateway")}
    assert memory.heard_at(hub_id("sensor")) == START
    assert memory.offline == {hub_id("gateway"): False}


def live(memory: Memory) -> LiveState:
    unused = cast("Any", None)
    return LiveState(memory, unused, unused, ManualClock(START), lateness=LATENESS)


def clock_fault(memory: Memory) -> ClockFault | None:
    return live(memory).clock_fault(hub_id("sensor"))


def test_a_gateway_that_says_only_that_it_is_there_was_heard_then() -> None:
    memory = remembering(Saying().online("gateway", START, online=True), Saying().online("gone", START, online=False))
    assert live(memory).heard_at(hub_id("gateway")) == START
    assert live(memory).heard_at(hub_id("gone")) is None


def test_what_waited_while_the_hub_was_away_says_nothing_of_a_clock() -> None:
    back = START + HOUR
    waited = Saying().gap(START, back).value("sensor", 20.0, START + MINUTE, arrival=back + 1)
    assert clock_fault(remembering(waited)) is None
    again = Memory(Slots())
    again.load(remembering(waited).dump())
    assert clock_fault(again) is None
    late = Saying().gap(START, back).value("sensor", 20.0, START - HOUR, arrival=back)
    assert clock_fault(remembering(late)) == ClockFault(2 * HOUR)


def test_the_hubs_absence_makes_no_clock_slower() -> None:
    slow = Saying().value("sensor", 20.0, START - 8 * HOUR, arrival=START)
    absences = Saying().gap(START + MINUTE, START + 4 * MINUTE), Saying().gap(START + HOUR, START + 2 * HOUR)
    memory = remembering(slow, *absences)
    assert clock_fault(memory) == ClockFault(8 * HOUR)
    assert live(memory).heard_at(hub_id("sensor")) == START, "the time it spoke, not one that no clock has shown"
