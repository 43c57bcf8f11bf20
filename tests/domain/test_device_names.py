"""A device that is listed beforehand is called as it will be called when it speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import DeviceRef
from hub.domain.device_names import device_name


@given(
    scheme=st.sampled_from(["native", "ieee", "spb", "alink", "urn"]),
    own=st.text(min_size=1, max_size=128) | st.from_regex(r"[a-zA-Z0-9/:_ .-]{1,128}", fullmatch=True),
)
def test_the_name_is_that_of_the_contract(scheme: str, own: str) -> None:
    assert f"home~{device_name(scheme, own)}" == DeviceRef("home", scheme, own).hub_id


@pytest.mark.parametrize(
    ("scheme", "own", "name"),
    [
        ("native", "pump-1", "pump-1"),
        ("ieee", "00158D00018255DF", "ieee-00158d00018255df"),
        ("spb", "plant 1/line 2", "spb-plant-1-line-2-7366f48e"),
    ],
)
def test_names(scheme: str, own: str, name: str) -> None:
    assert device_name(scheme, own) == name
