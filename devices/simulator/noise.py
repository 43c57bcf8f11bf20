"""Randomness without state: the same key and moment always give the same number, on every machine."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_MASK: Final = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """A 64-bit key for these words."""
    return int.from_bytes(blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest())


def uniform(key: int, bucket: int) -> float:
    """A number in [0, 1) for this key and bucket (splitmix64)."""
    z = (key + bucket * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) / 2**64


def smooth(key: int, at: int, step: int) -> float:
    """Noise in [-1, 1) that wanders from one step (ms) to the next without jumps."""
    bucket, rest = divmod(at, step)
    share = rest / step
    left, right = uniform(key, bucket), uniform(key, bucket + 1)
    return 2 * (left + (right - left) * share * share * (3 - 2 * share)) - 1
