"""The receiver of one MQTT connection: hears, hands over, and acknowledges only what the journal has committed."""

from __future__ import annotations

import contextlib
import logging
import random
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hub.clock import SECOND, Clock
from hub.domain.health import Health
from hub.errors import ConfigError
from hub.ingest.conversation import FLUSH_TIMEOUT_S, Conversation, Silent
from hub.ingest.door import Door, JournalTail
from hub.ingest.ear import Ear, Outgoing
from hub.ingest.endpoint import endpoint_of, tls_context
from hub.ingest.frames import Intake
from hub.ingest.line import UNSUPPORTED_VERSION, Line, Refused, Transport, Version
from hub.ingest.meters import MqttMeters
from hub.ingest.refusals import Refusal
from hub.ingest.remembered import recall
from hub.ingest.standing import DropCount, Standing
from hub.ingest.subscriptions import filters_of
from hub.ingest.transport import choose
from hub.settings import Connection, Mqtt

log = logging.getLogger(__name__)

_STOP_TIMEOUT_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 30.0
_SETTLED_AFTER: Final = 10 * SECOND
"""A connection that held this long starts the back-off anew."""
_SHORT_LIVED_LIMIT: Final = 3
"""Connections in a row that did not, before that is called a pattern."""
_OUTGOING_BOUND: Final = 10_000
_SILENT_LIMIT: Final = 5
"""Connections in a row that fell silent, before the process is given up."""


