"""One format on one connection: what it has learned so far, and what it says of the next message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devices.contract import Change, Decoded, Format, LearningFormat, Message


class Conversation:
    """Holds the state that a pure format is handed. Not thread-safe."""

    def __init__(self, wire_format: Format, community: str | None) -> None:
        self.format = wire_format
        self.community = community
        self.state: dict[str, Any] = {}

    def route(self, topic: str) -> Any | None:
        """What the topic is to this format, also where only a device has named it; None: not this format's."""
        found = self.format.route(topic, self.community)
        if found is None and isinstance(self.format, LearningFormat):
            found = self.format.route_learned(topic, self.community, self.state)
        return found

    def hear(self, message: Message) -> Decoded | None:
        """What the message says, after which everything it taught is known; None: not this format's topic."""
        route = self.route(message.topic)
        if route is None:
            return None
        said = self.format.decode(route, message, self.state)
        self.learn(said.changes)
        return said

    def learn(self, changes: Iterable[Change]) -> None:
        """Take in what an answer taught."""
        for change in changes:
            if change.value is None:
                self.state.pop(change.key, None)
            else:
                self.state[change.key] = change.value
