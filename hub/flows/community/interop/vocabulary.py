"""One table from our kinds, places, units and metrics to the words of other vocabularies.

Sources: Brick 1.4 (https://brickschema.org), QUDT units, Project Haystack 4 defs (https://project-haystack.org),
Smart Data Models (https://smartdatamodels.org). What a vocabulary has no word for is called by its nearest parent there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hub.domain.places import PlaceKind

# fmt: off
BRICK_OF_KIND: Final[Mapping[str, str]] = MappingProxyType({
    "lift": "Elevator",
    "ev_charging": "Electric_Vehicle_Charging_Station",
    "pump_room": "Mechanical_Room", "heat_station": "Mechanical_Room", "power_room": "Electrical_Room",
    "low_voltage_room": "Server_Room", "waste_room": "Waste_Storage",
    "gym": "Exercise_Room", "meeting_room": "Conference_Room", "activity_room": "Room",
    "canteen": "Cafeteria", "laundry": "Service_Room", "parking": "Room", "pool": "Room",
    "play_area": "Outdoor_Area", "ebike_shed": "Room",
    "fire_panel": "Fire_Alarm_Control_Panel", "fire_water": "Fire_Safety_Equipment",
    "fire_door": "Fire_Safety_Equipment", "household_detector": "Smoke_Detector",
    "lighting": "Lighting_Equipment", "meter": "Meter", "weather": "Weather_Station",
})
"""Facility kind -> Brick class; the others are ``Equipment``."""

BRICK_OF_UNIT: Final[Mapping[str, str]] = MappingProxyType({
    "lift": "Elevator", "ev_charging": "Electric_Vehicle_Charging_Port", "sump": "Pump", "pump_room": "Pump", "lighting": "Lighting",
})
"""Facility kind -> Brick class of its units; the others are ``Equipment``."""

LOCATIONS: Final = frozenset({
    "Mechanical_Room", "Electrical_Room", "Server_Room", "Waste_Storage", "Exercise_Room", "Conference_Room",
    "Room", "Cafeteria", "Service_Room", "Outdoor_Area",
})
"""Of these, the classes that are locations; the others are equipment."""

BRICK_OF_PLACE: Final[Mapping[PlaceKind, str]] = MappingProxyType({
    PlaceKind.REGION: "Region", PlaceKind.BUILDING: "Building", PlaceKind.ENTRANCE: "Wing",
    PlaceKind.FLOOR: "Floor", PlaceKind.ROOM: "Room",
})

QUDT_OF: Final[Mapping[str, str]] = MappingProxyType({
    "Cel": "DEG_C", "%": "PERCENT", "[ppm]": "PPM", "ug/m3": "MicroGM-PER-M3", "mg/m3": "MilliGM-PER-M3", "lx": "LUX",
    "dB": "DeciB", "m/s": "M-PER-SEC", "mm/h": "MilliM-PER-HR", "W": "W", "A": "A", "V": "V", "Hz": "HZ",
    "mA": "MilliA", "MPa": "MegaPA", "hPa": "HectoPA", "m": "M", "m3/h": "M3-PER-HR", "mg/L": "MilliGM-PER-L",
    "[pH]": "PH", "mm": "MilliM", "mm/s": "MilliM-PER-SEC", "deg": "DEG", "kg": "KiloGM", "min": "MIN", "s": "SEC",
    "h": "HR", "kW.h": "KiloW-HR", "m3": "M3", "VA": "V-A", "var": "V-A_Reactive", "kW": "KiloW",
    "kvar.h": "KiloV-A_Reactive-HR", "uS/cm": "MicroS-PER-CentiM",
})
"""UCUM code -> QUDT's local name; units of counting have none."""

HAYSTACK_UNIT_OF: Final[Mapping[str, str]] = MappingProxyType({
    "Cel": "°C", "%": "%", "[ppm]": "ppm", "ug/m3": "µg/m³", "mg/m3": "mg/m³", "mg/L": "mg/L", "[pH]": "pH", "[NTU]": "ntu",
    "lx": "lx", "dB": "db", "hPa": "hPa", "m/s": "m/s", "mm/s": "mm/s", "mm/h": "mm/h", "m": "m", "mm": "mm", "deg": "deg",
    "m3": "m³", "m3/h": "m³/h", "kg": "kg", "W": "W", "kW": "kW", "VA": "VA", "var": "VAR", "A": "A", "mA": "mA", "V": "V",
    "Hz": "Hz", "kW.h": "kWh", "kvar.h": "kVARh", "s": "s", "min": "min", "h": "h", "/h": "/h",
})
"""UCUM code -> symbol in Haystack's database of units; what that lacks is written with ``_`` before it, as Haystack wants."""

