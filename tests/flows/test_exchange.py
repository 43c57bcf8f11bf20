"""One device in the place of another: which points go on, from when, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.places import Binding, Device, DeviceState, Name
from hub.domain.ticket_actions import Actor, Details
from hub.domain.tickets import Action, TicketState
from hub.errors import IllegalTransition, InvalidInput
from hub.flows.community.adoption import InboxPoint
from hub.flows.community.exchange import Exchange, exchange, match
from hub.flows.tickets import TicketDesk
from tests.flows.community import HOME, MINUTE, START, Saying, Story, hub_id, limit_rule, registry
from tests.flows.fakes import FakeRecords

NOW = START


def device(own: str, **more: Any) -> Device:
    values: dict[str, Any] = {
        "id": hub_id(own),
        "community": HOME,
        "scheme": "native",
        "scheme_id": own,
        "state": DeviceState.ADOPTED,
        "name": Name(zh=own, en=own),
        "maker": "Acme",
        "model": "T1",
    }
    return Device(**values | more)


def bound(name: str, point: str, **more: Any) -> tuple[Binding, ...]:
    return (Binding(community=HOME, device=hub_id(name), point=point, facility="room", **more),)


def points(*names: str) -> list[InboxPoint]:
    return [InboxPoint.of(name, "") for name in names]


OLD = device("old", name=Name(zh="低区泵房温度", en="Low pump room"))
NEW = device("new", state=DeviceState.INBOX)


def done(asked: dict[str, Any] | None = None, **more: Any) -> Any:
    values: dict[str, Any] = {
        "old": (OLD, {"temperature": bound("old", "temperature", factor=2.0)}),
        "new": (NEW, {}),
        "points": points("temperature"),
    } | more
    wish = Exchange(device=OLD.id, by=values["new"][0].id, **(asked or {}))
    return exchange(wish, values["old"], values["new"], values["points"], now=NOW)


def test_the_old_ones_bindings_end_where_the_new_ones_begin() -> None:
    result = done()
    (ended,), (begun,) = result.bindings[OLD.id, "temperature"], result.bindings[NEW.id, "temperature"]
    assert (ended.valid_from, ended.valid_to) == (0, NOW)
    assert (begun.valid_from, begun.valid_to, begun.facility, begun.factor) == (NOW, None, "room", 2.0)
    assert (result.old.state, result.new.state) == (DeviceState.RETIRED, DeviceState.ADOPTED)
    assert result.new.name == OLD.name, "its name is that of the place"


def test_a_correction_belongs_to_a_model_unless_somebody_says_otherwise() -> None:
    other = replace(NEW, model="T2")
    assert done(new=(other, {})).bindings[NEW.id, "temperature"][0].factor == 1.0
    assert done({"keep_calibration": True}, new=(other, {})).bindings[NEW.id, "temperature"][0].factor == 2.0
    assert done({"keep_calibration": False}).bindings[NEW.id, "temperature"][0].factor == 1.0


def test_a_point_of_another_name_goes_on_by_what_it_measures() -> None:
    said = InboxPoint.of("air_temperature", "", said="temperature")
    result = done(points=[said, *points("battery")])
    assert result.bindings[NEW.id, "air_temperature"][0].metric_name() == "temperature"
    assert result.bindings[NEW.id, "battery"][0].facility == "room", "what the old one did not say is bound as well"


def test_a_guess_is_not_surely_the_same() -> None:
    with pytest.raises(InvalidInput, match="surely 'temperature'"):
        done(points=[InboxPoint.of("temp", "", guess="temperature")])


def test_a_spare_that_has_been_used_before_keeps_its_past() -> None:
    past = bound("new", "temperature", valid_from=5, valid_to=9)
    spare = replace(NEW, state=DeviceState.ADOPTED)
    result = done(new=(spare, {"temperature": past}))
    assert [(b.valid_from, b.valid_to) for b in result.bindings[NEW.id, "temperature"]] == [(5, 9), (NOW, None)]


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (("temperature",), ("temperature", "humidity"), {"temperature": "temperature"}),
        (("a.temperature",), ("temperature",), {"a.temperature": "temperature"}),
        (("a.temperature", "b.temperature"), ("temperature",), {"a.temperature": "", "b.temperature": ""}),
        (("temperature",), ("x.temperature", "y.temperature"), {"temperature": ""}),
        (("temperature", "a.temperature"), ("temperature", "x.temperature"), {"temperature": "temperature", "a.temperature": "x.temperature"}),
        (("leak",), ("temperature",), {"leak": ""}),
    ],
)  # fmt: skip
def test_which_point_is_surely_the_same(old: tuple[str, ...], new: tuple[str, ...], pairs: dict[str, str]) -> None:
    assert match({name: bound("old", name)[0] for name in old}, points(*new)) == pairs


names = st.lists(
    st.sampled_from(["temperature", "a.temperature", "b.temperature", "leak", "a.leak", "power"]), unique=True
)


@given(names, names)
def test_no_point_goes_on_with_two(old: list[str], new: list[str]) -> None:
    found = match({name: bound("old", name)[0] for name in old}, points(*new))
    taken = [name for name in found.values() if name]
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(new)
    assert set(found) == set(old)


@pytest.mark.parametrize(
    ("asked", "more", "error", "words"),
    [
        ({}, {"new": (OLD, {})}, InvalidInput, "cannot replace itself"),
        ({}, {"new": (replace(NEW, community="other"), {})}, InvalidInput, "belongs to other"),
        ({}, {"new": (replace(NEW, state=DeviceState.RETIRED), {})}, IllegalTransition, "is retired"),
        ({}, {"new": (replace(NEW, state=DeviceState.ADOPTED), {"t": bound("new", "t")})}, IllegalTransition, "speaks for room"),
        ({}, {"old": (replace(OLD, state=DeviceState.RETIRED), {})}, IllegalTransition, "only a device in use"),
        ({}, {"old": (OLD, {})}, IllegalTransition, "speaks for no facility"),
        ({}, {"points": points("leak")}, InvalidInput, "surely 'temperature'"),
        ({}, {"points": []}, InvalidInput, "surely 'temperature'"),
        ({"points": {"temperature": ""}}, {}, InvalidInput, "no point of"),
        ({"points": {"humidity": "temperature"}}, {}, InvalidInput, "has no point 'humidity'"),
        ({"points": {"temperature": "co2"}}, {}, InvalidInput, "'co2'"),
        ({"at": NOW + 1}, {}, InvalidInput, "still to come"),
        ({"at": NOW - MINUTE}, {"old": (OLD, {"temperature": bound("old", "temperature", valid_from=NOW - MINUTE)})}, InvalidInput, "did not speak"),
        (
            {"points": {"a": "x", "b": "x"}},
            {"old": (OLD, {"a": bound("old", "a"), "b": bound("old", "b")}), "points": points("x")},
            InvalidInput,
            "two points",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(asked: dict[str, Any], more: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        done(asked, **more)


def test_the_alarm_of_the_place_goes_on_with_the_new_sensor() -> None:
    """A hot pump room stays one fault, whichever sensor tells of it."""
    picture = registry(limit_rule(), devices=("pump",))
    spare = device("spare", state=DeviceState.ADOPTED, name=Name(zh="备件", en="Spare"))
    story = Story(FakeRecords(), replace(picture, devices={**picture.devices, spare.id: spare}))
    story.say(Saying().value("pump", 92.0, START))
    swap(story, spare, START + MINUTE)
    story.say(Saying().value("spare", 93.0, START + 2 * MINUTE))
    assert [(a.device, a.facility, a.active) for a in story.alarms() if a.active] == [(spare.id, "room-pump", True)]
    assert story.ticket().key.facility == "room-pump"
    story.say(Saying().value("pump", 99.0, START + 3 * MINUTE))
    assert [a.device for a in story.alarms() if a.active] == [spare.id], "the old one speaks for nothing any more"


def test_the_new_sensor_proves_the_repair_that_the_old_one_asked_for() -> None:
    """The crew finds a broken sensor, puts another one there, and that one shows normal."""
    picture = registry(limit_rule(), devices=("pump",))
    spare = device("spare", state=DeviceState.ADOPTED, name=Name(zh="备件", en="Spare"))
    story = Story(FakeRecords(), replace(picture, devices={**picture.devices, spare.id: spare}))
    for at in range(START, START + 5 * MINUTE, 10_000):
        story.say(Saying().value("pump", 92.0, at))
    swap(story, spare, START + 5 * MINUTE)
    story.clock.advance(6 * MINUTE)
    desk, crew = TicketDesk(story.records, story.registrar, story.clock), Actor(login="chen", role="crew")
    for action, details in (
        (Action.ACCEPT, Details()),
        (Action.START, Details()),
        (Action.COMPLETE, Details(cause="sensor", remedy="new sensor")),
    ):
        desk.act(story.ticket().id, action, crew, details)
    for at in range(START + 6 * MINUTE, START + 15 * MINUTE, 10_000):
        story.say(Saying().value("spare", 40.0, at))
    assert story.ticket().state is TicketState.VERIFYING
    for at in range(START + 15 * MINUTE, START + 18 * MINUTE, 10_000):
        story.say(Saying().value("spare", 40.0, at))
    assert (story.ticket().state, story.ticket().verified) == (TicketState.RESOLVED, "sensor")


def swap(story: Story, spare: Device, at: int) -> None:
    """The pump's sensor is replaced by the spare one."""
    old = story.picture.devices[hub_id("pump")]
    spans = {"temperature": story.picture.bindings[old.id, "temperature"]}
    wish = Exchange(device=old.id, by=spare.id)
    result = exchange(wish, (old, spans), (spare, {}), points("temperature"), now=at)
    story.replace_registry(
        replace(
            story.picture,
            version=2,
            devices={**story.picture.devices, old.id: result.old, spare.id: result.new},
            bindings={**story.picture.bindings, **result.bindings},
        )
    )
