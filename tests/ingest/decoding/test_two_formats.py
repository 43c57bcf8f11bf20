"""Two formats that tell of the same device: what was read before never changes what a message says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.contract import NO_STATE, Decoded, DeviceRef, Message, Sample, State
from hub.flows.batch import Decoded as Batch
from hub.flows.batch import Position, Slots
from hub.ingest.control import Redriven, redrive_frame
from hub.ingest.decoded_devices import KnownDevice
from hub.ingest.decoding import Decoder
from hub.ingest.frames import RETAIN, Frame
from hub.ingest.spoken import Spoken
from hub.settings import Ingest

NOON = 1_795_000_000_000
HALL = DeviceRef("c", "ieee", "d")


class Teller:
    """Says of the hall what the payload says, whatever that is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filters = (f"{name}/#",)

    def route(self, topic: str, _community: str | None) -> DeviceRef | None:
        return HALL if topic.startswith(f"{self.name}/") else None

    def decode(self, route: DeviceRef, message: Message, _state: State = NO_STATE) -> Decoded:
        return Decoded(samples=tuple(Sample(route, **each) for each in json.loads(message.payload)))


class Desk:
    """A decoder of a maker's format and of a profile, which speaks for what the maker's does not tell."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.counts: dict[str, int] = {}
        spoken = Spoken("main", "c", (Teller("zigbee2mqtt"), Teller("house")))
        self.decoder = Decoder(
            [spoken], self.slots, Ingest(values_limit=2), known=lambda _: True, window=99, counts=self.counts
        )

    def read(self, frame: Frame) -> Batch:
        return self.decoder.decode(Position("j", 1), [frame], NOON)

    def forget(self) -> None:
        """What is only kept to be quick."""
        for device in self.decoder._devices._devices.values():
            device.shapes.clear()

    def told(self, frame: Frame) -> tuple[Any, ...]:
        """Everything that came out, by name."""
        out, keys = self.read(frame), self.slots.keys
        rows = out.readings
        columns = (rows.slot.tolist(), rows.value.tolist(), rows.time.tolist(), rows.mark.tolist())
        return (
            [(keys[slot].name, value, time, mark) for slot, value, time, mark in zip(*columns, strict=True)],
            [(keys[text.slot].name, text.text, text.time, text.mark) for text in out.texts],
            [(refusal.reason, refusal.detail, refusal.whole) for refusal in out.refusals],
            [(seen.device, seen.names) for seen in out.seen],
            dict(self.counts),
        )


def frame(who: str, *samples: dict[str, Any], flags: int = 1) -> Frame:
    return Frame("main", 1, f"{who}/d".encode(), json.dumps(samples).encode(), flags, NOON)


def sample(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"time": None, "values": values, **more}


_NUMBER = st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = (
    st.fixed_dictionaries({"a": _NUMBER, "b": _NUMBER})
    | st.fixed_dictionaries({"b": _NUMBER})
    | st.dictionaries(st.sampled_from("abc"), _NUMBER | st.sampled_from(["on", "", None, [1], 10**400]), max_size=3)
    | st.dictionaries(st.sampled_from("cdefg"), _NUMBER, max_size=3)
)
_SAMPLES = st.fixed_dictionaries(
    {"time": st.sampled_from([None, NOON, NOON - 5, 7]), "values": _VALUES},
    optional={
        "identity": st.sampled_from(["1", "2"]),
        "quality": st.sampled_from(["good", "bad", "stale"]),
        "told_again": st.booleans(),
    },
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["zigbee2mqtt", "house"]),
            st.lists(_SAMPLES, min_size=1, max_size=3),
            st.sampled_from([1, 1, 1, 1 | RETAIN]),
            st.sampled_from([False, False, False, True]),
        ),
        min_size=8,
        max_size=25,
    )
)
def test_a_sample_says_the_same_whatever_is_kept_of_those_before(
    sent: list[tuple[str, list[dict[str, Any]], int, bool]],
) -> None:
    warm, cold = Desk(), Desk()
    for who, samples, flags, again in sent:
        said = frame(who, *samples, flags=flags)
        if again:
            said = redrive_frame(Redriven("main", said.topic, said.payload, flags, NOON - 9), NOON)
        cold.forget()
        assert _plain(warm.told(said)) == _plain(cold.told(said))


def _plain(told: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the trace of a format that broke its promise, which names lines."""
    rows, texts, refusals, *rest = told
    return (rows, texts, [each for each in refusals if each[0] != "decoder_failed"], *rest)


def test_the_better_format_takes_a_point_over_though_the_other_has_its_way_ready() -> None:
    desk = Desk()
    for _ in range(2):
        assert len(desk.told(frame("house", sample({"a": 1, "b": 2})))[0]) == 2
    desk.read(frame("zigbee2mqtt", sample({"b": 5})))
    assert [name for name, *_ in desk.told(frame("house", sample({"a": 1, "b": 2})))[0]] == ["a"]
    assert desk.counts == {"other_format_speaks": 1}


def test_a_device_that_says_the_same_names_is_asked_about_them_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    owns = KnownDevice.owns
    monkeypatch.setattr(KnownDevice, "owns", lambda self, name, rank: asked.append(name) or owns(self, name, rank))
    desk = Desk()
    for value in range(4):
        rows = desk.told(frame("house", sample({"a": value, "b": True}), sample({"c": 1}, quality="bad")))[0]
        assert [value for _, value, *_ in rows] == [value, 1.0, 1.0]
    assert asked == ["a", "b", "c"]
