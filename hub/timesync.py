"""Whether somebody keeps the machine's clock right: what the kernel says of it (Linux, adjtimex)."""

from __future__ import annotations

import ctypes
from typing import Final, NamedTuple

from hub.domain.health import Health, Status

_UNSYNC: Final = 0x40
_MICROSECONDS: Final = 1000
_LONGEST: Final = 1_000_000
"""Microseconds of error that the kernel admits to, above which readings and tickets get wrong times."""


class _Timex(ctypes.Structure):
    """struct timex: what is read here lies at its beginning; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_long * 60),
    )


class ClockState(NamedTuple):
    """What the kernel says."""

    synchronised: bool
    error_us: int
    """The largest error there may be."""


def read_state() -> ClockState | None:
    """None where the kernel does not say: no Linux, or not allowed here."""
    state = _Timex(modes=0)  # nothing is set: reading needs no right
    try:
        if ctypes.CDLL(None).adjtimex(ctypes.byref(state)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return ClockState(not state.status & _UNSYNC, state.maxerror)


def judge(state: ClockState | None) -> Health:
    """Pure."""
    if state is None:
        return Health(
            component="clock", status=Status.OK, reason="this system does not say whether its clock is kept right"
        )
    facts: dict[str, str | int | float | None] = {
        "synchronised": int(state.synchronised),
        "clock_error_ms": state.error_us // _MICROSECONDS,
    }
    reason = ""
    if not state.synchronised:
        reason = "nobody keeps this machine's clock right: run chrony, systemd-timesyncd or another NTP client on it"
    elif state.error_us > _LONGEST:
        reason = (
            f"this machine's clock may be wrong by {state.error_us / 1_000_000:.0f} s: look whether its NTP client"
            " reaches a server"
        )
    return Health(component="clock", status=Status.DEGRADED if reason else Status.OK, reason=reason, facts=facts)


def health(_now: int) -> Health:
    """The component ``clock``."""
    return judge(read_state())
