"""Home Assistant discovery: a stranger's templates are read and never run, and what is learned is bounded."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, LearningFormat, Message
from devices.conversation import Conversation
from devices.formats import homeassistant_memory
from devices.formats.homeassistant import HomeAssistantFormat
from devices.formats.homeassistant_identity import address_in, refs_of
from devices.formats.homeassistant_template import Missing, template_of
from devices.formats.homeassistant_words import COMPONENTS, MEASURED, NOTICED, SHORT, SHORT_DEVICE
from devices.words import METRICS, SWITCHES, UNIT_OF

HOME = HomeAssistantFormat()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
topics = st.sampled_from(("a/b", "~/x", "x~", "$SYS/x", "a/+", "", "a/b/c")) | st.text(max_size=10)
templates = st.sampled_from(
    (
        "{{ value }}",
        "{{ value_json.a }}",
        "{{ value_json['a'].b[0] | float(0) / 10 }}",
        "{{ x }}",
        "{% if %}",
        "{{value|int}}",
    )
)
options = st.dictionaries(
    st.sampled_from(("stat_t", "avty_t", "pos_t", "curr_temp_t", "state_topic", "temp_stat_t", "mode_stat_t")), topics
).flatmap(
    lambda given_topics: st.dictionaries(
        st.sampled_from((*SHORT, *SHORT.values(), "~")), json_values | templates, max_size=5
    ).map(lambda rest: rest | given_topics)
)


def hear(conversation: Conversation, topic: str, payload: object, *, retain: bool = False) -> Decoded:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    said = conversation.hear(Message(topic=topic, payload=content, received_at=0, retain=retain))
    assert said is not None, topic
    return said


def started() -> Conversation:
    return Conversation(HomeAssistantFormat(), "c")


def sensor(conversation: Conversation, name: str, **more: Any) -> Decoded:
    sent = {"stat_t": f"x/{name}", "unit_of_meas": "W", "dev_cla": "power", **more}
    return hear(conversation, f"homeassistant/sensor/x/{name}/config", sent)


def assert_sound(said: Decoded) -> None:
    for sample in said.samples:
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or math.isfinite(value)
    for announcement in said.announcements:
        for point in announcement.points:
            assert not point.metric or point.metric in METRICS
            last = point.name.rpartition(".")[2]
            assert last == point.metric or last not in METRICS
            assert 0 < len(point.name) <= 128
    changes = [[change.key, change.value] for change in said.changes]
    assert msgspec.json.decode(msgspec.json.encode(changes)) == changes


def assert_right(topics_learned: list[str]) -> None:
    assert len(topics_learned) <= 5_000
    assert len(topics_learned) == len(set(topics_learned))
    for topic in topics_learned:
        assert topic
        assert not topic.startswith("$")
        assert not set(topic) & set("+#\0")


# --- templates --------------------------------------------------------------------------------------------------------

READ = [
    ("", "21.3", "21.3"),
    ("{{ value }}", "21.3", "21.3"),
    ("{{value_json.a}}", '{"a": 5}', 5),
    ("{{ value_json['a'] }}", '{"a": "x"}', "x"),
    ('{{ value_json["a"]["b"] }}', '{"a": {"b": true}}', True),
    ("{{ value_json.a.b[1].c }}", '{"a": {"b": [0, {"c": 7}]}}', 7),
    ("{{- value_json.a -}}", '{"a": 5}', 5),
    ("{{ value_json }}", "5", 5),
    ("{{(value|float/60)|round(2)}}", "125", 2.08),
    ("{{ value_json.a * 0.1 + 2 }}", '{"a": 10}', 3.0),
    ("{{ 10 - 2 - 3 }}", "", 5.0),
    ("{{ 2 + 3 * 4 }}", "", 14.0),
    ("{{ (2 + 3) * -4 }}", "", -20.0),
    ("{{ value | int }}", "7.9", 7),
    ("{{ value | int(3) }}", "no", 3.0),
    ("{{ value_json.a | multiply(0.001) | round(1) }}", '{"a": 1250}', 1.2),
    ("{{ value | lower }}", "ON", "on"),
    ("{{ value_json.a | upper }}", '{"a": "on"}', "ON"),
    ("{{ value_json.a | default('x') }}", "{}", "x"),
    ("{{ value_json.a | default(-1.5) }}", "{}", -1.5),
    ("{{ value_json.a | is_defined }}", '{"a": 1}', 1),
]


@pytest.mark.parametrize(("template", "value", "expected"), READ)
def test_a_template_is_read(template: str, value: str, expected: Any) -> None:
    understood = template_of(template)
    assert not isinstance(understood, str), understood
    found = json.loads(value) if understood.needs_json else None
    assert understood.program(value, found) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.a if value_json.a else 0 }}",
        "{% set x = 1 %}{{ x }}",
        "{{ value }}{{ value }}",
        "on {{ value }}",
        "{{ 'a' * 100000000 }}",
        '{{ "a"*10**8 }}',
        "{{ value ** 9 }}",
        "{{ value.__class__.__mro__ }}",
        "{{ self }}",
        "{{ range(10) }}",
        "{{ value | replace('a', 'b') }}",
        "{{ value | float() ) }}",
        "{{ value | round('x') }}",
        "{{ value | round(100) }}",
        "{{ value | multiply }}",
        "{{ value_json.a | float(default) }}",
        "{{ value_json[-1] }}",
        "{{ value_json[1.5] }}",
        "{{ value_json.__class__() }}",
        "{{ }}",
        "{{",
        "{{ value" + " + 1" * 200 + " }}",
        "{{ " + "(" * 100 + "1" + ")" * 100 + " }}",
        "{{ " + "-" * 100 + "1 }}",
        "{{ value_json." + "a" * 1_000 + " }}",
    ],
)
def test_what_is_outside_the_grammar_is_named(template: str) -> None:
    understood = template_of(template)
    assert isinstance(understood, str)
    assert understood


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ value | float }}", "much"),
        ("{{ value | float }}", "nan"),
        ("{{ value | float }}", "inf"),
        ("{{ value_json.a }}", "{}"),
        ("{{ value_json.a.b }}", '{"a": 5}'),
        ("{{ value_json[3] }}", "[1]"),
        ("{{ value_json.a }}", '"text"'),
        ("{{ 1 / 0 }}", ""),
        ("{{ value_json.a + 1 }}", '{"a": true}'),
        ("{{ value_json.a + 1 }}", '{"a": [1]}'),
        ("{{ value_json.a * 2 }}", '{"a": "ab"}'),
        ("{{ 9e99 * 9e99 * 9e99 * 9e99 }}", ""),
        ("{{ value_json.a | lower }}", '{"a": null}'),
    ],
)
def test_what_gives_no_value_is_no_reading(template: str, value: str) -> None:
    understood = template_of(template)
    assert not isinstance(understood, str), understood
    with pytest.raises(Missing):
        understood.program(value, json.loads(value) if understood.needs_json else None)


@given(
    st.text(alphabet="{}()[]|.,'\"+-*/ value_jsonfloatround0123456789", max_size=60) | st.text(max_size=40), json_values
)
def test_any_template(inner: str, found: Any) -> None:
    for template in (inner, f"{{{{ {inner} }}}}"):
        understood = template_of(template)
        if isinstance(understood, str):
            continue
        try:
            understood.program("5", found)
        except Missing:
            continue


# --- whatever comes ---------------------------------------------------------------------------------------------------


@given(
    st.sampled_from((*COMPONENTS, "button")),
    options,
    st.binary(max_size=60) | json_values.map(lambda v: json.dumps(v).encode()),
)
def test_any_discovery_and_any_state(component: str, sent: dict[str, Any], payload: bytes) -> None:
    conversation = started()
    assert_sound(hear(conversation, f"homeassistant/{component}/n/o/config", sent))
    device = {"cmps": {"a": {"p": component, **sent}, "b": sent}, "dev": {"ids": ["d"]}}
    assert_sound(hear(conversation, "homeassistant/device/o/config", device))
    learned = list(HOME.topics(conversation.state))
    assert_right(learned)
    for topic in learned:
        assert_sound(hear(conversation, topic, payload))
    for topic in ("homeassistant/device/o/config", f"homeassistant/{component}/n/o/config"):
        hear(conversation, topic, b"")
    assert conversation.state == {}


@given(st.binary(max_size=200), st.sampled_from(("sensor/o", "sensor/n/o", "device/o", "light/n/o", "nonsense/o")))
def test_any_bytes(payload: bytes, rest: str) -> None:
    assert_sound(hear(started(), f"homeassistant/{rest}/config", payload))


@given(st.dictionaries(st.sampled_from(("identifiers", "connections")), json_values), st.text(max_size=100))
def test_any_device_has_one_identity(device: dict[str, Any], otherwise: str) -> None:
    refs = refs_of(device, otherwise or "x", "c")
    assert refs
    assert len(refs) == len(set(refs))
    for ref in refs:
        assert 0 < len(ref.id) <= 64
        assert not set(ref.id) & set("/ #+?")


# --- identity ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("zigbee2mqtt_0x00158D0001AAAAAA", ("ieee", "00158d0001aaaaaa")),
        ("zigbee2mqtt_bridge_0x00124b00120144ae", ("ieee", "00124b00120144ae")),
        ("0x00158d0001aaaaaa", ("ieee", "00158d0001aaaaaa")),
        ("A4:C1:38:1A:2B:3C", ("mac", "a4c1381a2b3c")),
        ("a4-c1-38-1a-2b-3c", ("mac", "a4c1381a2b3c")),
        ("A4C1381A2B3C", ("mac", "a4c1381a2b3c")),
        ("shellyplus1pm-a8032ab12345", ("mac", "a8032ab12345")),
        ("123456789012", None),
        ("0AFFD2", None),
        ("a4c1381a2b3c4d", None),
        ("inverter", None),
    ],
)
def test_an_address_in_an_identifier(word: str, expected: tuple[str, str] | None) -> None:
    assert address_in(word) == expected


def test_identities_beside_the_best_are_aliases() -> None:
    conversation = started()
    device = {"identifiers": ["bridge-7"], "connections": [["mac", "A4:C1:38:1A:2B:3C"], ["ip", "1.2.3.4"]]}
    [announcement] = sensor(conversation, "p", device=device).announcements
    assert (announcement.device.scheme, announcement.device.id) == ("mac", "a4c1381a2b3c")
    assert [(ref.scheme, ref.id) for ref in announcement.aliases] == [("ha", "bridge-7")]
    [below] = sensor(conversation, "q", device={"identifiers": ["child"], "via_device": "bridge-7"}).announcements
    assert below.via is not None
    assert (below.via.scheme, below.via.id) == ("ha", "bridge-7")


def test_identifiers_that_do_not_go_into_an_address_stay_apart() -> None:
    ids = {refs_of({"identifiers": [word]}, "", "c")[0].id for word in ("泵房 1", "泵房 2", "a/b", "a b")}
    assert len(ids) == 4


# --- what is learned --------------------------------------------------------------------------------------------------


def test_it_is_a_format_that_learns_topics() -> None:
    assert isinstance(HOME, LearningFormat)
    assert HOME.filters == ("homeassistant/+/+/config", "homeassistant/+/+/+/config")
    assert HOME.route("homeassistant/status", "c") is None
    assert HOME.route("homeassistant/a/b/c/d/config", "c") is None
    conversation = started()
    sensor(conversation, "p", avty_t="x/status")
    assert list(HOME.topics(conversation.state)) == ["x/p", "x/status"]
    hear(conversation, "homeassistant/sensor/x/p/config", b"")
    assert list(HOME.topics(conversation.state)) == []
    assert HOME.route_learned("x/p", "c", conversation.state) is None


def test_a_topic_that_is_heard_anyway_is_not_learned() -> None:
    conversation = started()
    sensor(conversation, "p", stat_t="homeassistant/sensor/y/config")
    assert list(HOME.topics(conversation.state)) == []


def test_the_same_discovery_again_teaches_nothing_new() -> None:
    conversation = started()
    sensor(conversation, "p", avty_t="x/status")
    said = sensor(conversation, "p", avty_t="x/status")
    assert said.changes == ()
    assert len(said.announcements) == 1


def test_a_changed_topic_replaces_the_old_one() -> None:
    conversation = started()
    sensor(conversation, "p")
    sensor(conversation, "p", stat_t="y/p", avty_t="y/status")
    assert list(HOME.topics(conversation.state)) == ["y/p", "y/status"]
    sensor(conversation, "p", stat_t="y/p")
    assert list(HOME.topics(conversation.state)) == ["y/p"]


def test_the_entity_that_spoke_first_says_whether_the_device_is_there() -> None:
    conversation = started()
    sensor(conversation, "p", avty_t="x/status")
    sensor(conversation, "q", avty_t="y/status")
    assert list(HOME.topics(conversation.state)) == ["x/p", "x/q", "x/status"]
    [statement] = hear(conversation, "x/status", b"offline").statements
    assert statement.online is False
    hear(conversation, "homeassistant/sensor/x/p/config", b"")
    sensor(conversation, "q", avty_t="y/status")
    assert list(HOME.topics(conversation.state)) == ["x/q", "y/status"]


def test_words_that_are_no_words_are_refused() -> None:
    conversation = started()
    values: tuple[Any, ...] = ([], {}, 5, None)
    for value in values:
        more = {"avty": [{"t": "x/status", "val_tpl": value, "pl_avail": value}], "avty_mode": value, "schema": value}
        assert sensor(conversation, "p", unit_of_meas=value, dev_cla=value, ent_cat=value, **more).announcements


def test_an_entity_keeps_its_name_when_the_one_before_it_goes() -> None:
    conversation = started()
    sensor(conversation, "one")
    sensor(conversation, "two")
    hear(conversation, "homeassistant/sensor/x/one/config", b"")
    [announcement] = sensor(conversation, "two").announcements
    assert [point.name for point in announcement.points] == ["two.power"]
    [sample] = hear(conversation, "x/two", 5).samples
    assert sample.values == {"two.power": 5.0}


def test_an_entity_that_becomes_another_device_leaves_the_first() -> None:
    conversation = started()
    sensor(conversation, "p", device={"identifiers": ["a"]})
    said = sensor(conversation, "p", device={"identifiers": ["b"]})
    assert [(each.device.id, each.withdrawn) for each in said.announcements] == [("a", True), ("b", False)]
    [sample] = hear(conversation, "x/p", 5).samples
    assert sample.device.id == "b"


def test_two_devices_may_share_a_topic() -> None:
    conversation = started()
    for name in ("a", "b"):
        more = {"stat_t": "all", "val_tpl": f"{{{{ value_json.{name} }}}}", "device": {"identifiers": [name]}}
        sensor(conversation, name, **more)
    said = hear(conversation, "all", {"a": 1, "b": 2})
    assert {sample.device.id: sample.values for sample in said.samples} == {"a": {"power": 1.0}, "b": {"power": 2.0}}


def test_a_migration_to_the_device_form_changes_nothing_yet() -> None:
    conversation = started()
    sensor(conversation, "p")
    said = hear(conversation, "homeassistant/sensor/x/p/config", {"migrate_discovery": True})
    assert said == Decoded()


def test_topics_and_messages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homeassistant_memory, "MOST_TOPICS", 3)
    conversation = started()
    reasons = [problem.reason for number in range(5) for problem in sensor(conversation, f"p{number}").problems]
    assert reasons == ["too_many_topics", "too_many_topics"]
    assert len(list(HOME.topics(conversation.state))) == 3
    hear(conversation, "homeassistant/sensor/x/p0/config", b"")
    assert not sensor(conversation, "p9").problems


def test_points_of_a_device_are_bounded() -> None:
    conversation = started()
    components = {f"c{number}": {"p": "sensor", "stat_t": "t"} for number in range(700)}
    said = hear(conversation, "homeassistant/device/o/config", {"cmps": components})
    assert len(said.announcements[0].points) == 500
    assert len(hear(conversation, "homeassistant/sensor/o/more/config", {"stat_t": "t"}).problems) == 1


def test_a_number_that_no_float_can_hold_is_refused_alone() -> None:
    conversation = started()
    sensor(conversation, "p", val_tpl="{{ value_json.p }}")
    assert not hear(conversation, "x/p", b'{"p": ' + b"9" * 400 + b"}").samples
    assert not hear(conversation, "x/p", b'{"p": "1_000"}').samples


def test_a_state_too_large_or_too_deep_is_refused() -> None:
    conversation = started()
    sensor(conversation, "p", val_tpl="{{ value_json.p }}")
    for payload, reason in ((b" " * 300_000, "too_large"), (b"[" * 100_000, "not_json"), (b"\xff", "not_utf8")):
        assert [problem.reason for problem in hear(conversation, "x/p", payload).problems] == [reason]


def test_a_prefix_with_a_wildcard_is_refused_by_name() -> None:
    for prefix in ("#", "a/+", ""):
        with pytest.raises(devices.formats.UnknownFormat, match="prefix"):
            devices.formats.make("homeassistant", options={"prefix": prefix})


# --- the tables -------------------------------------------------------------------------------------------------------


def test_the_tables_speak_of_what_there_is() -> None:
    assert {metric for metric, _ in MEASURED.values()} <= {*UNIT_OF, "air_pressure"}
    assert set(NOTICED.values()) <= SWITCHES
    assert len(set(SHORT.values())) == len(SHORT)
    assert len(set(SHORT_DEVICE.values())) == len(SHORT_DEVICE)
    for parts in COMPONENTS.values():
        assert all(not part.metric or part.metric in METRICS for part in parts)
        assert {key for part in parts for key in (part.topic, part.template)} <= set(SHORT.values())


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"state_class": "total_increasing", "unit_of_measurement": "imp"}, "total"),
        ({"stat_cla": "measurement", "unit_of_measurement": "x"}, "gauge"),
        ({"state_class": "total"}, ""),  # may fall as well
        ({"state_class": ["total_increasing"]}, ""),
        ({"options": ["eco", "boost"]}, "state"),
        ({}, ""),
    ],
)
def test_the_state_class_says_whether_a_point_counts(more: dict[str, Any], kind: str) -> None:
    (point,) = sensor(started(), "strange", dev_cla="", **more).announcements[0].points
    assert (point.metric, point.kind) == ("", kind)
