"""What the alarm lane remembers comes back from the bytes it was saved as."""

from __future__ import annotations

from hub.flows.batch import Slots
from hub.flows.memory import Memory
from tests.flows.community import START, Saying, hub_id


def remembering(*batches: Saying) -> Memory:
    slots = Slots()
    memory = Memory(slots)
    for number, saying in enumerate(batches, 1):
        batch = saying.decoded(slots, number)
        late = batch.readings.arrival - batch.readings.time > 600_000
        memory.absorb(batch, batch.readings.value, late, lateness=600_000)
    return memory


def test_a_device_that_has_no_point_is_remembered() -> None:
    """A gateway that says nothing but that it is there: the memory made no room for it, and the hub did not start."""
    saved = remembering(Saying().value("sensor", 20.0, START).online("gateway", START + 1, online=True)).dump()
    memory = Memory(Slots())
    memory.load(saved)
    assert memory.device_index.keys() == {hub_id("sensor"), hub_id("gateway")}
    assert memory.heard_at(hub_id("sensor")) == START
    assert memory.offline == {hub_id("gateway"): False}
