"""The entities of one discovery message: which topics have their states, and how each state is read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from devices.contract import PointInfo, PointKind
from devices.formats.homeassistant_template import template_of
from devices.formats.homeassistant_words import (
    COMPONENTS,
    KIND_OF,
    MEASURED,
    NO_READING,
    NOTICED,
    OF_THE_AIR,
    SHORT,
    Part,
)
from devices.formats.json_bytes import show
from devices.formats.points import clean, own_name, scale, slug
from devices.words import SWITCHES, UNIT_OF, metric_for

MOST_ENTITIES: Final = 500
"""Components of one device message."""
_MOST_WORDS: Final = 64
_MOST_AVAILABILITY: Final = 16
_LONGEST_TOPIC: Final = 512
_LONGEST_WORD: Final = 128
_TOPIC: Final = re.compile(r"[^$+#\x00-\x1f][^+#\x00-\x1f]*")
_ROOT_ONLY: Final = frozenset({"device", "components", "origin", "~"})


class Entity(NamedTuple):
    """One component of a discovery message, its keys written out and its topics complete."""

    key: str
    """What tells it from the others of its message; empty where it is alone."""
    platform: str
    options: dict[str, Any]
    own: str
    """The object id as a name for its points."""


class Point(NamedTuple):
    """One state of an entity."""

    topic: str
    template: str
    step: list[Any]
    """``[number, name, factor, offset]``, ``[switch, name, on, off]``, ``[word, name, {payload: meaning}]``, ``[any, name]``."""
    info: PointInfo
    channel: str
    """Before the name where another entity of the device measures the same."""


def written_out(found: Mapping[str, Any], short: Mapping[str, str] = SHORT) -> dict[str, Any]:
    """With every known abbreviation replaced; a key that is there in both forms is the long one."""
    return {short.get(key, key): value for key, value in found.items() if key not in short} | {
        short[key]: value for key, value in found.items() if key in short and short[key] not in found
    }


def entities_of(found: dict[str, Any], component: str, prefixes: list[str], object_id: str) -> list[Entity]:
    """The entities of a message that is written out at its top. The device form gives its options to each component."""
    base = found.get("~")
    if component != "device":
        return [Entity("", component, _based(found, base), _own(object_id, prefixes, component))]
    shared = {key: value for key, value in found.items() if key not in _ROOT_ONLY}
    components = found.get("components")
    entities: list[Entity] = []
    for key, sent in list(components.items())[:MOST_ENTITIES] if isinstance(components, dict) else ():
        own = written_out(sent) if isinstance(sent, dict) else {}
        if len(own) < 2:  # a platform alone takes the component back
            continue
        platform = clean(own.get("platform"))
        below = own.get("~", base)
        options = _based(shared | own | {"~": below}, below)
        entities.append(Entity(key[:_LONGEST_WORD], platform, options, _own(key, prefixes, platform)))
    return entities


def _based(options: dict[str, Any], base: object) -> dict[str, Any]:
    """``~`` at the start or the end of a topic stands for the base topic."""
    if not isinstance(base, str):
        return options
    return {key: _full(value, base) if key.endswith("topic") else value for key, value in options.items()}


def _full(topic: object, base: str) -> object:
    if not isinstance(topic, str):
        return topic
    if topic.startswith("~"):
        return base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic


def _own(object_id: str, prefixes: list[str], platform: str) -> str:
    """The object id without the device's own id before it, as a slug."""
    name = slug(object_id)
    for prefix in prefixes:
        if prefix and name.startswith(prefix) and len(name) > len(prefix) and name[len(prefix)] in "_-":
            name = name[len(prefix) :].strip("_-")
    if not name:
        name = f"{platform}_{zlib.crc32(object_id.encode()):08x}" if object_id and not object_id.isascii() else platform
    return slug(name) or "entity"


