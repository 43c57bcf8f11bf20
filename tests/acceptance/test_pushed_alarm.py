"""A flooded sump behind a carrier's cloud: one ticket, however often the cloud sends its word, and none for a liar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from hub.clock import MINUTE, SECOND, from_iso
from hub.domain.places import Binding, Device, DeviceState, Name
from hub.flows.pushing import Delivery
from hub.flows.registry import Registry
from hub.ingest.frames import Acknowledger, Frame
from hub.ingest.push import PushInlet
from hub.ingest.push_meters import PushMeters
from hub.ingest.spoken import Spoken
from hub.settings import Push, PushSource
from hub.storage.community_toml import shipped
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub
from tests.ingest.push.conftest import SECRET
from tests.ingest.push.format import Pushed

COMMUNITY = "harmony-garden"
START = from_iso("2026-11-23T02:00:00Z")
DEVICE = f"{COMMUNITY}~imei-862592051651472"
POINT = "extra_high_level"


class Straight:
    """A journal that commits at once and hands each frame to the hub of the story."""

    full = False

    def __init__(self, hub: VirtualHub) -> None:
        self._hub = hub

    def put(self, frames: Sequence[Frame], source: Acknowledger | None, generation: int) -> None:
        if source is not None:
            source.acknowledge(generation, [frame.packet_id for frame in frames])
        self._hub.hear(frames)

    def flush(self, timeout: float) -> bool:
        return True


def garden() -> Registry:
    """With one float switch, of a maker whose devices only talk to the carrier's cloud."""
    registry = shipped(COMMUNITY)
    sump = next(facility for facility in registry.facilities.values() if facility.kind == "sump")
    device = Device(
        id=DEVICE,
        community=COMMUNITY,
        scheme="imei",
        scheme_id="862592051651472",
        state=DeviceState.ADOPTED,
        name=Name(zh="超高液位浮球", en="Extra-high float"),
    )
    binding = Binding(community=COMMUNITY, device=DEVICE, point=POINT, facility=sump.id)
    return replace(
        registry,
        devices={DEVICE: device},
        bindings={(DEVICE, POINT): (binding,)},
    )


class Story:
    """The cloud speaks, or somebody who would like to be it."""

    def __init__(self, records: SqlRecords) -> None:
        spoken = Spoken("push:ctwing", COMMUNITY, (Pushed(),))
        self.hub = VirtualHub(garden(), records, start=START, spoken=[spoken])
        source = PushSource(name="ctwing", community=COMMUNITY, format="pushed", secret=SECRET)
        self.inlet = PushInlet(
            Push(sources=(source,)),
            intake=Straight(self.hub),
            clock=self.hub.clock,
            meters=PushMeters(CollectorRegistry()),
        )

    def push(self, *, wet: bool, secret: str = SECRET, sent_again: int = 0) -> list[int]:
        said = {"device": "862592051651472", "ts": self.hub.clock.now(), "values": {POINT: wet}}
        delivery = Delivery(source="ctwing", secret=secret, body=json.dumps(said).encode())
        return [self.inlet.take(delivery).status for _ in range(1 + sent_again)]

    def later(self, span: int) -> None:
        self.hub.wait_until(self.hub.clock.now() + span)


@pytest.fixture
def story(records: SqlRecords) -> Story:
    return Story(records)


def test_a_flooded_sump_behind_a_carriers_cloud(story: Story) -> None:
    assert story.push(wet=False) == [200]
    story.later(MINUTE)
    assert story.push(wet=True, secret="not-the-secret-of-this-cloud") == [403]
    story.later(MINUTE)
    assert story.hub.tickets() == (), "a lie opens nothing"
    for _ in range(4):
        assert story.push(wet=True, sent_again=2) == [200, 200, 200]
        story.later(30 * SECOND)
    (ticket,) = story.hub.tickets()
    (alarm,) = story.hub.alarms()
    assert (ticket.key.failure_mode, ticket.priority) == ("extra_high_level", "safety")
    assert ticket.key.facility == story.hub.registrar.current.bindings[DEVICE, POINT][0].facility
    assert (alarm.active, alarm.occurrence) == (True, 1)
    assert story.push(wet=False, sent_again=1) == [200, 200]
    story.later(2 * MINUTE)
    (alarm,) = story.hub.alarms()
    assert not alarm.active
