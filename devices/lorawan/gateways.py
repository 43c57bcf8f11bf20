"""Which gateways heard a device, and through which one it speaks: the steadily strongest, so that it does not change for a whim.

Remembered of a device, beside what is said of it: ``via`` (the gateway's EUI), ``via_at`` (since when it is that one, epoch ms)
and ``away`` (``[since, uplinks, unheard]``: how long another one has been the strongest, and whether ``via`` has heard the
device at all in that time).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from devices.contract import UNREADABLE

_EUI: Final = re.compile(r"[0-9a-f]{16}")
_NUMBERS: Final = frozenset({int, float})
_HOUR: Final = 3_600_000
STEADY_MS: Final = 24 * _HOUR
STEADY_UPLINKS: Final = 12
"""After so long, and so many uplinks without a break, whoever is the strongest then is the device's gateway."""
UNHEARD_MS: Final = _HOUR // 3
UNHEARD_UPLINKS: Final = 4
"""So much is enough where its gateway does not hear it any more: it may have failed, and others still hear the device."""
KEPT_MS: Final = 24 * _HOUR
"""That way a device changes its gateway once a day at most."""


def eui_of(text: object) -> str | None:
    """A 64-bit identifier as sixteen lower-case digits; None where it is none."""
    return _eui(text) if isinstance(text, str) and len(text) <= 32 else None


@lru_cache(maxsize=8192)
def _eui(text: str) -> str | None:
    plain = text.lower().replace("-", "").replace(":", "")
    return plain if _EUI.fullmatch(plain) else None


class Gateway(Protocol):
    """One of the gateways that heard a device; of all that a server says of it only this is of use."""

    rssi: Any

    def eui(self) -> str | None:
        """Its identity; None where the server does not say it as one."""
        ...


class Heard(msgspec.Struct, frozen=True, gc=False):
    """Who heard an uplink."""

    signal: float | None = None
    """The best signal; None where no gateway says it."""
    best: str | None = None
    """The EUI of the gateway that had it."""
    gateways: Sequence[Gateway] = ()


NOBODY: Final = Heard()
Read = Callable[[msgspec.Raw], Sequence[Gateway] | None]


def heard_by(part: msgspec.Raw, read: Read) -> Heard:
    """The gateways of an uplink; ``read`` raises what ``UNREADABLE`` lists. A signal of 0 is left out by servers."""
    try:
        gateways = read(part) or ()
    except UNREADABLE:
        return NOBODY
    best: Gateway | None = None
    signal = 0.0
    for gateway in gateways:
        level = gateway.rssi
        if type(level) in _NUMBERS and -200 < level < 0 and (not signal or level > signal):
            best, signal = gateway, float(level)
    return NOBODY if best is None else Heard(signal, best.eui(), gateways)


def follow(known: Mapping[str, Any], heard: Heard, at: int) -> dict[str, Any]:
    """What is to be remembered anew of the device's gateway after an uplink at ``at``; ``away`` None: nothing is."""
    via = known.get("via")
    if heard.best is None:
        return {}
    if via is None:
        return {"via": heard.best, "via_at": at}
    away = known.get("away")
    if heard.best == via:
        return {"away": None} if away else {}
    since, count, unheard = away or (at, 0, True)
    since, count = min(since, at), count + 1  # the clock may have been set back
    unheard = unheard and all(gateway.eui() != via for gateway in heard.gateways)
    steady = count >= STEADY_UPLINKS and at - since >= STEADY_MS
    gone = unheard and count >= UNHEARD_UPLINKS and at - since >= UNHEARD_MS
    if steady or (gone and at - known["via_at"] >= KEPT_MS):
        return {"via": heard.best, "via_at": at, "away": None}
    return {"away": [since, count, unheard]}
