"""Identities: the same device has the same short name everywhere, and two devices never share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import DeviceRef


@pytest.mark.parametrize(
    ("scheme", "own", "expected"),
    [
        ("native", "lift-3", "garden~lift-3"),
        ("ieee", "00158d00018255df", "garden~ieee-00158d00018255df"),
        ("spb", "Plant 1/Line 2", "garden~spb-plant-1-line-2-006fcd40"),
        ("urn", "urn:dev:ow:10e2073a01080063", "garden~urn-urn-dev-ow-10e2073a01080063-3ede4cdb"),
    ],
)
def test_a_hub_id_is_readable(scheme: str, own: str, expected: str) -> None:
    assert DeviceRef("garden", scheme, own).hub_id == expected


@given(st.text(min_size=1, max_size=128), st.text(min_size=1, max_size=128))
def test_a_hub_id_is_safe_in_paths_and_one_of_a_kind(first: str, second: str) -> None:
    one, other = DeviceRef("garden", "spb", first), DeviceRef("garden", "spb", second)
    assert re.fullmatch(r"garden~spb-[a-z0-9._-]{1,63}", one.hub_id)
    assert one.hub_id == DeviceRef("garden", "spb", first).hub_id
    if first.lower() != second.lower():
        assert one.hub_id != other.hub_id
