"""Decodes a batch once for all lanes: frames in, columns out. Never raises for any bytes."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from devices import formats
from devices.contract import UNREADABLE, Change, LearningFormat, Quick, QuickFormat, TimedFormat, identity_of
from devices.conversation import Conversation
from devices.formats.native import NativeFormat
from hub.clock import DAY
from hub.errors import StoreUnavailable
from hub.flows.batch import (
    Beat,
    Decoded,
    Learned,
    Mark,
    Position,
    Slots,
    TextReading,
)
from hub.ingest.announcing import alias_of, owners_of
from hub.ingest.columns import Columns
from hub.ingest.control import REDRIVE_TOPIC, SIGNED_TOPIC, read_gap, read_redriven
from hub.ingest.decoded_devices import MIXED, DeviceCache, NoNumber, Shape
from hub.ingest.frames import BEAT_ROOT, CONTROL, DUP, GAP_TOPIC, RETAIN, Frame
from hub.ingest.long_way import EventTimes, LongWay, Tally
from hub.ingest.repeats import Repeats
from hub.ingest.spoken import Spoken
from hub.ingest.topics import LONGEST_TOPIC, Arrival, Topic, Topics, refusal
from hub.settings import Ingest

_TRACE_LENGTH: Final = 4_000
_SHORT_TEXT: Final = 100
"""Characters; longer texts go the long way, which knows the limits."""
_BROKER_TOPIC: Final = b"$SYS/"
"""The broker's own words; other topics that begin with $ belong to formats ($sparkplug, $oc)."""
_BEAT_TOPIC: Final = BEAT_ROOT.encode()


class _BeatWord(msgspec.Struct):
    sent: int


_read_beat = msgspec.json.Decoder(_BeatWord).decode
_UNKNOWN_CONNECTION: Final = (Conversation(NativeFormat(), None),)
"""What is read on a connection that the settings no longer have: native topics say everything themselves."""