def right_topic(topic: object) -> str:
    """The topic, if a subscription to it is one to a single topic that anybody may publish on; else empty."""
    if isinstance(topic, str) and len(topic) <= _LONGEST_TOPIC and _TOPIC.fullmatch(topic):
        return topic
    return ""


# --- states -----------------------------------------------------------------------------------------------------------


def points_of(entity: Entity) -> Iterator[Point | tuple[str, str]]:
    """Each state of an entity, or (reason, sentence) for one that cannot be read."""
    device_class = clean(entity.options.get("device_class")).lower()
    if entity.platform == "sensor" and device_class in NO_READING:
        return
    for part in COMPONENTS.get(entity.platform, ()):
        topic = entity.options.get(part.topic)
        if topic is None:
            if part.topic == "state_topic" and entity.platform in {"sensor", "binary_sensor"}:
                yield "no_topic", f"{entity.platform} {show(entity.own)} has no state_topic: give it one"
            continue
        if not right_topic(topic):
            right = "an exact topic without + and #, not under $, is right"
            yield "bad_topic", f"{part.topic} of {show(entity.own)} is {show(topic)}: {right}"
            continue
        template = _template(entity, part)
        understood = template_of(template)
        if isinstance(understood, str):
            yield "template_unsupported", _unsupported(entity, part, understood)
        step, info = _state(entity, part, device_class)
        point = Point(topic, template, step, info, entity.own)
        yield point if not isinstance(understood, str) else point._replace(topic="")


def _unsupported(entity: Entity, part: Part, where: str) -> str:
    right = "a path into value_json, numbers, + - * / and float, int, round, lower, upper, default, multiply are read"
    return f"{part.template} of {show(entity.own)} has {where}: {right}"


def _template(entity: Entity, part: Part) -> str:
    schema = entity.options.get("schema")
    if entity.platform == "light" and schema == "json":
        return "{{ value_json.state }}"
    template = entity.options.get("state_template" if schema == "template" else part.template)
    if template is None and entity.platform == "event":
        return "{{ value_json.event_type }}"
    return template if isinstance(template, str) else ""


def _state(entity: Entity, part: Part, device_class: str) -> tuple[list[Any], PointInfo]:
    own = f"{entity.own}_{part.suffix}" if part.suffix and part.suffix != entity.own else entity.own
    if part.kind == "any":
        return _sensor(entity, own, device_class)
    if part.kind == "number":
        unit = clean(entity.options.get("temperature_unit" if part.metric else "unit_of_measurement"), 32)
        found = scale(part.metric, unit or ("%" if part.metric == "humidity" else ""), own)
        return ["number", found.name, found.factor, found.offset], _info(entity, found.name, found.metric, unit)
    if part.kind == "switch":
        return _switch(entity, part, own, device_class)
    name = own_name(own, "text")
    words = {_said(entity, key, default).casefold(): meaning for key, default, meaning in part.words}
    options = _words(entity.options.get("options") or entity.options.get("event_types")) or tuple(words.values())
    kind: PointKind = "" if entity.platform == "event" else "state"
    return ["word", name, words], _info(entity, name, "", values=options, kind=kind)


def _sensor(entity: Entity, own: str, device_class: str) -> tuple[list[Any], PointInfo]:
    options = entity.options
    unit = clean(options.get("unit_of_measurement"), 32)
    words = _words(options.get("options"))
    if device_class == "enum" or words:
        name = own_name(own, "text")
        return ["word", name, {}], _info(entity, name, "", values=words, kind="state")
    metric, unspoken = MEASURED.get(device_class) or (metric_for(own) if unit else "", "")
    if metric not in UNIT_OF:
        metric = ""
    if metric == "pressure" and unit in OF_THE_AIR:
        metric = "air_pressure"
    if metric == "voltage" and (unit == "mV" or "battery" in own):
        metric = "battery_voltage"
    found = scale(metric, unit or unspoken, own)
    written = "hPa" if found.name == "air_pressure" else unit
    info = _info(entity, found.name, found.metric, written, upkeep=metric in {"battery", "battery_voltage", "signal"})
    if unit or device_class in MEASURED or options.get("state_class"):
        return ["number", found.name, found.factor, found.offset], info
    return ["any", found.name], info


