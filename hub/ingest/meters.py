"""What the MQTT edge counts: per read round or batch, never per message."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge


class ConnectionMeters(NamedTuple):
    """Those of one connection."""

    received: Counter
    acknowledged: Counter
    fenced: Counter
    repeats: Counter
    connects: Counter
    errors: Counter
    broker_dropped: Counter
    connected: Gauge
    beat_age: Gauge


class MqttMeters:
    """One set for all connections of a process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, words: str) -> Counter:
            return Counter(f"hub_mqtt_{name}", words, ["connection"], registry=registry)

        def gauge(name: str, words: str) -> Gauge:
            return Gauge(f"hub_mqtt_{name}", words, ["connection"], registry=registry)

        self._received = counter("received", "Messages received from the broker.")
        self._acknowledged = counter("acknowledged", "Messages acknowledged, each after its commit.")
        self._fenced = counter("fenced", "Acknowledgements of an older connection, not sent.")
        self._repeats = counter("repeats", "Redeliveries of journalled messages, acknowledged and not kept again.")
        self._connects = counter("connects", "Connections that the broker accepted.")
        self._errors = counter("errors", "Exceptions that ended a connection and not the hub.")
        self._dropped = counter("broker_dropped", "Messages that the broker says it dropped, of all its clients.")
        self._connected = gauge("connected", "1 while the broker has accepted the connection.")
        self._beat_age = gauge("beat_age_seconds", "Age of the newest heartbeat seen in the journal.")

    def of(self, connection: str) -> ConnectionMeters:
        """The meters of the connection of this name."""
        return ConnectionMeters(
            received=self._received.labels(connection),
            acknowledged=self._acknowledged.labels(connection),
            fenced=self._fenced.labels(connection),
            repeats=self._repeats.labels(connection),
            connects=self._connects.labels(connection),
            errors=self._errors.labels(connection),
            broker_dropped=self._dropped.labels(connection),
            connected=self._connected.labels(connection),
            beat_age=self._beat_age.labels(connection),
        )
