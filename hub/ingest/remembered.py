"""What a connection has to remember over a restart: its client id, that a session existed, what was subscribed."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

import msgspec

log = logging.getLogger(__name__)


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Kept in one small file per connection in the data folder."""

    client_id: str
    broker: str = ""
    """The broker's address, without the password; another broker knows nothing of our session."""
    session: bool = False
    """A session with this client id has been made on that broker."""
    subscriptions: tuple[str, ...] = ()


def recall(path: Path, *, client_id: str | None, broker: str) -> Remembered:
    """What the file says, as far as it is about this broker and this client id; a new client id at the first start."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Remembered)
    except FileNotFoundError:
        kept = None
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("%s cannot be read (%s): taken as a first start of this connection", path, error)
        kept = None
    wanted = client_id or (kept.client_id if kept else f"community-hub-{secrets.token_hex(4)}")
    if kept is not None and (kept.client_id, kept.broker) == (wanted, broker):
        return kept
    return Remembered(client_id=wanted, broker=broker)


def remember(path: Path, memory: Remembered) -> None:
    """Replace the file whole, and durably: a half-written one would look like a first start."""
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(memory))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
