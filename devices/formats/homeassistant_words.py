"""Words of Home Assistant's MQTT discovery: short keys, device classes, and what of each component is a state.

Source: the pages *MQTT discovery*, *Sensor* and *Binary sensor* of Home Assistant's documentation. Only keys that the hub
reads are listed; what is not here is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from devices.contract import PointKind

# fmt: off
SHORT: Final[Mapping[str, str]] = MappingProxyType({
    "dev": "device", "o": "origin", "cmps": "components", "p": "platform",
    "dev_cla": "device_class", "stat_cla": "state_class", "ent_cat": "entity_category", "e": "encoding",
    "unit_of_meas": "unit_of_measurement", "exp_aft": "expire_after", "uniq_id": "unique_id", "obj_id": "object_id",
    "ops": "options", "evt_typ": "event_types",
    "t": "topic", "stat_t": "state_topic", "val_tpl": "value_template", "stat_tpl": "state_template",
    "stat_val_tpl": "state_value_template",
    "avty": "availability", "avty_t": "availability_topic", "avty_tpl": "availability_template",
    "avty_mode": "availability_mode", "pl_avail": "payload_available", "pl_not_avail": "payload_not_available",
    "pl_on": "payload_on", "pl_off": "payload_off", "stat_on": "state_on", "stat_off": "state_off",
    "stat_open": "state_open", "stat_opening": "state_opening", "stat_clsd": "state_closed",
    "stat_closing": "state_closing", "stat_stopped": "state_stopped",
    "stat_locked": "state_locked", "stat_unlocked": "state_unlocked",
    "stat_locking": "state_locking", "stat_unlocking": "state_unlocking", "stat_jam": "state_jammed",
    "pos_t": "position_topic", "pos_tpl": "position_template",
    "curr_temp_t": "current_temperature_topic", "curr_temp_tpl": "current_temperature_template",
    "curr_hum_t": "current_humidity_topic", "curr_hum_tpl": "current_humidity_template",
    "temp_stat_t": "temperature_state_topic", "temp_stat_tpl": "temperature_state_template",
    "temp_unit": "temperature_unit",
    "mode_stat_t": "mode_state_topic", "mode_stat_tpl": "mode_state_template",
    "act_t": "action_topic", "act_tpl": "action_template",
})
"""Short key -> key, at the top, in a component and in an availability item."""

SHORT_DEVICE: Final[Mapping[str, str]] = MappingProxyType({
    "ids": "identifiers", "cns": "connections", "mf": "manufacturer", "mdl": "model",
    "mdl_id": "model_id", "sw": "sw_version", "hw": "hw_version", "sn": "serial_number", "sa": "suggested_area",
})
"""Short key -> key in ``device``."""

KIND_OF: Final[Mapping[str, PointKind]] = MappingProxyType({
    "measurement": "gauge", "measurement_angle": "gauge", "total_increasing": "total",
})
"""State class of a sensor -> how its values relate to time. ``total`` may fall as well as rise: no counter."""

MEASURED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    # device class of a sensor -> metric, and the unit where the class has but one
    "apparent_power":             ("apparent_power", ""),
    "atmospheric_pressure":       ("air_pressure", ""),
    "battery":                    ("battery", "%"),
    "carbon_dioxide":             ("co2", "ppm"),
    "carbon_monoxide":            ("co", "ppm"),
    "conductivity":               ("conductivity", ""),
    "current":                    ("current", ""),
    "distance":                   ("distance", ""),
    "energy":                     ("energy", ""),
    "frequency":                  ("frequency", ""),
    "gas":                        ("gas_volume", ""),
    "humidity":                   ("humidity", "%"),
    "illuminance":                ("illuminance", "lx"),
    "ph":                         ("ph", "pH"),
    "pm1":                        ("pm1", "µg/m³"),
    "pm10":                       ("pm10", "µg/m³"),
    "pm25":                       ("pm25", "µg/m³"),
    "power":                      ("power", ""),
    "power_factor":               ("power_factor", ""),
    "precipitation_intensity":    ("rain_rate", ""),
    "pressure":                   ("pressure", ""),
    "reactive_energy":            ("reactive_energy", ""),
    "reactive_power":             ("reactive_power", ""),
    "signal_strength":            ("signal", ""),
    "sound_pressure":             ("noise", ""),
    "temperature":                ("temperature", ""),
    "volatile_organic_compounds": ("tvoc", "µg/m³"),
    "voltage":                    ("voltage", ""),
    "volume":                     ("volume", ""),
    "volume_flow_rate":           ("flow", ""),
    "water":                      ("volume", ""),
    "weight":                     ("weight", ""),
    "wind_direction":             ("wind_direction", "°"),
    "wind_speed":                 ("wind_speed", ""),
})

OF_THE_AIR: Final = frozenset({"hPa", "mbar", "inHg", "mmHg"})
"""Units in which a ``pressure`` can only be the weather's."""

