"""What is spoken on a connection: its formats, made once from the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from devices import formats
from devices.contract import Format, LearningFormat, Limits, State
from devices.formats.topic_filters import apart, matches
from hub.errors import ConfigError
from hub.settings import Connection, Ingest, PushPoll, PushSource

_TOPICS_LIMIT: Final = 5_000
_OWN_COMMUNITY: Final = frozenset({"native"})
"""Formats whose topics name the community themselves."""


class Spoken(NamedTuple):
    """One connection, as the decoder knows it."""

    connection: str
    community: str | None
    formats: tuple[Format, ...]
    """In the order in which they are asked about a topic."""
    may_write: bool = False

    @classmethod
    def of(cls, connection: Connection, limits: Limits | None = None, profiles: Path | None = None) -> Spoken:
        """``profiles``: the folder of the user's own. ConfigError names a format or an option that nobody knows, and a community that is missing."""
        made: list[Format] = []
        for name in connection.formats:
            try:
                made.append(formats.make(name, limits, connection.options.get(name), profiles))
            except formats.UnknownFormat as error:
                raise ConfigError(f"MQTT connection {connection.name}: {error}") from error
            if connection.community is None and name not in _OWN_COMMUNITY:
                raise ConfigError(
                    f"MQTT connection {connection.name}: format {name} does not say which community its devices belong "
                    'to: add community = "…" to the connection'
                )
        if connection.sparkplug_host is not None and "sparkplug" not in connection.formats:
            raise ConfigError(
                f"MQTT connection {connection.name}: sparkplug_host is for a connection that listens to Sparkplug: add "
                "sparkplug to its formats, or take sparkplug_host away"
            )
        unused = sorted(connection.options.keys() - set(connection.formats))
        if unused:
            raise ConfigError(
                f"MQTT connection {connection.name}: options for {', '.join(unused)}, which is not among its formats: "
                "add it there, or take the options away"
            )
        return cls(connection.name, connection.community, tuple(made), connection.may_write)

    @classmethod
    def of_cloud(
        cls,
        cloud: PushSource | PushPoll,
        connection: str,
        limits: Limits | None = None,
        profiles: Path | None = None,
    ) -> Spoken:
        """What comes over HTTP, on the topic ``http/{name}``; nothing is ever sent there.

        ConfigError as in ``of``, and for a format that reads no such topic.
        """
        try:
            made = formats.make(cloud.format, limits, cloud.options, profiles)
        except formats.UnknownFormat as error:
            raise ConfigError(f"[push] {cloud.name}: {error}") from error
        if cloud.community is None and cloud.format not in _OWN_COMMUNITY:
            raise ConfigError(
                f"[push] {cloud.name}: format {cloud.format} does not say which community its devices belong to: "
                'add community = "…"'
            )
        topic = f"http/{cloud.name}"
        if made.route(topic, cloud.community) is None:
            raise ConfigError(
                f"[push] {cloud.name}: format {cloud.format} reads no topic {topic}: it is for MQTT; expected a format of "
                "pushes, see docs/manual/push.md"
            )
        return cls(connection, cloud.community, (made,))

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters of all its formats, each once, and none that lies inside another."""
        return apart(each for spoken in self.formats for each in spoken.filters)

    def learned_topics(self, states: Mapping[str, State]) -> tuple[str, ...]:
        """Topics that devices have named and no filter covers; ``states``: by format. Sorted, at most 5,000 of each format.

        What a stranger names is taken as a plain topic only: no wildcards, nothing of the broker's own, no community's.
        """
        found: set[str] = set()
        for spoken in self.formats:
            if isinstance(spoken, LearningFormat):
                topics = sorted(set(spoken.topics(states.get(spoken.name, {}))))
                found.update(topics[:_TOPICS_LIMIT])
        filters = self.filters
        return tuple(sorted(each for each in found if _is_plain(each) and not covered(each, filters)))


def limits_of(ingest: Ingest) -> Limits:
    """How much of one message is read."""
    return Limits(payload=ingest.payload_limit, depth=ingest.depth_limit, values=ingest.values_limit)


def _is_plain(topic: str) -> bool:
    if not topic or len(topic.encode("utf-8", "replace")) > 1_000 or topic.startswith(("$", "community/")):
        return False
    return topic.isprintable() and not any(odd in topic for odd in "+#\0")


def covered(topic: str, filters: Iterable[str]) -> bool:
    """Whether one of the filters takes in the topic (MQTT 5.0, 4.7)."""
    return any(matches(each, topic) for each in filters)
