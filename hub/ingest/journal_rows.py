"""A batch as a row: how frames are packed, and what is noted beside them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from hub.ingest.frames import Frame

BLOB_FORMAT: Final = 1
"""A msgpack array of frames, each an array of the Frame's fields in order."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Frame])
_received_at = attrgetter("received_at")


class Row(NamedTuple):
    """The columns of a batch, in the order of INSERT."""

    format: int
    first_received_at: int
    last_received_at: int
    frames: int
    size: int
    frames_before: int
    bytes_before: int
    blob: bytes

    @classmethod
    def of(cls, frames: Sequence[Frame], blob: bytes, frames_before: int, bytes_before: int) -> Row:
        """The row of these frames, behind so many frames and bytes."""
        first, last = frames[0].received_at, max(map(_received_at, frames))
        return cls(BLOB_FORMAT, first, last, len(frames), len(blob), frames_before, bytes_before, blob)


INSERT: Final = f"INSERT INTO batches ({', '.join(Row._fields)}) VALUES ({', '.join('?' * len(Row._fields))})"


def pack(frames: Sequence[Frame]) -> bytes:
    """Frames to a blob of the present format."""
    return _encoder.encode(frames)


def unpack(blob_format: int, blob: bytes) -> list[Frame] | None:
    """Frames of a blob; None where it cannot be read."""
    if blob_format != BLOB_FORMAT:
        return None
    try:
        return _decoder.decode(blob)
    except (msgspec.MsgspecError, ValueError, RecursionError, TypeError):
        return None
