"""What a birth teaches: the names behind aliases, their datatypes, and which of them are metrics of the hub.

A table is made of plain values, so that it can be kept: ``{"aliases": {"12": name}, "names": {name: [datatype, point,
unit, to]}}``. ``point`` is what readings are stored under (empty: never a reading); ``unit`` and ``to`` say which conversion
the values need (both empty: none).

A metric ``Zone 1/Temperature`` with the unit ``°F`` is the hub's ``temperature``. Sparkplug has no standard for units, so
without one only a count, a switch or a word is certain, and what is called exactly like a metric of the hub; everything else
keeps its own name. Where two metrics of a device would be the same one, both keep their own names and their meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypedDict

from devices.contract import Announcement, DeviceRef, Limits, PointInfo, Problem
from devices.formats.json_bytes import show
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_payload import (
    BOOL,
    DOUBLE,
    FLOAT,
    PLAIN,
    TEMPLATE,
    TEXT,
    Metric,
    read_properties,
    read_template,
)
from devices.formats.sparkplug_tables import open_tables
from devices.formats.sparkplug_values import (
    BOOLEAN,
    FAMILY,
    NUMBER,
    NUMBERS,
    SWITCH,
    WORD,
    WrongType,
    name_of,
    read_value,
)
from devices.units import UNITS, unit_of
from devices.words import SWITCHES, TEXTS, UNIT_OF, metric_for, passes_for, plain

MOST_METRICS: Final = 20_000
"""Metrics of one birth, members of templates among them."""
_CONTROLS: Final = ("Node Control/", "Device Control/")
_UNIT_KEYS: Final = frozenset(
    {"eng_unit", "eng_units", "engunit", "engineering_unit", "engineering_units", "uom", "unit", "units"}
)
_LABEL_KEYS: Final = frozenset({"description", "documentation", "tooltip"})
_FACT_FOLDERS: Final = frozenset({"properties", "node_info", "device_info", "info"})
_FACTS: Final[Mapping[str, str]] = {
    word: fact
    for fact, words in {
        "maker": "maker manufacturer vendor make hardware_make hw_make hardware_manufacturer",
        "model": "model device_model hardware_model hw_model product",
        "firmware": "firmware firmware_version fw_version fw software_version sw_version version",
        "serial": "serial serial_number serial_no sn",
    }.items()
    for word in words.split()
}
_UPKEEP: Final = frozenset({"battery", "battery_voltage", "signal", "uptime"})
_UNIT_LENGTH: Final = 32
_KINDS: Final[Mapping[str, int]] = {
    BOOL: BOOLEAN,
    FLOAT: NUMBERS["Double"],
    DOUBLE: NUMBERS["Double"],
    TEXT: NUMBERS["String"],
}
_PLAIN_KINDS: Final[Mapping[type, int]] = {
    bool: BOOLEAN,
    int: NUMBERS["Int64"],
    float: NUMBERS["Double"],
    str: NUMBERS["String"],
}


class Table(TypedDict):
    """What is kept of a birth, as the module says."""

    aliases: dict[str, str]
    names: dict[str, list[Any]]


class Birth(NamedTuple):
    """What was learned, what is to be told, and what was wrong."""

    table: Table
    announcement: Announcement
    problems: list[Problem]


class _Point(NamedTuple):
    name: str
    datatype: int
    unit: str
    metric: str
    label: str


def is_control(name: str) -> bool:
    """Whether it steers the node, or belongs to the protocol; never a reading."""
    return name == "bdSeq" or name.startswith(_CONTROLS)


def walk(
    metrics: list[Metric], aliases: Mapping[str, str], depth: int, bad: list[str], folder: str = ""
) -> Iterator[tuple[str | None, Metric]]:
    """Every metric with its name; members of a template follow it as ``template/member``. Definitions are left out.

    The name is None where neither name nor alias leads to one; what cannot be read is named in ``bad``.
    """
    for metric in metrics:
        name = metric.name
        if not name:
            name = aliases.get(str(metric.alias)) if metric.alias is not None else None
        elif folder:
            name = f"{folder}/{name}"
        if metric.kind != TEMPLATE or metric.is_null:
            yield name, metric
            continue
        if not depth:
            bad.append(f"template {show(name)} stands in more templates than the hub looks into")
            continue
        try:
            template = read_template(metric.value)
        except WireError as error:
            bad.append(f"template {show(name)} cannot be read ({error})")
            continue
        if template.is_definition:
            continue
        yield name, metric
        if name:
            for member in template.metrics:
                member.timestamp = metric.timestamp if member.timestamp is None else member.timestamp
                member.is_historical = member.is_historical or metric.is_historical
                member.is_transient = member.is_transient or metric.is_transient
            yield from walk(template.metrics, aliases, depth - 1, bad, name)


def learn(device: DeviceRef, shown: str, via: DeviceRef | None, metrics: list[Metric], limits: Limits) -> Birth:
    """Read a birth of the device that people call ``shown``. Never raises."""
    table = Table(aliases={}, names={})
    facts: dict[str, str] = {}
    problems: list[Problem] = []
    points: list[_Point] = []
    unreadable: list[str] = []  # named when the values are read
    for name, metric in walk(open_tables(metrics, unreadable), {}, limits.depth, unreadable):
        if len(table["names"]) >= MOST_METRICS:
            detail = f"more than {MOST_METRICS} metrics in one birth; the rest is left out: spread them over devices"
            problems.append(Problem("too_many_metrics", detail, device, whole=False))
            break
        if not name or len(name) > limits.text or not name.isprintable():
            detail = f"a metric named {show(name)} in a birth: give each 1 to {limits.name} printable characters"
            problems.append(Problem("bad_name", detail, device, whole=False))
            continue
        if metric.alias is not None:
            table["aliases"][str(metric.alias)] = name
        datatype = metric.datatype or _shown_type(metric)
        table["names"][name] = [datatype, "", "", ""]
        if is_control(name) or _note_fact(facts, name, metric, datatype) or datatype not in FAMILY:
            continue
        unit, label = _properties(metric)
        points.append(_Point(name, datatype, unit, canonical(name, datatype, unit), label))
    announcement = Announcement(
        device=device,
        name=shown,
        maker=facts.get("maker", ""),
        model=facts.get("model", ""),
        firmware=facts.get("firmware", ""),
        serial=facts.get("serial", ""),
        via=via,
        points=tuple(_name_points(device, points, table, limits, problems)),
    )
    return Birth(table, announcement, problems)


def _name_points(
    device: DeviceRef, points: list[_Point], table: Table, limits: Limits, problems: list[Problem]
) -> Iterator[PointInfo]:
    """Say where readings go: under the metric where only one of the points has it, else under their own names."""
    # a name may come twice in a birth: the last one holds
    last = {point.name: point for point in points}
    shared = Counter(point.metric for point in last.values() if point.metric)
    for name, datatype, unit, metric, label in last.values():
        place = metric if shared[metric] == 1 else own_name(name, metric, unit or name_of(datatype))
        if len(place) > limits.name:
            detail = f"metric {show(place)} has {len(place)} characters: give it a name of at most {limits.name}"
            problems.append(Problem("bad_name", detail, device, whole=False))
            continue
        to = UNIT_OF.get(metric, "") if unit else ""
        same = not to or unit_of(unit) == UNITS[to]
        table["names"][name] = [datatype, place, "" if same else unit, "" if same else to]
        yield PointInfo(place, metric, unit, label or (name if place != name else ""), upkeep=metric in _UPKEEP)


def canonical(name: str, datatype: int, unit: str) -> str:
    """The hub's metric that these values are, in its unit or in one that converts; empty where that is not certain."""
    word = name.rpartition("/")[2].rpartition(".")[2]
    metric, family = metric_for(word), FAMILY.get(datatype)
    if metric in SWITCHES:
        return metric if family == SWITCH else ""
    if metric in TEXTS:
        return metric if family == WORD else ""
    if not metric or family != NUMBER:
        return ""
    to = UNIT_OF[metric]
    if not unit:
        return metric if to.startswith("{") or to == "1" or passes_for(name) == metric else ""
    found, target = unit_of(unit), UNITS.get(to)
    return metric if found is not None and target is not None and found.dimension == target.dimension else ""


