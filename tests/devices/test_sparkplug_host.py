"""What a primary host says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.sparkplug_host import HostState, PrimaryHost, read_state

HOST = PrimaryHost("hub 1", 1_763_800_000_123)


def test_birth_and_will_have_one_time_and_death_its_own() -> None:
    will, birth, death = HOST.will(), HOST.birth(), HOST.death(1_763_800_009_000)
    assert will.payload == b'{"online":false,"timestamp":1763800000123}'
    assert birth.payload == b'{"online":true,"timestamp":1763800000123}'
    assert death.payload == b'{"online":false,"timestamp":1763800009000}'
    assert {(each.topic, each.qos, each.retain) for each in (will, birth, death)} == {("spBv1.0/STATE/hub 1", 1, True)}


def test_it_answers_who_calls_it_dead_and_nothing_else() -> None:
    assert HOST.answer(HOST.topic, HOST.will().payload) == HOST.birth()
    assert HOST.answer(HOST.topic, b"OFFLINE") == HOST.birth()
    assert HOST.answer(HOST.topic, HOST.birth().payload) is None
    assert HOST.answer(HOST.topic, b"nonsense") is None
    assert HOST.answer("spBv1.0/STATE/other", HOST.will().payload) is None


@pytest.mark.parametrize("host_id", ["", "a/b", "a+", "#", "a\n", "x" * 129])
def test_an_id_has_to_fit_a_topic(host_id: str) -> None:
    with pytest.raises(ValueError, match="host id"):
        PrimaryHost(host_id, 0)


def test_a_state_is_read_in_both_forms() -> None:
    assert read_state(b'{"online": true, "timestamp": 5, "bdSeq": 1}') == HostState(online=True, timestamp=5)
    assert read_state(b" offline\n") == HostState(online=False)
    assert read_state(b'{"online": "yes"}') is None
    assert read_state(b" " * 5_000 + b"ONLINE") is None


@given(st.binary(max_size=60))
def test_any_bytes_are_a_state_or_none(data: bytes) -> None:
    found = read_state(data)
    assert found is None or isinstance(found.online, bool)