def _switch(entity: Entity, part: Part, own: str, device_class: str) -> tuple[list[Any], PointInfo]:
    metric = part.metric
    if entity.platform == "binary_sensor":
        metric = NOTICED.get(device_class) or (own if own in SWITCHES and not device_class else "")
    if entity.options.get("schema") == "template":
        on, off = "on", "off"
    else:
        on, off = (_said(entity, key, default) for key, default, _ in part.words)
        on, off = on or _said(entity, "payload_on", "ON"), off or _said(entity, "payload_off", "OFF")
    name = metric or own_name(own, "switch")
    step = ["switch", name, on.casefold(), off.casefold()]
    return step, _info(entity, name, metric, upkeep=metric in {"battery_low", "online"}, kind="state")


def _said(entity: Entity, key: str, default: str) -> str:
    value = entity.options.get(key)
    return default if value is None else as_text(value)[:_LONGEST_WORD]


def as_text(value: object) -> str:
    """A value as a template would show it, so that ``true`` in JSON and a payload that is a boolean are the same."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _info(
    entity: Entity,
    name: str,
    metric: str,
    unit: str = "",
    *,
    values: tuple[str, ...] = (),
    upkeep: bool = False,
    kind: PointKind = "",
) -> PointInfo:
    upkeep = upkeep or entity.platform in {"number", "select"} or "entity_category" in entity.options
    kind = "" if metric else kind or _kind(entity)
    return PointInfo(name, metric, unit, clean(entity.options.get("name")), values, upkeep, kind)


def _kind(entity: Entity) -> PointKind:
    """What its state class says; nothing where it has none, or one that may fall as well (``total``)."""
    return KIND_OF.get(clean(entity.options.get("state_class")).lower(), "") if entity.platform == "sensor" else ""


def _words(options: object) -> tuple[str, ...]:
    words = (clean(each) for each in options[:_MOST_WORDS]) if isinstance(options, list) else ()
    return tuple(word for word in words if word)


# --- availability -----------------------------------------------------------------------------------------------------


class Availability(NamedTuple):
    """Where an entity says whether it can be reached."""

    mode: str
    """``all``, ``any`` or ``latest``."""
    items: list[list[str]]
    """[topic, template, word for online, word for offline]"""
    problems: list[tuple[str, str]]


def availability_of(options: dict[str, Any]) -> Availability:
    """The list ``availability``, or the one topic ``availability_topic``."""
    given = options.get("availability")
    items = given[:_MOST_AVAILABILITY] if isinstance(given, list) else [given] if isinstance(given, dict) else []
    if not items and options.get("availability_topic") is not None:
        words = ("payload_available", "payload_not_available")
        items = [{word: options[word] for word in words if word in options}]
        items[0] |= {"topic": options["availability_topic"], "value_template": options.get("availability_template")}
    found: list[list[str]] = []
    problems: list[tuple[str, str]] = []
    for each in items:
        item = _based(written_out(each), options.get("~")) if isinstance(each, dict) else {}
        topic, template = right_topic(item.get("topic")), item.get("value_template") or ""
        understood = template_of(template) if isinstance(template, str) else "a template that is no text"
        if not topic:
            problems.append(("bad_topic", f"availability topic is {show(item.get('topic'))}: an exact topic is right"))
        elif isinstance(understood, str):
            problems.append(("template_unsupported", f"availability of {show(topic)} has {understood}: a path is read"))
        else:
            on = as_text(item.get("payload_available", "online"))[:_LONGEST_WORD]
            off = as_text(item.get("payload_not_available", "offline"))[:_LONGEST_WORD]
            found.append([topic, template, on, off])
    mode = clean(options.get("availability_mode"))
    return Availability(mode if mode in {"all", "any"} else "latest", found, problems)
