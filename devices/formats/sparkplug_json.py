"""Sparkplug as JSON, as Cirrus Link's cloud modules write it: ``{"topic": {…}, "payload": {"timestamp", "metrics", "seq"}}``.

Source: Cirrus Link's page on the messages of its cloud injectors. A metric is ``{"name", "alias", "timestamp", "dataType":
"Int32", "value", "properties": {"Quality": {"type": "Int32", "value": 192}}, "isHistorical", "isNull"}``; integers have
their sign, and nothing but the outer shape differs from the binary form otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from devices.contract import DeviceRef, Limits, Problem
from devices.formats.json_bytes import read_object, show
from devices.formats.sparkplug_payload import PLAIN, TEMPLATE, Metric, Payload, Property, Template
from devices.formats.sparkplug_values import NUMBERS

_BY_WORD: Final[Mapping[str, int]] = {name.lower(): number for name, number in NUMBERS.items()}


def is_json(payload: bytes) -> bool:
    """Whether it can only be JSON: an opening brace is the tag of a group, which Sparkplug has none of."""
    return payload[:1] == b"{" or (payload[:1] in b" \t\r\n" and payload.lstrip()[:1] == b"{")


def read_json(payload: bytes, limits: Limits, device: DeviceRef | None) -> tuple[str, Payload] | Problem:
    """(the topic in the message, empty where it has none; the message), or what is wrong with it. Never raises."""
    found = read_object(payload, limits, device)
    if isinstance(found, Problem):
        return found
    topic, inner = found.get("topic"), found.get("payload", found)
    if not isinstance(inner, dict):
        detail = f'payload is {show(inner)}: send {{"timestamp": …, "metrics": […]}}'
        return Problem("not_an_object", detail, device)
    read = Payload(_whole(inner.get("timestamp")), [], _whole(inner.get("seq")), bad=[])
    read.metrics = _metrics(inner.get("metrics"), read.bad)
    return _topic(topic), read


def _topic(found: Any) -> str:
    """The MQTT topic that the message had before it became JSON."""
    if isinstance(found, str):
        return found
    if not isinstance(found, dict):
        return ""
    keys = ["namespace", "groupId", "type", "edgeNodeId"]
    parts = [found.get(key) for key in (keys if found.get("deviceId") is None else [*keys, "deviceId"])]
    return "/".join(map(str, parts)) if all(isinstance(part, str) and part for part in parts) else ""


def _metrics(found: Any, bad: list[str]) -> list[Metric]:
    metrics = []
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            metrics.append(_metric(each, bad))
        else:
            bad.append(f"a metric that is {show(each)} and no object")
    return metrics


def _metric(found: dict[str, Any], bad: list[str]) -> Metric:
    name, value, sort = found.get("name"), found.get("value"), found.get("dataType", found.get("type"))
    metric = Metric(
        name if isinstance(name, str) else None,
        _whole(found.get("alias")),
        _whole(found.get("timestamp")),
        _BY_WORD.get(sort.lower(), 0) if isinstance(sort, str) else 0,
        found.get("isHistorical") is True,
        found.get("isTransient") is True,
        found.get("isNull") is True or value is None,
        kind=PLAIN,
        value=value,
    )
    if metric.datatype == NUMBERS["Template"] and isinstance(value, dict):
        metric.kind = TEMPLATE
        definition = value.get("isDefinition") is True
        metric.value = Template(None, None, definition, _metrics(value.get("metrics"), bad), [])
    properties = found.get("properties")
    if isinstance(properties, dict):
        metric.properties = {key: _property(value) for key, value in properties.items() if isinstance(value, dict)}
    return metric


def _property(found: dict[str, Any]) -> Property:
    sort, value = found.get("type"), found.get("value")
    datatype = _BY_WORD.get(sort.lower(), 0) if isinstance(sort, str) else 0
    return Property(datatype, value is None, PLAIN, value)


def _whole(value: Any) -> int | None:
    """A whole number from 0 to 2^64 - 1."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64 else None