HAYSTACK_OF_KIND: Final[Mapping[str, str]] = MappingProxyType({
    "lift": "elevator equip", "ev_charging": "evse equip", "pump_room": "mechanical room space",
    "power_room": "electrical room space", "heat_station": "boiler plant equip", "generator": "generator elec equip",
    "meter": "meter equip", "lighting": "lighting equip", "weather": "weatherStation", "low_voltage_room": "it room space",
    "gym": "room space", "meeting_room": "meeting room space", "activity_room": "room space", "canteen": "room space",
    "laundry": "room space", "parking": "parking space", "pool": "space", "play_area": "space", "waste_room": "room space",
    "sump": "pump equip", "fire_water": "pump equip",
})
"""Facility kind -> marker tags; the others are ``equip``."""

HAYSTACK_OF_METRIC: Final[Mapping[str, str]] = MappingProxyType({
    "temperature": "air temp", "dew_point": "air dewPoint temp", "humidity": "air humidity", "co2": "air co2 concentration", "co": "air co concentration",
    "pm1": "air pm01 concentration", "pm25": "air pm25 concentration", "pm10": "air pm10 concentration", "tvoc": "air tvoc concentration",
    "formaldehyde": "air ch2o concentration", "ammonia": "air nh3 concentration", "illuminance": "light illuminance level",
    "noise": "noise level", "wind_speed": "wind speed", "wind_direction": "wind direction",
    "rain_rate": "precipitation",
    "water_temperature": "water temp", "supply_temperature": "hot water leaving temp",
    "return_temperature": "hot water entering temp", "heat_power": "heat power", "apparent_power": "elec power apparent",
    "reactive_power": "elec power reactive", "power": "elec power active", "current": "elec current",
    "voltage": "elec volt", "frequency": "elec freq", "power_factor": "elec pf", "energy": "elec energy", "energy_exported": "elec energy export", "reactive_energy": "elec energy reactive",
    "pressure": "water pressure", "inlet_pressure": "water entering pressure", "outlet_pressure": "water leaving pressure",
    "level": "water level", "flow": "water flow", "volume": "water volume", "gas_volume": "naturalGas volume",
    "heat": "heat energy", "occupancy": "occupancy", "presence": "occupied", "running": "run", "leak": "leak detection",
    "smoke": "smoke detection", "co_alarm": "co detection", "fault": "fault", "door_open": "door open", "valve_open": "valve", "lit": "lights run",
    "run_hours": "run duration", "battery": "battery level", "battery_low": "battery alarm", "speed": "speed",
})
"""Metric -> tags beside ``point sensor`` and the marker of its kind."""

SDM_OF_METRIC: Final[Mapping[str, str]] = MappingProxyType({
    "temperature": "temperature", "humidity": "humidity", "co2": "gasConcentration", "co": "gasConcentration",
    "pm1": "airPollution", "pm25": "airPollution", "pm10": "airPollution", "illuminance": "light", "noise": "soundPressureLevel",
    "pressure": "pressure", "inlet_pressure": "pressure", "outlet_pressure": "pressure", "level": "waterLevel",
    "flow": "waterConsumption", "volume": "waterConsumption", "gas_volume": "gasConsumption",
    "power": "powerConsumption", "energy": "energy", "voltage": "voltage", "current": "current",
    "occupancy": "occupancy", "presence": "occupancy", "door_open": "doorState", "fill": "fillingLevel",
    "weight": "weight", "wind_speed": "windSpeed", "wind_direction": "windDirection", "soil_moisture": "soilMoisture", "rain_rate": "precipitation", "rain": "precipitation", "ph": "pH",
    "turbidity": "turbidity", "conductivity": "conductivity", "speed": "speed", "moving": "movementActivity", "smoke": "smoke", "tilt": "inclination",
    "run_hours": "activityStatus", "running": "activityStatus",
})
"""Metric -> ``controlledProperty`` of dataModel.Device; the others keep our own name."""
# fmt: on
