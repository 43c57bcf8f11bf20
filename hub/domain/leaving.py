"""Devices whose gateway no longer knows them: when the hub may put one out of use without asking. Pure; epoch ms."""

from __future__ import annotations

from typing import Final

from hub.domain.places import About, Device, DeviceState

GRACE_MS: Final = 24 * 3_600_000
"""A device that was only paired anew, or whose gateway has lost its list, is announced again within so long."""


def withdrawn_since(about: About) -> int | None:
    """Since when its gateway no longer knows it; None: it does."""
    return (about.withdrawn_at or about.said_at) if about.withdrawn else None


def leaves_at(device: Device, heard: int | None) -> int | None:
    """When the device goes out of use by itself; None: it does not.

    A day after its gateway withdrew it, and not while it still speaks (``heard``: its last word). Once only: whoever
    takes it into use again, although nobody announces it, knows better.
    """
    since = withdrawn_since(device.about)
    if since is None or device.state is not DeviceState.ADOPTED or device.about.retired_at:
        return None
    return max(since, heard or 0) + GRACE_MS
