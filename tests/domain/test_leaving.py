"""When a device that its gateway no longer knows goes out of use by itself."""

from __future__ import annotations

from typing import Any

import pytest

from hub.domain.leaving import GRACE_MS, leaves_at
from hub.domain.places import About, Device, DeviceState, Name


def device(state: DeviceState = DeviceState.ADOPTED, **about: Any) -> Device:
    name = Name(zh="一", en="one")
    return Device(
        id="hg~d", community="hg", scheme="native", scheme_id="d", state=state, name=name, about=About(**about)
    )


@pytest.mark.parametrize(
    ("found", "heard", "at"),
    [
        (device(), None, None),
        (device(withdrawn=True, withdrawn_at=50), None, 50 + GRACE_MS),
        (device(withdrawn=True, withdrawn_at=50), 20, 50 + GRACE_MS),
        (device(withdrawn=True, withdrawn_at=50), 90, 90 + GRACE_MS),  # it still speaks
        (device(withdrawn=True, said_at=40), None, 40 + GRACE_MS),  # noted by an older hub
        (device(withdrawn=True, withdrawn_at=50, retired_at=70), None, None),  # people took it up again
        (device(DeviceState.RETIRED, withdrawn=True, withdrawn_at=50), None, None),
        (device(DeviceState.INBOX, withdrawn=True, withdrawn_at=50), None, None),
    ],
)
def test_a_day_after_it_was_withdrawn_and_heard_last(found: Device, heard: int | None, at: int | None) -> None:
    assert leaves_at(found, heard) == at
