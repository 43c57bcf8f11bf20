"""The page on formats lists what the simulator speaks."""

from __future__ import annotations

import re
from pathlib import Path

from devices import formats
from devices.simulator import speaking

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats" / "README.md"


def test_the_page_lists_what_the_simulator_speaks() -> None:
    text = PAGE.read_text(encoding="utf-8")
    sentence = re.search(r"^It speaks (.*?)\.$", text, re.DOTALL | re.MULTILINE)
    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[1]) == list(speaking.names())


def test_the_simulator_speaks_every_format_that_the_hub_reads() -> None:
    assert speaking.names() == formats.names()


def test_what_is_pushed_alone_subscribes_to_nothing() -> None:
    assert tuple(name for name in formats.names() if not formats.make(name).filters) == speaking.PUSHED
