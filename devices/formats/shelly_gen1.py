"""The topics of Shelly's first generation: ``shellies/{id}/…``, one plain value per topic.

Source: the maker's Gen1 API, https://shelly-api-docs.shelly.cloud/gen1 ("MQTT" of each device). The counters of relays,
rollers and lights are watt-minutes, those of meters (``total``) watt-hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from devices.formats.shelly_fields import DROP, Rule


class Value(NamedTuple):
    """What a topic's plain payload says."""

    rule: Rule
    channel: str = ""
    """The channel; a number in the topic is put behind it."""
    main: bool = False
    """Number 0 speaks for the device as a whole: no channel."""
    fault: str = ""
    """The payload says whether this fault is there."""
    fault_word: str = ""
    """The payload says this word while ``fault`` is there."""
    kind: str = "plain"
    """``plain``, or what the object in the payload is."""


# fmt: off
_ON: Final = MappingProxyType({"on": True, "off": False, "true": True, "false": False, "1": True, "0": False, "overpower": False})
_OPEN: Final = MappingProxyType({"open": True, "opened": True, "close": False, "closed": False})
_GAS: Final = MappingProxyType({"none": False, "mild": True, "heavy": True})
_TEMPERATURE: Final = Rule("temperature", nothing=(999.0, 998.0))
_POWER: Final = Rule("power")
_COUNTER: Final = Rule("energy", "Wmin")
_OWN: Final = Rule()
_SWITCH: Final = Rule(words=_ON)


def _actuator(name: str, state: Rule) -> dict[str, Value]:
    """Relays, rollers and lights: a state, and what the meter behind them says."""
    return {
        f"{name}/#": Value(state, name, main=True, fault="overpower", fault_word="overpower"),
        f"{name}/#/power": Value(_POWER, name, main=True),
        f"{name}/#/energy": Value(_COUNTER, name, main=True),
        f"{name}/#/overpower_value": Value(_OWN, name, main=True),
        f"{name}/power": Value(_POWER),
        f"{name}/energy": Value(_COUNTER),
        f"{name}/#/status": Value(DROP, name, main=True, kind="light"),
    }


TOPICS: Final[Mapping[str, Value]] = MappingProxyType({
    **_actuator("relay", Rule("powered", words=_ON)),
    **_actuator("light", Rule("lit", words=_ON)),
    **_actuator("color", Rule("lit", words=_ON)),
    **_actuator("white", Rule("lit", words=_ON)),
    **_actuator("roller", Rule(name="state")),
    "roller/#/pos": Value(Rule(name="pos", nothing=(-1.0, 101.0)), "roller", main=True),
    "roller/#/stop_reason": Value(_OWN, "roller", main=True),
    "emeter/#/power": Value(_POWER, "emeter"),
    "emeter/#/voltage": Value(Rule("voltage"), "emeter"),
    "emeter/#/current": Value(Rule("current"), "emeter"),
    "emeter/#/pf": Value(Rule("power_factor"), "emeter"),
    "emeter/#/total": Value(Rule("energy", "Wh"), "emeter"),
    "emeter/#/total_returned": Value(Rule("energy_exported", "Wh"), "emeter"),
    "emeter/#/reactive_power": Value(Rule("reactive_power"), "emeter"),
    "emeter/#/energy": Value(DROP),           # since the last report only; total holds it
    "emeter/#/returned_energy": Value(DROP),
    "emeter_n/current": Value(Rule("current"), "n"),
    "sensor/temperature": Value(_TEMPERATURE),
    "sensor/humidity": Value(Rule("humidity", nothing=(999.0,))),
    "sensor/battery": Value(Rule("battery", nothing=(-1.0,))),
    "sensor/flood": Value(Rule("leak", words=_ON)),
    "sensor/smoke": Value(Rule("smoke", words=_ON)),
    "sensor/motion": Value(Rule("presence", words=_ON)),
    "sensor/lux": Value(Rule("illuminance", nothing=(-1.0,))),
    "sensor/illumination": Value(_OWN),
    "sensor/state": Value(Rule("door_open", words=_OPEN)),
    "sensor/tilt": Value(Rule("tilt", nothing=(-1.0,))),
    "sensor/vibration": Value(Rule(name="vibrating", nothing=(-1.0,), words=_ON)),
    "sensor/gas": Value(Rule("gas_alarm", words=_GAS)),
    "sensor/concentration": Value(Rule(nothing=(-1.0,))),
    "sensor/operation": Value(_OWN),
    "sensor/self_test": Value(_OWN),
    "sensor/ext_power": Value(_SWITCH),
    "sensor/charger": Value(_SWITCH),
    "sensor/active": Value(_SWITCH),
    "sensor/error": Value(DROP, fault="sensor_error"),
    "sensor/act_reasons": Value(DROP),
    "temperature": Value(Rule("temperature", nothing=(999.0,)), "internal"),
    "temperature_f": Value(DROP),
    "temperature_status": Value(_OWN),
    "overtemperature": Value(DROP, fault="overtemperature"),
    "overload": Value(DROP, fault="overload"),
    "loaderror": Value(DROP, fault="loaderror"),
    "voltage": Value(Rule("voltage")),
    "adc/#": Value(Rule("voltage"), "adc"),
    "input/#": Value(Rule(name="state", words=_ON), "input"),
    "longpush/#": Value(DROP),
    "input_event/#": Value(DROP, "input", kind="push"),
    "ext_temperature/#": Value(_TEMPERATURE, "ext"),
    "ext_temperature_f/#": Value(DROP),
    "ext_temperatures": Value(DROP),          # the same again in one object
    "ext_humidity/#": Value(Rule("humidity", nothing=(999.0,)), "ext"),
    "ext_humidities": Value(DROP),
    "ext_switch/#": Value(Rule(name="state", words=_ON), "ext_switch"),
    "valve/#/state": Value(Rule("valve_open", words=_OPEN), "valve", main=True),
    "status": Value(DROP, kind="motion"),
    "info": Value(DROP, kind="info"),
})
"""The part of a topic behind the device, numbers written ``#`` -> what it says."""

NEITHER: Final = frozenset({"unknown", "test", "calibrating", "not_connected", "checking", "opening", "closing", "failure", ""})
"""Words that a switch says while it has no state."""

PUSHES: Final = MappingProxyType({
    "S": "single_push", "SS": "double_push", "SSS": "triple_push", "L": "long_push", "SL": "short_long_push", "LS": "long_short_push",
})
"""``input_event`` -> the word that the later generations use."""

# fmt: on

NUMBER: Final = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,3})?")
"""A number as devices print it; what ``float`` takes beyond that (``1_0``, ``nan``) is none."""


class Topic(NamedTuple):
    """A topic, read once."""

    value: Value
    channel: str
    key: str
    """The maker's own name of the value."""


def topic_of(rest: str) -> Topic | None:
    """What the part behind the device means; None where the table does not know it."""
    parts = rest.split("/")
    numbers = [part for part in parts if part.isascii() and part.isdigit()]
    value = TOPICS.get("/".join("#" if part in numbers else part for part in parts))
    if value is None or len(numbers) > 1 or len(rest) > 60:
        return None
    number = numbers[0].lstrip("0") or "0" if numbers else ""
    channel = "" if value.main and number == "0" else f"{value.channel}{number}"
    return Topic(value, channel, parts[-1] if not parts[-1].isdigit() else parts[0])
