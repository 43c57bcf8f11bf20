"""From the metrics of a message to samples, by what the birth said of them."""

from __future__ import annotations

from typing import Any, Final

from devices.contract import DeviceRef, Limits, Problem, Quality, Sample
from devices.formats.json_bytes import show
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_births import Table, canonical, is_control, own_name, walk
from devices.formats.sparkplug_payload import TEMPLATE as OPENED
from devices.formats.sparkplug_payload import Metric, Payload, read_properties
from devices.formats.sparkplug_tables import open_tables
from devices.formats.sparkplug_values import FAMILY, TEMPLATE, WrongType, name_of, read_value
from devices.units import convert
from devices.words import own_value

MOST_READINGS: Final = 2_000
"""Of one message."""
_UNKNOWN_KEPT: Final = 8
_UNKNOWN_LENGTH: Final = 64
_QUALITIES: Final[dict[int, Quality]] = {0: "bad", 192: "good", 500: "stale"}


class Gathered:
    """What one message said of one device."""

    __slots__ = (
        "_aliases",
        "_at_birth",
        "_groups",
        "_limits",
        "_names",
        "_places",
        "device",
        "problems",
        "strange",
        "unborn",
        "unknown",
    )

    def __init__(
        self, device: DeviceRef, table: Table, limits: Limits, *, aliases_hold: bool = True, at_birth: bool = False
    ) -> None:
        self.device = device
        self.problems: list[Problem] = []
        self.unknown: list[str] = []
        """Names of metrics that can never be a reading: files, bytes, long arrays, tables that stay closed."""
        self.strange: list[str] = []
        """Aliases that no birth announced, or whose values are not what it announced."""
        self.unborn: list[str] = []
        """Names that the birth left out and whose datatype nobody says."""
        self._aliases: dict[str, str] = table["aliases"] if aliases_hold else {}
        self._names = table["names"]
        self._limits = limits
        self._at_birth = at_birth
        self._groups: dict[tuple[int | None, bool, Quality], dict[str, Any]] = {}
        self._places: set[str] | None = None

    def take(self, payload: Payload, *, told_again: bool = False) -> None:
        """Read every metric. ``told_again``: the whole message was kept back by somebody."""
        bad: list[str] = []
        count = 0
        opened = open_tables(payload.metrics, bad, self._born)
        for name, metric in walk(opened, self._aliases, self._limits.depth, bad):
            if not name:
                self._nameless(metric)
                continue
            found = self._reading(name, metric)
            if found is None:
                continue
            count += 1
            if count > MOST_READINGS:
                detail = f"more than {MOST_READINGS} readings in one message: divide them among messages or devices"
                self.problems.append(Problem("too_many_values", detail, self.device, whole=False))
                break
            time = payload.timestamp if metric.timestamp is None else metric.timestamp
            quality: Quality = "good" if metric.properties is None else self._quality(name, metric)
            key = (time, told_again or metric.is_historical, quality)
            values = self._groups.get(key)
            if values is None:
                values = self._groups[key] = {}
            values[found[0]] = found[1]
        self._note(*bad, *payload.bad)

    def samples(self) -> tuple[Sample, ...]:
        """One for each moment, quality and way of being told."""
        return tuple(
            Sample(self.device, time, values, None, quality, told_again)
            for (time, told_again, quality), values in self._groups.items()
        )

    def _reading(self, name: str, metric: Metric) -> tuple[str, float | bool | str] | None:
        """(point, value), or None where it is none."""
        entry = self._names.get(name) or self._unborn(name, metric)
        if entry is None:
            return None
        born, point, unit, to = entry
        datatype = metric.datatype or born
        if not point:
            if not _opens(metric, datatype) and not is_control(name):
                self._pass_over(name)
            return None
        if metric.is_null or metric.is_transient:
            return None
        try:
            if datatype != born and FAMILY.get(datatype) != FAMILY[born]:
                raise WrongType(f"{name_of(datatype)} where the birth said {name_of(born)}")  # noqa: TRY301 - as a value that is of another type
            value = own_value(read_value(metric.kind, metric.value, datatype))
        except (WrongType, WireError) as error:
            if not metric.name:
                self.strange.append(str(metric.alias))
            else:
                problem = Problem("wrong_type", f"metric {show(name)}: {error}", self.device, whole=False)
                self.problems.append(problem)
            return None
        if isinstance(value, str) and not self._fits(name, value):
            return None
        if unit and isinstance(value, float):
            value = convert(value, unit, to)
        return None if value is None else (point, value)

    def _nameless(self, metric: Metric) -> None:
        if metric.alias is not None:
            self.strange.append(str(metric.alias))
        elif not self._at_birth:
            detail = "a metric with neither name nor alias: send one of them"
            self.problems.append(Problem("bad_name", detail, self.device, whole=False))

    def _born(self, metric: Metric) -> int:
        """The datatype that the birth gave it; 0 where it gave none."""
        entry = self._names.get(metric.name or self._aliases.get(str(metric.alias), ""))
        return entry[0] if entry is not None else 0

    def _unborn(self, name: str, metric: Metric) -> list[Any] | None:
        """What to make of a metric that the birth left out: with a datatype of its own it is kept under its own name."""
        datatype = metric.datatype
        if self._at_birth or is_control(name):  # what a birth cannot keep it has named already
            return None
        if datatype not in FAMILY:
            if datatype and not _opens(metric, datatype):
                self._pass_over(name)
            elif not datatype:
                self.unborn.append(name)
            return None
        place = own_name(name, canonical(name, datatype, ""), name_of(datatype))
        if self._places is None:
            self._places = {entry[1] for entry in self._names.values()}
        if len(place) <= self._limits.name and place.isprintable() and place not in self._places:
            return [datatype, place, "", ""]
        right = f"announce it under 1 to {self._limits.name} printable characters of its own"
        problem = Problem("bad_name", f"metric {show(name)}, which is in no birth: {right}", self.device, whole=False)
        self.problems.append(problem)
        return None

    def _fits(self, name: str, text: str) -> bool:
        if len(text) > self._limits.text:
            detail = f"metric {show(name)} has a text of {len(text)} characters: at most {self._limits.text} are taken"
            self.problems.append(Problem("text_too_long", detail, self.device, whole=False))
            return False
        if "\0" in text:
            detail = f"metric {show(name)} is {show(text)}: leave out the NUL character"
            self.problems.append(Problem("bad_text", detail, self.device, whole=False))
            return False
        return True

    def _quality(self, name: str, metric: Metric) -> Quality:
        """What the property ``Quality`` says. Good where it says nothing."""
        try:
            properties = read_properties(metric.properties or {})
            found = properties.get("Quality") or properties.get("quality")
            code = None if found is None else read_value(found.kind, found.value, found.datatype)
        except (WrongType, WireError) as error:
            self._note(f"the properties of metric {show(name)} cannot be read ({error})")
            return "good"
        return quality_of(code) if isinstance(code, int) and not isinstance(code, bool) else "good"

    def _pass_over(self, name: str) -> None:
        if len(self.unknown) < _UNKNOWN_KEPT:
            self.unknown.append(name[:_UNKNOWN_LENGTH])

    def _note(self, *sentences: str) -> None:
        for each in sentences:
            detail = f"{each}: write it as chapter 6 of the specification says"
            self.problems.append(Problem("bad_metric", detail, self.device, whole=False))


def _opens(metric: Metric, datatype: int) -> bool:
    """Whether it is a reading by itself, or was opened and its members are; null says nothing of either."""
    return datatype in FAMILY or datatype == TEMPLATE or metric.kind == OPENED or metric.is_null


def quality_of(code: int) -> Quality:
    """OPC: 0 to 63 bad, 64 to 191 uncertain, 192 to 255 good; 500 is stale, other codes beyond 255 are kinds of bad."""
    known = _QUALITIES.get(code)
    if known is not None:
        return known
    if 64 <= code < 192:
        return "uncertain"
    return "good" if 192 <= code < 256 else "bad"
