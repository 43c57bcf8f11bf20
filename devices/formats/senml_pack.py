"""SenML packs (RFC 8428): the records with their base values worked in. Knows nothing of devices and metrics."""

from __future__ import annotations

import math
import re
from typing import Any, Final, NamedTuple

from devices.contract import Problem
from devices.formats.json_bytes import show

LABELS: Final = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""The CBOR keys (section 6)."""

NEWEST_VERSION: Final = 10
RELATIVE: Final = 2**28
"""Seconds; a smaller time counts from now (section 4.5.3)."""
_LARGEST_TIME: Final = 1e11
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]{0,254}")
_LONGEST_UNIT: Final = 64
_KEYS: Final = frozenset(LABELS.values())
_BASE_KEYS: Final = frozenset({"bn", "bt", "bu", "bv", "bs", "bver"})
_EVERYDAY: Final = _BASE_KEYS - {"bv", "bs"} | {"n", "u", "v", "t"}
_BASES: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("bn", str), ("bt", (int, float)), ("bu", str), ("bv", (int, float)), ("bs", (int, float)), ("bver", int),
)  # fmt: skip
_VALUES: Final[tuple[tuple[str, type | tuple[type, ...]], ...]] = (
    ("v", (int, float)), ("vs", str), ("vb", bool), ("vd", (str, bytes)),
)  # fmt: skip
_SUM: Final[tuple[str, tuple[type, ...]]] = ("s", (int, float))
_KINDS: Final = {
    "v": "a number",
    "s": "a number",
    "vs": "a text",
    "vb": "true or false",
    "vd": "text in base64url, or bytes",
}


class Record(NamedTuple):
    """One resolved record."""

    base: str
    """The base name in effect."""
    own: str
    """The record's own part of the name."""
    unit: str
    time: float | None
    """POSIX seconds; None: the moment of the message, because the record gives no time."""
    value: float | bool | str | None
    """None: only a sum, or data that are no reading."""
    sum: float | None
    update: float | None
    """The longest silence that the sensor promises, in seconds."""
    data: bool = False
    """The value was bytes (``vd``)."""

    @property
    def name(self) -> str:
        """The whole name."""
        return self.base + self.own


class Pack(NamedTuple):
    """What became of a pack."""

    records: list[Record]
    problems: list[Problem]
    """One for each record that had to be left out."""
    unknown: list[str]
    """Keys that RFC 8428 does not know; it says to ignore them."""


class _Refused(ValueError):
    """The pack cannot be read, from here on or at all."""

    def __init__(self, problem: Problem, *, all_of_it: bool) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.all_of_it = all_of_it


def resolve(pack: object, now: float, most: int) -> Pack:
    """The records of a pack, ``now`` in POSIX seconds, at most ``most``; and what is wrong with the others."""
    out = Pack([], [], [])
    if not isinstance(pack, list) or not pack or not all(isinstance(each, dict) for each in pack):
        out.problems.append(Problem("not_a_pack", f"found {show(pack)}: a pack is an array of one or more objects"))
        return out
    try:
        _resolve(pack, now, most, out)
    except _Refused as error:
        if error.all_of_it:
            out.records.clear()
            out.problems.clear()
        out.problems.append(error.problem)
    return out


def _resolve(pack: list[dict[Any, Any]], now: float, most: int, out: Pack) -> None:
    base: dict[str, Any] = {"bn": "", "bt": 0, "bu": "", "bv": 0, "bs": 0}
    for place, sent in enumerate(pack):
        if place >= most:
            detail = f"{len(pack)} records in one pack: at most {most} are taken"
            raise _Refused(Problem("too_many_values", detail), all_of_it=False)
        record = sent if sent.keys() <= _KEYS else _spelled_out(sent, place, out)
        if not _BASE_KEYS.isdisjoint(record):
            _take_bases(record, base, place)
        found = _one(record, base, now, place)
        if isinstance(found, Record):
            out.records.append(found)
        elif found is not None:
            out.problems.append(found)


def _spelled_out(sent: dict[Any, Any], place: int, out: Pack) -> dict[str, Any]:
    """The record under the keys of JSON; keys that nobody knows are noted, and those that must be known refuse the pack."""
    record: dict[str, Any] = {}
    for key, value in sent.items():
        name = LABELS.get(key) if isinstance(key, int) and not isinstance(key, bool) else key
        if isinstance(name, str) and name in _KEYS:
            record[name] = value
        elif isinstance(name, str) and name.endswith("_"):
            detail = f"record {place} has {show(name)}: a key that ends in _ has to be understood, and this one is not"
            raise _Refused(Problem("must_understand", detail), all_of_it=True)
        elif len(out.unknown) < 8:
            word = str(key)[:64]
            out.unknown.append(word if word.isprintable() else ascii(word))
    return record


