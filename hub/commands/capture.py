"""A capture as ``mosquitto_sub -v`` prints it: which lines are one message, and where its topic ends.

The print is ambiguous, because topics and payloads may both hold blanks and payloads may hold lines. So the formats are asked:

* A topic ends at the blank after which a format understands the rest best: it claims the topic and understands the rest, it claims
  the topic, none does. Among equals the one with JSON behind it, else the first. Blanks are looked at up to the first one before
  ``{``, ``[`` or ``hex:``, 16 of them at most. ``hex:`` is always a payload: only whoever means it writes it.
* JSON goes on over the lines until its brackets are closed, unless a line begins with a topic that a format claims.
* Any other payload goes on in a line that begins with no such topic, if the format hears more in both lines than in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

HEX: Final = "hex:"
NOTHING_SENT: Final = "(null)"
"""What ``mosquitto_sub -v`` prints for an empty payload."""
LONGEST: Final = 256 * 1024
"""Characters of JSON whose brackets are not closed; after that it is taken as it is."""
_BLANKS: Final = 16
_JSON: Final = ("{", "[")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?')
_INSIDE_JSON: Final = frozenset(' \t"{}[]')
"""What lines of JSON begin with, and topics do not."""

Judge = Callable[[str, bytes], int]
"""(topic, payload) -> -1 where no format claims the topic, 0 where none understands the payload, else how much it says."""


class Heard(NamedTuple):
    """One message. ``line``: of the capture, where it begins; 0: of no capture."""

    topic: str
    payload: bytes
    line: int = 0


class Unreadable(NamedTuple):
    """A line that holds no message, and why."""

    line: int
    why: str


class NotHexadecimal(ValueError):
    """Says which text, and what would be right."""


def as_bytes(payload: str) -> bytes:
    """The payload that a text stands for: ``hex:0a0b``, or the text itself."""
    if not payload.startswith(HEX):
        return payload.encode("utf-8", "surrogateescape")
    try:
        return bytes.fromhex(payload.removeprefix(HEX))
    except ValueError as error:
        raise NotHexadecimal(f"{payload[:40]!r} is not hexadecimal: write hex:0a0b0c") from error


def read(lines: Iterable[str], judge: Judge) -> Iterator[Heard | Unreadable]:
    """Every message of a capture, as soon as it is sure where it ends."""
    begun: _Begun | None = None
    for number, line in enumerate((line.rstrip("\r\n") for line in lines), 1):
        if not line:
            continue
        if begun is not None and begun.goes_on(line, judge):
            begun.add(line)
        else:
            if begun is not None:
                yield begun.message()
            begun = _Begun(number, *_split(line, judge))
        if begun.is_whole:
            yield begun.message()
            begun = None
    if begun is not None:
        yield begun.message()


class _Begun:
    """A message that may go on in the next line."""

    def __init__(self, line: int, topic: str, payload: str) -> None:
        self._line = line
        self._topic = topic
        self._lines = [payload]
        self._is_json = payload.startswith(_JSON)
        self._depth = _opened(payload) if self._is_json else 0
        self._length = len(payload)

    @property
    def is_whole(self) -> bool:
        """Whether nothing can follow."""
        if self._is_json:
            return self._depth <= 0 or self._length > LONGEST
        return self._lines[0].startswith(HEX)

    def goes_on(self, line: str, judge: Judge) -> bool:
        """Whether the line belongs to this message."""
        if self._is_json and line[0] in _INSIDE_JSON:
            return True
        topic, payload = _split(line, judge)
        if payload.startswith(HEX) or judge(*_as_message(topic, payload)) >= 0:
            return False
        if self._is_json:
            return True
        alone = judge(self._topic, as_bytes(self._lines[-1]))
        return alone < judge(self._topic, as_bytes(f"{self._lines[-1]}\n{line}"))

    def add(self, line: str) -> None:
        """Take it in."""
        self._lines.append(line)
        self._length += len(line)
        self._depth += _opened(line) if self._is_json else 0

    def message(self) -> Heard | Unreadable:
        """What has come."""
        try:
            return Heard(*_as_message(self._topic, "\n".join(self._lines)), self._line)
        except NotHexadecimal as error:
            return Unreadable(self._line, str(error))


def _split(line: str, judge: Judge) -> tuple[str, str]:
    """(topic, payload) by the rule above."""
    found: list[tuple[str, str]] = []
    for blank in islice(re.finditer(" ", line), _BLANKS):
        found.append((line[: blank.start()], line[blank.end() :]))
        if found[-1][1].startswith((HEX, *_JSON)):
            break
    if not found:
        return line, ""
    if len(found) == 1 or found[-1][1].startswith(HEX):
        return found[-1]
    return max(found, key=lambda each: (min(judge(*_as_message(*each)), 1), each[1].startswith(_JSON)))


def _as_message(topic: str, payload: str) -> tuple[str, bytes]:
    named = topic.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return named, b"" if payload == NOTHING_SENT else as_bytes(payload)


def _opened(text: str) -> int:
    """How many brackets more are opened than closed; strings of JSON end on the line on which they begin."""
    plain = _STRING.sub("", text)
    return sum(map(plain.count, "{[")) - sum(map(plain.count, "}]"))
