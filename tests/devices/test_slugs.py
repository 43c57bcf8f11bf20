"""Foreign words in ids: safe characters, and different where the words are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.slugs import channel_slug, id_slug


@pytest.mark.parametrize(
    ("word", "channel", "ident"),
    [
        ("cpu0", "cpu0", "cpu0"),
        ("GW-1", "gw-1", "gw-1"),
        ("a b/c.d:e", "a-b-c-d-e", "a-b-c.d:e"),
        ("", "", "-"),
        ("//", "", "-"),
        ("温度-1", "1-33ee2f38", "1-33ee2f38"),
    ],
)
def test_a_word_becomes_a_part_of_a_path(word: str, channel: str, ident: str) -> None:
    assert (channel_slug(word), id_slug(word)) == (channel, ident)


@given(st.text(max_size=300))
def test_every_word_becomes_one(word: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{0,60}", channel_slug(word))
    assert re.fullmatch(r"[a-z0-9._:-]{1,100}", id_slug(word))


def test_words_that_differ_stay_different() -> None:
    words = ["冷机1", "水泵1", "a" * 200 + "1", "a" * 200 + "2", "é", "è", "湿度", "温度"]
    assert len({channel_slug(word) for word in words}) == len(words)
    assert len({id_slug(word) for word in words}) == len(words)
