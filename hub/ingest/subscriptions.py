"""What the hub listens to on a broker: the topics of its formats by name, never ``#``, and no two that overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hub.ingest.spoken import Spoken
from hub.settings import Connection

DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"
"""mosquitto's count of messages that it could not keep for a subscriber."""


def filters_of(connection: Connection, profiles: Path | None = None) -> tuple[str, ...]:
    """``profiles``: the folder of the user's own. The filters of all its formats, each once; ConfigError names what is wrong with the connection."""
    return Spoken.of(connection, None, profiles).filters
