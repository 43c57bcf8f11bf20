"""Commissioning in the alarm lane: recorded and told to nobody, until the place goes live."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.domain.commissioning import Commissioning, GoneLive, Part, Span
from hub.domain.places import Device, DeviceState
from hub.flows.registry import Registry
from tests.flows.community import (
    HOME,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Saying,
    Story,
    hub_id,
    limit_rule,
    name,
    registry,
    silence_rule,
)

T0 = START + HOUR


def span(part: Part = Part.COMMUNITY, of: str = "", *, since: int = START, until: int | None = None) -> Span:
    return Span(id=f"{part}-{of}", community=HOME, part=part, of=of, since=since, until=until)


def quiet(*spans: Span, live: tuple[GoneLive, ...] = (), **more: Any) -> Registry:
    said = {HOME: Commissioning(spans=spans, live=live)}
    return registry(limit_rule(), silence_rule(), commissioning=said, **more)


def hot(story: Story, at: int, value: float = 90.0, device: str = "pump") -> None:
    story.say(Saying().value(device, value, at))


def test_an_alarm_is_recorded_and_nobody_is_told(records: Any) -> None:
    story = Story(records, quiet(span()))
    hot(story, T0)
    hot(story, T0 + SECOND, 20.0)
    hot(story, T0 + 2 * SECOND)
    (alarm,) = story.alarms()
    assert (alarm.active, alarm.commissioning, alarm.occurrence) == (True, True, 2)
    assert (story.tickets(), story.notices()) == ([], [])
    assert story.published[0][1]["commissioning"] is True


def test_going_live_tells_at_once_of_what_is_active(records: Any) -> None:
    story = Story(records, quiet(span()))
    hot(story, T0)
    live = GoneLive(community=HOME, kind="pump_room", at=T0 + MINUTE, by="ana")
    story.replace_registry(quiet(span(), live=(live,), version=2))
    story.wait_until(T0 + MINUTE - 1)
    assert story.notices() == []
    story.wait_until(T0 + 2 * MINUTE)
    assert [notice.kind for notice in story.notices()] == ["opened", "opened"]
    assert story.ticket().reported_at >= T0 + MINUTE
    (alarm,) = story.alarms()
    assert (alarm.commissioning, alarm.acked) == (False, False)


def test_an_end_that_was_set_comes_by_itself_and_survives_a_crash(records: Any) -> None:
    story = Story(records, quiet(span(until=T0 + HOUR)))
    hot(story, T0)
    story.crash()
    hot(story, T0 + HOUR - 1)
    assert story.notices() == []
    story.wait_until(T0 + HOUR + SECOND)
    assert len(story.notices()) == 2


def test_only_what_the_span_names_is_quiet(records: Any) -> None:
    story = Story(records, quiet(span(Part.FACILITY, "room-one"), devices=("one", "two")))
    hot(story, T0, device="one")
    hot(story, T0 + SECOND, device="two")
    assert story.ticket().key.facility == "room-two"


def test_a_gateway_and_what_speaks_through_it_are_quiet_also_about_their_silence(records: Any) -> None:
    picture = quiet(span(Part.GATEWAY, hub_id("gw")))
    pump = replace(picture.devices[hub_id("pump")], gateway=hub_id("gw"))
    gateway = Device(
        id=hub_id("gw"), community=HOME, scheme="native", scheme_id="gw", state=DeviceState.ADOPTED, name=name("gw")
    )
    picture = replace(picture, devices={pump.id: pump, gateway.id: gateway})
    story = Story(records, picture)
    hot(story, T0)
    story.say(Saying().online("gw", T0 + SECOND, online=False))
    story.wait_until(T0 + 2 * MINUTE)
    assert {(alarm.device, alarm.commissioning) for alarm in story.alarms()} == {(pump.id, True), (gateway.id, True)}
    assert story.notices() == []


def test_commissioning_that_begins_takes_back_what_has_not_left_and_later_words_on_its_ticket(records: Any) -> None:
    story = Story(records, quiet())
    hot(story, T0)
    assert [notice.state for notice in story.notices()] == ["queued", "queued"]
    story.replace_registry(quiet(span(since=T0 + MINUTE), version=2))
    story.wait_until(T0 + MINUTE)
    assert {notice.state for notice in story.notices()} == {"withdrawn"}
    hot(story, T0 + 2 * MINUTE, 20.0)
    hot(story, T0 + 3 * MINUTE)
    story.wait_until(T0 + 2 * HOUR)
    assert len(story.notices()) == 2, "neither that it came back nor that it is fixed"
    assert story.ticket().occurrences == 1


def test_late_data_open_no_tickets_either(records: Any) -> None:
    story = Story(records, quiet(span()))
    story.say(Saying().value("pump", 90.0, T0 - HOUR, arrival=T0))
    (alarm,) = story.alarms()
    assert (alarm.late, alarm.commissioning) == (True, False)
    assert story.tickets() == []
