"""Latency from the publisher's stamp: ``us`` in the payload, microseconds since 1970, set as the message is sent."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_KEY: Final = b'"us":'
_DIGITS: Final = 16


def stamp_of(payload: bytes) -> int:
    """The moment of sending, epoch microseconds."""
    at = payload.index(_KEY) + len(_KEY)
    return int(payload[at : at + _DIGITS])


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Milliseconds."""

    p50: float
    p99: float
    worst: float
    count: int


class Latencies:
    """Collects latencies of one stage; measure at half of the peak, since at the peak they only show the window."""

    def __init__(self) -> None:
        self._us = array("q")

    def record(self, payloads: Iterable[bytes], now_us: int) -> None:
        """These messages have reached the stage now (epoch microseconds)."""
        self._us.extend(now_us - stamp_of(payload) for payload in payloads)

    def forget(self) -> None:
        """End of the warm-up."""
        del self._us[:]

    def quantiles(self) -> Quantiles:
        """Of at least one message."""
        ordered = sorted(self._us)
        last = len(ordered) - 1
        return Quantiles(
            p50=ordered[last // 2] / 1000,
            p99=ordered[min(last, round(last * 0.99))] / 1000,
            worst=ordered[last] / 1000,
            count=len(ordered),
        )