def _take_bases(record: dict[str, Any], base: dict[str, Any], place: int) -> None:
    """Base fields hold from their record on. One that cannot be read leaves nothing behind it that could be."""
    for key, kind in _BASES:
        value = record.get(key)
        if value is None:
            continue
        if not isinstance(value, kind) or isinstance(value, bool) or not _finite(value):
            detail = f"record {place}: {key} is {show(value)}, and all records from here on rest on it"
            raise _Refused(Problem("bad_base", detail), all_of_it=False)
        base[key] = value
    if base.get("bver", NEWEST_VERSION) > NEWEST_VERSION:
        detail = f"bver is {show(base['bver'])}: at most {NEWEST_VERSION} is known"
        raise _Refused(Problem("bad_version", detail), all_of_it=True)


def _one(record: dict[str, Any], base: dict[str, Any], now: float, place: int) -> Record | Problem | None:
    """One record, or what is wrong with it; None for one that only sets base values, or says null."""
    value = record.get("v")
    if value.__class__ is float and not base["bv"] and record.keys() <= _EVERYDAY:
        return _named(record, base, now, place, (value, None, None, False))
    values = [(key, kind) for key, kind in _VALUES if record.get(key) is not None]
    summed = record.get("s")
    if not values and summed is None:
        return _without_value(record, place)
    problem = _wrong_with(record, values, place)
    if problem is not None:
        return problem
    key = values[0][0] if values else "v"
    value = record.get(key) if key != "vd" else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = _sum(value, base["bv"])
        if value is None:
            right = "a number that a 64-bit float can hold is expected"
            return Problem("not_finite", f"record {place}: v is {show(record['v'])}, bv is {show(base['bv'])}: {right}")
    total = _sum(summed, base["bs"]) if summed is not None else None
    return _named(record, base, now, place, (value, total, _update(record.get("ut")), key == "vd"))


def _named(
    record: dict[str, Any],
    base: dict[str, Any],
    now: float,
    place: int,
    said: tuple[Any, float | None, float | None, bool],
) -> Record | Problem:
    """The record with its whole name, unit and time."""
    own, unit = record.get("n", ""), record.get("u", base["bu"])
    if not isinstance(own, str) or not isinstance(unit, str) or len(unit) > _LONGEST_UNIT:
        return Problem("bad_record", f"record {place}: n is {show(own)}, u is {show(unit)}: short texts are expected")
    if not _NAME.fullmatch(base["bn"] + own):
        right = "at most 255 letters, digits and - : . / _ are expected, a letter or digit first"
        return Problem("bad_name", f"record {place}: the name is {show(base['bn'] + own)}: {right}")
    time = _time(record.get("t", 0), base["bt"], now, place) if base["bt"] or "t" in record else None
    if isinstance(time, Problem):
        return time
    return Record(base["bn"], own, unit, time, *said)


def _without_value(record: dict[str, Any], place: int) -> Problem | None:
    stray = [key for key in ("n", "u", "t", "ut") if key in record]
    if not stray or any(key in record for key in ("v", "vs", "vb")):
        return None
    return Problem("no_value", f"record {place} has {', '.join(stray)} and no value: v, vs, vb, vd or s is expected")


def _wrong_with(record: dict[str, Any], values: list[tuple[str, Any]], place: int) -> Problem | None:
    if len(values) > 1:
        both = " and ".join(key for key, _ in values)
        return Problem("bad_record", f"record {place} has {both} at once: one value is expected")
    for key, kind in (*values, _SUM) if record.get("s") is not None else values:
        if not isinstance(record[key], kind) or (kind is not bool and isinstance(record[key], bool)):
            detail = f"record {place}: {key} is {show(record[key])}: {_KINDS[key]} is expected"
            return Problem("bad_record", detail)
    return None


def _time(own: object, base: float, now: float, place: int) -> float | Problem | None:
    if isinstance(own, bool) or not isinstance(own, (int, float)) or not _finite(own):
        return Problem("bad_time", f"record {place}: t is {show(own)}: a number of seconds is expected")
    time = float(base) + float(own)
    if time == 0:
        return None
    if abs(time) > _LARGEST_TIME:
        return Problem(
            "bad_time", f"record {place}: t is {show(own)}, bt is {show(base)}: seconds, not milliseconds, are expected"
        )
    return time if time >= RELATIVE else now + time


def _update(value: object) -> float | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and _finite(value) and value > 0
    return float(value) if good and isinstance(value, (int, float)) else None


def _sum(value: float, base: float) -> float | None:
    """Their sum; None where it is no number that a reading can have."""
    if not _finite(value):
        return None
    found = float(value) + float(base) if base else float(value)
    return found if math.isfinite(found) else None


def _finite(value: object) -> bool:
    """Whether a number can be a float; other kinds are no matter."""
    try:
        return not isinstance(value, (int, float)) or math.isfinite(value)
    except OverflowError:
        return False
