"""Frames become columns: every reading once, at its event time, with what the hub noticed about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from devices.contract import NO_STATE, Message, State
from devices.contract import Decoded as FormatDecoded
from devices.conversation import Conversation
from devices.formats.native import NativeFormat
from hub.clock import DAY, HOUR, MINUTE
from hub.errors import StoreUnavailable
from hub.flows.batch import Beat, Decoded, Gap, Mark, PointKey, Position, Slots
from hub.ingest.control import Redriven, gap_frame, redrive_frame, signed_frame
from hub.ingest.decoding import Decoder
from hub.ingest.frames import DUP, RETAIN, Frame
from hub.ingest.journal_meters import DecodingMeters
from hub.ingest.spoken import Spoken
from hub.settings import Connection, Ingest

NOON = 1_795_000_000_000
HERE = Position("j", 1)


class Desk:
    """A decoder, and what it made of messages."""

    def __init__(
        self, *, known: Callable[[str], bool] = lambda _device: True, window: int = 1_000, **ingest: Any
    ) -> None:
        self.slots = Slots()
        self.counts: dict[str, int] = {}
        self.clocks: dict[str, int] = {}
        self.make = lambda: Decoder(
            [Spoken.of(Connection(url="mqtt://broker"))],
            self.slots,
            Ingest(**ingest),
            known=known,
            window=window,
            counts=self.counts,
            clocks=self.clocks,
        )
        self.decoder = self.make()

    def read(self, *frames: Frame) -> Decoded:
        return self.decoder.decode(HERE, list(frames), frames[-1].received_at)

    def rows(self, decoded: Decoded) -> list[tuple[str, float, int, int]]:
        """(point name, value, time, mark) of the readings."""
        rows = decoded.readings
        return [
            (self.slots.keys[slot].name, value, time, mark)
            for slot, value, time, mark in zip(
                rows.slot.tolist(), rows.value.tolist(), rows.time.tolist(), rows.mark.tolist(), strict=True
            )
        ]


def frame(
    values: Any = None,
    *,
    device: str = "d",
    leaf: str = "telemetry",
    at: int = NOON,
    flags: int = 1,
    payload: bytes | None = None,
    topic: bytes | None = None,
    **more: Any,
) -> Frame:
    body = json.dumps({**more, "values": values} if leaf == "telemetry" else more).encode()
    where = f"community/v1/c/{device}/{leaf}".encode() if topic is None else topic
    return Frame("main", 1, where, body if payload is None else payload, flags, at)


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- columns --------------------------------------------------------------------------------------------------


def test_values_of_many_devices_and_shapes_come_out_in_order(desk: Desk) -> None:
    frames = [
        frame({"a": 1, "b": True}, device="x", ts=NOON),
        frame({"b": 2.5}, device="y", ts=NOON - 1, at=NOON + 1),
        frame({"a": 3, "b": False}, device="x", ts=NOON + 2, at=NOON + 2),
        frame({"b": 0, "a": 4}, device="x", ts=NOON + 3, at=NOON + 3),
    ]
    for _ in range(2):
        out = desk.read(*frames)
        assert desk.rows(out) == [
            ("a", 1.0, NOON, 0),
            ("b", 1.0, NOON, 0),
            ("b", 2.5, NOON - 1, 0),
            ("a", 3.0, NOON + 2, 0),
            ("b", 0.0, NOON + 2, 0),
            ("b", 0.0, NOON + 3, 0),
            ("a", 4.0, NOON + 3, 0),
        ]
        assert out.readings.frame.tolist() == [0, 0, 1, 2, 2, 3, 3]
        assert out.readings.arrival.tolist() == [NOON, NOON, NOON + 1, NOON + 2, NOON + 2, NOON + 3, NOON + 3]
        assert desk.slots.keys[out.readings.slot[2]] == PointKey("c", "c~y", "b")
    assert (out.frames, out.received_at, out.position) == (4, NOON + 3, HERE)


def test_texts_and_nulls_stand_beside_numbers_the_long_way_and_the_short_one(desk: Desk) -> None:
    for number in range(4):
        out = desk.read(frame({"n": number, "s": "run", "none": None}, ts=NOON + number))
        assert desk.rows(out) == [("n", float(number), NOON + number, 0)]
        assert [(desk.slots.keys[t.slot].name, t.text, t.time) for t in out.texts] == [("s", "run", NOON + number)]
        assert out.refusals == []


def test_the_long_way_is_gone_once_for_each_set_of_names(desk: Desk) -> None:
    gone: list[bytes] = []
    read = desk.decoder._long_way.read
    desk.decoder._long_way.read = lambda entry, arrival, out: (gone.append(arrival.payload), read(entry, arrival, out))[
        1
    ]  # type: ignore[method-assign]
    shapes = [{"a": 1, "b": True}, {"a": 1, "s": "run"}, {"a": 2, "none": None}, {"s": "stop"}]
    for number in range(5):
        out = desk.read(*[frame(values, ts=NOON + number) for values in shapes])
        assert len(out.readings) == 4
        assert len(out.texts) == 2
    assert len(gone) == len(shapes)


def test_a_device_that_always_says_the_same_is_read_by_a_reader_of_its_own(desk: Desk) -> None:
    def steady() -> bool:
        [topics] = [topics for topics in desk.decoder._topics.values() if topics]
        return topics[b"community/v1/c/d/telemetry"].steady is not None

    for number in range(10):
        out = desk.read(frame({"a": number, "b": True}, ts=NOON + number, more="x"))
        assert desk.rows(out) == [("a", float(number), NOON + number, 0), ("b", 1.0, NOON + number, 0)]
        assert steady() == (number >= 8), "the long way, and eight in a row"
    out = desk.read(frame({"b": False, "a": 4}, ts=NOON + 10), frame({"a": 1, "b": "wet"}, ts=NOON + 11))
    assert desk.rows(out) == [("a", 4.0, NOON + 10, 0), ("b", 0.0, NOON + 10, 0), ("a", 1.0, NOON + 11, 0)]
    assert [text.text for text in out.texts] == ["wet"]
    assert not steady()


_USUAL = {"a": st.integers(0, 9), "b": st.booleans()}
_ODD = st.none() | st.text(max_size=3) | st.floats(allow_nan=False) | st.lists(st.integers(), max_size=1)


@settings(max_examples=200)
@given(
    st.lists(
        st.fixed_dictionaries(_USUAL)
        | st.fixed_dictionaries(_USUAL, optional={"c": _ODD})
        | st.dictionaries(st.sampled_from(["a", "b", "c", 'a"', "\n"]), _ODD, max_size=3),
        min_size=12,
        max_size=30,
    )
)
def test_a_message_says_the_same_whatever_came_before_it(sent: list[dict[str, Any]]) -> None:
    usual = [{"a": 1, "b": True}] * 9
    warm, cold = Desk(), []
    for values in usual:
        warm.read(frame(values, ts=NOON))
    for number, values in enumerate([*sent, *usual, *sent]):
        said = frame(values, ts=NOON + number)
        alone = Desk()
        cold.append(_said(alone, alone.read(said)))
        assert _said(warm, warm.read(said)) == cold[-1]


def _said(desk: Desk, out: Decoded) -> tuple[Any, ...]:
    texts = [(desk.slots.keys[text.slot].name, text.text, text.time, text.mark) for text in out.texts]
    return sorted(desk.rows(out)), texts, [(refusal.reason, refusal.detail) for refusal in out.refusals]


def test_a_name_that_is_refused_is_refused_every_time_and_the_rest_is_kept(desk: Desk) -> None:
    for number in range(3):
        out = desk.read(frame({"a\n": 1, "b": 2}, ts=NOON + number))
        assert desk.rows(out) == [("b", 2.0, NOON + number, 0)]
        assert [refusal.reason for refusal in out.refusals] == ["bad_name"]


def test_a_name_that_was_null_so_far_gets_its_value_when_it_comes(desk: Desk) -> None:
    for _ in range(3):
        desk.read(frame({"a": 1, "b": None}))
    for value in (5, None, 6):
        out = desk.read(frame({"a": 1, "b": value}, ts=NOON))
        assert [name for name, *_ in desk.rows(out)] == (["a"] if value is None else ["a", "b"])


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "c", "d"]),
            st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz", max_size=3) | st.just([1]),
            max_size=4,
        ),
        max_size=12,
    )
)
def test_any_mixture_is_stored_value_by_value(messages: list[dict[str, Any]]) -> None:
    desk = Desk()
    frames = [frame(values, ts=NOON + number) for number, values in enumerate(messages)] or [frame({})]
    out = desk.read(*frames)
    numbers = [
        (name, float(value), NOON + number, 0)
        for number, values in enumerate(messages)
        for name, value in values.items()
        if isinstance(value, (int, float))
    ]
    texts = [value for values in messages for value in values.values() if isinstance(value, str)]
    assert desk.rows(out) == numbers
    assert [text.text for text in out.texts] == texts
    assert len(out.refusals) == sum(isinstance(value, list) for values in messages for value in values.values())


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=60), st.integers(0, 15)), min_size=1))
def test_no_bytes_make_it_raise(messages: list[tuple[bytes, bytes, int]]) -> None:
    desk = Desk()
    frames = [Frame("main", 1, topic, payload, flags, NOON) for topic, payload, flags in messages]
    frames += [replace(f, topic=b"community/v1/c/d/telemetry") for f in frames]
    frames += [replace(f, topic=b"$hub/redrive") for f in frames] + [replace(f, topic=b"$hub/gap") for f in frames]
    out = desk.read(*frames)
    assert out.frames == len(frames)
    assert all(0 <= refusal.frame < len(frames) for refusal in out.refusals)


def test_the_note_of_a_signed_push_is_for_no_lane() -> None:
    desk = Desk()
    out = desk.read(signed_frame("push:timed", bytes(16), NOON))
    assert (out.frames, out.refusals, desk.counts) == (1, [], {})


# --- time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ts", "time", "mark"),
    [
        (NOON - HOUR, NOON - HOUR, Mark.NONE),
        (NOON + DAY, NOON + DAY, Mark.NONE),
        (NOON + DAY + 1, NOON, Mark.CLOCK_PROBLEM),
        (946_771_200_000, 946_771_200_000, Mark.NONE),
        (946_771_199_999, NOON, Mark.CLOCK_PROBLEM),
        (0, NOON, Mark.CLOCK_PROBLEM),
        (-5, NOON, Mark.CLOCK_PROBLEM),
        (10**30, NOON, Mark.CLOCK_PROBLEM),
        ("2026-11-18T00:00:00Z", 1_794_960_000_000, Mark.NONE),
        ("1970-01-01T00:00:00Z", NOON, Mark.CLOCK_PROBLEM),
        (None, NOON, Mark.ARRIVAL_TIME),
    ],
)
def test_the_devices_time_counts_where_it_can_be_believed(desk: Desk, ts: Any, time: int, mark: Mark) -> None:
    more = {} if ts is None else {"ts": ts}
    for _ in range(2):
        assert desk.rows(desk.read(frame({"a": 1}, **more))) == [("a", 1.0, time, mark)]
    assert desk.counts.get("clock_problem", 0) == (2 if mark is Mark.CLOCK_PROBLEM else 0)


def test_a_retained_message_is_a_reading_only_with_a_time_of_its_own(desk: Desk) -> None:
    desk.read(frame({"a": 1}, ts=NOON))
    assert desk.rows(desk.read(frame({"a": 1}, flags=1 | RETAIN))) == []
    assert desk.rows(desk.read(frame({"a": 2}, ts=NOON - 1, flags=1 | RETAIN))) == [("a", 2.0, NOON - 1, Mark.RETAINED)]
    assert desk.read(frame(leaf="event", type="fault", code="E", flags=1 | RETAIN)).events == []
    assert desk.counts["retained_without_time"] == 2


# --- repeats --------------------------------------------------------------------------------------------------


def test_boot_and_number_tell_a_repeat_where_there_is_no_time(desk: Desk) -> None:
    out = desk.read(*[frame({"a": n}, seq=n % 3, boot="x") for n in range(6)])
    assert [value for _, value, *_ in desk.rows(out)] == [0.0, 1.0, 2.0]
    assert desk.rows(desk.read(frame({"a": 9}, seq=1, boot="y"))) != []
    assert desk.rows(desk.read(frame({"a": 9}, seq=1, boot="x", device="other"))) != []
    assert desk.counts["repeat"] == 3


def test_a_long_text_goes_the_long_way_once(desk: Desk) -> None:
    for number, text in enumerate(("run", "stop", "x" * 400, "y" * 501)):
        out = desk.read(frame({"a": 1, "s": text}, seq=number), frame({"a": 1, "s": text}, seq=number))
        assert len(desk.rows(out)) == 1
        assert len(out.texts) == (1 if len(text) <= 500 else 0)


def test_two_equal_messages_without_number_or_time_are_two_readings(desk: Desk) -> None:
    assert len(desk.rows(desk.read(frame({"a": 1}), frame({"a": 1}, flags=1 | DUP)))) == 2


@pytest.mark.parametrize("more", [{"ts": NOON}, {"seq": 4}, {"seq": 4, "ts": NOON}])
def test_a_fault_is_told_once(desk: Desk, more: dict[str, Any]) -> None:
    fault = frame(leaf="event", type="fault", code="E21", active=True, **more)
    assert len(desk.read(fault, fault).events) == 1
    assert desk.read(fault).events == []
    other = frame(leaf="event", type="fault", code="E21", active=False, **{key: v + 1 for key, v in more.items()})
    assert len(desk.read(other).events) == 1


def test_two_momentary_faults_without_number_or_time_are_two(desk: Desk) -> None:
    fault = frame(leaf="event", type="fault", code="E21")
    assert len(desk.read(fault, fault).events) == 2


def test_a_decoder_that_begins_in_the_middle_knows_the_repeats_of_the_window_and_no_others() -> None:
    desk = Desk(window=10)
    old = [frame({"a": n}, seq=n) for n in range(30)]
    desk.decoder.decode(HERE, old[:20], NOON)
    desk.decoder.decode(HERE, old[20:], NOON)
    fresh = desk.make()
    asked: list[int] = []

    def past(count: int) -> Iterator[list[Frame]]:
        asked.append(count)
        yield from (old[15:20], old[20:])

    fresh.recall(past)
    timed = [frame({"a": 1}, ts=NOON + n, seq=n) for n in range(3)]
    for decoder in (desk.decoder, fresh):
        decoder.decode(HERE, timed, NOON)
        assert asked == [], "a message with a time of its own needs no look at what was before"
        again = decoder.decode(HERE, [old[2], old[22], old[28]], NOON)
        assert again.readings.value.tolist() == [2.0, 22.0], "three of the window of ten have passed since"
        assert decoder.decode(HERE, [old[2]], NOON).readings.value.tolist() == []
    assert asked == [7]


def test_after_a_whole_window_nothing_before_it_is_read() -> None:
    desk = Desk(window=3)
    desk.decoder.recall(lambda _count: pytest.fail("nothing of it could be a repeat"))
    desk.read(*[frame({"a": 1}, ts=NOON + n) for n in range(3)])
    assert desk.rows(desk.read(frame({"a": 1}, seq=1)))


def test_what_was_before_is_announced_only_when_it_speaks_again_and_counted_once() -> None:
    desk = Desk()
    desk.decoder.recall(lambda _count: iter([[frame({"a": 1}, device="e"), frame(b"{", device="e")]]))
    assert [seen.device for seen in desk.read(frame({"a": 1}, seq=1)).seen] == ["c~d"]
    assert [(seen.device, seen.names) for seen in desk.read(frame({"a": 1}, device="e")).seen] == [("c~e", ("a",))]


@pytest.mark.parametrize("leaf", ["telemetry", "event"])
def test_a_journal_that_cannot_tell_of_repeats_blames_no_message(leaf: str) -> None:
    desk = Desk()
    fails = [True]

    def past(_count: int) -> Iterator[list[Frame]]:
        if fails:
            raise StoreUnavailable("the disk sleeps")
        yield []

    desk.decoder.recall(past)
    said = {"values": {"a": 1}} if leaf == "telemetry" else {"type": "fault", "code": "E21"}
    message = frame(leaf=leaf, seq=7, **said)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            desk.read(message)
    fails.clear()
    out = desk.read(message)
    assert len(desk.rows(out)) + len(out.events) == 1
    assert out.refusals == []


# --- devices --------------------------------------------------------------------------------------------------


def test_devices_are_announced_at_first_sight_and_when_they_learn_new_names(desk: Desk) -> None:
    first = desk.read(frame({"a": 1, "b": "x"}), frame({"a": 1}, device="e"), frame({"a": 2})).seen
    assert [(s.community, s.device, s.scheme, s.scheme_id, s.at, s.names) for s in first] == [
        ("c", "c~d", "native", "d", NOON, ("a", "b")),
        ("c", "c~e", "native", "e", NOON, ("a",)),
    ]
    assert desk.read(frame({"a": 3})).seen == []
    [again] = desk.read(frame({"a": 3, "z": 1}, at=NOON + 5)).seen
    assert (again.names, again.at) == (("z",), NOON + 5)


def test_names_that_say_no_metric_come_with_what_they_suggest(desk: Desk) -> None:
    [seen] = desk.read(frame({"temp": 1, "humidity": 2, "bay1.batt": 3, "contact": True, "linkquality": 90})).seen
    assert seen.guesses == (("temp", "temperature"), ("bay1.batt", "battery"))


def test_new_devices_beyond_the_limit_are_refused_by_name_until_the_next_minute() -> None:
    desk = Desk(known=lambda device: device == "c~known", new_devices_per_minute=2)
    frames = [frame({"a": 1}, device=name) for name in ("one", "two", "three", "known", "one")]
    out = desk.read(*frames)
    assert len(desk.rows(out)) == 4
    assert [(r.frame, r.reason, r.device, r.payload) for r in out.refusals] == [
        (2, "too_many_new_devices", "c~three", frames[2].payload)
    ]
    later = desk.read(frame({"a": 1}, device="three", at=NOON + MINUTE))
    assert (len(desk.rows(later)), later.refusals) == (1, [])


def test_a_device_that_invents_names_without_end_is_stopped() -> None:
    desk = Desk(values_limit=5)
    for start in range(0, 10, 5):
        assert desk.read(frame({f"v{n}": 1 for n in range(start, start + 5)})).refusals == []
    out = desk.read(frame({"v0": 1, "new": 2}))
    assert [name for name, *_ in desk.rows(out)] == ["v0"]
    assert [(r.reason, r.whole) for r in out.refusals] == [("too_many_points", False)]


def test_a_topic_that_is_too_long_is_refused_before_anything_of_it_is_kept(desk: Desk) -> None:
    long = b"zigbee2mqtt/" + b"x" * 989
    before = len(desk.decoder._topics["main"])
    out = desk.read(frame(topic=long, payload=b"1"), frame(topic="长/".encode() * 16_000, payload=b"2"))
    assert [(r.reason, r.whole) for r in out.refusals] == [("topic_too_long", True)] * 2
    assert "1001 bytes: at most 1000" in out.refusals[0].detail
    assert len(desk.decoder._topics["main"]) == before
    for refused in out.refusals:
        assert len(refused.topic) <= 1_010
        again = Redriven("main", refused.topic.encode(), refused.payload, 0, NOON)
        assert [r.reason for r in desk.read(redrive_frame(again, NOON)).refusals] == ["topic_too_long"]


def test_topics_are_forgotten_before_they_take_more_than_their_room(
    monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    monkeypatch.setattr("hub.ingest.topics._TOPIC_BYTES_KEPT", 10_000)
    desk.read(*(frame(topic=b"%03d/" % index + b"x" * 896, payload=b"1") for index in range(25)))
    kept = desk.decoder._topics["main"]
    assert (len(kept), kept.size) == (3, 2_700)
    monkeypatch.setattr("hub.ingest.topics._TOPICS_KEPT", 4)
    desk.read(frame(topic=b"a", payload=b"1"), frame(topic=b"b", payload=b"1"))
    assert (sorted(kept), kept.size) == ([b"b"], 1)


def test_statements_of_devices_come_as_availability(desk: Desk) -> None:
    frames = [
        frame(leaf="status", payload=payload, flags=1 | RETAIN) for payload in (b"online", b'{"online": false}', b"")
    ]
    out = desk.read(*frames)
    assert [(word.device, word.online, word.frame) for word in out.availability] == [
        ("c~d", True, 0),
        ("c~d", False, 1),
        ("c~d", None, 2),
    ]


# --- refusals and the hub's own words -------------------------------------------------------------------------


def test_what_is_not_understood_is_refused_with_its_bytes(desk: Desk) -> None:
    frames = [
        frame(payload=b"{broken"),
        frame({"a": 1, "b": {"c": 2}}, ts=NOON),
        frame(topic=b"factory/7", payload=b"x"),
        frame(topic=b"\xff\xfe", payload=b"y"),
        frame(payload=b" " * (256 * 1024 + 1)),
    ]
    out = desk.read(*frames)
    assert [(r.frame, r.reason, r.whole, r.device) for r in out.refusals] == [
        (0, "not_json", True, "c~d"),
        (1, "nested_value", False, "c~d"),
        (2, "unknown_topic", True, None),
        (3, "unknown_topic", True, None),
        (4, "too_large", True, "c~d"),
    ]
    assert [r.payload for r in out.refusals] == [f.payload for f in frames]
    assert out.refusals[3].topic == "\\xff\\xfe"
    assert desk.rows(out) == [("a", 1.0, NOON, 0)]


def test_a_format_that_breaks_its_promise_costs_its_own_frame_only(desk: Desk) -> None:
    class Broken(NativeFormat):
        def decode(self, route: Any, message: Message, state: State = NO_STATE) -> FormatDecoded:
            if b"boom" in message.payload:
                raise KeyError("boom")
            return super().decode(route, message, state)

    desk.decoder._conversations = {"main": (Conversation(Broken(), None),)}
    out = desk.read(frame({"a": 1}, ts=NOON), frame({"boom": 1}), frame({"a": 2}, ts=NOON))
    assert [value for _, value, *_ in desk.rows(out)] == [1.0, 2.0]
    assert [(r.frame, r.reason, "KeyError: 'boom'" in r.detail) for r in out.refusals] == [(1, "decoder_failed", True)]


def test_gaps_and_heartbeats_are_read_in_place(desk: Desk) -> None:
    gap = Gap("main", "broker_down", NOON - 9, NOON, "it was dark")
    out = desk.read(
        gap_frame(gap, NOON), Frame("main", 3, b"hub/beat/hub-1", b'{"sent": 5}', 1, NOON), frame({"a": 1}, ts=NOON)
    )
    assert out.gaps == [gap]
    assert out.beats == [Beat("main", 5, NOON)]
    assert out.refusals == []
    broken = desk.read(replace(gap_frame(gap, NOON), payload=b"?"), Frame("main", 3, b"hub/beat/h", b"?", 1, NOON))
    assert [r.reason for r in broken.refusals] == ["bad_gap"]
    assert desk.counts["bad_beat"] == 1


def test_a_redriven_frame_arrives_now_and_counts_when_it_was_first_received(desk: Desk) -> None:
    old = Redriven("main", b"community/v1/c/d/telemetry", b'{"values": {"a": 1}}', 1, NOON - DAY)
    fault = old_event = Redriven(
        "main", b"community/v1/c/d/event", b'{"type": "fault", "code": "E", "seq": 1}', 1, NOON - HOUR
    )
    out = desk.read(redrive_frame(old, NOON), redrive_frame(fault, NOON), redrive_frame(old_event, NOON))
    assert desk.rows(out) == [("a", 1.0, NOON - DAY, Mark.ARRIVAL_TIME | Mark.REDRIVEN)]
    assert out.readings.arrival.tolist() == [NOON]
    assert [(e.time, e.arrival, e.mark) for e in out.events] == [
        (NOON - HOUR, NOON, Mark.ARRIVAL_TIME | Mark.REDRIVEN)
    ] * 2, "an operator's redrive is no repeat"


def test_a_redriven_frame_that_is_still_not_understood_goes_back_with_its_old_bytes(desk: Desk) -> None:
    inner = Redriven("main", b"community/v1/c/d/telemetry", b"{", 1, NOON - DAY)
    [refusal] = desk.read(redrive_frame(inner, NOON)).refusals
    assert (refusal.payload, refusal.received_at, refusal.topic) == (b"{", NOON - DAY, "community/v1/c/d/telemetry")
    nested = Redriven("main", b"$hub/redrive", redrive_frame(inner, NOON).payload, 1, NOON - DAY)
    assert [r.reason for r in desk.read(redrive_frame(nested, NOON)).refusals] == ["bad_redrive"]


def test_what_decoding_makes_of_messages_is_counted_for_metrics() -> None:
    registry = CollectorRegistry()
    meters = DecodingMeters(registry)
    desk = Desk()
    desk.counts, desk.clocks = meters.counts, meters.clocks
    desk.decoder = desk.make()
    for _ in range(2):
        meters.note(desk.read(frame({"a": 1, "s": "x"}, ts=5), frame(payload=b"{"), frame(payload=b"{")))
    assert meters.health(NOON).facts["clock_problem_worst"] == "c~d (2)"
    assert registry.get_sample_value("hub_decoded_readings_total") == 4
    assert registry.get_sample_value("hub_decoded_refused_total", {"reason": "not_json"}) == 4
    assert registry.get_sample_value("hub_decoded_passed_over_total", {"what": "clock_problem"}) == 2
