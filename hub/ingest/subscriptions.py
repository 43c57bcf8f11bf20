"""What the hub listens to on a broker: the topics of its formats by name, never ``#``, and no two that overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.errors import ConfigError
from hub.settings import Connection

FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "native": ("community/v1/+/+/telemetry", "community/v1/+/+/event", "community/v1/+/+/status"),
}
"""Format -> its topic filters."""

DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"
"""mosquitto's count of messages that it could not keep for a subscriber."""


def filters_of(connection: Connection) -> tuple[str, ...]:
    """The filters of all its formats, each once; ConfigError names a format that nobody knows."""
    found: list[str] = []
    for name in connection.formats:
        if name not in FILTERS:
            raise ConfigError(
                f"MQTT connection {connection.name}: unknown format {name!r}; expected one of {', '.join(FILTERS)}"
            )
        found.extend(each for each in FILTERS[name] if each not in found)
    return tuple(found)
