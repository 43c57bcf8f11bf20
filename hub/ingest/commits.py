"""Frames on their way into the journal, each with somebody who waits until it is durable."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

from hub.ingest.frames import Frame, Intake

_QOS_1 = 1


class Commit:
    """One frame's. ``done`` once it is on the disk."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def done(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is durable, after so many seconds at most."""
        return self._event.wait(timeout_s)

    def settle(self) -> None:
        """It is durable."""
        self._event.set()


class Commits:
    """Implements ``frames.Acknowledger``. At most ``most`` frames wait: while the journal stands, memory does not grow."""

    def __init__(self, intake: Intake, *, most: int) -> None:
        self._intake = intake
        self._most = most
        self._lock = threading.Lock()
        self._waiting: dict[int, Commit] = {}
        self._numbers = itertools.count(1)

    def put(
        self,
        connection: str,
        topic: str,
        payload: bytes,
        *,
        received_at: int,
        content_type: str,
        beside: Sequence[Frame] = (),
    ) -> Commit | None:
        """Hand a frame over; None where too much waits already: nothing was kept, come again.

        ``beside``: words of the hub that become durable with it, or not at all.
        """
        if self._intake.full:
            return None
        with self._lock:
            if len(self._waiting) >= self._most:
                return None
            number, commit = next(self._numbers), Commit()
            self._waiting[number] = commit
        frame = Frame(connection, number, topic.encode(), payload, _QOS_1, received_at, content_type)
        self._intake.put([frame, *beside], self, 0)
        return commit

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """On the journal's thread."""
        with self._lock:
            settled = [self._waiting.pop(number) for number in packet_ids if number in self._waiting]
        for commit in settled:
            commit.settle()
