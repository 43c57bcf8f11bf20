"""Contents of messages that were journalled, and the packet ids they had: a million of them in the room of a few megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.ingest.frames import Frame

_HALVES: Final = np.dtype("<u8")


class _Stretch(NamedTuple):
    """Messages of one reading, sorted by the first half of their content."""

    first: NDArray[np.uint64]
    second: NDArray[np.uint64]
    ids: NDArray[np.uint16]
    """0: this message has answered for a repeat already; no packet has this id."""


class Seen:
    """18 bytes a message, where a dict of lists takes 209."""

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []

    def __bool__(self) -> bool:
        """Whether anything was ever added."""
        return bool(self._stretches)

    def add(self, frames: Iterable[Frame]) -> None:
        """Messages with a packet id; others say nothing about repeats."""
        contents, ids = bytearray(), array("H")
        for frame in frames:
            if frame.packet_id:
                contents += content(frame)
                ids.append(frame.packet_id)
        if ids:
            halves = np.frombuffer(bytes(contents), _HALVES).reshape(-1, 2)
            order = np.argsort(halves[:, 0], kind="stable")
            self._stretches.append(
                _Stretch(halves[order, 0], halves[order, 1], np.frombuffer(ids.tobytes(), np.uint16)[order])
            )

    def take(self, key: bytes, packet_id: int, *, of_any_id: bool) -> bool | None:
        """Whether a message of this content, and of this id unless it may be any, answers for a repeat: each does so once.

        None: there is none of this content left.
        """
        first, second = (np.uint64(int.from_bytes(key[at : at + 8], "little")) for at in (0, 8))
        another: tuple[_Stretch, int] | None = None
        for stretch in self._stretches:
            begin, end = (int(np.searchsorted(stretch.first, first, side)) for side in _SIDES)
            for place in range(begin, end):
                known = int(stretch.ids[place])
                if not known or stretch.second[place] != second:
                    continue
                if known == packet_id:
                    stretch.ids[place] = 0
                    return True
                another = stretch, place
        if another is None:
            return None
        if of_any_id:
            another[0].ids[another[1]] = 0
        return of_any_id


_SIDES: Final = ("left", "right")


def content(frame: Frame) -> bytes:
    """Topic and payload in 16 bytes: two windows of large payloads would not fit into memory."""
    digest = blake2b(frame.topic, digest_size=16)
    digest.update(b"\0")  # no topic contains it
    digest.update(frame.payload)
    return digest.digest()
