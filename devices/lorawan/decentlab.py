"""Decentlab: version, device number, flags of the sensors that follow, their 16-bit words; big-endian, all models.

``decentlab.toml`` says per model how many words a sensor has and what they mean. The object has the maker's shape:
``{"device_id": 571, "soil_temperature": {"value": 22.5, "unit": "Cel"}}``.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from devices.lorawan.formula import UNCOMPUTABLE, Formula, parse
from devices.lorawan.layout import Frame, Trouble

_VERSION: Final = 2
_HEAD: Final = 5
"""Bytes before the words."""
_BATTERY: Final = {"words": 1, "battery_voltage": "w0 / 1000 | V"}
_NAMED: Final = re.compile(r"\b([a-z]\w*)=(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?![\w.])")


class Value(NamedTuple):
    """One value of a sensor. Names that begin with ``_`` are steps on the way."""

    name: str
    formula: Formula
    unit: str


class Sensor(NamedTuple):
    """What one flag stands for."""

    words: int
    values: tuple[Value, ...]


class Model(NamedTuple):
    """One model of the maker."""

    name: str
    parameters: tuple[str, ...]
    orders: Mapping[str, Mapping[str, float]]
    """Name that catalogues give a device with certain parameters -> those parameters."""
    sensors: tuple[Sensor, ...]


@cache
def models() -> Mapping[str, Model]:
    """Every model, by its name in lower case; the table is read once."""
    text = (resources.files("devices.lorawan") / "decentlab.toml").read_text(encoding="utf-8")
    return {name: _model(name, table) for name, table in tomllib.loads(text).items()}


def _model(name: str, table: Mapping[str, Any]) -> Model:
    parameters = tuple(table.get("parameters", ()))
    orders = {order: dict(zip(parameters, numbers, strict=True)) for order, numbers in table.get("orders", {}).items()}
    sensors = [_sensor(each) for each in table["sensor"]]
    sensors.insert(0 if table.get("battery") == "first" else len(sensors), _sensor(_BATTERY))
    return Model(name, parameters, orders, tuple(sensors))


def _sensor(table: Mapping[str, Any]) -> Sensor:
    values = []
    for name, line in table.items():
        if name != "words":
            formula, _, unit = str(line).partition(" | ")
            values.append(Value(name, parse(formula), unit))
    return Sensor(int(table["words"]), tuple(values))


@cache
def _names() -> re.Pattern[str]:
    every = [*models(), *(order for model in models().values() for order in model.orders)]
    longest_first = sorted(every, key=len, reverse=True)
    return re.compile(rf"(?<![a-z0-9])({'|'.join(re.escape(name) for name in longest_first)})(?![a-z0-9])")


class Ordered(NamedTuple):
    """A model with the parameters of the device at hand."""

    model: Model
    parameters: Mapping[str, float]


def find(text: str) -> Ordered | None:
    """The model that a text in lower case names, with its parameters: ``dl-pr36-8192`` or ``dl-pr36 kp=8192``."""
    found = _names().search(text)
    if found is None:
        return None
    name = found[1]
    model = models().get(name) or next(model for model in models().values() if name in model.orders)
    given = dict(model.orders.get(name, {}))
    given |= {word: float(number) for word, number in _NAMED.findall(text) if word in model.parameters}
    return Ordered(model, given)


def read(payload: bytes, ordered: Ordered) -> Frame:
    """What the frame says. Values that wait for a parameter that is not known are left out, and the parameter named."""
    if len(payload) < _HEAD or payload[0] != _VERSION:
        found = f"{len(payload)} bytes that begin with {payload[:1].hex() or 'nothing'}"
        detail = f"{found}: a frame of Decentlab begins with 02 and has at least {_HEAD} bytes"
        return Frame({}, Trouble("not_this_maker", detail))
    values: dict[str, Any] = {"device_id": int.from_bytes(payload[1:3], "big")}
    trouble = None
    for sensor, words in _present(payload, ordered.model):
        if len(words) < sensor.words:
            detail = (
                f"the flags announce more words than the {len(payload)} bytes hold: is this a {ordered.model.name}?"
            )
            trouble = Trouble("cut_short", detail)
            break
        _compute(sensor, {**_known(words), **ordered.parameters}, values)
    missing = [name for name in ordered.model.parameters if name not in ordered.parameters]
    if missing and trouble is None:
        wanted = ", ".join(f"{name}=…" for name in missing)
        detail = f"{ordered.model.name} was made to order: say how in the codec, e.g. {ordered.model.name} {wanted}"
        trouble = Trouble("parameter_missing", detail)
    return Frame(values, trouble)


def _present(payload: bytes, model: Model) -> Iterator[tuple[Sensor, list[int]]]:
    """The sensors whose flag is set, each with its words, or with fewer where the frame ends."""
    flags = int.from_bytes(payload[3:5], "big")
    at = _HEAD
    for number, sensor in enumerate(model.sensors):
        if flags >> number & 1:
            end = at + 2 * sensor.words
            yield sensor, [int.from_bytes(payload[i : i + 2], "big") for i in range(at, min(end, len(payload) - 1), 2)]
            at = end


def _known(words: list[int]) -> dict[str, float]:
    """The words under the names that formulas use; see decentlab.toml."""
    known: dict[str, float] = {}
    for number, word in enumerate(words):
        known[f"w{number}"] = word
        known[f"s{number}"] = word - 32768
        if number + 1 < len(words):
            double = word + 65536 * words[number + 1]
            known[f"d{number}"] = double
            known[f"r{number}"] = double / 8388608 - 1
    return known


def _compute(sensor: Sensor, known: dict[str, float], values: dict[str, Any]) -> None:
    """Put the sensor's values in; one that cannot be computed is left out."""
    for value in sensor.values:
        try:
            number = value.formula(known)
        except UNCOMPUTABLE:
            continue
        known[value.name] = number
        if not value.name.startswith("_") and math.isfinite(number):
            values[value.name] = {"value": number, "unit": value.unit} if value.unit else {"value": number}
