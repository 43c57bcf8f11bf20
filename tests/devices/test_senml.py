"""SenML: the packs and resolved forms of the working group, and any pack of anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devices.formats
from devices.contract import Decoded, DeviceRef, Limits, Message
from devices.conversation import Conversation
from devices.formats.cbor_bytes import read
from devices.formats.senml import MOST_VALUES, SenmlFormat
from devices.formats.senml_names import device_of, point_of
from devices.formats.senml_pack import Pack, resolve
from devices.words import METRICS

SENML = SenmlFormat()
NOW = 1_763_800_001_000
FROZEN = {1: 1498780179, 2: 1498780179, 7: 1499109309, 9: 1498780179}
"""The moment that the working group took for now when it resolved these packs."""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "x", "x_"]
)
likely = st.one_of(
    st.floats(-1e12, 1e12),
    st.sampled_from(["urn:dev:ow:1f:", "a/", "temperature", "%RH", "Cel", "/", "aGkgCg", True, 0, 300, 2**28, 10**400]),
    json_values,
)
packs = st.lists(st.dictionaries(fields, likely, max_size=6), max_size=6)


def hear(pack: Any, conversation: Conversation | None = None, content_type: str = "") -> Decoded:
    conversation = conversation or Conversation(SENML, "c")
    payload = pack if isinstance(pack, bytes) else json.dumps(pack).encode("utf-8", "replace")
    said = conversation.hear(Message("senml/lab", payload, NOW, content_type=content_type))
    assert said is not None
    for change in said.changes:
        json.dumps(change.value)
    return said


# --- the working group's packs --------------------------------------------------------------------------------


def resolved(pack: Pack, now: float) -> list[tuple[Any, ...]]:
    """(name, unit, time in ms, value) of each record, data left out."""
    records = [record for record in pack.records if not record.data]
    return sorted(
        (each.name, each.unit, round((now if each.time is None else each.time) * 1000), repr(each.value))
        for each in records
    )


def expected(path: Path) -> list[tuple[Any, ...]]:
    found = json.loads(path.read_text("utf-8"))
    values = [float(each["v"]) if "v" in each else each.get("vs", each.get("vb")) for each in found]
    return sorted(
        (each["n"], each.get("u", ""), round(each["t"] * 1000), repr(value))
        for each, value in zip(found, values, strict=True)
    )


@pytest.mark.parametrize("number", range(1, 14))
def test_every_pack_of_the_working_group_resolves_as_it_did(number: int, foreign_data: Path) -> None:
    folder = foreign_data / "vectors/senml"
    now = FROZEN.get(number, NOW / 1000)
    payload = (folder / f"ex{number}.gen.json").read_bytes()
    pack = resolve(json.loads(payload), now, MOST_VALUES)
    assert not pack.problems
    assert pack.unknown == (["l"] if number == 8 else [])
    if number != 13:  # has no resolved form
        assert resolved(pack, now) == expected(folder / f"ex{number}.gen.resolved.json")
    said = hear(payload)
    assert not said.problems
    records = [record for record in pack.records if not record.data]
    assert sum(len(sample.values) for sample in said.samples) == len(records)


@pytest.mark.parametrize("number", [3, 5])
def test_a_pack_says_the_same_in_cbor(number: int, foreign_data: Path) -> None:
    folder = foreign_data / "vectors/senml"
    payload = (folder / f"ex{number}.gen.cbor").read_bytes()
    pack = resolve(read(payload, Limits()), 0, MOST_VALUES)
    plain = resolve(json.loads((folder / f"ex{number}.gen.json").read_bytes()), 0, MOST_VALUES)
    assert pack == plain
    recognised, named = hear(payload), hear(payload, content_type="application/senml+cbor; x=1")
    assert recognised == named == hear((folder / f"ex{number}.gen.json").read_bytes())
    assert recognised.samples


# --- whatever comes -------------------------------------------------------------------------------------------


@given(packs)
def test_any_pack_is_read_and_readings_are_always_plain(pack: list[dict[str, Any]]) -> None:
    said = hear(pack)
    for sample in said.samples:
        assert sample.values
        assert sample.time is None or type(sample.time) is int
        for name, value in sample.values.items():
            assert 0 < len(name) <= 128
            assert name.isprintable()
            assert type(value) in (float, bool, str)
            assert not isinstance(value, float) or abs(value) < float("inf")
    for announcement in said.announcements:
        assert {point.metric for point in announcement.points} <= METRICS | {""}
    assert len(said.problems) <= 9


@given(st.binary(max_size=200), st.sampled_from(["", "application/senml+json", "application/senml+cbor", "text/plain"]))
def test_any_bytes_are_read_or_refused_with_a_sentence(payload: bytes, content_type: str) -> None:
    said = hear(payload, content_type=content_type)
    assert all(problem.detail and problem.reason.isidentifier() for problem in said.problems)


@given(st.text(alphabet="abz019-:./_", min_size=1, max_size=30), st.text(alphabet="ab:/._-0", max_size=12))
def test_every_name_has_a_device(base: str, own: str) -> None:
    device, word = device_of(base, own, "c", DeviceRef("c", "topic", "t"))
    assert device.id
    assert device.community == "c"
    assert len(word) <= len(base + own)


@given(st.text(max_size=20), st.text(max_size=8), st.floats() | st.booleans() | st.text(max_size=9))
def test_what_keeps_its_own_name_is_never_taken_for_a_metric(word: str, unit: str, value: object) -> None:
    point = point_of(word, unit, value)
    assert point is None or point.metric or point.name.rpartition(".")[2] not in METRICS


# --- bounds ---------------------------------------------------------------------------------------------------


def test_a_pack_says_at_most_so_many_values() -> None:
    said = hear([{"bn": "a/", "n": f"n{number}", "v": 1} for number in range(MOST_VALUES + 5)])
    assert [problem.reason for problem in said.problems] == ["too_many_values"]
    assert sum(len(sample.values) for sample in said.samples) == MOST_VALUES


def test_what_is_learned_is_bounded() -> None:
    conversation = Conversation(SENML, "c")
    for number in range(600):
        hear([{"bn": "a/", "n": f"n{number}", "v": 1, "ut": 60}], conversation)
    assert len(conversation.state["senml:a"]["points"]) == 200
    assert len(conversation.state["senml:a"]["updates"]) == 200
    for number in range(5_010):
        said = hear([{"n": f"d{number}/x", "v": 1}], conversation)
    assert len(conversation.state) == 5_000
    assert said.samples
    assert not said.announcements


def test_the_same_name_twice_at_one_moment_is_two_readings() -> None:
    said = hear([{"n": "a/x", "v": 1}, {"n": "a/x", "v": 2}])
    assert [sample.values for sample in said.samples] == [{"x": 1.0}, {"x": 2.0}]


def test_many_problems_are_cut_short_and_counted() -> None:
    said = hear([{"n": "a/x"}] * 30)
    assert len(said.problems) == 9
    assert said.problems[-1].detail == "22 more records were refused: the first ones are named"
    assert all(problem.whole for problem in said.problems)


def test_it_listens_where_it_is_told() -> None:
    assert SENML.filters == ("senml/#",)
    other = devices.formats.make("senml", options={"topics": "nb/+/up, lab/#"})
    assert other.filters == ("nb/+/up", "lab/#")
    assert other.route("nb/7/up", None) is not None
    assert other.route("nb/7/down", None) is None
    with pytest.raises(devices.formats.UnknownFormat, match="every topic"):
        devices.formats.make("senml", options={"topics": "#"})
