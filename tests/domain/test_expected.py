"""Expected devices: recognised by identity, alias or serial; near misses and doubles are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.expected import (
    MOST_EDITS,
    Expected,
    doubles,
    edits,
    matches,
    near_misses,
    plain_serial,
    recognise,
)
from hub.domain.places import About, Device, DeviceState, Name

HOME = "garden"


def line(name: str, serial: str = "", **more: Any) -> Expected:
    return Expected(community=HOME, id=name, name=Name(zh=name, en=name), serial=serial, **more)


def device(name: str, *, scheme: str = "native", at: int = 0, **about: Any) -> Device:
    return Device(
        id=f"{HOME}~{name}",
        community=HOME,
        scheme=scheme,
        scheme_id=name,
        state=DeviceState.INBOX,
        name=Name(zh=name, en=name),
        first_seen=at,
        about=About(**about),
    )


@pytest.mark.parametrize(
    ("expected", "heard", "how"),
    [
        (line("x", "A8-40:41 0001"), device("a840410001"), "serial"),
        (line("x", "A840410001"), device("other", serial="a840410001"), "serial"),
        (line("x", "A840410001"), device("other", aliases=(("mac", "A8:40:41:00:01"),)), "alias"),
        (line("x", scheme="eui64", scheme_id="AB12"), device("ab12", scheme="eui64"), "identity"),
        (line("x", scheme="eui64", scheme_id="AB12"), device("y", aliases=(("eui64", "ab12"),)), "alias"),
        (line("x", scheme="eui64", scheme_id="AB12"), device("ab12", scheme="mac"), ""),
        (line("x", "A840410001"), device("a840410002"), ""),
        (line("x", "A840410001"), device(""), ""),
    ],
)
def test_a_device_is_recognised(expected: Expected, heard: Device, how: str) -> None:
    assert recognise(expected, heard) == how
    assert [match.how for match in matches([expected], [heard])] == ([how] if how else [])


def test_each_line_and_each_device_are_matched_once_and_the_first_one_heard_has_the_place() -> None:
    lines = [line("x", "SN-00001"), line("y", "SN-00002")]
    heard = [device("late", at=9, serial="sn00001"), device("early", at=1, serial="sn00001"), device("sn00002", at=5)]
    assert [(m.expected.id, m.device.scheme_id) for m in matches(lines, heard)] == [("x", "early"), ("y", "sn00002")]
    assert matches([line("x", "SN-00001", device=f"{HOME}~gone")], heard) == []


def test_another_community_is_never_recognised() -> None:
    foreign = Expected(community="park", id="x", name=Name(zh="", en="x"), serial="SN-00001")
    assert matches([foreign], [device("sn00001")]) == []


# --- near misses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "slips"),
    [("sn12346", 1), ("sn1235", 1), ("sn21345", 1), ("sn123456", 1), ("sn54321", None), ("x", None)],
)
def test_a_serial_with_a_slip_of_the_pen_is_named(said: str, slips: int | None) -> None:
    found = near_misses([line("x", "SN-12345")], [device("box", serial=said)])
    assert [miss.edits for miss in found] == ([] if slips is None else [slips])


def test_a_long_serial_bears_two_slips_and_a_short_one_none() -> None:
    assert [m.edits for m in near_misses([line("x", "A84041000112")], [device("a84041000133")])] == [2]
    assert near_misses([line("x", "A1")], [device("a2")]) == []


def test_what_is_as_near_to_two_lines_says_both_and_the_nearest_alone_otherwise() -> None:
    both = near_misses([line("x", "SN-00011"), line("y", "SN-00012")], [device("sn00013")])
    assert [miss.expected.id for miss in both] == ["x", "y"]
    lines = [line("x", "AAAAA-00011"), line("y", "AAAAA-00122")]
    assert [miss.expected.id for miss in near_misses(lines, [device("aaaaa00012")])] == ["x"]


def reference(one: str, other: str) -> int:
    """The textbook's table, without any shortcut."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            best = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i - 1] != other[j - 1]))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                best = min(best, table[i - 2, j - 2] + 1)
            table[i, j] = best
    return table[len(one), len(other)]


@given(st.text("ab1", max_size=7), st.text("ab1", max_size=7))
def test_slips_are_counted_as_in_the_textbook(one: str, other: str) -> None:
    assert edits(one, other) == min(reference(one, other), MOST_EDITS + 1)
    assert edits(one, other) == edits(other, one)


@given(st.text(max_size=30))
def test_a_plain_serial_is_plain(text: str) -> None:
    plain = plain_serial(text)
    assert plain_serial(plain) == plain
    assert plain == "" or plain.isascii()


# --- doubles ----------------------------------------------------------------------------------------------------


def test_two_devices_with_one_serial_are_named_once() -> None:
    heard = [device("b", at=2, serial="SN-7"), device("a", at=1, serial="sn7"), device("c", serial="SN-8")]
    (double,) = doubles(heard, [])
    assert (double.serial, [d.scheme_id for d in double.devices]) == ("sn7", ["a", "b"])


def test_the_same_name_in_two_schemes_is_no_double_unless_the_list_has_it_as_a_serial() -> None:
    heard = [device("sensor1", scheme="spb"), device("sensor1", scheme="mac", at=3)]
    assert doubles(heard, []) == []
    assert len(doubles(heard, [line("x", "Sensor-1")])) == 1
