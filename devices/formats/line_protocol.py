"""InfluxDB line protocol: text to points. Knows nothing of devices and metrics.

    measurement,tag=value,tag=value field=1.5,other=2i,word="text" 1763800000123000000

A backslash escapes a comma or a blank (in keys and tag values also ``=``), in texts a quote or a backslash; before anything
else it is itself. Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/.
"""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from devices.formats.json_bytes import show

_MEASUREMENT: Final = re.compile(r"(?>\\[, ]|[^, \n])++")
_KEY: Final = re.compile(r"(?>\\[,= ]|[^,= \n])++")
_FIELD: Final = re.compile(
    r"""((?>\\[,=\ ]|[^,=\ \n])++)=                                     # key; what is escaped stays in it
        (?:([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)([iu]?)       # number, and what kind of whole number
          |([tT]|true|True|TRUE)|([fF]|false|False|FALSE)
          |"((?:[^"\\]|\\.)*+)"
          |([+-]?(?i:nan|inf(?:inity)?)))                                # what some writers have for no number
        (?=[,\ \r\n]|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\([,= ])")
_ESCAPED_IN_MEASUREMENT: Final = re.compile(r"\\([, ])")
_ESCAPED_IN_TEXT: Final = re.compile(r'\\(["\\])')
_REST: Final = re.compile(r"[ ]*(-?\d{1,20})?[ ]*\r?(?:\n|\Z)")
_LONGEST_NUMBER: Final = 400
_MOST_WRONG: Final = 100
"""Lines that are no points; a text with more of them is something else."""
_RANGES: Final = {"i": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1)}


class Point(NamedTuple):
    """One line."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | bool | str]
    """A number may be none (NaN), or infinite: beyond what a float holds."""
    time: int | None
    """In the units of the line's timestamp; None where it has none."""


class BadLine(NamedTuple):
    """What is wrong with a line, and which it is."""

    line: int
    text: str


_Heads = dict[str, tuple[str, dict[str, str]]]
"""Measurement and tags by the text before a line's first blank, where they end there: lines of a batch begin alike."""


class _Wrong(ValueError):
    """What is wrong, at ``at``."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at


def read_lines(text: str, most: int) -> tuple[list[Point], list[BadLine]]:
    """The points of a text of at most ``most`` fields in all, and the lines that are none.

    Goes on behind a bad line, but not behind a hundred.
    """
    points: list[Point] = []
    wrong: list[BadLine] = []
    heads: _Heads = {}
    at, fields, end = 0, 0, len(text)
    line, counted = 1, 0
    while at < end:
        first = text[at]
        if first in " \r\n\t":
            at += 1
            continue
        if first == "#":
            at = _next_line(text, at)
            continue
        try:
            point, behind = _point(text, at, heads)
        except _Wrong as error:
            line += text.count("\n", counted, error.at)
            counted = error.at
            if len(wrong) == _MOST_WRONG:
                wrong.insert(
                    0, BadLine(line, f"after {_MOST_WRONG} bad lines nothing more is read: send line protocol")
                )
                break
            wrong.append(BadLine(line, f"{error}"))
            at = _next_line(text, error.at)
            continue
        fields += len(point.fields)
        if fields > most:
            line += text.count("\n", counted, at)
            wrong.append(BadLine(line, f"more than {most} fields in one message: send smaller batches"))
            break
        points.append(point)
        at = behind
    return points, wrong


def read_series(text: str, at: int = 0) -> tuple[str, dict[str, str], int]:
    """(measurement, tags, where the fields begin) of the line at ``at``. ValueError says what is wrong."""
    found = _MEASUREMENT.match(text, at)
    if found is None:
        raise _Wrong(at, f"{show(text[at : at + 20])}: a measurement's name is expected")
    measurement = found[0]
    tags: dict[str, str] = {}
    at = found.end()
    while text.startswith(",", at):
        key = _KEY.match(text, at + 1)
        if key is None or not text.startswith("=", key.end()):
            raise _Wrong(at, f"{show(text[at : at + 20])}: tag=value is expected")
        value = _KEY.match(text, key.end() + 1)
        if value is None or text.startswith("=", value.end()):
            raise _Wrong(
                key.end(), f"tag {show(key[0])} has no value: tag=value is expected, blanks, commas and = escaped"
            )
        tags[_plain(key[0])] = _plain(value[0])
        at = value.end()
    return (_ESCAPED_IN_MEASUREMENT.sub(r"\1", measurement) if "\\" in measurement else measurement), tags, at


def _point(text: str, at: int, heads: _Heads) -> tuple[Point, int]:
    """The point at ``at``, and where the next line begins."""
    measurement, tags, at = _head(text, at, heads)
    if not text.startswith(" ", at):
        raise _Wrong(at, f"{show(measurement)} has no fields: measurement field=value is expected")
    while text.startswith(" ", at):
        at += 1
    fields: dict[str, float | bool | str] = {}
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise _Wrong(at, f'{show(text[at : at + 30])}: field=1.5, field=2i, field=true or field="text" is expected')
        key, number, kind, yes, _, words, odd = found.groups()
        if number is not None:
            value: float | bool | str = _number(number, kind, at)
        elif words is not None:
            value = _ESCAPED_IN_TEXT.sub(r"\1", words) if "\\" in words else words
        elif odd is not None:
            value = float(odd)
        else:
            value = yes is not None
        fields[_plain(key)] = value
        at = found.end()
        if not text.startswith(",", at):
            break
        at += 1
    rest = _REST.match(text, at)
    if rest is None:
        raise _Wrong(at, f"{show(text[at : at + 30])} behind the fields: a timestamp of digits is expected")
    return Point(measurement, tags, fields, int(rest[1]) if rest[1] else None), rest.end()


def _head(text: str, at: int, heads: _Heads) -> tuple[str, dict[str, str], int]:
    """As ``read_series``, which is asked once for lines that begin alike."""
    blank = text.find(" ", at)
    head = text[at:blank]
    if (known := heads.get(head)) is not None:
        return *known, blank
    found = read_series(text, at)
    if found[2] == blank:
        heads[head] = found[:2]
    return found


def _number(number: str, kind: str, at: int) -> float:
    if kind:
        if not number.lstrip("+-").isdigit() or len(number) > 21:
            raise _Wrong(at, f"{show(number + kind)}: a whole number that 64 bits hold is expected before {kind}")
        low, high = _RANGES[kind]
        if not low <= int(number) <= high:
            raise _Wrong(at, f"{show(number + kind)}: a whole number that 64 bits hold is expected before {kind}")
    return float(number) if len(number) <= _LONGEST_NUMBER else math.inf


def _plain(word: str) -> str:
    return _ESCAPED.sub(r"\1", word) if "\\" in word else word


def _next_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
