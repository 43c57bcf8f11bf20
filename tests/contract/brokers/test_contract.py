"""The broker contract on every broker that we ship, in the versions of MQTT that the hub speaks to it.

What a broker does not keep is listed in ``KNOWN_LIMITS`` with the fact: a line that starts or stops holding is red here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hub.ingest.broker_contract import KNOWN_LIMITS, LINES, V3, V5, Line, known_limits

pytestmark = pytest.mark.servers

SHIPPED = (("mosquitto", V3), ("mosquitto", V5), ("iotcore", V3))
CASES = [
    pytest.param(program, version, line, id=f"{program}-{'5' if version == V5 else '3.1.1'}-{line.name}")
    for program, version in SHIPPED
    for line in LINES
    if version in line.versions
]


@pytest.mark.parametrize(("program", "version", "line"), CASES)
def test_line(results: Callable[[str, int], dict[str, str]], program: str, version: int, line: Line) -> None:
    listed = {limit.line: limit.fact for limit in KNOWN_LIMITS[program]}
    assert results(program, version).get(line.name) == listed.get(line.name), line.meaning


def test_limits_name_lines_that_exist() -> None:
    names = {line.name for line in LINES}
    assert len(names) == len(LINES)
    assert {limit.line for limits in KNOWN_LIMITS.values() for limit in limits} <= names


def test_limits_are_sentences_for_the_banner() -> None:
    assert known_limits("mosquitto") == ()
    assert "own_topics: a device can publish under another device's name" in known_limits("iotcore")
    assert known_limits("something else") == ()
