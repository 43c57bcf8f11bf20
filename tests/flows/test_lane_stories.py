"""Stories in virtual time, on the fake and on the real records: noise, silence, lateness, gaps, crashes."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from hub.domain.alarms import AlarmState, Overlay, Priority
from hub.domain.notices import NoticeKind
from hub.domain.places import Binding
from hub.domain.rules import RuleKind
from hub.domain.ticket_actions import Actor, Details
from hub.domain.tickets import Action, Ticket, TicketKey, TicketKind, TicketState
from hub.errors import IllegalTransition, InvalidInput, NotFound, Stale, StoreUnavailable
from hub.flows.batch import TextReading
from hub.flows.tickets import TicketDesk
from tests.flows.community import (
    DAY,
    HOME,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Saying,
    Story,
    fault_rule,
    hub_id,
    limit_rule,
    registry,
    silence_rule,
)

CREW = Actor(login="chen", role="crew")
LEAD = Actor(login="wang", role="manager")


def steady(
    story: Story, start: int, end: int, *, device: str = "pump", value: float = 40.0, every: int = 10 * SECOND
) -> None:
    for at in range(start, end, every):
        story.say(Saying().value(device, value, at))


def desk(story: Story) -> TicketDesk:
    return TicketDesk(story.records, story.registrar, story.clock)


def work(story: Story, now: int) -> None:
    """The crew accepts, starts and completes."""
    story.clock.advance(now - story.clock.now())
    for action, details in (
        (Action.ACCEPT, Details()),
        (Action.START, Details()),
        (Action.COMPLETE, Details(cause="belt", remedy="new belt")),
    ):
        desk(story).act(story.ticket().id, action, CREW, details)


# --- T1 ---------------------------------------------------------------------------------------------------------


def test_ten_thousand_breaching_samples_with_noise_make_one_alarm_and_one_ticket(records: Any) -> None:
    chance = random.Random(7)  # noqa: S311 - noise, not a secret
    story = Story(records, registry(limit_rule(on_delay_ms=30 * SECOND, off_delay_ms=MINUTE)))
    for batch in range(100):
        saying = Saying()
        for index in range(100):
            noise = chance.choice([0.0, 0.0, 0.0, -9.0, -18.0])
            saying.value("pump", 92.0 + noise, START + (batch * 100 + index) * SECOND)
        story.say(saying)
    (alarm,) = story.alarms()
    ticket = story.ticket()
    assert alarm.occurrence == 1
    assert ticket.occurrences == 1
    assert len(story.notices()) == 2


def test_a_flapping_fault_stays_one_ticket_and_does_not_flood_the_crew(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    for index in range(64):
        story.say(Saying().value("pump", 92.0 if index % 2 == 0 else 40.0, START + index * SECOND))
    ticket = story.ticket()
    assert ticket.occurrences == 32
    assert ticket.reopened == 31
    assert len([n for n in story.notices() if n.contact == "ana"]) == 1 + 5


# --- proof ------------------------------------------------------------------------------------------------------


def test_a_repair_is_resolved_by_the_sensor_and_closed_after_the_rating_window(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    steady(story, START, START + MINUTE, value=92.0)
    work(story, START + MINUTE)
    assert story.ticket().state is TicketState.VERIFYING
    steady(story, START + MINUTE, START + 11 * MINUTE)
    assert story.ticket().state is TicketState.VERIFYING
    steady(story, START + 11 * MINUTE, START + 12 * MINUTE)
    resolved = story.ticket()
    assert (resolved.state, resolved.verified) == (TicketState.RESOLVED, "sensor")
    assert {n.kind for n in story.notices()} >= {NoticeKind.OPENED, NoticeKind.RESTORED}
    story.wait_until(START + 8 * DAY)
    assert story.ticket().state is TicketState.CLOSED


def test_a_false_completion_is_found_and_counted(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    steady(story, START, START + MINUTE, value=92.0)
    work(story, START + MINUTE)
    steady(story, START + MINUTE, START + 12 * MINUTE, value=92.0)
    ticket = story.ticket()
    assert (ticket.state, ticket.reopened) == (TicketState.IN_PROGRESS, 1)


def test_an_alarm_that_comes_back_in_verification_reopens_the_ticket(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    steady(story, START, START + MINUTE, value=92.0)
    work(story, START + MINUTE)
    steady(story, START + MINUTE, START + 5 * MINUTE)
    steady(story, START + 5 * MINUTE, START + 6 * MINUTE, value=92.0)
    ticket = story.ticket()
    assert (ticket.state, ticket.reopened, ticket.occurrences) == (TicketState.IN_PROGRESS, 1, 2)
    assert NoticeKind.REOPENED in {n.kind for n in story.notices()}


def test_a_lost_sensor_never_counts_as_a_repair(records: Any) -> None:
    story = Story(records, registry(limit_rule(), silence_rule(silence_ms=2 * MINUTE)))
    steady(story, START, START + MINUTE, value=92.0)
    work(story, START + MINUTE)
    steady(story, START + MINUTE, START + 3 * MINUTE)
    story.wait_until(START + 2 * DAY)
    repair = next(t for t in story.tickets() if t.key.failure_mode == "over_temperature")
    assert repair.state is TicketState.VERIFYING
    assert repair.waiting == "inspection"
    waiting = [n for n in story.notices() if n.kind is NoticeKind.WAITING_FOR_DATA and n.contact == "ana"]
    assert len(waiting) == 2
    with pytest.raises(Exception, match="may not verify"):
        desk(story).act(repair.id, Action.VERIFY, CREW, Details())
    done = desk(story).act(repair.id, Action.VERIFY, LEAD, Details(comment="looked"))
    assert (done.state, done.verified) == (TicketState.RESOLVED, "inspection")


def test_stale_never_clears_and_the_sensor_has_a_ticket_of_its_own(records: Any) -> None:
    story = Story(records, registry(limit_rule(), silence_rule(silence_ms=2 * MINUTE)))
    steady(story, START, START + MINUTE, value=92.0)
    story.wait_until(START + HOUR)
    hot = next(a for a in story.alarms() if a.failure_mode == "over_temperature")
    assert hot.active
    silent = next(t for t in story.tickets() if t.key.failure_mode == "no_data")
    assert (silent.key.facility, silent.key.unit) == ("", hub_id("pump"))
    assert silent.reported_at == START + 50 * SECOND + 2 * MINUTE


def test_a_delay_does_not_run_on_over_missing_data(records: Any) -> None:
    story = Story(records, registry(limit_rule(on_delay_ms=10 * MINUTE), silence_rule(silence_ms=2 * MINUTE)))
    story.say(Saying().value("pump", 92.0, START))
    story.wait_until(START + HOUR)
    assert [a.failure_mode for a in story.alarms() if a.active] == ["no_data"]


def test_a_recurrence_reopens_inside_the_window_and_is_linked_outside_it(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    for days in (0, 20, 60):
        at = START + days * DAY
        steady(story, at, at + MINUTE, value=92.0)
        steady(story, at + MINUTE, at + 15 * MINUTE)
        story.wait_until(at + 9 * DAY)
    first, second = story.tickets()
    assert (first.occurrences, first.reopened, first.state) == (2, 1, TicketState.CLOSED)
    assert second.previous == first.id


# --- people -----------------------------------------------------------------------------------------------------


def test_hold_comes_back_by_itself_and_says_so(records: Any) -> None:
    story = Story(records, registry(fault_rule()))
    story.say(Saying().fault("pump", "E21", START))
    ticket = story.ticket()
    for action, details in (
        (Action.ACCEPT, Details()),
        (Action.START, Details()),
        (Action.HOLD, Details(reason="parts", hold_until=START + HOUR)),
    ):
        ticket = desk(story).act(ticket.id, action, CREW, details, expected=ticket.version)
    story.wait_until(START + HOUR - SECOND)
    assert story.ticket().state is TicketState.ON_HOLD
    story.wait_until(START + HOUR)
    assert story.ticket().state is TicketState.IN_PROGRESS
    assert NoticeKind.HOLD_EXPIRED in {n.kind for n in story.notices()}


def test_refusals_of_the_ticket_desk_name_the_reason(records: Any) -> None:
    story = Story(records, registry(fault_rule()))
    story.say(Saying().fault("pump", "E21", START))
    ticket = story.ticket()
    with pytest.raises(IllegalTransition, match="assigned"):
        desk(story).act(ticket.id, Action.COMPLETE, CREW, Details(cause="x", remedy="y"))
    with pytest.raises(Stale, match="version 1"):
        desk(story).act(ticket.id, Action.ACCEPT, CREW, Details(), expected=9)
    with pytest.raises(IllegalTransition, match="still there"):
        desk(story).act(ticket.id, Action.CANCEL, LEAD, Details(reason="no"))
    with pytest.raises(InvalidInput) as caught:
        desk(story).act(ticket.id, Action.ASSIGN, LEAD, Details(crew="nobody"))
    assert (caught.value.pointer, caught.value.expected) == ("/crew", "works")
    with pytest.raises(NotFound):
        desk(story).act("none", Action.ACCEPT, CREW, Details())
    assert story.ticket() == ticket


def test_accepting_withdraws_what_has_not_left_yet(records: Any) -> None:
    story = Story(records, registry(fault_rule()))
    story.say(Saying().fault("pump", "E21", START))
    desk(story).act(story.ticket().id, Action.ACCEPT, CREW, Details())
    assert [n for n in story.notices() if n.state == "queued"] == []


def test_operators_acknowledge_shelve_and_take_out_of_service(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START))
    (alarm,) = story.alarms()
    commands = story.lane.commands
    assert commands.acknowledge(alarm.id, by="ana", now=START).state is AlarmState.ACKNOWLEDGED
    shelved = commands.shelve(alarm.id, by="ana", now=START, reason="painting", until=START + HOUR)
    assert shelved.overlay is Overlay.SHELVED
    with pytest.raises(InvalidInput):
        commands.shelve(alarm.id, by="ana", now=START, reason="", until=START + HOUR)
    story.crash()
    story.wait_until(START + HOUR)
    assert story.lane.live.open_alarms()[0].state is AlarmState.UNACKNOWLEDGED
    ticket = story.ticket()
    commands = story.lane.commands
    told: dict[str, Any] = {"by": "ana", "reason": "new drive", "now": START + HOUR}
    with pytest.raises(InvalidInput, match="there is no ticket nowhere"):
        commands.take_out_of_service(alarm.id, ticket="nowhere", **told)
    assert commands.take_out_of_service(alarm.id, ticket="", **told).overlay is Overlay.OUT_OF_SERVICE
    assert commands.take_out_of_service(alarm.id, ticket=ticket.id, **told).overlay_reason == ticket.id
    with pytest.raises(NotFound):
        commands.acknowledge("none", by="ana", now=START)
    with pytest.raises(IllegalTransition):
        commands.reset(alarm.id, by="ana", now=START)


def test_maintenance_needs_an_open_ticket_of_the_asset_and_ends_with_it(records: Any) -> None:
    story = Story(records, registry(limit_rule(raises_ticket=False)))
    story.say(Saying().value("pump", 92.0, START))
    (alarm,) = story.alarms()
    told = {"by": "ana", "reason": "new drive"}
    with pytest.raises(InvalidInput, match="needs a ticket"):
        story.lane.commands.take_out_of_service(alarm.id, ticket="", now=START, **told)
    work = Ticket(
        id="work",
        number="HG-1",
        key=TicketKey(community=alarm.community, facility=alarm.facility, unit="", failure_mode=""),
        kind=TicketKind.PREVENTIVE,
        state=TicketState.ASSIGNED,
        priority=Priority.LOW,
        title_zh="保养",
        title_en="Service",
        crew="works",
        reported_at=START,
    )
    elsewhere = replace(work, id="elsewhere", number="HG-2", key=replace(work.key, facility="room-other"))
    ended = replace(work, id="ended", number="HG-3", key=replace(work.key, unit="u"), state=TicketState.CLOSED)
    records.write(lambda books: [books.tickets.add(one) for one in (work, elsewhere, ended)])
    for wrong, why in ((elsewhere, "another facility"), (ended, "has ended")):
        with pytest.raises(InvalidInput, match=why):
            story.lane.commands.take_out_of_service(alarm.id, ticket=wrong.id, now=START, **told)
    story.lane.commands.take_out_of_service(alarm.id, ticket=work.id, now=START, **told)
    story.wait_until(START + MINUTE)
    assert story.alarms()[0].overlay is Overlay.OUT_OF_SERVICE
    desk(story).act(work.id, Action.CANCEL, LEAD, Details(reason="not needed"))
    story.wait_until(START + 2 * MINUTE)
    assert story.alarms()[0].overlay is Overlay.NONE
    assert story.alarms()[0].state is AlarmState.UNACKNOWLEDGED


def test_a_shelved_fault_opens_no_ticket_before_the_shelf_ends(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START).value("pump", 40.0, START + 1))
    (alarm,) = story.alarms()
    story.lane.commands.shelve(alarm.id, by="ana", now=START + 2, reason="test", until=START + HOUR)
    steady(story, START + MINUTE, START + 20 * MINUTE)
    story.wait_until(START + 20 * MINUTE)
    assert story.ticket().state is TicketState.RESOLVED
    story.say(Saying().value("pump", 93.0, START + 21 * MINUTE))
    assert story.ticket().state is TicketState.RESOLVED
    story.wait_until(START + HOUR)
    assert story.ticket().state is TicketState.ASSIGNED


# --- late, repeated, out of order -------------------------------------------------------------------------------


def test_late_data_make_a_record_that_their_own_return_closes(records: Any) -> None:
    story = Story(records, registry(limit_rule(on_delay_ms=MINUTE)))
    old = START - 30 * DAY
    saying = Saying()
    for minute in range(10):
        saying.value("pump", 92.0 if minute < 5 else 40.0, old + minute * MINUTE, arrival=START)
    story.say(saying)
    ticket = story.ticket()
    assert (ticket.late, ticket.state, ticket.verified, ticket.end_reason) == (
        True,
        TicketState.CLOSED,
        "sensor",
        "late_data",
    )
    assert (ticket.reported_at, ticket.closed_at) == (old + MINUTE, old + 5 * MINUTE)
    assert story.notices() == []
    assert story.lane.live.of_device(hub_id("pump")) == []
    story.wait_until(START + DAY)


def test_late_data_do_not_touch_the_present_alarm(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START))
    story.say(Saying().value("pump", 20.0, START - HOUR, arrival=START + SECOND))
    (alarm,) = story.alarms()
    assert alarm.active
    assert story.lane.live.of_device(hub_id("pump"))[0].value == 92.0


def test_out_of_order_and_repeated_samples_change_nothing(records: Any) -> None:
    story = Story(records, registry(limit_rule(on_delay_ms=10 * SECOND)))
    story.say(Saying().value("pump", 40.0, START + 5 * SECOND))
    story.say(Saying().value("pump", 92.0, START, arrival=START + 6 * SECOND))
    assert story.alarms() == []
    story.say(Saying().fault("pump", "E7", START + 9 * SECOND, active=None))
    story.say(Saying().fault("pump", "E7", START + 9 * SECOND, active=None))
    assert story.ticket().occurrences == 1


# --- silence ----------------------------------------------------------------------------------------------------


def test_a_point_that_falls_silent_while_its_device_speaks_is_found(records: Any) -> None:
    story = Story(records, registry(silence_rule(), points=("temperature", "humidity")))
    for at in range(START, START + 10 * MINUTE, 30 * SECOND):
        saying = Saying().value("pump", 40.0, at)
        if at < START + 5 * MINUTE:
            saying.value("pump", 50.0, at, point="humidity")
        story.say(saying)
    (alarm,) = story.alarms()
    assert (alarm.point, alarm.active) == ("humidity", True)
    story.say(Saying().value("pump", 50.0, START + 10 * MINUTE, point="humidity"))
    assert not story.alarms()[0].active
    assert story.ticket().state is TicketState.VERIFYING


def test_a_silent_device_is_one_alarm_however_many_points_it_has(records: Any) -> None:
    points = ("temperature", "humidity", "co2")
    story = Story(records, registry(silence_rule(), points=points))
    for at in range(START, START + 5 * MINUTE, 10 * SECOND):
        saying = Saying()
        for point in points:
            saying.value("pump", 40.0, at, point=point)
        story.say(saying)
    story.wait_until(START + 15 * MINUTE)
    (alarm,) = story.alarms()
    assert (alarm.point, alarm.raised_at) == ("", START + 5 * MINUTE - 10 * SECOND + 2 * MINUTE)
    assert [r.silent for r in story.lane.live.of_device(hub_id("pump"))] == [False] * 3
    story.clock.advance(15 * MINUTE)
    assert [r.silent for r in story.lane.live.of_device(hub_id("pump"))] == [True] * 3


def test_the_interval_is_learned(records: Any) -> None:
    story = Story(records, registry(silence_rule()))
    steady(story, START, START + HOUR, every=5 * MINUTE)
    story.wait_until(START + 55 * MINUTE + 15 * MINUTE - SECOND)
    assert story.alarms() == []
    story.wait_until(START + 55 * MINUTE + 15 * MINUTE)
    assert len(story.alarms()) == 1


def test_a_bound_device_that_is_never_heard_is_missed_from_the_first_start_on(records: Any) -> None:
    story = Story(records, registry(silence_rule(silence_ms=5 * MINUTE), devices=("pump", "mute")))
    steady(story, START, START + 5 * MINUTE)
    assert story.alarms() == []
    steady(story, START + 5 * MINUTE, START + 6 * MINUTE)
    assert [(a.device, a.raised_at) for a in story.alarms()] == [(hub_id("mute"), START + 5 * MINUTE)]


def test_an_offline_statement_is_believed_after_a_short_while(records: Any) -> None:
    story = Story(records, registry(silence_rule()))
    steady(story, START, START + MINUTE)
    story.say(Saying().online("pump", START + MINUTE, online=False))
    story.say(Saying().online("pump", START + MINUTE + SECOND, online=True))
    story.wait_until(START + 2 * MINUTE)
    assert story.tickets() == []
    story.say(Saying().online("pump", START + 2 * MINUTE, online=False))
    story.wait_until(START + 2 * MINUTE + 30 * SECOND)
    assert story.ticket().key.failure_mode == "no_data"
    story.say(Saying().value("pump", 40.0, START + 3 * MINUTE))
    assert story.ticket().state is TicketState.VERIFYING


def test_devices_behind_a_silent_gateway_are_not_told_one_by_one(records: Any) -> None:
    picture = registry(silence_rule(), devices=("gate", "a", "b"))
    devices = {
        i: replace(d, gateway=None if i == hub_id("gate") else hub_id("gate")) for i, d in picture.devices.items()
    }
    story = Story(records, replace(picture, devices=devices))
    for at in range(START, START + MINUTE, 10 * SECOND):
        story.say(Saying().value("gate", 1.0, at).value("a", 1.0, at).value("b", 1.0, at))
    story.say(Saying().online("gate", START + MINUTE, online=False))
    story.wait_until(START + HOUR)
    assert story.ticket().key.unit == hub_id("gate")
    assert {a.overlay for a in story.alarms() if a.device != hub_id("gate")} == {Overlay.SUPPRESSED}
    for at in range(START + HOUR, START + HOUR + 15 * MINUTE, 10 * SECOND):
        story.say(Saying().value("gate", 1.0, at).value("a", 1.0, at))
    units = [t.key.unit for t in story.tickets()]
    assert units == [hub_id("gate"), hub_id("b")]


def test_an_hour_of_the_hubs_own_absence_raises_nothing_and_a_device_silent_after_it_is_found(records: Any) -> None:
    names = [f"d{n}" for n in range(300)]
    story = Story(records, registry(silence_rule(), limit_rule(on_delay_ms=10 * MINUTE), devices=names))
    for minute in range(8):
        saying = Saying()
        for device in names:
            saying.value(device, 92.0 if device == "d9" and minute == 7 else 40.0, START + minute * MINUTE)
        story.say(saying)
    stopped, back = START + 7 * MINUTE, START + 67 * MINUTE
    story.crash()
    saying = Saying().gap(stopped, back)
    story.say(saying)
    story.wait_until(back + MINUTE)
    assert [a for a in story.alarms() if a.active] == []
    saying = Saying()
    for device in names:
        if device not in {"d7", "d9"}:
            saying.value(device, 40.0, back + MINUTE)
    story.say(saying)
    story.wait_until(back + 3 * MINUTE + 59 * SECOND)
    found = [a for a in story.alarms() if a.active and a.failure_mode == "no_data"]
    assert {a.device for a in found} == {hub_id("d7"), hub_id("d9")}
    assert {a.raised_at for a in found} == {back + 3 * MINUTE}
    assert len(story.records.read(lambda books: books.gaps.latest(10))) == 1


# --- registry ---------------------------------------------------------------------------------------------------


def test_an_alarm_whose_rule_has_gone_does_not_stay_active(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START))
    story.replace_registry(registry(version=2))
    story.say(Saying().value("pump", 92.0, START + SECOND))
    assert not story.alarms()[0].active


def test_a_moved_sensor_speaks_for_its_new_place(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START))
    picture = registry(limit_rule(), devices=("pump", "other"), version=2)
    moved = (
        Binding(
            community=HOME, device=hub_id("pump"), point="temperature", facility="room-pump", valid_to=START + SECOND
        ),
        Binding(
            community=HOME, device=hub_id("pump"), point="temperature", facility="room-other", valid_from=START + SECOND
        ),
    )
    story.replace_registry(replace(picture, bindings={**picture.bindings, (hub_id("pump"), "temperature"): moved}))
    story.say(Saying().value("pump", 93.0, START + 2 * SECOND))
    assert [t.key.facility for t in story.tickets()] == ["room-pump", "room-other"]


def test_state_rules_on_words(records: Any) -> None:
    rule = limit_rule(
        id="pump-room-manual", kind=RuleKind.STATE, metric="mode", states=("manual",), failure_mode="not_in_auto"
    )
    story = Story(records, registry(rule, points=("mode",)))
    story.say(Saying().text("pump", "auto", START, point="mode"))
    story.say(Saying().text("pump", "manual", START + SECOND, point="mode"))
    assert story.ticket().title_en == "Room pump: Fault"
    assert story.lane.live.of_device(hub_id("pump"))[0].text == "manual"
    assert story.ticket().title_zh == "Room pump中：故障"
    old = TextReading(0, START - DAY, "manual", START + 2 * SECOND, 0, 0)
    batch = Saying().online("pump", START + 2 * SECOND, online=True).decoded(story.slots, 3)
    batch.texts.append(old)
    story.lane.take(batch)
    assert [t.late for t in story.tickets()] in ([False, True], [True, False])
    assert story.lane.live.of_device(hub_id("pump"))[0].time == START + SECOND


# --- crashes ----------------------------------------------------------------------------------------------------


def test_a_batch_that_could_not_be_written_is_decided_again_with_the_same_effects() -> None:
    from tests.flows.fakes import FakeRecords

    records = FakeRecords()
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 40.0, START))
    saying = Saying().value("pump", 92.0, START + SECOND).value("pump", 93.0, START + 2 * SECOND)
    batch = saying.decoded(story.slots, 2)
    records.break_next = True
    with pytest.raises(StoreUnavailable):
        story.lane.take(batch)
    assert story.alarms() == []
    assert story.lane.position() == ("j", 1)
    story.lane.take(batch)
    assert story.ticket().occurrences == 1
    assert len(story.notices()) == 2


def test_a_batch_read_again_after_a_crash_has_its_effects_once(records: Any) -> None:
    story = Story(records, registry(limit_rule()))
    story.say(Saying().value("pump", 92.0, START).fault("pump", "E7", START, active=None))
    before = (story.alarms(), story.tickets(), len(story.notices()))
    story.crash()
    story.lane.take(story.journal[0].decoded(story.slots, 1))
    after = (story.alarms(), story.tickets(), len(story.notices()))
    assert after == before