class Receiver:
    """``start`` (ConfigError where the broker cannot be used) … ``stop``. In between it reconnects for ever.

    ``acknowledge``, ``publish``, ``follow``, ``beat_seen`` and ``health`` may be called from any thread, once started.
    """

    def __init__(
        self,
        connection: Connection,
        mqtt: Mqtt,
        *,
        intake: Intake,
        tail: JournalTail,
        clock: Clock,
        meters: MqttMeters,
        state_file: Path,
        on_dead: Callable[[str], None],
        profiles: Path | None = None,
    ) -> None:
        self._connection = connection
        self._name = connection.name
        self._mqtt = mqtt
        self._on_dead = on_dead
        self._version: Version = mqtt.version
        self._transport: Transport = mqtt.transport
        self._context: ssl.SSLContext | None = None
        self._failure: str | None = None
        self._generation = 0
        self._silent = 0
        self._short_lived = 0
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{connection.name}", daemon=True)
        endpoint = endpoint_of(connection)
        counters = meters.of(connection.name)
        self._ear = Ear(
            connection=connection.name,
            endpoint=endpoint,
            filters=filters_of(connection, profiles),
            beat_interval=round(mqtt.heartbeat_s * SECOND),
            state_file=state_file,
            source=self,
            intake=intake,
            clock=clock,
            door=Door(connection=connection.name, tail=tail, window=mqtt.receive_maximum),
            meters=counters,
            drops=DropCount(counters.broker_dropped),
            standing=Standing(connection=connection.name),
            outgoing=deque(maxlen=_OUTGOING_BOUND),
            host_id=connection.sparkplug_host,
        )

    # ---- any thread

    def start(self, timeout_s: float = 10.0) -> None:
        """Connect, subscribe, and go on receiving in a thread of its own; what waits at the broker comes after that.

        ConfigError with the reason: at once where trying again cannot help, after ``timeout_s`` where it might have.
        """
        ear = self._ear
        self._context = tls_context(self._connection) if ear.endpoint.tls else None
        ear.memory = recall(ear.state_file, client_id=self._own_client_id(), broker=ear.endpoint.shown)
        ear.standing.beat_topic = ear.beat_topic
        self._transport = choose(self._mqtt.transport)
        if self._transport == "stock" and self._version == "5":
            log.info("MQTT connection %s speaks 3.1.1: paho's own MQTT 5 parser halves the rate", self._name)
            self._version = "3.1.1"
        ear.wake.open()
        self._thread.start()
        ear.ready.wait(timeout_s)
        if self._failure is not None or not ear.ready.is_set():
            self.stop()
            why = self._failure or ear.standing.refusal
            raise ConfigError(why or f"MQTT connection {self._name}: no subscription within {timeout_s:g} s")

    def stop(self) -> None:
        """Stop hearing, acknowledge what has been committed, say good-bye. Returns within some seconds."""
        self._ear.stopping.set()
        self._ear.wake.up()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_STOP_TIMEOUT_S)
        if not self._thread.is_alive():
            self._ear.wake.close()

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """Committed. Sent by the network thread; ids of an older connection mean other messages by now: not sent."""
        self._ear.acks.append((generation, packet_ids))
        self._ear.wake.up()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Hand over for sending; never blocks. QoS 0 is lost while there is no connection; the newest 10,000 wait.

        ValueError where MQTT knows no such topic or QoS.
        """
        if not topic or len(topic.encode()) > 65_535 or any(odd in topic for odd in "+#\0") or qos not in {0, 1}:
            raise ValueError(f"cannot publish to {topic!r} at QoS {qos}: expected a topic without + # NUL, QoS 0 or 1")
        self._ear.outgoing.append(Outgoing(topic, payload, qos, retain))
        self._ear.wake.up()

    def beat_seen(self, sent_at: int) -> None:
        """A heartbeat sent at ``sent_at`` (epoch ms) has come through the journal."""
        self._ear.beat_seen = max(self._ear.beat_seen or 0, sent_at)
        self._silent = 0

    def follow(self, topics: tuple[str, ...]) -> None:
        """Listen to exactly these topics beside the filters, soon and after every reconnect."""
        self._ear.learned = topics
        self._ear.wake.up()

    @property
    def client_id(self) -> str:
        """Known once started; unique to this hub and this connection."""
        return self._ear.memory.client_id

    def certificate(self) -> bytes | None:
        """The one that the broker showed last (DER); None where the connection is not encrypted."""
        return self._ear.standing.certificate

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._ear.standing.up

    def health(self, now: int) -> Health:
        """Degraded while messages do not come, or not all of them."""
        ear = self._ear
        age = None if ear.beat_seen is None else max(0, now - ear.beat_seen)
        if age is not None:
            ear.meters.beat_age.set(age / SECOND)
        facts: dict[str, str | int | float | None] = {
            "beat_age_ms": age,
            "connections": self._generation,
            "transport": self._transport,
            "mqtt_version": self._version,
        }
        return ear.standing.health(now, ear.pulse(now), ear.drops, facts)

    # ---- the network thread

    def _own_client_id(self) -> str | None:
        own = self._mqtt.client_id
        return own if own is None or self._name == "main" else f"{own}-{self._name}"

    def _run(self) -> None:
        ear, wait = self._ear, _FIRST_WAIT_S
        line = self._new_line()
        while not ear.stopping.is_set():
            if line.version != self._version or (self._generation and ear.host_id is not None):  # see HostPresence
                line = self._new_line()
            settled = False
            try:
                why = self._talk(line)
                settled = self._clean_up(line, why)
            except Exception as error:  # nothing may end this thread: it counts, says so, and connects again
                log.exception("MQTT connection %s: an error ended the connection", self._name)
                ear.meters.errors.inc()
                ear.standing.stumbled(ear.clock.now())
                with contextlib.suppress(Exception):
                    self._clean_up(line, f"MQTT connection {self._name}: {type(error).__name__}, see the log")
            wait = _FIRST_WAIT_S if settled else wait
            ear.stopping.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, hides nothing
            wait = min(wait * 2, _LONGEST_WAIT_S)

    def _talk(self, line: Line) -> str | None:
        """One connection; why it ended, where somebody said so."""
        ear = self._ear
        try:
            self._prepare()
            Conversation(ear, line, self._generation).hold()
        except Refused as refused:
            if refused.reason == UNSUPPORTED_VERSION and self._version == "5":
                log.info("MQTT connection %s: the broker knows no MQTT 5, going on with 3.1.1", self._name)
                self._version = "3.1.1"
            elif refused.permanent and not ear.ready.is_set():
                self._failure = str(refused)
                ear.stopping.set()
                ear.ready.set()
            self._count_silence(refused)
            return str(refused)
        return line.farewell()

    def _new_line(self) -> Line:
        return Line(
            self._ear.endpoint,
            self._mqtt,
            client_id=self._ear.memory.client_id,
            transport=self._transport,
            version=self._version,
            context=self._context,
        )

    def _prepare(self) -> None:
        """A new generation, and a door that knows everything handed over before."""
        ear = self._ear
        self._generation += 1
        if not ear.memory.session:
            return
        if not ear.intake.flush(FLUSH_TIMEOUT_S):
            text = f"MQTT connection {self._name}: the journal does not commit; connecting again once it does"
            raise Refused(Refusal(text=text, permanent=False))
        ear.door.load()

    def _count_silence(self, refused: Refused) -> None:
        if not isinstance(refused, Silent):
            return
        self._silent += 1
        if self._silent == _SILENT_LIMIT:
            self._on_dead(f"{refused}, {self._silent} connections in a row")

    def _clean_up(self, line: Line, why: str | None) -> bool:
        """Close, and say what happened; whether the connection had held long enough to start the back-off anew."""
        ear, now = self._ear, self._ear.clock.now()
        settled = ear.standing.up and now - ear.connected_at > _SETTLED_AFTER
        self._short_lived = self._short_lived + 1 if ear.standing.up and not settled else 0
        line.hang_up()
        ear.standing.went_down(why)
        ear.meters.connected.set(0)
        if not ear.stopping.is_set():
            log.warning("%s", why or f"MQTT connection {self._name}: lost", extra={"action": "mqtt_down"})
            self._say_short_lived(now)
        for _ in range(len(ear.outgoing)):
            message = ear.outgoing.popleft()
            if message.qos:
                ear.outgoing.append(message)
        return settled

    def _say_short_lived(self, now: int) -> None:
        if self._short_lived < _SHORT_LIVED_LIMIT:
            return
        text = (
            f"MQTT connection {self._name}: the broker ended {self._short_lived} connections within seconds; if another "
            f"hub uses the client id {self.client_id}, give each a HUB_MQTT__CLIENT_ID of its own"
        )
        self._ear.standing.short_lived(now, text)
