"""The hub's own words in the journal, in order with what the devices said: gaps, frames sent through again, signatures."""

from __future__ import annotations

from typing import Final

import msgspec

from hub.flows.batch import Gap
from hub.ingest.frames import GAP_TOPIC, Frame

REDRIVE_TOPIC: Final = b"$hub/redrive"
SIGNED_TOPIC: Final = b"$hub/signed"
"""The key of a signed push, in the same batch as the push: for the next start, and for no lane."""
EVERY_CONNECTION: Final = "*"
"""The connection of a gap in which the hub heard nobody at all."""


class _GapWord(msgspec.Struct, frozen=True):
    connection: str
    kind: str
    started_at: int
    ended_at: int
    detail: str = ""


class Redriven(msgspec.Struct, frozen=True, array_like=True):
    """A quarantined frame on its way through again, with the moment at which it was first received."""

    connection: str
    topic: bytes
    payload: bytes
    flags: int
    received_at: int
    content_type: str = ""


_gaps = msgspec.json.Decoder(_GapWord)
_redriven = msgspec.msgpack.Decoder(Redriven)


def gap_frame(gap: Gap, now: int) -> Frame:
    """The frame that puts a gap into the journal; packet id 0, so nobody is acknowledged."""
    return Frame(gap.connection, 0, GAP_TOPIC, msgspec.json.encode(_GapWord(*gap)), 0, now, "application/json")


def read_gap(payload: bytes) -> Gap | None:
    """The gap that a control frame tells of; None where the payload is not one."""
    try:
        word = _gaps.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return Gap(word.connection, word.kind, word.started_at, word.ended_at, word.detail)


def redrive_frame(redriven: Redriven, now: int) -> Frame:
    """A control frame around the old one: it has its own place and time in the journal, the old time stays inside."""
    return Frame(redriven.connection, 0, REDRIVE_TOPIC, msgspec.msgpack.encode(redriven), 0, now)


def signed_frame(connection: str, key: bytes, now: int) -> Frame:
    """The frame that notes by which key a push of this connection is known again."""
    return Frame(connection, 0, SIGNED_TOPIC, key, 0, now)


def read_redriven(payload: bytes) -> Redriven | None:
    """The frame inside; None where the payload is not one."""
    try:
        return _redriven.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