NO_READING: Final = frozenset({"timestamp", "date"})
"""Device classes whose state is a moment: nothing that is measured, and another text each time."""

NOTICED: Final[Mapping[str, str]] = MappingProxyType({
    # device class of a binary sensor -> metric that is true when it is on
    "battery":          "battery_low",
    "battery_charging": "charging",
    "carbon_monoxide":  "co_alarm",
    "connectivity":     "online",
    "door":             "door_open",
    "garage_door":      "door_open",
    "gas":              "gas_alarm",
    "heat":             "heat_alarm",
    "moisture":         "leak",
    "motion":           "presence",
    "moving":           "moving",
    "occupancy":        "presence",
    "opening":          "door_open",
    "power":            "powered",
    "presence":         "presence",
    "problem":          "fault",
    "running":          "running",
    "smoke":            "smoke",
    "tamper":           "tamper",
})
# fmt: on

Kind = str
"""``number``, ``switch``, ``word``, ``any``."""


class Part(NamedTuple):
    """One state of a component: where it stands, and what it is."""

    topic: str
    template: str
    kind: str
    suffix: str = ""
    """Behind the entity's own name, where a component has several states."""
    metric: str = ""
    words: tuple[tuple[str, str, str], ...] = ()
    """For ``switch`` two, for ``word`` any: (key of the payload, its default, what it means)."""


_ON_OFF: Final = (("payload_on", "ON", "on"), ("payload_off", "OFF", "off"))
_SWITCH: Final = (("state_on", "", "on"), ("state_off", "", "off"))
_COVER: Final = (
    ("state_open", "open", "open"),
    ("state_opening", "opening", "opening"),
    ("state_closed", "closed", "closed"),
    ("state_closing", "closing", "closing"),
    ("state_stopped", "stopped", "stopped"),
)
_LOCK: Final = (
    ("state_locked", "LOCKED", "locked"),
    ("state_unlocked", "UNLOCKED", "unlocked"),
    ("state_locking", "LOCKING", "locking"),
    ("state_unlocking", "UNLOCKING", "unlocking"),
    ("state_jammed", "JAMMED", "jammed"),
)

COMPONENTS: Final[Mapping[str, tuple[Part, ...]]] = MappingProxyType(
    {
        "sensor": (Part("state_topic", "value_template", "any"),),
        "binary_sensor": (Part("state_topic", "value_template", "switch", words=_ON_OFF),),
        "switch": (Part("state_topic", "value_template", "switch", metric="powered", words=_SWITCH),),
        "light": (Part("state_topic", "state_value_template", "switch", metric="lit", words=_ON_OFF),),
        "cover": (
            Part("state_topic", "value_template", "word", words=_COVER),
            Part("position_topic", "position_template", "number", suffix="position"),
        ),
        "lock": (Part("state_topic", "value_template", "word", words=_LOCK),),
        "climate": (
            Part("current_temperature_topic", "current_temperature_template", "number", "temperature", "temperature"),
            Part("current_humidity_topic", "current_humidity_template", "number", "humidity", "humidity"),
            Part("temperature_state_topic", "temperature_state_template", "number", suffix="setpoint"),
            Part("mode_state_topic", "mode_state_template", "word", suffix="mode"),
            Part("action_topic", "action_template", "word", suffix="action"),
        ),
        "number": (Part("state_topic", "value_template", "number"),),
        "select": (Part("state_topic", "value_template", "word"),),
        "event": (Part("state_topic", "value_template", "word"),),
    }
)
"""Component -> its states. Every other component has none that the hub keeps."""
