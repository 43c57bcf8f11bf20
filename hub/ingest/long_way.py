"""A message read the long way: through its format, device by device, value by value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from devices.contract import ID_LENGTH, Announcement, Decoded, DeviceRef, Event, Message, Quality, Sample
from devices.conversation import Conversation
from hub.clock import DAY
from hub.flows.batch import Availability, FaultEvent, Learned, Mark, TextReading
from hub.ingest.announcing import OWNERS, alias_learned, announced, asked, gone_into, learned, owners_learned
from hub.ingest.columns import Columns
from hub.ingest.decoded_devices import DeviceCache, KnownDevice, NoNumber, Shape
from hub.ingest.frames import DUP, RETAIN
from hub.ingest.repeats import Repeats
from hub.ingest.topics import Arrival, Topic, refusal, refusal_of
from hub.settings import Ingest

_CLOCKS_KEPT: Final = 10_000
_REFUSED_KEPT: Final = 10_000
_REDRIVEN: Final = int(Mark.REDRIVEN)  # plain numbers: the operators of a flag cost a microsecond each
_RETAINED: Final = int(Mark.RETAINED)
_ARRIVAL_TIME: Final = int(Mark.ARRIVAL_TIME)
_CLOCK_PROBLEM: Final = int(Mark.CLOCK_PROBLEM)
_MARKS: Final[Mapping[Quality, int]] = {
    "good": 0,
    "uncertain": int(Mark.UNCERTAIN),
    "stale": int(Mark.STALE),
    "bad": int(Mark.BAD),
    "simulated": int(Mark.SIMULATED),
}


class Tally:
    """Things passed over, by name, for /metrics; and readings whose time was not believed, by device, for health."""

    def __init__(self, counts: dict[str, int], clocks: dict[str, int]) -> None:
        self.counts = counts
        self.clocks = clocks

    def count(self, what: str, by: int = 1) -> None:
        """So many more."""
        self.counts[what] = self.counts.get(what, 0) + by

    def wrong_clock(self, device: str) -> None:
        """A time that cannot be: too far ahead, or decades behind."""
        self.count("clock_problem")
        if device in self.clocks or len(self.clocks) < _CLOCKS_KEPT:
            self.clocks[device] = self.clocks.get(device, 0) + 1


class EventTimes:
    """Which time a reading counts at."""

    def __init__(self, settings: Ingest, tally: Tally) -> None:
        self._earliest = settings.earliest
        self._tally = tally

    def when(self, time: int | None, arrived: int, first_arrived: int, device: str) -> tuple[int, int]:
        """Event time and mark: the device's word if it can be believed, else the time of arrival."""
        if time is None:
            return first_arrived, _ARRIVAL_TIME
        if self._earliest <= time <= arrived + DAY:
            return time, 0
        self._tally.wrong_clock(device)
        return first_arrived, _CLOCK_PROBLEM


