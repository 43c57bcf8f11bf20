"""What sort of device one seems to be: a closed list, told by what it measures, else by words of its maker. Pure.

A class helps a person to recognise a device that waits, and nothing else follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.domain.places import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClass:
    """One sort of device."""

    id: str
    title: Name
    tells: tuple[frozenset[str], ...]
    """One metric of each of these sets says that it is such a device; none: only words say so."""
    words: frozenset[str]
    """What makers call such a device, as a word of its model or name."""


class Classed(NamedTuple):
    """The class and why."""

    device_class: DeviceClass
    reason: str


_ELECTRIC: Final = "power energy current voltage"

# fmt: off
_TABLE: Final[tuple[tuple[str, str, str, tuple[str, ...], str], ...]] = (
    # id, zh, en, one metric of each text tells it, words of makers; what stands first is asked first
    ("fire_panel",        "火灾报警控制器", "fire panel",           ("fire_alarm shielded_points fault_points supervisory",), ""),
    ("smoke_detector",    "烟感/温感探测器", "smoke or heat detector", ("smoke heat_alarm",),                             "smoke 烟感 烟雾"),
    ("gas_detector",      "可燃气体/一氧化碳探测器", "gas detector",  ("gas_alarm gas_lel co_alarm",),                      "gas 燃气"),
    ("lift_controller",   "电梯监测终端",   "lift monitor",         ("trapped floor trips off_level levelling_error ebike_seen intercom_ok",), "lift elevator 电梯"),
    ("charger",           "充电桩",         "charger",              ("charging charging_time session_energy connector_temperature",), "charger evse wallbox 充电桩"),
    ("people_counter",    "客流计数器",     "people counter",       ("people_in people_out occupancy queue turned_away",), "footfall 客流"),
    ("parking_sensor",    "车位/车流检测器", "parking sensor",      ("bay_occupied free_bays vehicles vehicles_in vehicles_out barrier_open",), "parking 车位 道闸"),
    ("parcel_locker",     "智能快递柜",     "parcel locker",        ("free_boxes",),                                      "locker 快递柜"),
    ("leak_detector",     "水浸传感器",     "leak detector",        ("leak",),                                            "leak flood 水浸"),
    ("valve",             "阀门",           "valve",                ("valve_open",),                                      "valve 阀"),
    ("gas_meter",         "燃气表",         "gas meter",            ("gas_volume",),                                      "燃气表"),
    ("heat_meter",        "热量表",         "heat meter",           ("heat heat_power",),                                 "热量表"),
    ("water_meter",       "水表",           "water meter",          ("volume",),                                          "水表"),
    ("breaker",           "断路器",         "circuit breaker",      ("tripped residual_current phase_lost transfer_failed",), "breaker 断路器"),
    ("plug",              "计量插座/开关",  "metering plug or switch", ("powered lit", _ELECTRIC),                        "plug socket outlet 插座"),
    ("machine_controller", "设备控制器",    "machine controller",   ("running starts run_hours auto_mode starts_per_hour emergency_stop",), "plc pump inverter 水泵 变频器"),
    ("electricity_meter", "电表",           "electricity meter",    (f"{_ELECTRIC} energy_exported reactive_energy apparent_power reactive_power power_factor",), "meter 电表"),
    ("switch",            "开关/照明控制",  "switch",               ("powered lit",),                                     "switch relay dimmer bulb 开关 继电器"),
    ("level_sensor",      "液位传感器",     "level sensor",         ("level high_level extra_high_level",),               "液位"),
    ("fill_sensor",       "满溢传感器",     "fill sensor",          ("fill fuel",),                                       "满溢"),
    ("water_quality",     "水质传感器",     "water quality sensor", ("chlorine ph turbidity conductivity",),              "水质"),
    ("flow_meter",        "流量计",         "flow meter",           ("flow",),                                            "流量计"),
    ("pressure_sensor",   "压力传感器",     "pressure sensor",      ("pressure inlet_pressure outlet_pressure",),         "压力"),
    ("weather_station",   "气象站",         "weather station",      ("wind_speed wind_direction rain rain_rate",),        "weather 气象"),
    ("motion_sensor",     "人体传感器",     "motion sensor",        ("presence",),                                        "motion pir occupancy 人体"),
    ("contact",           "门磁",           "contact",              ("door_open forced cover_moved",),                    "contact 门磁"),
    ("vibration_sensor",  "振动/倾角传感器", "vibration or tilt sensor", ("vibration tilt",),                              "vibration 振动"),
    ("air_quality",       "空气质量传感器", "air quality sensor",   ("co2 co pm1 pm25 pm10 tvoc formaldehyde ammonia hydrogen_sulfide",), "空气"),
    ("soil_sensor",       "土壤传感器",     "soil sensor",          ("soil_moisture",),                                   "soil 土壤"),
    ("water_thermometer", "水温传感器",     "pipe thermometer",     ("water_temperature supply_temperature return_temperature",), ""),
    ("climate_sensor",    "温湿度传感器",   "climate sensor",       ("temperature humidity dew_point",),                  "thermometer thermostat climate 温湿度"),
    ("light_sensor",      "照度传感器",     "light sensor",         ("illuminance",),                                     "照度"),
    ("noise_sensor",      "噪声传感器",     "sound level meter",    ("noise",),                                           "噪声"),
    ("distance_sensor",   "测距传感器",     "distance sensor",      ("distance",),                                        ""),
    ("scale",             "称重传感器",     "scale",                ("weight",),                                          "scale 称重"),
    ("pulse_counter",     "脉冲计数器",     "pulse counter",        ("pulses",),                                          "pulse 脉冲"),
    ("gateway",           "网关",           "gateway",              (),                                                   "gateway bridge coordinator concentrator 网关"),
)
# fmt: on

DEVICE_CLASSES: Final[Mapping[str, DeviceClass]] = MappingProxyType(
    {
        id_: DeviceClass(
            id=id_,
            title=Name(zh=zh, en=en),
            tells=tuple(frozenset(some.split()) for some in tells),
            words=frozenset(words.split()),
        )
        for id_, zh, en, tells, words in _TABLE
    }
)
"""Every class by id, in the order in which they are asked."""

_WORD: Final = re.compile(r"[a-z]+")


def device_class(metrics: Collection[str], *texts: str) -> Classed | None:
    """By what it measures, the most telling first; else by ``texts`` (model, maker, its own name). None: nothing tells."""
    for found in DEVICE_CLASSES.values():
        seen = [sorted(some.intersection(metrics)) for some in found.tells]
        if seen and all(seen):
            return Classed(found, f"measures {' and '.join(each[0] for each in seen)}")
    said = " ".join(texts).casefold()
    english = set(_WORD.findall(said))
    for found in DEVICE_CLASSES.values():
        word = next((w for w in sorted(found.words) if (w in english if w.isascii() else w in said)), None)
        if word is not None:
            return Classed(found, f"is called {word}")
    return None