def own_name(name: str, metric: str, what: str) -> str:
    """The metric's own name; with its unit or datatype where the hub would read another meaning out of it."""
    return name if passes_for(name) in ("", metric) else f"{name} [{what}]"


def _shown_type(metric: Metric) -> int:
    """The datatype that a value shows by itself; 0 for an integer, whose width and sign it does not show."""
    if metric.kind == PLAIN:
        return _PLAIN_KINDS.get(type(metric.value), 0)
    return _KINDS.get(metric.kind, 0)


def _note_fact(facts: dict[str, str], name: str, metric: Metric, datatype: int) -> bool:
    """Whether it says what the device is rather than what it measures."""
    if FAMILY.get(datatype) != WORD:
        return False
    folder, _, word = name.rpartition("/")
    fact = _FACTS.get(plain(word))
    if fact is None or plain(folder) not in _FACT_FOLDERS:
        return False
    try:
        value = read_value(metric.kind, metric.value, datatype)
    except (WireError, WrongType):
        return False
    if isinstance(value, str) and value.isprintable() and value.strip():
        facts.setdefault(fact, value.strip()[:128])
    return True


def _properties(metric: Metric) -> tuple[str, str]:
    """(unit, label) as the sender wrote them; empty where there are none that can be read."""
    unit = label = ""
    if metric.properties is None:
        return unit, label
    with suppress(WireError, WrongType):
        for key, found in read_properties(metric.properties).items():
            word = plain(key)
            if word not in _UNIT_KEYS and word not in _LABEL_KEYS:
                continue
            text = None if found.is_null else read_value(found.kind, found.value, found.datatype)
            if not isinstance(text, str) or not text.isprintable():
                continue
            if word in _UNIT_KEYS:
                unit = unit or text.strip()[:_UNIT_LENGTH]
            else:
                label = label or text.strip()[:128]
    return unit, label
