"""One connection from CONNECT to its end: rounds of reading, handing over, acknowledging and the chores between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from devices.formats.sparkplug_host import PrimaryHost
from hub.clock import SECOND
from hub.flows.batch import Gap
from hub.ingest.control import gap_frame
from hub.ingest.ear import Ear
from hub.ingest.frames import DUP, Frame
from hub.ingest.line import ANSWER_TIMEOUT_S, Line, Refused
from hub.ingest.liveness import LATE_AFTER, Pulse
from hub.ingest.packets import Harvest
from hub.ingest.primary_host import HostPresence
from hub.ingest.refusals import Refusal
from hub.ingest.remembered import remember
from hub.ingest.subscriptions import DROPPED_TOPIC

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_S: Final = 2.0
_LONGEST_NAP_MS: Final = 250
_CHORES_EVERY: Final = SECOND
_GATHER_MS: Final = 4
_STEP_MS: Final = SECOND
_TOPICS_AT_ONCE: Final = 100
"""In one SUBSCRIBE."""
_LARGE_ROUND: Final = 500
"""After a smaller round the socket is left to gather for a few milliseconds: a round for every few messages costs twice."""


class Conversation:
    """Of one generation. Whatever it raises ends the connection and nothing else."""

    def __init__(self, ear: Ear, line: Line, generation: int) -> None:
        self._ear = ear
        self._line = line
        self._generation = generation
        self._harvest = Harvest(0, [], [])
        self._asked: dict[int, Sequence[str]] = {}
        self._followed: tuple[str, ...] = ()
        self._gathering = False
        self._beat_sent: int | None = None
        self._first_beat = b""
        self._chores_at = 0
        self._chores_every = min(_CHORES_EVERY, ear.beat_interval)
        self._nap_ms = min(_LONGEST_NAP_MS, max(1, ear.beat_interval // 2))
        self._host: HostPresence | None = None
        if ear.host_id is not None:
            host = PrimaryHost(ear.host_id, ear.host_moment(ear.clock.now()))
            self._host = HostPresence(host, line, connection=ear.connection)

    def hold(self) -> None:
        """Dial, and talk until the line ends or the receiver stops; Refused with the reason, where there is one.

        What is left to the caller is to hang up.
        """
        ear, host = self._ear, self._host
        dialled = ear.clock.steady()
        self._line.dial(self, wake=ear.wake.fileno(), will=host.will if host is not None else None)
        try:
            self._talk(dialled)
        finally:
            if host is not None:
                host.leave(ear.host_moment(ear.clock.now()))

    def _talk(self, dialled: int) -> None:
        ear, line = self._ear, self._line
        lead = ear.clock.now() - ear.clock.steady()
        while line.alive and not ear.stopping.is_set():
            if self._gathering:
                line.wait(_GATHER_MS, reading=False)
            else:
                line.wait(self._nap_ms, reading=not ear.intake.full)
            ear.wake.clear()
            now = ear.clock.now()
            ear.not_ahead(now)
            lead, before = now - ear.clock.steady(), lead
            if lead - before > _STEP_MS:  # the clock was set forward: a beat has as long as ever to come back
                ear.connected_at = now
            self._turn(now)
            if not line.answered and ear.clock.steady() - dialled > ANSWER_TIMEOUT_S * SECOND:
                break
        if ear.stopping.is_set():
            ear.intake.flush(FLUSH_TIMEOUT_S)
            self._send_queued(ear.clock.now())
            return
        loss = line.loss()
        if loss is not None:
            raise loss

    def _turn(self, now: int) -> None:
        ear, line = self._ear, self._line
        self._send_queued(now)
        harvest = self._harvest = Harvest(now, [], [])
        heard = not ear.intake.full and line.read(harvest)
        self._gathering = 0 < len(harvest.frames) < _LARGE_ROUND
        if harvest.frames:
            self._hand_over(harvest.frames, now)
        for frame in harvest.system:
            self._note_drops(frame, now)
        if heard and line.answered:
            ear.heard_at = now
        line.write()
        if not 0 <= now - self._chores_at < self._chores_every:
            self._chores_at = now
            self._do_chores(now)

    # ---- messages in, acknowledgements out

    def _hand_over(self, frames: list[Frame], now: int) -> None:
        ear = self._ear
        ear.meters.received.inc(len(frames))
        if self._host is not None:
            self._host.heard(frames)
        self._note_standstill(now)
        ear.message_at = now
        if ear.door.guarded:
            frames, repeats = ear.door.admit(frames)
            if repeats:
                self._line.link.acknowledge(repeats)
                ear.meters.repeats.inc(len(repeats))
            elif any(frame.payload == self._first_beat and not frame.flags & DUP for frame in frames):
                ear.door.stand_down()  # sent after the reconnect, so it came after every redelivery
        if frames:
            ear.put_at = now
            ear.intake.put(frames, ear.source, self._generation)

    def _note_standstill(self, now: int) -> None:
        """With a heartbeat every few seconds nothing for so long means that nobody could be heard, whoever is to blame.

        The machine slept, the journal held everything up, or the clock was set forward: a gap, before what comes now.
        """
        ear = self._ear
        if ear.beat_seen is None or now - ear.message_at <= LATE_AFTER * ear.beat_interval:
            return
        detail = "nothing was heard although the connection stood: the hub stood still, or its clock was set forward"
        log.warning("MQTT connection %s: %s", ear.connection, detail, extra={"action": "standstill"})
        ear.intake.put([gap_frame(Gap(ear.connection, "standstill", ear.message_at, now, detail), now)], None, 0)

    def _send_queued(self, now: int) -> None:
        ear = self._ear
        while ear.acks:
            generation, packet_ids = ear.acks.popleft()
            if generation == self._generation:
                self._line.link.acknowledge(packet_ids)
                ear.meters.acknowledged.inc(len(packet_ids))
                ear.acked_at = now
            else:
                ear.meters.fenced.inc(len(packet_ids))
        while ear.outgoing and self._line.answered:
            message = ear.outgoing.popleft()
            self._line.link.client.publish(message.topic, message.payload, message.qos, message.retain)

    # ---- what the broker says

    def came_up(self, *, session_present: bool) -> None:
        ear = self._ear
        now = ear.connected_at = ear.message_at = ear.clock.now()
        ear.not_ahead(now)
        gap = self._gap(now, session_lost=ear.memory.session and not session_present)
        if gap is not None:
            log.warning("MQTT connection %s: %s", ear.connection, gap.detail, extra={"action": gap.kind})
            ear.intake.put([gap_frame(gap, now)], None, 0)
        ear.door.guard(session_present=session_present)
        ear.standing.came_up(self._line.certificate())
        ear.meters.connects.inc()
        ear.meters.connected.set(1)
        self._subscribe(session_present=session_present)
        if self._host is not None:
            self._host.came_up()
        own = {*ear.filters, ear.beat_topic}
        if session_present and own <= set(ear.memory.subscriptions) <= own | set(ear.learned):
            # Subscribed already, to this and nothing else. The answer comes behind all that the broker has kept for us, however much that is.
            ear.ready.set()

    def _gap(self, now: int, *, session_lost: bool) -> Gap | None:
        """One gap for one loss, put before any message of the new connection."""
        ear = self._ear
        since = min(ear.heard_at or ear.door.last_received_at or now, now)
        if session_lost:
            detail = "the broker no longer has the hub's session: messages may be missing"
            return Gap(ear.connection, "session_lost", since, now, detail)
        if ear.heard_at is not None:
            return Gap(ear.connection, "broker_down", since, now, "the connection to the broker was lost")
        return None

    def _subscribe(self, *, session_present: bool) -> None:
        ear, line = self._ear, self._line
        wanted = {*ear.filters, ear.beat_topic, *ear.learned}
        stale = [each for each in ear.memory.subscriptions if each not in wanted]
        if stale and session_present:
            line.link.client.unsubscribe(stale)
            log.info("MQTT connection %s: no longer subscribed to %s", ear.connection, ", ".join(stale))
        # Apart from one another, so that a broker which knows no $SYS still grants the rest.
        for filters in (ear.filters, (ear.beat_topic,)):
            self._asked[line.subscribe(filters, qos=1)] = filters
        # Some (rumqttd) close the connection instead of answering: such a one is not asked again.
        if not ear.drops_unanswered:
            ear.drops_unanswered = True
            self._asked[line.subscribe((DROPPED_TOPIC,), qos=0)] = (DROPPED_TOPIC,)
        self._follow()

    def _follow(self) -> None:
        """Subscribe to what devices have named since, and no longer to what they have withdrawn."""
        ear, line = self._ear, self._line
        wanted, followed = ear.learned, self._followed
        gone, new = sorted(set(followed) - set(wanted)), sorted(set(wanted) - set(followed))
        for start in range(0, len(gone), _TOPICS_AT_ONCE):
            line.link.client.unsubscribe(gone[start : start + _TOPICS_AT_ONCE])
        for start in range(0, len(new), _TOPICS_AT_ONCE):
            topics = tuple(new[start : start + _TOPICS_AT_ONCE])
            self._asked[line.subscribe(topics, qos=1)] = topics
        for topic in gone:
            ear.standing.complaints.pop(topic, None)
        self._followed = wanted
        if ear.ready.is_set():
            self._remember()

    def granted(self, packet_id: int, refusals: Sequence[str | None]) -> None:
        ear = self._ear
        filters = self._asked.pop(packet_id, ())
        if filters == (DROPPED_TOPIC,):
            ear.drops_unanswered = False
        for topic, why in zip(filters, refusals, strict=False):
            if why is not None and topic != DROPPED_TOPIC:
                ear.standing.complaints[topic] = self._complaint(topic, why)
        if filters != ear.filters:
            return
        if ear.standing.complaints and not ear.ready.is_set():
            raise Refused(Refusal(text="; ".join(ear.standing.complaints.values()), permanent=True))
        self._remember()
        ear.ready.set()

    def not_taken(self, packet_id: int, why: str) -> None:
        complaint = self._host.refused(packet_id, why) if self._host is not None else None
        if complaint is not None:
            self._ear.standing.complaints["STATE"] = complaint

    def _complaint(self, topic: str, why: str) -> str:
        user = f"the user {self._ear.endpoint.user}" if self._ear.endpoint.user else "clients without a user name"
        return (
            f"MQTT connection {self._ear.connection}: the broker refuses the subscription {topic} ({why}): "
            f"allow {user} to read it in the broker's access list"
        )

    def _remember(self) -> None:
        ear = self._ear
        memory = msgspec.structs.replace(
            ear.memory,
            broker=ear.endpoint.shown,
            session=True,
            subscriptions=(*ear.filters, ear.beat_topic, *self._followed),
        )
        if memory == ear.memory:
            return
        ear.memory = memory
        try:
            remember(ear.state_file, memory)
        except OSError as error:
            log.warning("%s cannot be written (%s): a lost session may go unnoticed", ear.state_file, error)

    def _note_drops(self, frame: Frame, now: int) -> None:
        ear = self._ear
        if frame.topic != DROPPED_TOPIC.encode():
            return
        grown = ear.drops.note(frame.payload, now)
        if grown:
            detail = f"the broker dropped {grown} messages of its clients: its queues were full"
            log.warning("MQTT connection %s: %s", ear.connection, detail, extra={"action": "broker_dropped"})
            note = Gap(ear.connection, "broker_dropped", now, now, detail)  # a note, no stretch of time
            ear.intake.put([gap_frame(note, now)], None, 0)

    # ---- chores

    def _do_chores(self, now: int) -> None:
        ear, line = self._ear, self._line
        if line.alive:
            line.link.client.loop_misc()
        if not ear.ready.is_set() or not line.answered:
            return
        if ear.learned is not self._followed:
            self._follow()
        if self._beat_sent is None or not 0 <= now - self._beat_sent < ear.beat_interval:
            self._beat_sent = now
            payload = msgspec.json.encode({"sent": now})
            self._first_beat = self._first_beat or payload
            line.link.client.publish(ear.beat_topic, payload, 1)
            line.write()
        if ear.pulse(now) is Pulse.SILENT:
            text = f"MQTT connection {ear.connection}: the heartbeat did not come back in time"
            raise Silent(Refusal(text=text, permanent=False))


class Silent(Refused):
    """The line stands, and nothing comes through it any more."""
