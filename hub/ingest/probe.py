"""Trying a broker without leaving a trace on it: connect, be let in, hang up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hub.clock import SECOND, Clock
from hub.errors import ConfigError
from hub.ingest.endpoint import endpoint_of, tls_context
from hub.ingest.line import ANSWER_TIMEOUT_S, UNSUPPORTED_VERSION, Line, Refused, Version
from hub.ingest.packets import Harvest
from hub.ingest.subscriptions import filters_of
from hub.ingest.transport import choose
from hub.settings import Connection, Mqtt

_NAP_MS: Final = 100


class _Nobody:
    """Asks for nothing."""

    def came_up(self, *, session_present: bool) -> None: ...

    def granted(self, packet_id: int, refusals: Sequence[str | None]) -> None: ...

    def not_taken(self, packet_id: int, why: str) -> None: ...


def check_broker(connection: Connection, mqtt: Mqtt, clock: Clock, profiles: Path | None = None) -> None:
    """``profiles``: the folder of the user's own. ConfigError with the reason where the hub could not use this broker. Takes some seconds at most."""
    filters_of(connection, profiles)
    try:
        try:
            _try(connection, mqtt, clock, mqtt.version)
        except Refused as refused:
            if refused.reason != UNSUPPORTED_VERSION or mqtt.version != "5":
                raise
            _try(connection, mqtt, clock, "3.1.1")
    except Refused as refused:
        raise ConfigError(str(refused)) from refused


def _try(connection: Connection, mqtt: Mqtt, clock: Clock, version: Version) -> None:
    endpoint = endpoint_of(connection)
    line = Line(
        endpoint,
        mqtt,
        client_id=f"community-hub-check-{secrets.token_hex(4)}",
        transport=choose(mqtt.transport),
        version=version,
        context=tls_context(connection) if endpoint.tls else None,
        persistent=False,
    )
    dialled = clock.steady()
    line.dial(_Nobody())
    try:
        while line.alive and not line.answered and clock.steady() - dialled < ANSWER_TIMEOUT_S * SECOND:
            line.wait(_NAP_MS)
            line.read(Harvest(dialled, [], []))
            line.write()
    finally:
        line.hang_up()
    loss = line.loss()
    if loss is not None:
        raise loss
