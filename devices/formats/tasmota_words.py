"""What Tasmota calls its quantities. Units are implied by the key; a few follow a key at the top of the message.

Source: Tasmota's documentation (*MQTT*, *JSON status responses*, *Peripherals*).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Quantity(NamedTuple):
    """What a key means: the metric (empty: none fits), its unit, and the name it is kept by without one."""

    metric: str
    unit: str
    """A unit, or the name of the key at the top that has it."""
    own: str


TOP_UNITS: Final[Mapping[str, str]] = MappingProxyType({"TempUnit": "C", "PressureUnit": "hPa", "SpeedUnit": "m/s"})
"""Keys at the top of a message, and what they say where they are missing."""

# fmt: off
QUANTITIES: Final[Mapping[str, Quantity]] = MappingProxyType({
    "Temperature":    Quantity("temperature",  "TempUnit",     "temperature"),
    "DewPoint":       Quantity("dew_point",    "TempUnit",     "dew_point"),
    "Humidity":       Quantity("humidity",     "%",            "humidity"),
    "Pressure":       Quantity("air_pressure", "PressureUnit", "pressure"),
    "SeaPressure":    Quantity("",             "PressureUnit", "sea_pressure"),
    "Illuminance":    Quantity("illuminance",  "lx",           "illuminance"),
    "CarbonDioxide":  Quantity("co2",          "ppm",          "co2"),
    "eCO2":           Quantity("co2",          "ppm",          "eco2"),
    "TVOC":           Quantity("tvoc",         "ppb",          "tvoc"),
    "PM2.5":          Quantity("pm25",         "µg/m³",        "pm25"),
    "PM10":           Quantity("pm10",         "µg/m³",        "pm10"),
    "PM1":            Quantity("pm1",          "µg/m³",        "pm1"),
    "Distance":       Quantity("distance",     "cm",           "distance"),
    "Moisture":       Quantity("soil_moisture", "%",           "moisture"),
    "Weight":         Quantity("weight",       "kg",           "weight"),
    "Speed":          Quantity("",             "SpeedUnit",    "speed"),
    "Battery":        Quantity("battery",      "%",            "battery"),
    "RSSI":           Quantity("signal",       "dBm",          "signal"),
    "Voltage":        Quantity("voltage",      "V",            "voltage"),
    "Current":        Quantity("current",      "A",            "current"),
    "CurrentNeutral": Quantity("",             "A",            "current_neutral"),
    "Power":          Quantity("power",        "W",            "power"),
    "ActivePower":    Quantity("power",        "W",            "active_power"),
    "ApparentPower":  Quantity("apparent_power", "VA",          "apparent_power"),
    "ReactivePower":  Quantity("reactive_power", "var",         "reactive_power"),
    "Factor":         Quantity("power_factor", "",             "power_factor"),
    "Frequency":      Quantity("frequency",    "Hz",           "frequency"),
    "PhaseAngle":     Quantity("",             "°",            "phase_angle"),
    "Total":          Quantity("energy",       "kWh",          "total"),
    "TotalTariff":    Quantity("energy",       "kWh",          "total"),
    "Energy":         Quantity("energy",       "kWh",          "energy"),
    "Today":          Quantity("",             "kWh",          "energy_today"),
    "Yesterday":      Quantity("",             "kWh",          "energy_yesterday"),
    "Period":         Quantity("",             "Wh",           "energy_period"),
    "ImportActive":   Quantity("",             "kWh",          "import_active"),
    "ExportActive":   Quantity("energy_exported", "kWh",         "export_active"),
    "ExportTariff":   Quantity("energy_exported", "kWh",         "export_active"),
    "ImportReactive": Quantity("reactive_energy", "kvarh",       "import_reactive"),
    "ExportReactive": Quantity("",             "kvarh",        "export_reactive"),
})
"""Key of a sensor -> what it means. Distance is to whatever stands before the sensor, and no level."""

STATES: Final[Mapping[str, Quantity]] = MappingProxyType({
    "UptimeSec": Quantity("uptime", "s",   "uptime"),
    "Vcc":       Quantity("",       "V",   "vcc"),
    "Dimmer":    Quantity("",       "%",   "dimmer"),
    "Signal":    Quantity("signal", "dBm", "signal"),
})
"""What is kept of STATE, the last from ``Wifi``; ``RSSI`` there is a percentage."""
# fmt: on

TARIFFS: Final = frozenset({"TotalTariff", "ExportTariff"})
"""Lists by tariff; the other lists are by phase, or by outlet."""

MAIN: Final = "ENERGY"
"""The sensor whose values are the device's own, without a channel."""

CHIPS: Final = frozenset({"ESP32", "ESP8266"})
"""Sensors of the processor itself: how the device is, not what it measures."""

CARDS: Final = frozenset({"PN532", "RC522", "RDM6300", "Wiegand", "MFRC522"})
"""Readers of cards: what they say is about a person, and is not kept."""

BRIDGED: Final = frozenset({"ZbReceived", "RfReceived", "IrReceived"})
"""What others say by radio or light: it is of devices that these formats do not know, and would be laid to the bridge."""

NO_READINGS: Final = frozenset({"Time", "Id", "UID", "Model", "Type", "Version", "mac", "Device", "Name", *TOP_UNITS})
"""Keys that say what a thing is, not how."""