class LongWay:
    """Reads any message of any format; what it learns lets the next one go the short way."""

    def __init__(
        self,
        devices: DeviceCache,
        repeats: Repeats,
        times: EventTimes,
        tally: Tally,
        settings: Ingest,
        *,
        on_learned: Callable[[Arrival, Conversation], None],
    ) -> None:
        self._devices = devices
        self._repeats = repeats
        self._times = times
        self._tally = tally
        self._settings = settings
        self._on_learned = on_learned
        self._refused: set[tuple[str, DeviceRef, DeviceRef]] = set()

    def read(self, entry: Topic, arrival: Arrival, out: Columns) -> None:
        conversation = entry.conversation
        assert conversation is not None  # noqa: S101 - this reader is given with one
        message = Message(
            topic=entry.text,
            payload=arrival.payload,
            received_at=arrival.received_at,
            retain=bool(arrival.flags & RETAIN),
            dup=bool(arrival.flags & DUP),
            content_type=arrival.content_type,
        )
        said = conversation.format.decode(entry.route, message, conversation.state)
        if (said.changes or said.requests) and not arrival.mark & _REDRIVEN:
            self.learn(arrival, conversation, said, out)
        if said.unknown:
            self._tally.count("unknown_key", len(said.unknown))
        for announcement in said.announcements:
            self._announce(entry.rank, announcement, arrival, conversation.format.name, out)
        self._add(entry, arrival, said, out)
        if self._devices.claims:
            self._keep_claims(arrival, out)

    def _announce(self, rank: int, said: Announcement, arrival: Arrival, wire_format: str, out: Columns) -> None:
        """What a device is. Where a better format speaks for it, only points that nobody better tells are news."""
        device = self._admit(said.device, arrival, out)
        if device is None:
            return
        points = tuple(point for point in said.points if device.owns(point.name, rank))  # asking claims those of nobody
        if self._speaks(device, rank, arrival, out):
            out.announced.append(announced(said, device.hub_id, arrival, wire_format))
            self._take_aliases(said, arrival, wire_format, out)
            if said.withdrawn:
                rows = self._devices.release(device)
                out.learned.extend(Learned(connection, OWNERS, key, None) for connection, key in rows)
            return
        self._tally.count("other_format_speaks")
        if points:
            beside = Announcement(device=said.device, points=points)
            out.announced.append(announced(beside, device.hub_id, arrival, wire_format, points_only=True))

    def _speaks(self, device: KnownDevice, rank: int, arrival: Arrival, out: Columns) -> bool:
        """Whether a format of this rank speaks for the device itself. What a worse one stated goes with the better one."""
        before = device.owners.get("")
        if before == rank:
            return True
        speaks = device.leads(rank)
        if before is not None and rank < before and not arrival.mark & _REDRIVEN:
            word = Availability(device.ref.community, device.hub_id, None, arrival.received_at, arrival.frame)
            out.availability.append(word)
        return speaks

    def _keep_claims(self, arrival: Arrival, out: Columns) -> None:
        """Who speaks for which points, so that the same format does after a restart and in a lane that lags."""
        for ref, rank, names in self._devices.take_claims():
            lesson = owners_learned(arrival.connection, ref, rank, names)
            self._devices.note_claims((lesson.connection, lesson.key), ref)
            out.learned.append(lesson)

    def _add(self, entry: Topic, arrival: Arrival, said: Decoded, out: Columns) -> None:
        for problem in said.problems:
            out.refusals.append(refusal_of(arrival, problem))
        for sample in said.samples:
            self._add_sample(entry, arrival, sample, out)
        for event in said.events:
            self._add_event(arrival, event, out)
        for statement in said.statements:
            device = self._admit(statement.device, arrival, out)
            if device is None or not self._is_news(device, arrival):
                continue
            if not self._speaks(device, entry.rank, arrival, out):
                self._tally.count("other_format_speaks")
            else:
                word = Availability(
                    statement.device.community, device.hub_id, statement.online, arrival.received_at, arrival.frame
                )
                out.availability.append(word)
                device.stated_at = arrival.first_received_at

    def _is_news(self, device: KnownDevice, arrival: Arrival) -> bool:
        """Whether a statement counts: one that is sent through again only while it is young, and the last one."""
        first = arrival.first_received_at
        young = arrival.received_at - first <= self._settings.lateness
        return not arrival.mark & _REDRIVEN or (young and first > device.stated_at)

    def learn(self, arrival: Arrival, conversation: Conversation, said: Decoded, out: Columns) -> None:
        """What a message or the time taught, and what it calls for; not for an old message that is sent through again."""
        conversation.learn(said.changes)
        lasting = learned(said.changes, arrival, conversation.format.name)
        if lasting:
            out.learned.extend(lasting)
            self._on_learned(arrival, conversation)
        out.asked.extend(asked(said.requests, arrival))

    def _take_aliases(self, said: Announcement, arrival: Arrival, wire_format: str, out: Columns) -> None:
        """Other names of the same device mean it from now on, on this connection and after a restart too."""
        for alias in said.aliases:
            if self._devices.take_for(arrival.connection, alias, said.device):
                out.learned.append(alias_learned(arrival.connection, alias, said.device))
                out.announced.append(gone_into(alias, arrival, wire_format))
            elif not self._devices.means(arrival.connection, alias, said.device):
                self._refuse_alias(alias, said.device, arrival, out)

    def _refuse_alias(self, alias: DeviceRef, device: DeviceRef, arrival: Arrival, out: Columns) -> None:
        """Once for each claim: devices say what they are again and again."""
        self._tally.count("alias_refused")
        claim = (arrival.connection, alias, device)
        if claim in self._refused:
            return
        if len(self._refused) >= _REFUSED_KEPT:
            self._refused.clear()
        self._refused.add(claim)
        detail = (
            f"{device.scheme}:{device.id} says that it is also {alias.scheme}:{alias.id}, an identity that is in use: "
            "give each device one of its own; where it is the same device, retire the other one first"
        )
        out.refusals.append(refusal(arrival, "identity_in_use", detail, device, whole=False))

    def _admit(self, ref: DeviceRef, arrival: Arrival, out: Columns) -> KnownDevice | None:
        return self._devices.met(ref, arrival.connection) or self._admit_new(ref, arrival, out)

    def _admit_new(self, ref: DeviceRef, arrival: Arrival, out: Columns) -> KnownDevice | None:
        if not 0 < len(ref.id) <= ID_LENGTH or not ref.id.isprintable():
            detail = f"device id {ref.id[:60]!r}: use 1 to {ID_LENGTH} printable characters"
            out.refusals.append(refusal(arrival, "bad_identity", detail, None, whole=True))
            return None
        device = self._devices.admit(ref, arrival.connection, arrival.received_at)
        if device is None:
            detail = (
                f"more than {self._settings.new_devices_per_minute} new devices within a minute; "
                "this one is taken when it speaks again later, or raise ingest.new_devices_per_minute"
            )
            out.refusals.append(refusal(arrival, "too_many_new_devices", detail, ref, whole=True))
        return device

    def _stamp(
        self, arrival: Arrival, device: KnownDevice, time: int | None, identity: str | None, kind: str
    ) -> tuple[int, int] | None:
        """(event time, mark); None for what is no news: a repeat, or something retained without a time of its own."""
        if arrival.flags & RETAIN and time is None:
            self._tally.count("retained_without_time")
            return None
        if not arrival.mark & _REDRIVEN:
            key: tuple[object, ...] | None = None
            if identity is not None:
                key = (device.hub_id, identity) if time is None and not kind else (device.hub_id, kind, identity, time)
            elif kind and time is not None:
                key = (arrival.topic, arrival.payload)
            if key is not None and (kind or time is None) and self._repeats.seen_before(key, arrival.frame):
                self._tally.count("repeat")
                return None
        at, mark = self._times.when(time, arrival.received_at, arrival.first_received_at, device.hub_id)
        if arrival.flags & RETAIN:
            mark |= _RETAINED
        return at, mark | arrival.mark

    def _add_sample(self, entry: Topic, arrival: Arrival, sample: Sample, out: Columns) -> None:
        device = self._admit(sample.device, arrival, out)
        if device is None:
            return
        stamped = self._stamp(arrival, device, sample.time, sample.identity, "")
        if stamped is None:
            return
        time, mark = stamped
        mark |= _MARKS[sample.quality]
        if sample.told_again:
            mark |= _RETAINED
        names = tuple(sample.values)
        shape = device.shapes.get((entry.rank, names))
        try:
            packed = None if shape is None else shape.pack(*sample.values.values())
        except NoNumber:
            packed = None
        if shape is not None and packed is not None:
            out.add(arrival.frame, time, mark, shape, packed)
        elif not self._add_each(entry.rank, arrival, device, sample, out, time=time, mark=mark):
            return
        if entry.quick is not None and sample.device == entry.device:
            entry.learn(device, arrival.payload)

    def _add_each(
        self, rank: int, arrival: Arrival, device: KnownDevice, sample: Sample, out: Columns, *, time: int, mark: int
    ) -> bool:
        """Value by value; whether every name has its point. Where all are numbers, the device knows the next ones at once."""
        slots: list[int] = []
        values: list[float] = []
        refused: list[str] = []
        self._speaks(device, rank, arrival, out)
        for name, value in self._owned(device, rank, sample):
            slot = self._devices.slot(device, name)
            if slot is None:
                refused.append(name)
            elif isinstance(value, str):
                out.texts.append(TextReading(slot, time, value, arrival.received_at, mark, arrival.frame))
            else:
                slots.append(slot)
                values.append(float(value))
        if slots:
            shape = Shape.of(slots)
            out.add(arrival.frame, time, mark, shape, shape.pack(*values))
            if len(slots) == len(sample.values):
                device.keep(rank, tuple(sample.values), shape)
        if refused:
            detail = (
                f"{len(refused)} new names; a device may have {self._devices.points_limit} points: {refused[0][:60]!r}"
            )
            out.refusals.append(refusal(arrival, "too_many_points", detail, sample.device, whole=False))
        return not refused

    def _owned(self, device: KnownDevice, rank: int, sample: Sample) -> list[tuple[str, Any]]:
        """Values of the points that this format speaks for."""
        owned = [item for item in sample.values.items() if device.owns(item[0], rank)]
        if len(owned) < len(sample.values):
            self._tally.count("other_format_speaks", len(sample.values) - len(owned))
        return owned

    def _add_event(self, arrival: Arrival, event: Event, out: Columns) -> None:
        device = self._admit(event.device, arrival, out)
        if device is None:
            return
        stamped = self._stamp(arrival, device, event.time, event.identity, "event")
        if stamped is None:
            return
        time, mark = stamped
        out.events.append(
            FaultEvent(
                community=event.device.community,
                device=device.hub_id,
                time=time,
                arrival=arrival.received_at,
                type=event.type,
                code=event.code,
                active=event.active,
                text=event.text,
                mark=mark,
                frame=arrival.frame,
            )
        )