class Decoder:
    """One for the lanes that are level, one for each that lags. Its state is a function of the last window of frames.

    ``known`` says whether the registry has a device already (by hub id): those do not count as new. ``slots`` is
    shared by all decoders, which are called under one lock. ``counts`` collects what is passed over, ``clocks`` the readings
    of each device whose time was not believed; all decoders may share them.
    """

    def __init__(
        self,
        connections: Sequence[Spoken],
        slots: Slots,
        settings: Ingest,
        *,
        known: Callable[[str], bool],
        window: int,
        counts: dict[str, int] | None = None,
        clocks: dict[str, int] | None = None,
    ) -> None:
        self._connections = connections
        self._conversations = {
            each.connection: tuple(Conversation(spoken, each.community) for spoken in each.formats)
            for each in connections
        }
        self._timed = {
            connection: tuple((each, each.format) for each in conversations if isinstance(each.format, TimedFormat))
            for connection, conversations in self._conversations.items()
        }
        self._settings = settings
        self._known = known
        self._window = window
        self._devices = DeviceCache(slots, settings, known)
        self._repeats = Repeats(window)
        self._tally = Tally({} if counts is None else counts, {} if clocks is None else clocks)
        self._times = EventTimes(settings, self._tally)
        self._long_way = LongWay(
            self._devices, self._repeats, self._times, self._tally, settings, on_learned=self._look_anew
        )
        self._topics: defaultdict[str, Topics] = defaultdict(Topics)
        self._too_long = Topic(self._refuse_length)
        self.counts = self._tally.counts
        """Things passed over: ``unknown_key``, ``repeat``, ``retained_without_time``, ``clock_problem`` …"""

    # --- the batch --------------------------------------------------------------------------------------------

    def recall(self, past: Callable[[int], Iterator[list[Frame]]], known: Iterable[Learned] = ()) -> None:
        """``past(count)`` reads at least the last ``count`` frames before the first batch, if any is asked about.

        ``known``: what the formats knew when that batch came.
        """
        self._repeats.recall(lambda count: self._identities(past(count)))
        self.learn(known)

    def learn(self, known: Iterable[Learned]) -> None:
        """Hand the formats what they once learned."""
        by_format = {
            (connection, each.format.name): each
            for connection, conversations in self._conversations.items()
            for each in conversations
        }
        for learned in known:
            if (same := alias_of(learned)) is not None:
                self._devices.recall_alias(learned.connection, *same)
                continue
            if (owned := owners_of(learned)) is not None:
                self._devices.recall_owners((learned.connection, learned.key), *owned)
                continue
            conversation = by_format.get((learned.connection, learned.format))
            if conversation is not None:
                conversation.learn((Change(learned.key, learned.value),))

    def _look_anew(self, arrival: Arrival, conversation: Conversation) -> None:
        """Devices of this connection may speak on other topics than before: each is looked at anew."""
        if isinstance(conversation.format, LearningFormat):
            self._topics[arrival.connection].forget()

    def _identities(self, past: Iterable[list[Frame]]) -> Mapping[Hashable, int]:
        """Frames that have had their effects, read for what repeats of them would look like, and for nothing else."""
        reader = Decoder(
            self._connections,
            Slots(),
            self._settings,
            known=self._known,
            window=self._window,
        )
        for frames in past:
            reader.decode(Position("", 0), frames, 0)
        return reader._repeats.before_now()

    def decode(self, position: Position, frames: list[Frame], received_at: int) -> Decoded:  # noqa: C901, PLR0912, PLR0915 - the hot loop: calls would cost more than branches
        """Everything the frames say, in order."""
        out = Columns()
        earliest, limit = self._settings.earliest, self._settings.payload_limit
        slots, values, counts = out.slots.append, out.values.append, out.counts.append
        times, marks, indices = out.times.append, out.marks.append, out.frames.append
        current, topics = None, self._topics[""]
        index = -1
        for frame in frames:
            index += 1
            connection, topic, payload, flags = frame.connection, frame.topic, frame.payload, frame.flags
            arrived = frame.received_at
            if connection != current:
                current, topics = connection, self._topics[connection]
            entry = topics.get(topic)
            if entry is None:
                entry = self._learn(connection, topic, topics)
            if entry.quick is not None and not flags & RETAIN and len(payload) <= limit:
                message: Quick[Any]
                shape, packed = entry.steady, None
                try:
                    if shape is not None:
                        message = shape.read(payload)  # type: ignore[misc]  # a steady shape has a reader
                        packed = shape.pack(*astuple(message.values))
                    else:
                        message = entry.quick(payload)
                        names = tuple(message.values)
                        shape = entry.shapes.get(names)
                        if shape is not None and shape.width:
                            packed = shape.pack(*message.values.values())
                            entry.note(shape, names)
                        elif shape is not None and self._read_mixed(entry, message, index, arrived, out):
                            continue
                except NoNumber:
                    entry.shapes[tuple(message.values)] = MIXED
                except UNREADABLE:
                    entry.steady, entry.streak = None, (None, 0)
                if packed is not None and shape is not None:
                    time, mark = message.ts, 0
                    if time.__class__ is not int or not earliest <= time <= arrived + DAY:
                        found = self._time_of_quick(entry, message, index, arrived)
                        if found is None:
                            continue
                        time, mark = found
                    slots(shape.slots)
                    values(packed)
                    counts(shape.width)
                    times(time)
                    marks(mark)
                    indices(index)
                    continue
            arrival = Arrival(index, connection, topic, payload, flags, arrived, frame.content_type, arrived, 0)
            self._read_guarded(entry, arrival, out)
        self._repeats.passed(len(frames))
        out.seen = self._devices.take_seen(received_at)
        return out.finish(position, frames, received_at)

    def _read_guarded(self, entry: Topic, arrival: Arrival, out: Columns) -> None:
        """A format that raises breaks its promise: its frame goes to quarantine with the trace, the batch goes on."""
        try:
            entry.read(entry, arrival, out)
        except StoreUnavailable:  # the journal that knows the repeats: the batch comes again
            raise
        except Exception:  # noqa: BLE001 - one frame must not stop the lanes
            self._tally.count("decoder_failed")
            trace = (
                f"the decoder failed; the hub is at fault, not the device:\n{traceback.format_exc()[-_TRACE_LENGTH:]}"
            )
            out.refusals.append(refusal(arrival, "decoder_failed", trace, None, whole=True))

    def _read_mixed(self, entry: Topic, message: Quick[Any], frame: int, arrived: int, out: Columns) -> bool:
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
                shape = Shape.of(slots)
                out.add(frame, time, mark, shape, shape.pack(*numbers))
            out.texts.extend(TextReading(slot, time, text, arrived, mark, frame) for slot, text in texts)
        return True

    def _time_of_quick(self, entry: Topic, message: Quick[Any], frame: int, arrived: int) -> tuple[int, int] | None:
        """(time, mark); None for a repeat."""
        assert entry.known is not None  # noqa: S101 - a shape comes with the device
        device = entry.known.hub_id
        time = entry.moment(message.ts) if isinstance(message.ts, str) else message.ts
        if (
            time is None
            and message.seq is not None
            and self._repeats.seen_before((device, identity_of(message.boot, message.seq)), frame)
        ):
            self._tally.count("repeat")
            return None
        return self._times.when(time, arrived, arrived, device)

    # --- topics -----------------------------------------------------------------------------------------------

    def _learn(self, connection: str, topic: bytes, topics: Topics) -> Topic:
        """Find out, once, who reads this topic."""
        if len(topic) > LONGEST_TOPIC:
            return self._too_long
        entry = self._entry(connection, topic)
        topics.keep(topic, entry)
        return entry

    def _entry(self, connection: str, topic: bytes) -> Topic:
        if topic.startswith(CONTROL):
            readers = {GAP_TOPIC: self._read_gap, REDRIVE_TOPIC: self._read_redriven, SIGNED_TOPIC: self._read_nothing}
            return Topic(readers.get(topic, self._pass_over))
        if topic.startswith(_BROKER_TOPIC):
            return Topic(self._pass_over)
        if topic.startswith(_BEAT_TOPIC):
            return Topic(self._read_beat)
        try:
            text = topic.decode("utf-8")
        except UnicodeDecodeError:
            return Topic(self._refuse_topic)
        for conversation in self._conversations.get(connection, _UNKNOWN_CONNECTION):
            route = conversation.route(text)
            if route is not None:
                entry = Topic(self._long_way.read)
                entry.text, entry.conversation, entry.route = text, conversation, route
                entry.rank = formats.rank(conversation.format.name)
                spoken = conversation.format
                if isinstance(spoken, QuickFormat) and (quick := spoken.quick(route)) is not None:
                    (entry.device, entry.quick), entry.moment, entry.reader_of = quick, spoken.moment, spoken.steady
                return entry
        return Topic(self._refuse_topic)

    def _pass_over(self, _entry: Topic, arrival: Arrival, _out: Columns) -> None:
        self._tally.count("unknown_control" if arrival.topic.startswith(CONTROL) else "broker_topic")

    def _read_nothing(self, _entry: Topic, _arrival: Arrival, _out: Columns) -> None:
        """A word that is for no lane."""

    def _read_gap(self, _entry: Topic, arrival: Arrival, out: Columns) -> None:
        gap = read_gap(arrival.payload)
        if gap is None:
            out.refusals.append(refusal(arrival, "bad_gap", "the hub's own gap cannot be read", None, whole=True))
        else:
            out.gaps.append(gap)

    def _read_beat(self, _entry: Topic, arrival: Arrival, out: Columns) -> None:
        try:
            sent = _read_beat(arrival.payload).sent
        except UNREADABLE:
            self._tally.count("bad_beat")
            return
        out.beats.append(Beat(arrival.connection, sent, arrival.received_at))
        for conversation, timed in self._timed.get(arrival.connection, ()):
            self._long_way.learn(arrival, conversation, timed.tick(arrival.received_at, conversation.state), out)

    def _read_redriven(self, _entry: Topic, arrival: Arrival, out: Columns) -> None:
        """The old frame arrives now; without a time of its own it counts at the moment it was first received."""
        old = read_redriven(arrival.payload)
        if old is None:
            out.refusals.append(refusal(arrival, "bad_redrive", "the re-driven frame cannot be read", None, whole=True))
            return
        again = Arrival(
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
        topics = self._topics[old.connection]
        inner = topics.get(old.topic) or self._learn(old.connection, old.topic, topics)
        if inner.read == self._read_redriven:
            out.refusals.append(refusal(again, "bad_redrive", "a re-driven frame inside another one", None, whole=True))
        else:
            inner.read(inner, again, out)

    def _refuse_length(self, _entry: Topic, arrival: Arrival, out: Columns) -> None:
        detail = f"a topic of {len(arrival.topic)} bytes: at most {LONGEST_TOPIC} are taken; shorten the device's name"
        out.refusals.append(refusal(arrival, "topic_too_long", detail, None, whole=True))

    def _refuse_topic(self, _entry: Topic, arrival: Arrival, out: Columns) -> None:
        spoken = self._conversations.get(arrival.connection, _UNKNOWN_CONNECTION)
        spoken_here = ", ".join(each.format.name for each in spoken)
        detail = (
            f"no format of connection {arrival.connection!r} ({spoken_here}) reads this topic: publish to "
            "community/v1/{community}/{device}/telemetry, or add the maker's format to the connection"
        )
        out.refusals.append(refusal(arrival, "unknown_topic", detail, None, whole=True))
