"""Harmony Garden's devices of other formats: each point comes from the decoder by the name that the file binds."""

from __future__ import annotations

from typing import Final

import pytest

from devices import formats
from devices.contract import Message
from devices.conversation import Conversation
from devices.simulator import speaking
from devices.simulator.model import SimCommunity
from devices.simulator.play import Play
from hub.clock import MINUTE, from_iso
from hub.commands.simulated_community import simulated
from hub.demo import COMMUNITY, FORMATS
from hub.ingest.mosquitto import SIMULATED_TOPICS
from hub.ingest.spoken import covered
from hub.storage.community_toml import shipped

START: Final = from_iso("2026-11-23T02:00:00Z")


@pytest.fixture(scope="module")
def community() -> SimCommunity:
    return simulated(shipped(COMMUNITY), seed=1)


def test_the_demo_listens_to_what_its_community_speaks(community: SimCommunity) -> None:
    assert {speaking.format_of(device) for device in community.devices.values()} == set(FORMATS)
    assert len(FORMATS) >= 6


def test_every_point_has_its_word_and_comes_by_its_name(community: SimCommunity) -> None:
    play = Play(community=community, scenario=None, start=START)
    conversations = [Conversation(formats.make(name), COMMUNITY) for name in FORMATS]
    bound = {(device.id, point.name) for device in community.devices.values() for point in device.points}
    told, problems, announced = set(), [], set()
    for each in play.between(START, START + 31 * MINUTE):
        message = Message(each.topic, each.payload, each.at, retain=False)
        said = next(heard for talk in conversations if (heard := talk.hear(message)) is not None)
        problems += said.problems
        announced |= {(each.device.hub_id, point.name) for each in said.announcements for point in each.points}
        told |= {(sample.device.hub_id, point) for sample in said.samples for point in sample.values}
    assert not problems
    assert told == {(f"{COMMUNITY}~{device}", point) for device, point in bound}
    unbound = {(device, point) for device, point in announced - told if point != "linkquality"}
    assert not unbound


@pytest.mark.parametrize("name", speaking.names())
def test_the_simulator_may_write_what_it_says_in_any_format(name: str, community: SimCommunity) -> None:
    play = Play(community=community, scenario=None, start=START, speaks=name)
    topics = {each.topic for each in play.between(START, START + MINUTE)}
    topics |= {
        word.topic
        for gateway in community.gateways()
        for online in (True, False)
        if (word := play.presence(gateway, online=online)) is not None
    }
    native = [f"community/v1/{COMMUNITY}/+/{leaf}" for leaf in ("telemetry", "event", "status")]
    pushed = {topic for topic in topics if topic.startswith("http/")}  # those come by no broker
    assert [topic for topic in topics - pushed if not covered(topic, (*native, *SIMULATED_TOPICS))] == []
    assert topics
