"""Gateways that fall alone, together, and return: what is told, once, and what is explained by it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hub.domain.alarms import Alarm, Overlay
from hub.domain.notices import NoticeKind
from hub.domain.places import DeviceState, Facility, Place, PlaceKind, Tree
from hub.domain.tickets import TicketState
from hub.flows.batch import Announced
from hub.flows.registry import Registry
from hub.flows.topology import Area, Topology
from tests.flows.community import HOME, HOUR, MINUTE, SECOND, START, Saying, Story, hub_id, name, registry, silence_rule
from tests.flows.fakes import FakeRecords

BEAT = 10 * SECOND


def town(*buildings: str, gateways: int = 2, sensors: int = 2, alone: tuple[str, ...] = ()) -> Registry:
    """Buildings with gateways ``b1-g1`` of two sensors each ``b1-g1-s1``; ``alone``: sensors that need no gateway."""
    boxes = [f"{b}-g{n}" for b in buildings for n in range(1, gateways + 1)]
    behind = {f"{box}-s{n}": box for box in boxes for n in range(1, sensors + 1)}
    names = [*boxes, *behind, *alone]
    picture = registry(silence_rule(), devices=names)
    facilities = {
        key: replace(facility, building=key[1].removeprefix("room-").partition("-")[0])
        for key, facility in picture.facilities.items()
    }
    for building in buildings:
        facilities[HOME, f"lift-{building}"] = Facility(
            community=HOME, id=f"lift-{building}", kind="lift", name=name(f"Lift {building}"), building=building
        )
    places = {
        (HOME, b): Place(
            community=HOME, id=b, tree=Tree.MANAGEMENT, kind=PlaceKind.BUILDING, parent=None, name=name(f"House {b}")
        )
        for b in buildings
    }
    devices = {
        i: replace(d, gateway=hub_id(behind[d.scheme_id]) if d.scheme_id in behind else None)
        for i, d in picture.devices.items()
    }
    return replace(picture, facilities=facilities, places=places, devices=devices)


def speak(story: Story, start: int, end: int, *, without: tuple[str, ...] = (), every: int = BEAT) -> None:
    """All devices, but those whose names begin with one of ``without``."""
    names = [d.scheme_id for d in story.picture.devices.values() if not d.scheme_id.startswith(without or ("-",))]
    for at in range(start, end, every):
        saying = Saying()
        for device in names:
            saying.value(device, 20.0, at)
        if names:
            story.say(saying)
        else:
            story.wait_until(at)


def said(story: Story, *gateways: str, at: int, online: bool | None = False) -> None:
    saying = Saying()
    for gateway in gateways:
        saying.online(gateway, at, online=online)
    story.say(saying)


def told(story: Story) -> list[tuple[str, str]]:
    return [(t.key.unit, t.key.failure_mode) for t in story.tickets()]


def opened(story: Story) -> int:
    """Notices that a ticket was opened, to one of the two contacts."""
    return len([n for n in story.notices() if n.kind is NoticeKind.OPENED and n.contact == "ana"])


def alarm_of(story: Story, device: str) -> Alarm:
    (found,) = [a for a in story.alarms() if a.device == hub_id(device)]
    return found


# --- a gateway alone ----------------------------------------------------------------------------------------------


def test_a_gateway_that_falls_silent_alone_is_one_ticket_and_nothing_behind_it(records: Any) -> None:
    story = Story(records, town("b1", "b2"))
    speak(story, START, START + 5 * MINUTE)
    speak(story, START + 5 * MINUTE, START + HOUR, without=("b1-g1",))
    assert told(story) == [(hub_id("b1-g1"), "no_data")]
    assert opened(story) == 1
    for sensor in ("b1-g1-s1", "b1-g1-s2"):
        alarm = alarm_of(story, sensor)
        assert (alarm.overlay, alarm.overlay_reason) == (Overlay.SUPPRESSED, f"gateway {hub_id('b1-g1')}")


def test_a_will_is_told_once_its_neighbours_are_known_to_be_well(records: Any) -> None:
    story = Story(records, town("b1", "b2"))
    cut = START + 5 * MINUTE
    speak(story, START, cut)
    said(story, "b1-g1", at=cut)
    speak(story, cut + SECOND, cut + 2 * MINUTE, without=("b1-g1",))
    assert story.tickets() == [], "its neighbours may still fall"
    speak(story, cut + 2 * MINUTE + SECOND, cut + 2 * MINUTE + 25 * SECOND, without=("b1-g1",))
    assert told(story) == [(hub_id("b1-g1"), "no_data")]


def test_its_devices_wait_for_a_word_about_it(records: Any) -> None:
    """The sensors are overdue after two minutes, their gateway after fifteen."""
    picture = town("b1", gateways=1)
    gate = picture.devices[hub_id("b1-g1")]
    slow = replace(gate, expected_interval=3 * MINUTE)
    story = Story(records, replace(picture, devices={**picture.devices, gate.id: slow}))
    speak(story, START, START + 5 * MINUTE)
    story.wait_until(START + HOUR)
    assert told(story) == [(hub_id("b1-g1"), "no_data")]


def test_a_device_that_falls_silent_behind_a_gateway_that_speaks_is_told(records: Any) -> None:
    story = Story(records, town("b1"))
    speak(story, START, START + 5 * MINUTE)
    speak(story, START + 5 * MINUTE, START + 8 * MINUTE, without=("b1-g1-s1",))
    assert told(story) == [(hub_id("b1-g1-s1"), "no_data")]
    assert alarm_of(story, "b1-g1-s1").raised_at == START + 5 * MINUTE - BEAT + 2 * MINUTE


def test_a_gateway_that_nobody_adopted_explains_what_is_behind_it(records: Any) -> None:
    """Its devices name it, and it says that it is offline; more is not known of it."""
    picture = town("b1", gateways=1)
    devices = {i: d for i, d in picture.devices.items() if i != hub_id("b1-g1")}
    bindings = {k: v for k, v in picture.bindings.items() if k[0] != hub_id("b1-g1")}
    story = Story(records, replace(picture, devices=devices, bindings=bindings))
    speak(story, START, START + 5 * MINUTE)
    said(story, "b1-g1", at=START + 5 * MINUTE)
    story.wait_until(START + HOUR)
    assert told(story) == [(hub_id("b1-g1"), "no_data")]


def test_a_gateway_that_never_speaks_itself_is_known_by_what_is_behind_it(records: Any) -> None:
    picture = town("b1", gateways=1, sensors=3)
    devices = {i: d for i, d in picture.devices.items() if i != hub_id("b1-g1")}
    bindings = {k: v for k, v in picture.bindings.items() if k[0] != hub_id("b1-g1")}
    story = Story(records, replace(picture, devices=devices, bindings=bindings))
    speak(story, START, START + 5 * MINUTE)
    story.wait_until(START + HOUR)
    assert told(story) == [(hub_id("b1-g1"), "no_data")]
    speak(story, START + HOUR, START + HOUR + 30 * MINUTE)
    assert not alarm_of(story, "b1-g1").active
    assert told(story) == [(hub_id("b1-g1"), "no_data")]


def test_devices_that_return_later_than_their_gateway_open_nothing(records: Any) -> None:
    """The slow sensor speaks once in ten minutes, and next when ten minutes have passed since power came back."""
    picture = town("b1", gateways=1)
    slow = hub_id("b1-g1-s2")
    devices = {**picture.devices, slow: replace(picture.devices[slow], expected_interval=10 * MINUTE)}
    story = Story(records, replace(picture, devices=devices))
    speak(story, START, START + 5 * MINUTE)
    said(story, "b1-g1", at=START + 5 * MINUTE)
    back = START + 34 * MINUTE
    story.wait_until(back)
    said(story, "b1-g1", at=back, online=True)
    speak(story, back, back + 11 * MINUTE, without=("b1-g1-s2",))
    speak(story, back + 11 * MINUTE, back + HOUR)
    assert told(story) == [(hub_id("b1-g1"), "no_data")]


# --- many together --------------------------------------------------------------------------------------------------


def test_a_building_that_loses_power_is_one_alarm_one_ticket_and_one_notice(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    speak(story, START, START + 5 * MINUTE)
    cut = START + 5 * MINUTE
    speak(story, cut, cut + 30 * MINUTE, without=("b1",))
    (ticket,) = story.tickets()
    assert (ticket.key.facility, ticket.key.unit, ticket.key.failure_mode) == ("", "b1", "power_or_uplink_lost")
    assert ticket.title_en == "House b1: Power or uplink lost"
    assert opened(story) == 1
    body = next(n.body for n in story.notices() if n.contact == "bob")
    assert "Look at each of these: Lift b1" in body
    plain = [a for a in story.alarms() if a.active and a.overlay is Overlay.NONE]
    assert [(a.rule, a.code, a.unit) for a in plain] == [("power-or-uplink-lost", "b1", "b1")]
    assert {a.overlay_reason for a in story.alarms() if a.device in {hub_id("b1-g1"), hub_id("b1-g2")}} == {"area b1"}
    assert story.lane.live.lost_facilities() >= {(HOME, "lift-b1")}
    assert (HOME, "lift-b2") not in story.lane.live.lost_facilities()


def test_its_return_opens_nothing_and_proves_the_repair(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut, back = START + 5 * MINUTE, START + 35 * MINUTE
    speak(story, START, cut)
    speak(story, cut, back, without=("b1",))
    before = len(story.notices())
    speak(story, back, back + MINUTE, without=("b1-g1", "b1-g2-s2"))  # one box takes longer to start
    speak(story, back + MINUTE, back + HOUR)
    ticket = story.ticket()
    assert (ticket.state, ticket.verified) == (TicketState.RESOLVED, "sensor")
    assert {n.kind for n in story.notices()[before:]} == {NoticeKind.RESTORED}
    assert [a.device for a in story.alarms() if a.active or a.overlay is not Overlay.NONE] == []
    assert story.lane.live.lost_facilities() == frozenset()


def test_a_gateway_that_stays_away_after_the_others_are_back_is_told_then(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut, back = START + 5 * MINUTE, START + 35 * MINUTE
    speak(story, START, cut)
    speak(story, cut, back, without=("b1",))
    speak(story, back, back + HOUR, without=("b1-g1",))
    assert told(story) == [("b1", "power_or_uplink_lost"), (hub_id("b1-g1"), "no_data")]


def test_wills_that_come_one_after_the_other_within_two_minutes_are_one(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut = START + 5 * MINUTE
    speak(story, START, cut)
    said(story, "b1-g1", at=cut + 10 * SECOND)
    speak(story, cut + 11 * SECOND, cut + 2 * MINUTE, without=("b1-g1",))
    said(story, "b1-g2", at=cut + 2 * MINUTE + 9 * SECOND)
    speak(story, cut + 2 * MINUTE + 10 * SECOND, cut + HOUR, without=("b1",))
    assert told(story) == [("b1", "power_or_uplink_lost")]
    assert opened(story) == 1


def test_gateways_that_fall_further_apart_are_told_each(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut = START + 5 * MINUTE
    speak(story, START, cut)
    speak(story, cut, cut + 3 * MINUTE, without=("b1-g1",))
    speak(story, cut + 3 * MINUTE, cut + HOUR, without=("b1",))
    assert told(story) == [(hub_id("b1-g1"), "no_data"), (hub_id("b1-g2"), "no_data")]


def test_the_whole_community_is_one_and_not_one_for_each_building(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut, back = START + 5 * MINUTE, START + 40 * MINUTE
    speak(story, START, cut)
    said(story, "b1-g1", "b1-g2", at=cut)  # these wills come at once, the others' when they come
    speak(story, cut + SECOND, cut + MINUTE, without=("b1",))
    story.wait_until(back)
    (ticket,) = story.tickets()
    assert (ticket.key.unit, ticket.key.failure_mode) == ("", "power_or_uplink_lost")
    assert ticket.title_en == "Garden: Power or uplink lost"
    assert opened(story) == 1
    speak(story, back, back + HOUR)
    assert story.ticket().state is TicketState.RESOLVED


def test_a_device_without_a_gateway_goes_dark_with_its_building(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3", alone=("b1-meter", "b2-meter")))
    cut = START + 5 * MINUTE
    speak(story, START, cut)
    speak(story, cut, cut + HOUR, without=("b1", "b2-meter"))
    assert told(story) == [(hub_id("b2-meter"), "no_data"), ("b1", "power_or_uplink_lost")]
    assert alarm_of(story, "b1-meter").overlay_reason == "area b1"


def test_a_crash_in_the_middle_of_it_changes_nothing(records: Any) -> None:
    story = Story(records, town("b1", "b2", "b3"))
    cut, back = START + 5 * MINUTE, START + 35 * MINUTE
    speak(story, START, cut)
    for end in (cut + 2 * MINUTE, cut + 4 * MINUTE, back):
        speak(story, story.lane._time + BEAT, end, without=("b1",))
        story.crash()
    speak(story, back, back + 2 * MINUTE, without=("b1-g1",))
    story.crash()
    speak(story, back + 2 * MINUTE, back + HOUR)
    assert story.ticket().state is TicketState.RESOLVED
    assert opened(story) == 1


def test_an_hour_in_which_the_hub_was_away_is_no_power_cut(records: Any) -> None:
    story = Story(records, town("b1", "b2"))
    away, back = START + 5 * MINUTE, START + HOUR
    speak(story, START, away)
    story.say(Saying().gap(away, back))
    speak(story, back + MINUTE, back + 20 * MINUTE)
    assert story.tickets() == []


def test_gateways_that_name_one_another_in_a_circle_do_no_harm(records: Any) -> None:
    picture = town("b1", gateways=2, sensors=1)
    one, two = hub_id("b1-g1"), hub_id("b1-g2")
    devices = {
        **picture.devices,
        one: replace(picture.devices[one], gateway=two),
        two: replace(picture.devices[two], gateway=one),
    }
    story = Story(records, replace(picture, devices=devices))
    speak(story, START, START + 5 * MINUTE)
    story.wait_until(START + HOUR)
    assert story.tickets()


def test_what_devices_say_of_their_gateway_is_read_into_the_picture_at_most_every_ten_seconds() -> None:
    asked: list[int] = []
    story = Story(FakeRecords(), town("b1", gateways=1))
    story.lane._renew = lambda: asked.append(story.lane._time)
    word = Announced(hub_id("b1-g1-s1"), START, "z", *[""] * 6, hub_id("b1-g1"), None, (), (), (), withdrawn=False)
    for at in range(START, START + MINUTE, SECOND):
        saying = Saying().value("b1-g1", 1.0, at)
        batch = saying.decoded(story.slots, at)
        batch.announced.append(word)
        story.lane.take(batch)
        story.wait_until(at)
    assert 5 <= len(asked) <= 7
    assert all(later - earlier >= 10 * SECOND for earlier, later in itertools.pairwise(asked))


def test_a_device_that_is_retired_while_its_silence_is_told_takes_its_alarm_along(records: Any) -> None:
    story = Story(records, town("b1", gateways=1))
    speak(story, START, START + 5 * MINUTE)
    speak(story, START + 5 * MINUTE, START + 10 * MINUTE, without=("b1-g1-s1",))
    assert alarm_of(story, "b1-g1-s1").active
    gone = hub_id("b1-g1-s1")
    story.replace_registry(
        replace(
            story.picture,
            version=2,
            devices={**story.picture.devices, gone: replace(story.picture.devices[gone], state=DeviceState.RETIRED)},
            bindings={
                key: tuple(replace(b, valid_to=START + 10 * MINUTE) for b in spans) if key[0] == gone else spans
                for key, spans in story.picture.bindings.items()
            },
        )
    )
    speak(story, START + 10 * MINUTE, START + 11 * MINUTE, without=("b1-g1-s1",))
    assert not alarm_of(story, "b1-g1-s1").active


def test_topology_knows_the_building_by_what_a_gateway_serves() -> None:
    picture = town("b1", "b2")
    cellar = Facility(community=HOME, id="cellar", kind="low_voltage_room", name=name("Cellar"), building="garage")
    moved = {
        key: tuple(replace(b, facility="cellar") for b in spans) if key[0].endswith(("-g1", "-g2")) else spans
        for key, spans in picture.bindings.items()
    }
    topology = Topology(replace(picture, facilities={**picture.facilities, (HOME, "cellar"): cellar}, bindings=moved))
    assert topology.building(hub_id("b1-g1")) == "b1"
    assert topology.uplinks[Area(HOME, "b1")] == (hub_id("b1-g1"), hub_id("b1-g2"))
    assert len(topology.uplinks[Area(HOME, "")]) == 4
    assert topology.above(hub_id("b2-g1-s1")) == (hub_id("b2-g1"),)
