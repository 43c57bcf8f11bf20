"""The alarm lane, batch by batch: from samples to alarms, tickets and notices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.clock import DAY
from hub.domain.alarms import AlarmState
from hub.domain.notices import NoticeKind
from hub.domain.places import Binding
from hub.domain.readings import Quality
from hub.domain.tickets import TicketState
from hub.flows.batch import Mark
from hub.flows.notice_text import evidence_words
from tests.flows.community import HOME, MINUTE, SECOND, START, Saying, Story, fault_rule, hub_id, limit_rule, registry


def test_a_breach_becomes_one_alarm_one_ticket_and_a_notice_to_each_contact_in_its_language(records: Any) -> None:
    story = Story(records, registry(limit_rule(on_delay_ms=10 * SECOND)), public_url="https://hub.example")
    for second in range(0, 30, 5):
        story.say(Saying().value("pump", 92.5, START + second * SECOND))
    (alarm,) = story.alarms()
    assert alarm.state is AlarmState.UNACKNOWLEDGED
    assert alarm.raised_at == START + 10 * SECOND
    ticket = story.ticket()
    assert (ticket.state, ticket.crew, ticket.key.facility) == (TicketState.ASSIGNED, "works", "room-pump")
    assert ticket.number == "HG-2025-000001"
    chinese, english = sorted(story.notices(), key=lambda n: n.contact)
    assert chinese.kind is NoticeKind.OPENED
    assert "温度 92.5 ℃，高于 80 ℃" in chinese.body
    assert "Temperature 92.5 ℃, above 80 ℃" in english.body
    assert english.body.endswith(f"https://hub.example/tickets/{ticket.id}")
    assert "1. first" in english.body
    assert "Room pump" in english.subject


def test_a_notice_counts_in_its_readers_language(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START))
    alarm, rule = replace(story.alarms()[0], value=30), limit_rule(metric="occupancy", setpoint=1)
    assert evidence_words(alarm, rule, "zh-CN") == "在场人数 30 人，高于 1 人"
    assert evidence_words(alarm, rule, "en") == "Head count 30 people, above 1 person"


def test_an_on_delay_ends_by_time_alone(records: Any) -> None:
    story = Story(records, registry(limit_rule(on_delay_ms=10 * SECOND)))
    story.say(Saying().value("pump", 92.0, START))
    assert story.tickets() == []
    story.wait_until(START + 10 * SECOND - 1)
    assert story.tickets() == []
    story.wait_until(START + 10 * SECOND)
    assert story.ticket().state is TicketState.ASSIGNED


def test_a_device_code_makes_a_ticket_and_its_end_starts_verification(records: Any) -> None:
    story = Story(records, registry(fault_rule()))
    story.say(Saying().fault("pump", "E21", START))
    assert story.ticket().key.failure_mode == "pump_trip"
    story.say(Saying().fault("pump", "E21", START + MINUTE, active=False))
    assert story.ticket().state is TicketState.VERIFYING


def test_a_fault_code_that_no_rule_takes_still_makes_a_ticket(records: Any) -> None:
    story = Story(records, registry(fault_rule()))
    story.say(Saying().fault("pump", "E99", START))
    assert story.ticket().key.failure_mode == "device_fault"


@pytest.mark.parametrize(
    ("value", "mark", "quality"),
    [
        (21.0, Mark.NONE, Quality.GOOD),
        (500.0, Mark.NONE, Quality.UNCERTAIN),  # no temperature of a room is, nor a humidity
        (21.0, Mark.UNCERTAIN, Quality.UNCERTAIN),
        (21.0, Mark.CLOCK_PROBLEM, Quality.UNCERTAIN),
        (500.0, Mark.SIMULATED, Quality.SIMULATED),
    ],
)
def test_pages_see_what_a_value_is_worth_as_the_store_does(
    records: Any, value: float, mark: Mark, quality: Quality
) -> None:
    known = registry(limit_rule())
    humid = Binding(community=HOME, device=hub_id("pump"), point="ain2", facility="room-pump", metric="humidity")
    story = Story(records, replace(known, bindings={**known.bindings, (hub_id("pump"), "ain2"): (humid,)}))
    saying = Saying()
    for point in ("temperature", "ain2", "ain1"):
        saying.value("pump", value, START, point=point, mark=mark)
    story.say(saying)

    def seen() -> dict[str, int]:
        return {reading.key.name: reading.quality for reading in story.lane.live.of_device(hub_id("pump"))}

    free = quality if mark else Quality.GOOD  # what measures nothing known has no limits
    assert seen() == {"temperature": quality, "ain2": quality, "ain1": free}
    story.clock.advance(DAY)
    assert set(seen().values()) == {Quality.STALE}


def test_an_unknown_device_makes_no_alarm_but_is_remembered(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("stranger", 500.0, START).fault("stranger", "E21", START))
    assert story.alarms() == []
    (reading,) = story.lane.live.of_device("garden~stranger")
    assert reading.value == 500.0
