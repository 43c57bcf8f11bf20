"""Decodes a batch once for all lanes: frames in, columns out. Never raises for any bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from devices.contract import UNREADABLE, DeviceRef, Event, Format, Message, Problem, Quick, QuickFormat, Sample
from hub.clock import DAY
from hub.flows.batch import (
    Availability,
    Beat,
    Decoded,
    FaultEvent,
    Mark,
    Position,
    Refusal,
    Slots,
    TextReading,
)
from hub.ingest.columns import Columns
from hub.ingest.control import REDRIVE_TOPIC, read_gap, read_redriven
from hub.ingest.decoded_devices import MIXED, DeviceCache, KnownDevice, Shape
from hub.ingest.frames import BEAT_ROOT, CONTROL, DUP, GAP_TOPIC, RETAIN, Frame
from hub.ingest.repeats import Repeats
from hub.settings import Connection, Ingest

_TOPICS_KEPT: Final = 200_000
_SHAPES_KEPT: Final = 16
_SHORT_TEXT: Final = 100
"""Characters; longer texts go the long way, which knows the limits."""
_NO_TIME: Final = Mark.ARRIVAL_TIME
_BEAT_TOPIC: Final = BEAT_ROOT.encode()


class _BeatWord(msgspec.Struct):
    sent: int


_read_beat = msgspec.json.Decoder(_BeatWord).decode


class _Arrival(NamedTuple):
    """The frame at hand: what every reader of a topic needs of it."""

    frame: int
    connection: str
    topic: bytes
    payload: bytes
    flags: int
    received_at: int
    content_type: str
    first_received_at: int
    """Equal to ``received_at`` but for a redriven frame."""
    mark: int


def _no_moment(_text: str) -> int | None:
    return None


class _Topic:
    """What is known of a topic of one connection. ``quick`` None: every message goes the long way."""

    __slots__ = ("device", "format", "known", "moment", "quick", "read", "route", "shapes")

    def __init__(self, read: Callable[[_Topic, _Arrival, Columns], None]) -> None:
        self.read = read
        self.quick: Callable[[bytes], Quick] | None = None
        self.moment: Callable[[str], int | None] = _no_moment
        self.shapes: dict[tuple[str, ...], Shape] = {}
        self.format: Format | None = None
        self.route: Any = None
        self.device: DeviceRef | None = None
        self.known: KnownDevice | None = None

    def learn(self, device: KnownDevice, payload: bytes) -> None:
        """Let the next message like this one go the short way: it has gone the long one, its names are all right.

        A name that so far only came with null has no slot: such a shape is looked at value by value.
        """
        if self.quick is None:
            return
        try:
            names = tuple(self.quick(payload).values)
        except UNREADABLE:
            return
        if self.known is not device:
            self.known = device
            self.shapes.clear()
        if len(self.shapes) >= _SHAPES_KEPT:
            self.shapes.clear()
        met = [device.slots[name] for name in names if name in device.slots]
        self.shapes[names] = Shape.of(met) if len(met) == len(names) else MIXED


class Decoder:
    """One for the lanes that are level, one for each that lags. Its state is a function of the last window of frames.

    ``known`` says whether the registry has a device already (by hub id): those do not count as new. ``slots`` is
    shared by all decoders, which are called under one lock. ``counts`` collects what is passed over, for /metrics.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        formats: Mapping[str, Format],
        slots: Slots,
        settings: Ingest,
        *,
        known: Callable[[str], bool],
        window: int,
        counts: dict[str, int] | None = None,
    ) -> None:
        self._connections = {connection.name: connection for connection in connections}
        self._formats = formats
        self._settings = settings
        self._devices = DeviceCache(slots, settings, known)
        self._repeats = Repeats(window)
        self._topics: dict[str, dict[bytes, _Topic]] = {}
        self.counts = counts if counts is not None else {}
        """Things passed over: ``unknown_key``, ``repeat``, ``retained_without_time``, ``clock_problem``."""

    # --- the batch --------------------------------------------------------------------------------------------

    def warm(self, frames: list[Frame]) -> None:
        """Read frames that have had their effects, for what repeats of them would look like."""
        self.decode(Position("", 0), frames, 0)
        self._topics.clear()
        self._devices.forget()

    def decode(self, position: Position, frames: list[Frame], received_at: int) -> Decoded:  # noqa: C901, PLR0912 - the hot loop: calls would cost more than branches
        """Everything the frames say, in order."""
        out = Columns()
        earliest, limit = self._settings.earliest, self._settings.payload_limit
        slots, values, counts = out.slots.append, out.values.extend, out.counts.append
        times, marks, indices = out.times.append, out.marks.append, out.frames.append
        current, topics = None, self._topics.setdefault("", {})
        index = -1
        for connection, _, topic, payload, flags, arrived, content_type in frames:
            index += 1
            if connection != current:
                current, topics = connection, self._topics.setdefault(connection, {})
            entry = topics.get(topic)
            if entry is None:
                entry = self._learn(connection, topic, topics)
            if entry.quick is not None and not flags & RETAIN and len(payload) <= limit:
                try:
                    message = entry.quick(payload)
                except UNREADABLE:
                    pass
                else:
                    said = message.values
                    shape = entry.shapes.get(tuple(said))
                    if shape is None:
                        pass
                    elif shape.width:
                        filled = len(out.values)
                        try:
                            values(said.values())  # type: ignore[arg-type]  # what is no number raises
                        except TypeError:
                            del out.values[filled:]
                            entry.shapes[tuple(said)] = MIXED
                        else:
                            time, mark = message.ts, 0
                            if time.__class__ is not int or not earliest <= time <= arrived + DAY:
                                found = self._time_of_quick(entry, message, index, arrived)
                                if found is None:
                                    del out.values[filled:]
                                    continue
                                time, mark = found
                            slots(shape.slots)
                            counts(shape.width)
                            times(time)
                            marks(mark)
                            indices(index)
                            continue
                    elif self._read_mixed(entry, message, index, arrived, out):
                        continue
            entry.read(
                entry, _Arrival(index, connection, topic, payload, flags, arrived, content_type, arrived, 0), out
            )
        self._repeats.passed(len(frames))
        out.seen = self._devices.take_seen(received_at)
        return out.finish(position, frames, received_at)

    def _read_mixed(self, entry: _Topic, message: Quick, frame: int, arrived: int, out: Columns) -> bool:
        """Numbers and texts side by side; False, with nothing done, where the long way has to look at it."""
        assert entry.known is not None  # noqa: S101 - a shape comes with the device
        slot_of = entry.known.slots
        texts: list[tuple[int, str]] = []
        numbers: list[float] = []
        slots: list[int] = []
        for name, value in message.values.items():
            if value is None:
                continue
            slot = slot_of.get(name)
            if slot is None:
                return False
            if not isinstance(value, str):
                slots.append(slot)
                numbers.append(value)
            elif len(value) > _SHORT_TEXT or "\0" in value:
                return False
            else:
                texts.append((slot, value))
        found = self._time_of_quick(entry, message, frame, arrived)
        if found is not None:
            time, mark = found
            if numbers:
                out.add(frame, time, mark, slots, numbers)
            out.texts.extend(TextReading(slot, time, text, arrived, mark, frame) for slot, text in texts)
        return True

    def _time_of_quick(self, entry: _Topic, message: Quick, frame: int, arrived: int) -> tuple[int, int] | None:
        """(time, mark); None for a repeat."""
        time = entry.moment(message.ts) if isinstance(message.ts, str) else message.ts
        if time is None and message.seq is not None:
            assert entry.device is not None  # noqa: S101 - the short way always has one
            identity = f"{message.boot if message.boot is not None else ''}:{message.seq}"
            if self._repeats.seen_before((entry.device.hub_id, identity), frame):
                self._count("repeat")
                return None
        return self._when(time, arrived, arrived)

    def _when(self, time: int | None, arrived: int, first_arrived: int) -> tuple[int, int]:
        """Event time and mark: the device's word if it can be believed, else the time of arrival."""
        if time is None:
            return first_arrived, _NO_TIME
        if self._settings.earliest <= time <= arrived + DAY:
            return time, 0
        self._count("clock_problem")
        return first_arrived, Mark.CLOCK_PROBLEM

    def _count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    # --- topics -----------------------------------------------------------------------------------------------

    def _learn(self, connection: str, topic: bytes, topics: dict[bytes, _Topic]) -> _Topic:
        """Find out, once, who reads this topic."""
        if len(topics) > _TOPICS_KEPT:
            topics.clear()
        entry = topics[topic] = self._entry(connection, topic)
        return entry

    def _entry(self, connection: str, topic: bytes) -> _Topic:
        if topic.startswith(CONTROL):
            readers = {GAP_TOPIC: self._read_gap, REDRIVE_TOPIC: self._read_redriven}
            return _Topic(readers.get(topic, self._pass_over))
        if topic.startswith(b"$"):
            return _Topic(self._pass_over)
        if topic.startswith(_BEAT_TOPIC):
            return _Topic(self._read_beat)
        try:
            text = topic.decode("utf-8")
        except UnicodeDecodeError:
            return _Topic(self._refuse_topic)
        setting = self._connections.get(connection)
        for name in setting.formats if setting else ("native",):
            wire_format = self._formats.get(name)
            route = wire_format.route(text, setting.community if setting else None) if wire_format else None
            if wire_format is not None and route is not None:
                entry = _Topic(self._read_message)
                entry.format, entry.route = wire_format, route
                if isinstance(wire_format, QuickFormat) and (quick := wire_format.quick(route)) is not None:
                    (entry.device, entry.quick), entry.moment = quick, wire_format.moment
                return entry
        return _Topic(self._refuse_topic)

    def _pass_over(self, _entry: _Topic, arrival: _Arrival, _out: Columns) -> None:
        self._count("unknown_control" if arrival.topic.startswith(CONTROL) else "broker_topic")

    def _read_gap(self, _entry: _Topic, arrival: _Arrival, out: Columns) -> None:
        gap = read_gap(arrival.payload)
        if gap is None:
            out.refusals.append(_refusal(arrival, "bad_gap", "the hub's own gap cannot be read", None, whole=True))
        else:
            out.gaps.append(gap)

    def _read_beat(self, _entry: _Topic, arrival: _Arrival, out: Columns) -> None:
        try:
            sent = _read_beat(arrival.payload).sent
        except UNREADABLE:
            self._count("bad_beat")
            return
        out.beats.append(Beat(arrival.connection, sent, arrival.received_at))

    def _read_redriven(self, _entry: _Topic, arrival: _Arrival, out: Columns) -> None:
        """The old frame arrives now; without a time of its own it counts at the moment it was first received."""
        old = read_redriven(arrival.payload)
        if old is None:
            out.refusals.append(
                _refusal(arrival, "bad_redrive", "the re-driven frame cannot be read", None, whole=True)
            )
            return
        again = _Arrival(
            arrival.frame,
            old.connection,
            old.topic,
            old.payload,
            old.flags & ~DUP,
            arrival.received_at,
            old.content_type,
            old.received_at,
            int(Mark.REDRIVEN),
        )
        topics = self._topics.setdefault(old.connection, {})
        inner = topics.get(old.topic) or self._learn(old.connection, old.topic, topics)
        if inner.read == self._read_redriven:
            out.refusals.append(
                _refusal(again, "bad_redrive", "a re-driven frame inside another one", None, whole=True)
            )
        else:
            inner.read(inner, again, out)

    def _refuse_topic(self, _entry: _Topic, arrival: _Arrival, out: Columns) -> None:
        setting = self._connections.get(arrival.connection)
        formats = ", ".join(setting.formats if setting else ("native",))
        detail = (
            f"no format of connection {arrival.connection!r} ({formats}) reads this topic: publish to "
            "community/v1/{community}/{device}/telemetry, or add the maker's format to the connection"
        )
        out.refusals.append(_refusal(arrival, "unknown_topic", detail, None, whole=True))

    # --- messages, the long way -------------------------------------------------------------------------------

    def _read_message(self, entry: _Topic, arrival: _Arrival, out: Columns) -> None:
        assert entry.format is not None  # noqa: S101 - this reader is given with a format
        message = Message(
            topic=arrival.topic.decode(),
            payload=arrival.payload,
            received_at=arrival.received_at,
            retain=bool(arrival.flags & RETAIN),
            dup=bool(arrival.flags & DUP),
            content_type=arrival.content_type,
        )
        said = entry.format.decode(entry.route, message)
        if said.unknown:
            self._count("unknown_key", len(said.unknown))
        for problem in said.problems:
            out.refusals.append(_refusal_of(arrival, problem))
        for sample in said.samples:
            self._add_sample(entry, arrival, sample, out)
        for event in said.events:
            self._add_event(arrival, event, out)
        for statement in said.statements:
            device = self._admit(statement.device, arrival, out)
            if device is not None and not arrival.mark & Mark.REDRIVEN:
                word = Availability(
                    statement.device.community, device.hub_id, statement.online, arrival.received_at, arrival.frame
                )
                out.availability.append(word)

    def _admit(self, ref: DeviceRef, arrival: _Arrival, out: Columns) -> KnownDevice | None:
        device = self._devices.admit(ref, arrival.connection, arrival.received_at)
        if device is None:
            detail = (
                f"more than {self._settings.new_devices_per_minute} new devices within a minute; "
                "this one is taken when it speaks again later, or raise ingest.new_devices_per_minute"
            )
            out.refusals.append(_refusal(arrival, "too_many_new_devices", detail, ref, whole=True))
        return device

    def _stamp(
        self, arrival: _Arrival, device: KnownDevice, time: int | None, identity: str | None, kind: str
    ) -> tuple[int, int] | None:
        """(event time, mark); None for what is no news: a repeat, or something retained without a time of its own."""
        if arrival.flags & RETAIN and time is None:
            self._count("retained_without_time")
            return None
        if not arrival.mark & Mark.REDRIVEN:
            key: tuple[object, ...] | None = None
            if identity is not None:
                key = (device.hub_id, identity) if time is None and not kind else (device.hub_id, kind, identity, time)
            elif kind and time is not None:
                key = (arrival.topic, arrival.payload)
            if key is not None and (kind or time is None) and self._repeats.seen_before(key, arrival.frame):
                self._count("repeat")
                return None
        at, mark = self._when(time, arrival.received_at, arrival.first_received_at)
        if arrival.flags & RETAIN:
            mark |= Mark.RETAINED
        return at, int(mark | arrival.mark)

    def _add_sample(self, entry: _Topic, arrival: _Arrival, sample: Sample, out: Columns) -> None:
        device = self._admit(sample.device, arrival, out)
        if device is None:
            return
        stamped = self._stamp(arrival, device, sample.time, sample.identity, "")
        if stamped is None:
            return
        time, mark = stamped
        slots: list[int] = []
        values: list[float] = []
        refused: list[str] = []
        for name, value in sample.values.items():
            slot = self._devices.slot(device, name)
            if slot is None:
                refused.append(name)
            elif isinstance(value, str):
                out.texts.append(TextReading(slot, time, value, arrival.received_at, mark, arrival.frame))
            else:
                slots.append(slot)
                values.append(float(value))
        if slots:
            out.add(arrival.frame, time, mark, slots, values)
        if refused:
            detail = (
                f"{len(refused)} new names; a device may have {self._devices.points_limit} points: {refused[0][:60]!r}"
            )
            out.refusals.append(_refusal(arrival, "too_many_points", detail, sample.device, whole=False))
        elif sample.device == entry.device:
            entry.learn(device, arrival.payload)

    def _add_event(self, arrival: _Arrival, event: Event, out: Columns) -> None:
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


def _refusal_of(arrival: _Arrival, problem: Problem) -> Refusal:
    return _refusal(arrival, problem.reason, problem.detail, problem.device, whole=problem.whole)


def _refusal(arrival: _Arrival, reason: str, detail: str, device: DeviceRef | None, *, whole: bool) -> Refusal:
    return Refusal(
        frame=arrival.frame,
        reason=reason,
        detail=detail,
        device=device.hub_id if device else None,
        community=device.community if device else None,
        whole=whole,
        connection=arrival.connection,
        topic=arrival.topic.decode("utf-8", "backslashreplace"),
        payload=arrival.payload,
        received_at=arrival.first_received_at,
    )
