"""What is known of a topic, the frame at hand, and how a part of it is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from msgspec import Struct

from devices.contract import UNREADABLE, DeviceRef, Flat, Problem, Quick
from devices.conversation import Conversation
from hub.flows.batch import Refusal
from hub.ingest.columns import Columns
from hub.ingest.decoded_devices import MIXED, KnownDevice, Shape
from hub.ingest.frames import RETAIN

LONGEST_TOPIC: Final = 1_000
"""Bytes. MQTT allows 65,535; what is longer is refused before anything of it is kept."""
_TOPICS_KEPT: Final = 200_000
_TOPIC_BYTES_KEPT: Final = 16 * 1024**2
"""Of the topics themselves, on one connection; with what is known of them they take some five times as much."""
_SHAPES_KEPT: Final = 16
_STEADY_AFTER: Final = 8
"""Messages in a row: a device that changes between two shapes would have every reader fail."""


class Arrival(NamedTuple):
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


def _no_reader(_names: tuple[str, ...]) -> None:
    return None


class Topic:
    """What is known of a topic of one connection. ``quick`` None: every message goes the long way."""

    __slots__ = (
        "conversation",
        "device",
        "known",
        "moment",
        "quick",
        "rank",
        "read",
        "reader_of",
        "route",
        "shapes",
        "steady",
        "streak",
        "text",
    )

    def __init__(self, read: Callable[[Topic, Arrival, Columns], None]) -> None:
        self.read = read
        self.quick: Callable[[bytes], Quick[Flat]] | None = None
        self.reader_of: Callable[[tuple[str, ...]], Callable[[bytes], Quick[Struct]] | None] = _no_reader
        self.moment: Callable[[str], int | None] = _no_moment
        self.shapes: dict[tuple[str, ...], Shape] = {}
        self.streak: tuple[Shape | None, int] = (None, 0)
        """The shape of the latest messages, and how many of them there were in a row."""
        self.steady: Shape | None = None
        """The shape that the next message is taken to have; it has a reader of its own."""
        self.text = ""
        """The topic itself, where a format reads it."""
        self.conversation: Conversation | None = None
        self.route: Any = None
        self.rank = 0
        """Of its format: who speaks for a point that two formats tell."""
        self.device: DeviceRef | None = None
        self.known: KnownDevice | None = None

    def learn(self, device: KnownDevice, payload: bytes) -> None:
        """Let the next message like this one go the short way: it has gone the long one.

        Where a text, a null or a refused name is among the values, such messages are looked at value by value.
        """
        if self.quick is None:
            return
        try:
            values = self.quick(payload).values
        except UNREADABLE:
            return
        if self.known is not device:
            self.known = device
            self.shapes.clear()
            self.steady, self.streak = None, (None, 0)
        if len(self.shapes) >= _SHAPES_KEPT:
            self.shapes.clear()
        slots = [
            device.slots[name]
            for name, value in values.items()
            if isinstance(value, (float, bool)) and name in device.slots
        ]
        self.shapes[tuple(values)] = Shape.of(slots) if len(slots) == len(values) else MIXED

    def note(self, shape: Shape, names: tuple[str, ...]) -> None:
        """One more message of this shape: after a few in a row it is read as if there were no other."""
        before, count = self.streak
        if before is not shape:
            self.streak = (shape, 1)
        elif count < _STEADY_AFTER:
            self.streak = (shape, count + 1)
            reader = self.reader_of(names) if count + 1 == _STEADY_AFTER else None
            if reader is not None:
                self.steady = replace(shape, read=reader)


class Topics(dict[bytes, Topic]):
    """What is known of the topics of one connection. Beyond its bounds all of it is forgotten, and learned again."""

    size = 0
    """Bytes of the topics."""

    def keep(self, topic: bytes, entry: Topic) -> None:
        """One more."""
        if len(self) >= _TOPICS_KEPT or self.size + len(topic) > _TOPIC_BYTES_KEPT:
            self.forget()
        self.size += len(topic)
        self[topic] = entry

    def forget(self) -> None:
        """Each is looked at anew when it comes again."""
        self.clear()
        self.size = 0


def refusal_of(arrival: Arrival, problem: Problem) -> Refusal:
    """What a format said, as it goes to quarantine."""
    return refusal(arrival, problem.reason, problem.detail, problem.device, whole=problem.whole)


def refusal(arrival: Arrival, reason: str, detail: str, device: DeviceRef | None, *, whole: bool) -> Refusal:
    """A frame, or a part of it, with its bytes and the moment at which it was first received."""
    return Refusal(
        frame=arrival.frame,
        reason=reason,
        detail=detail,
        device=device.hub_id if device else None,
        community=device.community if device else None,
        whole=whole,
        connection=arrival.connection,
        topic=_shown(arrival.topic),
        payload=arrival.payload,
        received_at=arrival.first_received_at,
        content_type=arrival.content_type,
        retained=bool(arrival.flags & RETAIN),
    )


def _shown(topic: bytes) -> str:
    """As text that every store can keep. What is cut stays too long, so that it is never read as another topic."""
    text = topic[:LONGEST_TOPIC].decode("utf-8", "backslashreplace").replace("\0", "\ufffd")
    return text if len(topic) <= LONGEST_TOPIC else f"{text}…"
