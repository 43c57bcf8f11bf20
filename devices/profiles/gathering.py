"""What one message has said so far, within the bounds that every message has."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import msgspec

from devices.contract import (
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Event,
    Limits,
    Problem,
    Quality,
    Sample,
    State,
    Statement,
)
from devices.formats.json_bytes import show

MOST_VALUES: Final = 2_000
"""Readings, events and statements of one message."""
MOST_THINGS: Final = 4 * MOST_VALUES
"""Things of one message that a rule walks to."""
_MOST_PASSED_OVER: Final = 4 * MOST_VALUES
"""Values of one message that the profile does not want."""
MOST_REMEMBERED: Final = 20_000
"""Entries of a connection's state: devices with their faults, their model, and what was announced of them."""
MOST_FAULTS: Final = 64
"""Faults that a memory holds."""
_MOST_PROBLEMS: Final = 8
"""That are told; the others are counted."""
_MOST_UNREAD: Final = 500
"""Things that could not be read, before the rest of the message is left alone."""
_CODE_LENGTH: Final = 64
_RIGHT_TIMES: Final = {
    "s": "send epoch seconds",
    "ms": "send epoch milliseconds",
    "us": "send epoch microseconds",
    "ns": "send epoch nanoseconds",
    "iso": "send ISO 8601 with a zone, e.g. 2026-11-23T09:00:00+08:00",
    "local": "send a date and time like 2026-11-23 09:00:00, and a zone like UTC+08:00 where the message tells one",
    "auto": "send epoch seconds or milliseconds, or ISO 8601 with a zone",
}


class Full(Exception):
    """More than a message may have: readings, or what cannot be read."""


class Gather(msgspec.Struct, gc=False):
    """Collects; not thread-safe, one for each message."""

    limits: Limits
    community: str
    state: State
    nothing: frozenset[str]
    at: int = 0
    """When the message was received, epoch ms."""
    device: DeviceRef | None = None
    samples: list[Sample] = []
    events: list[Event] = []
    statements: list[Statement] = []
    announcements: list[Announcement] = []
    problems: list[Problem] = []
    more_problems: int = 0
    changes: dict[str, Any] = {}
    passing: set[str] = set()
    """Keys of changes that need not survive a restart."""
    values: int = 0
    passed_over: int = 0
    walked: dict[tuple[tuple[str, ...], int], list[Any]] = {}
    """What walks came by, for rules that walk alike."""

    def problem(self, reason: str, detail: str) -> None:
        """Something could not be understood; the rest is kept. Raises Full where that has happened too often."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(reason, detail, self.device, whole=False))
            return
        self.more_problems += 1
        if self.more_problems >= _MOST_UNREAD:
            raise Full

    def bad_time(self, path: str, value: object, kind: str) -> None:
        """A time that cannot be read."""
        self.problem("bad_time", f"{path} is {show(value)}: {_RIGHT_TIMES[kind]}")

    def one_more(self) -> None:
        """Count a value, an event or a statement. Raises Full."""
        self.values += 1
        if self.values > MOST_VALUES:
            self.full(f"{MOST_VALUES} values and events")

    def one_unwanted(self) -> None:
        """Count a value that the profile passes over. Raises Full."""
        self.passed_over += 1
        if self.passed_over > _MOST_PASSED_OVER:
            self.full(f"{_MOST_PASSED_OVER} values that the profile passes over")

    def full(self, what: str) -> NoReturn:
        """There are more than so many of something. Raises Full."""
        self.problem("too_many_values", f"more than {what} in one message: split the message")
        raise Full

    def event(self, event: Event) -> None:
        """Something happened. Raises Full."""
        self.one_more()
        self.events.append(event)

    def statement(self, device: DeviceRef, online: bool | None) -> None:  # noqa: FBT001 - as in Statement
        """A device can be reached, or not. Raises Full."""
        self.one_more()
        self.statements.append(Statement(device, online))

    def sample(
        self, device: DeviceRef, time: int | None, values: dict[str, Any], quality: Quality, identity: str | None
    ) -> None:
        """Values of one moment; an identity counts only where there is no time."""
        self.samples.append(Sample(device, time, values, identity if time is None else None, quality))

    def remembered(self, key: str) -> Any:
        """What was learned before, or from this message."""
        return self.changes[key] if key in self.changes else self.state.get(key)

    def remember(self, key: str, value: Any) -> bool:
        """Learn something; None forgets. False: the state is full, and what is not in it yet does not go in."""
        if key not in self.state and key not in self.changes:
            if value is None:
                return True
            if len(self.state) + len(self.changes) >= MOST_REMEMBERED:
                return False
        self.changes[key] = value
        return True

    def answer(self, unknown: tuple[str, ...]) -> Decoded:
        """Everything that the message said."""
        problems = self.problems
        if problems:
            if not (self.samples or self.events or self.statements or self.announcements):
                problems = [Problem(each.reason, each.detail, each.device) for each in problems]
            if self.more_problems:
                more = f"{self.more_problems} more things in this message could not be read: see the first ones"
                problems = [*problems, Problem("more_problems", more, whole=False)]
        return Decoded(
            samples=tuple(self.samples),
            events=tuple(self.events),
            statements=tuple(self.statements),
            problems=tuple(problems),
            unknown=unknown,
            announcements=tuple(self.announcements),
            changes=tuple(
                [
                    Change(key, value, lasting=key not in self.passing)
                    for key, value in self.changes.items()
                    if value != self.state.get(key)
                ]
                if self.changes
                else ()
            ),
        )


def code_of(text: str) -> str:
    """A fault's code as the hub keeps it: printable, at most 64 characters."""
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:_CODE_LENGTH]


def key_of(kind: str, device: DeviceRef) -> str:
    """Where the state keeps something of a device."""
    return f"{kind}|{device.scheme}:{device.id}"


def unknown_keys(root: object, known: frozenset[str] | None) -> tuple[str, ...]:
    """Keys of the message that the profile does not mention, the first ones."""
    if known is None or not isinstance(root, dict) or root.keys() <= known:
        return ()
    return tuple(key[:_CODE_LENGTH] for key in root if key not in known)[:_MOST_PROBLEMS]
