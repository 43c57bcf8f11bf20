"""Gathers what the frames of one batch say, and lays it out in columns."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hub.flows.batch import (
    Announced,
    Asked,
    Availability,
    Beat,
    Decoded,
    DeviceSeen,
    FaultEvent,
    Gap,
    Learned,
    Position,
    Readings,
    Refusal,
    TextReading,
)
from hub.ingest.decoded_devices import Shape
from hub.ingest.frames import Frame

_received_at: Final = attrgetter("received_at")


class Columns:
    """One batch in the making. A *row group* is what one message said at one moment; one entry each in five lists."""

    def __init__(self) -> None:
        self.slots: list[bytes] = []
        """Per group: its slots as int64 bytes, ready-made."""
        self.values: list[bytes] = []
        """Per group: its values as float64 bytes; booleans become 0 and 1."""
        self.counts: list[int] = []
        self.times: list[int] = []
        self.marks: list[int] = []
        self.frames: list[int] = []
        self.texts: list[TextReading] = []
        self.events: list[FaultEvent] = []
        self.availability: list[Availability] = []
        self.refusals: list[Refusal] = []
        self.seen: list[DeviceSeen] = []
        self.announced: list[Announced] = []
        self.learned: list[Learned] = []
        self.asked: list[Asked] = []
        self.gaps: list[Gap] = []
        self.beats: list[Beat] = []

    def add(self, frame: int, time: int, mark: int, shape: Shape, packed: bytes) -> None:
        """A row group; the hot loop of ``Decoder`` does the same by itself."""
        self.slots.append(shape.slots)
        self.values.append(packed)
        self.counts.append(shape.width)
        self.times.append(time)
        self.marks.append(mark)
        self.frames.append(frame)

    def readings(self, received: NDArray[np.int64]) -> Readings:
        """Everything in columns; ``received``: the arrival time of each frame of the batch."""
        groups = len(self.counts)
        counts = np.fromiter(self.counts, np.int64, groups)
        group_frames = np.fromiter(self.frames, np.int64, groups)
        arrivals = received[group_frames]
        return Readings(
            slot=np.frombuffer(b"".join(self.slots), np.int64),
            time=np.repeat(np.fromiter(self.times, np.int64, groups), counts),
            value=np.frombuffer(b"".join(self.values), np.float64),
            arrival=np.repeat(arrivals, counts),
            mark=np.repeat(np.fromiter(self.marks, np.uint8, groups), counts),
            frame=np.repeat(group_frames, counts),
        )

    def finish(self, position: Position, frames: Sequence[Frame], received_at: int) -> Decoded:
        """The decoded batch."""
        return Decoded(
            position=position,
            received_at=received_at,
            frames=len(frames),
            readings=self.readings(np.fromiter(map(_received_at, frames), np.int64, len(frames))),
            texts=self.texts,
            events=self.events,
            availability=self.availability,
            refusals=self.refusals,
            seen=self.seen,
            announced=self.announced,
            learned=self.learned,
            asked=self.asked,
            gaps=self.gaps,
            beats=self.beats,
        )
