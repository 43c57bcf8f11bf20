"""How far a poll has come: kept in a small file, written after the answer is in the journal."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec

_log = logging.getLogger(__name__)


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """``url``: the address with its blanks; what was learned from another one says nothing of this one."""

    url: str
    cursor: str = ""
    since: int | None = None
    """When the last good question was asked (epoch ms)."""
    asked_at: int | None = None
    etag: str = ""
    modified: str = ""


def recall(path: Path, *, url: str) -> Memory:
    """What the file says of this address; an empty memory where it says nothing."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory(url=url)
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("%s cannot be read (%s): the poll begins anew", path, error, extra={"action": "poll_forgotten"})
        return Memory(url=url)
    return kept if kept.url == url else Memory(url=url)


def remember(path: Path, memory: Memory) -> None:
    """Replace the file whole, and durably. OSError."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(memory))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
