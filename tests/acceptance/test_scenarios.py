"""Each shipped scenario on Harmony Garden in virtual time: the tickets that it promises come, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

import pytest

from devices.simulator import scenario
from devices.simulator.play import Play, Publication
from devices.simulator.scenario import Scenario
from hub.clock import MINUTE, SECOND, from_iso
from hub.commands.simulated_community import simulated
from hub.demo import FORMATS
from hub.domain.tickets import Ticket
from hub.flows.registry import Registry
from hub.ingest.frames import Frame
from hub.ingest.spoken import Spoken
from hub.settings import Connection
from hub.storage.community_toml import shipped
from hub.storage.unit import SqlRecords
from tests.acceptance.virtual import VirtualHub, frame

COMMUNITY: Final = "harmony-garden"
SPOKEN: Final = Spoken.of(Connection(url="mqtt://127.0.0.1", community=COMMUNITY, formats=FORMATS))
START: Final = from_iso("2026-11-23T02:00:00Z")
BEFORE: Final = 6 * MINUTE
"""All is well for so long, so that the hub has learned how often each device reports."""
AFTER: Final = 5 * MINUTE
LONGEST: Final = 40 * MINUTE
"""Faults that never end are watched for so long."""
SLICE: Final = 10 * SECOND
KEEPALIVE: Final = 30 * SECOND
"""So long after its last word the broker tells the will of a connection that is not closed."""


@cache
def garden() -> Registry:
    return shipped(COMMUNITY)


def end_of(played: Scenario) -> int:
    """Until every fault is over and what it broke has spoken again."""
    return max((step.end or LONGEST for step in played.steps), default=LONGEST) + AFTER


class Wills:
    """What the broker says for gateways: offline when one has vanished, online when it is back."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._down: set[str] = set()

    def between(self, at: int) -> Iterator[Publication]:
        down = self._play.silent_gateways(at - KEEPALIVE) & self._play.silent_gateways(at)
        for gateway in sorted(down - self._down):
            yield from self._word(at, gateway, online=False)
        for gateway in sorted(self._down - down):
            yield from self._word(at, gateway, online=True)
        self._down = down

    def _word(self, at: int, gateway: str, *, online: bool) -> Iterator[Publication]:
        word = self._play.presence(gateway, online=online)
        if word is not None:
            yield Publication(at, gateway, *word)


def frames_of(play: Play, begin: int, end: int) -> Iterator[list[Frame]]:
    wills = Wills(play)
    for at in range(begin, end, SLICE):
        found = [*wills.between(at), *play.between(at, at + SLICE)]
        if found:
            yield [frame(publication) for publication in found]


def said(ticket: Ticket) -> str:
    """As ``expect`` writes it: facility or device, and failure mode."""
    key = ticket.key
    return f"{key.facility or key.unit.rpartition('~')[2]}/{key.failure_mode}"


@pytest.mark.parametrize("name", [name for name in scenario.names() if not scenario.load(name).community])
def test_a_scenario_makes_the_tickets_that_it_promises_and_no_others(name: str, records: SqlRecords) -> None:
    played = scenario.load(name)
    community = simulated(garden(), seed=1)
    play = Play(community=community, scenario=played, start=START, seed=1)
    hub = VirtualHub(garden(), records, start=START - BEFORE, spoken=[SPOKEN])
    for frames in frames_of(play, START - BEFORE, START + end_of(played)):
        hub.hear(frames)
    tickets = {said(ticket) for ticket in hub.tickets()}
    assert {pattern for pattern in played.expect if not any(fnmatchcase(t, pattern) for t in tickets)} == set()
    assert {t for t in tickets if not any(fnmatchcase(t, pattern) for pattern in played.expect)} == set()
    assert len(tickets) == len(hub.tickets()), "one fault, one ticket"
    assert not any(ticket.late for ticket in hub.tickets())
