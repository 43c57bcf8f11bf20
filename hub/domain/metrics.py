"""The one table of metrics: what a value means, in which unit, and within which limits it is believable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.domain.places import Name


class MetricKind(StrEnum):
    """How a value relates to time."""

    GAUGE = "gauge"
    """Holds until the next reading."""
    TOTAL = "total"
    """A counter that only rises, until it is reset or replaced."""
    DELTA = "delta"
    """An amount since the reading before."""
    STATE = "state"
    """One of few values; booleans are 0 and 1."""
    EVENT = "event"
    """Counts at its own moment only."""


class Symbol(NamedTuple):
    """A unit in both languages. What is counted has a word in English, and another one for 1."""

    zh: str
    en: str
    one: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One quantity. Values are in ``unit``; ``low`` and ``high`` bound what is plausible, both inclusive."""

    name: str
    kind: MetricKind
    unit: str
    """UCUM code, case-sensitive: ``Cel``, ``kW.h``, ``{person}``; ``1`` where there is none."""
    symbol: Symbol
    """The unit as people read it: ``℃``, ``kWh``, ``人``; empty where there is none."""
    low: float
    high: float
    decimals: int
    title: Name
    brick: str = ""
    """Brick 1.4 class; empty where Brick has none."""
    off: Name | None = None
    """What 0 is called; only for boolean states."""
    on: Name | None = None
    """What 1 is called; only for boolean states."""
    texts: tuple[str, ...] = ()
    """The values of a state that is sent as text; a text state without any takes every word."""

    def plausible(self, value: float) -> bool:
        """Whether a sensor in order could say this; a value outside is kept and marked uncertain."""
        return self.low <= value <= self.high

    def symbol_of(self, language: str, value: float | None = None) -> str:
        """The unit in ``zh-CN`` or ``en``; behind a value that is shown as 1 in the singular."""
        if language.startswith("zh"):
            return self.symbol.zh
        return self.symbol.one if value is not None and round(value, self.decimals) == 1 else self.symbol.en

    def matches(self, state: float | str) -> bool:
        """Whether a point of this metric can ever have this state."""
        if not isinstance(state, str):
            return self.off is not None and state in (0, 1)
        return self.kind is MetricKind.STATE and self.off is None and (not self.texts or state in self.texts)


NO_SYMBOL: Final = Symbol("", "", "")

_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "{person}": ("people", "person"),
    "{vehicle}": ("vehicles", "vehicle"),
    "{bay}": ("bays", "bay"),
    "{box}": ("boxes", "box"),
    "{point}": ("points", "point"),
    "{trip}": ("trips", "trip"),
    "{cycle}": ("cycles", "cycle"),
    "{start}": ("starts", "start"),
    "{pulse}": ("pulses", "pulse"),
    "{session}": ("sessions", "session"),
    "{meal}": ("meals", "meal"),
    "/h": ("/h", "/h"),
}
"""UCUM -> the English of a unit whose symbol in the table is Chinese: many, one."""

Row = tuple[str, str, str, float, float, int, str, str, str]
"""name, UCUM, symbol (the Chinese one where the languages differ), low, high, decimals, Brick class, zh, en"""

# fmt: off
_GAUGES: Final[tuple[Row, ...]] = (
    # air and climate
    ("temperature",           "Cel",       "℃",     -40,    125, 1, "Temperature_Sensor",                "温度",         "Temperature"),
    ("humidity",              "%",         "%",        0,    100, 0, "Relative_Humidity_Sensor",          "相对湿度",     "Relative humidity"),
    ("dew_point",             "Cel",       "℃",     -60,     60, 1, "Dewpoint_Sensor",                   "露点",         "Dew point"),
    ("co2",                   "[ppm]",     "ppm",    250,  10000, 0, "CO2_Level_Sensor",                  "二氧化碳",     "CO₂"),
    ("co",                    "[ppm]",     "ppm",      0,   1000, 0, "CO_Level_Sensor",                   "一氧化碳",     "CO"),
    ("pm1",                   "ug/m3",     "µg/m³",    0,   1000, 0, "PM1_Level_Sensor",                  "PM1",          "PM1"),
    ("pm25",                  "ug/m3",     "µg/m³",    0,   1000, 0, "PM2.5_Level_Sensor",                "PM2.5",        "PM2.5"),
    ("pm10",                  "ug/m3",     "µg/m³",    0,   2000, 0, "PM10_Level_Sensor",                 "PM10",         "PM10"),
    ("tvoc",                  "ug/m3",     "µg/m³",    0,  60000, 0, "TVOC_Level_Sensor",                 "总挥发性有机物", "TVOC"),
    ("formaldehyde",          "mg/m3",     "mg/m³",    0,     10, 3, "Formaldehyde_Level_Sensor",         "甲醛",         "Formaldehyde"),
    ("ammonia",               "[ppm]",     "ppm",      0,    500, 1, "",                                  "氨气",         "Ammonia"),
    ("hydrogen_sulfide",      "[ppm]",     "ppm",      0,    500, 1, "",                                  "硫化氢",       "Hydrogen sulfide"),
    ("gas_lel",               "%",         "%LEL",     0,    100, 1, "",                                  "可燃气体浓度", "Combustible gas"),
    ("illuminance",           "lx",        "lx",       0, 150000, 0, "Illuminance_Sensor",                "照度",         "Illuminance"),
    ("noise",                 "dB",        "dB",      20,    140, 0, "",                                  "噪声",         "Sound level"),
    ("air_pressure",          "hPa",       "hPa",    300,   1100, 1, "",                                  "气压",         "Air pressure"),
    ("wind_speed",            "m/s",       "m/s",      0,     75, 1, "Wind_Speed_Sensor",                 "风速",         "Wind speed"),
    ("wind_direction",        "deg",       "°",        0,    360, 0, "Wind_Direction_Sensor",             "风向",         "Wind direction"),
    ("rain_rate",             "mm/h",      "mm/h",     0,    300, 1, "",                                  "雨强",         "Rain rate"),
    ("soil_moisture",         "%",         "%",        0,    100, 0, "",                                  "土壤湿度",     "Soil moisture"),
    # temperatures with a place of their own
    ("water_temperature",     "Cel",       "℃",      -5,    110, 1, "Water_Temperature_Sensor",          "水温",         "Water temperature"),
    ("supply_temperature",    "Cel",       "℃",      -5,    150, 1, "Supply_Water_Temperature_Sensor",   "供水温度",     "Supply temperature"),
    ("return_temperature",    "Cel",       "℃",      -5,    150, 1, "Return_Water_Temperature_Sensor",   "回水温度",     "Return temperature"),
    ("coolant_temperature",   "Cel",       "℃",     -40,    130, 1, "",                                  "冷却液温度",   "Coolant temperature"),
    ("motor_temperature",     "Cel",       "℃",     -40,    200, 1, "",                                  "电机温度",     "Motor temperature"),
    ("winding_temperature",   "Cel",       "℃",     -40,    250, 1, "",                                  "绕组温度",     "Winding temperature"),
    ("joint_temperature",     "Cel",       "℃",     -40,    200, 1, "",                                  "接头温度",     "Joint temperature"),
    ("connector_temperature", "Cel",       "℃",     -40,    150, 1, "",                                  "充电枪温度",   "Connector temperature"),
    # electricity
    ("power",                 "W",         "W",  -100000, 5e6,    0, "Active_Power_Sensor",               "有功功率",     "Active power"),
    ("apparent_power",        "VA",        "VA",       0,    5e6, 0, "Electric_Power_Sensor",             "视在功率",     "Apparent power"),
    ("reactive_power",        "var",       "var",   -5e6,    5e6, 0, "Reactive_Power_Sensor",             "无功功率",     "Reactive power"),
    ("current",               "A",         "A",        0,   6300, 1, "Current_Sensor",                    "电流",         "Current"),
    ("voltage",               "V",         "V",        0,   1000, 1, "Voltage_Sensor",                    "电压",         "Voltage"),
    ("frequency",             "Hz",        "Hz",       0,    400, 2, "Frequency_Sensor",                  "频率",         "Frequency"),
    ("power_factor",          "1",         "",        -1,      1, 2, "Power_Factor_Sensor",               "功率因数",     "Power factor"),
    ("residual_current",      "mA",        "mA",       0,  30000, 0, "",                                  "剩余电流",     "Residual current"),
    ("load",                  "%",         "%",        0,    300, 0, "",                                  "负载率",       "Load"),
    ("dc_voltage",            "V",         "V",        0,    300, 1, "Battery_Voltage_Sensor",            "直流电压",     "DC voltage"),
    # water
    ("pressure",              "MPa",       "MPa",   -0.1,      4, 3, "Water_Pressure_Sensor",             "压力",         "Pressure"),
    ("inlet_pressure",        "MPa",       "MPa",   -0.1,      4, 3, "Water_Pressure_Sensor",             "进水压力",     "Inlet pressure"),
    ("outlet_pressure",       "MPa",       "MPa",   -0.1,      4, 3, "Water_Pressure_Sensor",             "出水压力",     "Outlet pressure"),
    ("level",                 "m",         "m",        0,     20, 2, "Water_Level_Sensor",                "液位",         "Level"),
    ("distance",              "m",         "m",        0,    100, 2, "",                                  "距离",         "Distance"),
    ("fill",                  "%",         "%",        0,    120, 0, "",                                  "满溢度",       "Fill level"),
    ("flow",                  "m3/h",      "m³/h",     0,   2000, 2, "Water_Flow_Sensor",                 "瞬时流量",     "Flow"),
    ("chlorine",              "mg/L",      "mg/L",     0,     20, 2, "",                                  "余氯",         "Free chlorine"),
    ("ph",                    "[pH]",      "pH",       0,     14, 2, "",                                  "pH 值",        "pH"),
    ("turbidity",             "[NTU]",     "NTU",      0,   1000, 2, "",                                  "浊度",         "Turbidity"),
    ("conductivity",          "uS/cm",     "µS/cm",    0,  20000, 0, "Conductivity_Sensor",               "电导率",       "Conductivity"),
    # heating
    ("heat_power",            "kW",        "kW",       0, 100000, 1, "Thermal_Power_Sensor",              "热功率",       "Heat power"),
    # machines
    ("floor",                 "{floor}",   "",       -10,    200, 0, "",                                  "楼层",         "Floor"),
    ("speed",                 "m/s",       "m/s",    -20,     20, 2, "Speed_Sensor",                      "运行速度",     "Speed"),
    ("levelling_error",       "mm",        "mm",    -500,    500, 0, "",                                  "平层误差",     "Levelling error"),
    ("vibration",             "mm/s",      "mm/s",     0,    100, 1, "",                                  "振动",         "Vibration"),
    ("fuel",                  "%",         "%",        0,    100, 0, "",                                  "油位",         "Fuel level"),
    ("tilt",                  "deg",       "°",        0,    180, 0, "",                                  "倾角",         "Tilt"),
    ("weight",                "kg",        "kg",       0,  50000, 0, "",                                  "重量",         "Weight"),
    ("charging_time",         "min",       "min",      0,   2880, 0, "",                                  "已充电时长",   "Charging time"),
    # people and vehicles
    ("occupancy",             "{person}",  "人",       0,   5000, 0, "Occupancy_Count_Sensor",            "在场人数",     "Head count"),
    ("queue",                 "{person}",  "人",       0,   1000, 0, "",                                  "排队人数",     "Queue"),
    ("vehicles",              "{vehicle}", "辆",       0,   5000, 0, "",                                  "在场车辆",     "Vehicles present"),
    ("free_bays",             "{bay}",     "个",       0,   5000, 0, "",                                  "空余车位",     "Free bays"),
    ("free_boxes",            "{box}",     "格",       0,   2000, 0, "",                                  "空余格口",     "Free boxes"),
    ("lamps_failed",          "%",         "%",        0,    100, 0, "",                                  "坏灯率",       "Share of failed lamps"),
    # fire
    ("shielded_points",       "{point}",   "点",       0,  10000, 0, "",                                  "屏蔽点数",     "Shielded points"),
    ("fault_points",          "{point}",   "点",       0,  10000, 0, "",                                  "故障点数",     "Points in fault"),
    ("starts_per_hour",       "/h",        "次/h",     0,    600, 0, "",                                  "每小时启动次数", "Starts per hour"),
    # the sensor itself
    ("battery",               "%",         "%",        0,    100, 0, "",                                  "终端电量",     "Battery"),
    ("battery_voltage",       "V",         "V",        0,     60, 2, "Battery_Voltage_Sensor",            "电池电压",     "Battery voltage"),
    ("signal",                "dB[mW]",    "dBm",   -150,      0, 0, "",                                  "信号强度",     "Signal strength"),
)

_TOTALS: Final[tuple[Row, ...]] = (
    ("energy",                "kW.h",      "kWh",      0,    1e9, 1, "Electric_Energy_Sensor",            "电能",         "Energy"),
    ("energy_exported",       "kW.h",      "kWh",      0,    1e9, 1, "Electric_Energy_Sensor",            "反向电能",     "Energy exported"),
    ("reactive_energy",       "kvar.h",    "kvarh",    0,    1e9, 1, "Reactive_Energy_Sensor",            "无功电能",     "Reactive energy"),
    ("volume",                "m3",        "m³",       0,    1e8, 2, "Water_Usage_Sensor",                "累计流量",     "Volume"),
    ("gas_volume",            "m3",        "m³",       0,    1e8, 2, "Usage_Sensor",                      "燃气用量",     "Gas volume"),
    ("heat",                  "kW.h",      "kWh",      0,    1e9, 0, "Energy_Usage_Sensor",               "热量",         "Heat"),
    ("trips",                 "{trip}",    "次",       0,    1e9, 0, "",                                  "运行次数",     "Trips"),
    ("door_cycles",           "{cycle}",   "次",       0,    1e9, 0, "",                                  "开关门次数",   "Door cycles"),
    ("starts",                "{start}",   "次",       0,    1e9, 0, "",                                  "启动次数",     "Starts"),
    ("pulses",                "{pulse}",   "脉冲",     0,   1e12, 0, "",                                  "脉冲数",       "Pulses"),
    ("run_hours",             "h",         "h",        0,    1e6, 1, "Run_Time_Sensor",                   "运行小时",     "Run hours"),
    ("sessions",              "{session}", "次",       0,    1e9, 0, "",                                  "使用次数",     "Sessions"),
    ("people_in",             "{person}",  "人次",     0,    1e9, 0, "",                                  "进入人次",     "People in"),
    ("people_out",            "{person}",  "人次",     0,    1e9, 0, "",                                  "离开人次",     "People out"),
    ("vehicles_in",           "{vehicle}", "车次",     0,    1e9, 0, "",                                  "驶入车次",     "Vehicles in"),
    ("vehicles_out",          "{vehicle}", "车次",     0,    1e9, 0, "",                                  "驶出车次",     "Vehicles out"),
    ("turned_away",           "{person}",  "次",       0,    1e9, 0, "",                                  "未满足次数",   "Turned away"),
    ("uptime",                "s",         "s",        0,    1e9, 0, "",                                  "持续运行时间", "Uptime"),
)

_DELTAS: Final[tuple[Row, ...]] = (
    ("session_energy",        "kW.h",      "kWh",      0,    500, 2, "",                                  "单次充电量",   "Energy of a session"),
    ("rain",                  "mm",        "mm",       0,    100, 1, "",                                  "降雨量",       "Rain"),
    ("meals",                 "{meal}",    "份",       0,   1000, 0, "",                                  "就餐份数",     "Meals"),
    ("visits",                "{person}",  "人次",     0,   5000, 0, "",                                  "到访人次",     "Visits"),
)

_SWITCHES: Final[tuple[tuple[str, str, str, str, str, str, str, str], ...]] = (
    # name, Brick class, zh, en, 0 in zh, 0 in en, 1 in zh, 1 in en
    ("door_open",        "Open_Close_Status",    "门状态",       "Door",                "关闭",   "closed",       "打开",     "open"),
    ("barrier_open",     "Open_Close_Status",    "道闸",         "Barrier",             "落杆",   "down",         "抬杆",     "up"),
    ("valve_open",       "Open_Close_Status",    "阀门",         "Valve",               "关闭",   "closed",       "开启",     "open"),
    ("running",          "Run_Status",           "运行状态",     "Running",             "停止",   "stopped",      "运行",     "running"),
    ("moving",           "Motion_Sensor",        "运行中",       "Moving",              "停止",   "standing",     "运行",     "moving"),
    ("lit",              "On_Off_Status",        "照明状态",     "Lights",              "熄灭",   "off",          "点亮",     "on"),
    ("charging",         "On_Off_Status",        "充电状态",     "Charging",            "未充电", "not charging", "充电中",   "charging"),
    ("powered",          "On_Off_Status",        "供电状态",     "Powered",             "断电",   "off",          "通电",     "on"),
    ("auto_mode",        "On_Off_Status",        "手自动状态",   "Automatic mode",      "手动",   "manual",       "自动",     "automatic"),
    ("mains_present",    "On_Off_Status",        "市电",         "Mains",               "失电",   "lost",         "正常",     "present"),
    ("on_battery",       "On_Off_Status",        "电池供电",     "On battery",          "否",     "no",           "是",       "yes"),
    ("presence",         "Occupancy_Sensor",     "有人状态",     "Presence",            "无人",   "nobody",       "有人",     "somebody"),
    ("bay_occupied",     "Occupancy_Sensor",     "车位占用",     "Bay occupied",        "空闲",   "free",         "占用",     "taken"),
    ("online",           "On_Off_Status",        "通讯状态",     "Connected",           "离线",   "offline",      "在线",     "online"),
    ("fault",            "Fault_Status",         "故障信号",     "Fault",               "正常",   "none",         "故障",     "fault"),
    ("tripped",          "Fault_Status",         "跳闸信号",     "Tripped",             "正常",   "no",           "跳闸",     "tripped"),
    ("phase_lost",       "Fault_Status",         "缺相",         "Phase lost",          "正常",   "no",           "缺相",     "lost"),
    ("transfer_failed",  "Fault_Status",         "双电源切换",   "Transfer switch",     "正常",   "in order",     "切换失败", "failed"),
    ("leak",             "Leak_Alarm",           "水浸",         "Water leak",          "干燥",   "dry",          "浸水",     "wet"),
    ("smoke",            "Smoke_Alarm",          "烟雾",         "Smoke",               "正常",   "none",         "报警",     "smoke"),
    ("heat_alarm",       "Alarm",                "感温报警",     "Heat alarm",          "正常",   "none",         "报警",     "heat"),
    ("gas_alarm",        "Alarm",                "燃气泄漏",     "Gas alarm",           "正常",   "none",         "泄漏",     "gas"),
    ("co_alarm",         "Alarm",                "一氧化碳报警", "Carbon monoxide alarm", "正常", "none",        "报警",     "carbon monoxide"),
    ("fire_alarm",       "Alarm",                "火警信号",     "Fire signal",         "正常",   "none",         "火警",     "fire"),
    ("supervisory",      "Alarm",                "监管信号",     "Supervisory signal",  "正常",   "none",         "动作",     "set"),
    ("high_level",       "Water_Level_Alarm",    "高液位浮球",   "High float",          "未动作", "down",         "动作",     "up"),
    ("extra_high_level", "Water_Level_Alarm",    "超高液位浮球", "Extra-high float",    "未动作", "down",         "动作",     "up"),
    ("battery_low",      "Low_Battery_Alarm",    "电池低电量",   "Low battery",         "正常",   "in order",     "电量低",   "low"),
    ("tamper",           "",                     "防拆信号",     "Tamper",              "正常",   "none",         "被拆",     "opened"),
    ("forced",           "Alarm",                "强行闯入",     "Forced open",         "正常",   "no",           "闯入",     "forced"),
    ("trapped",          "Alarm",                "困人信号",     "Person trapped",      "无",     "no",           "困人",     "yes"),
    ("intercom_ok",      "On_Off_Status",        "五方对讲",     "Intercom",            "不通",   "dead",         "正常",     "in order"),
    ("ebike_seen",       "Alarm",                "电动车入梯",   "E-bike in car",       "无",     "no",           "发现",     "seen"),
    ("off_level",        "Fault_Status",         "非平层停靠",   "Stopped off level",   "否",     "no",           "是",       "yes"),
    ("emergency_stop",   "On_Off_Status",        "急停按钮",     "Emergency stop",      "未按下", "released",     "按下",     "pressed"),
    ("cover_moved",      "",                     "井盖移位",     "Cover moved",         "在位",   "in place",     "移位",     "moved"),
    ("fire_lane_blocked", "",                    "占用消防通道", "Fire lane blocked",   "畅通",   "clear",        "占用",     "blocked"),
    ("booked",           "",                     "预订状态",     "Booked",              "未预订", "not booked",   "已预订",   "booked"),
)

_WORDS: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("service_mode", "运行模式", "Mode of service", ("normal", "inspection", "fire", "stopped", "maintenance")),
    ("direction",    "运行方向", "Direction",       ("up", "down", "none")),
    ("fault_code",   "故障代码", "Fault code",      ()),
)
# fmt: on


def _build() -> Mapping[str, Metric]:
    table: dict[str, Metric] = {}
    groups = ((MetricKind.GAUGE, _GAUGES), (MetricKind.TOTAL, _TOTALS), (MetricKind.DELTA, _DELTAS))
    for kind, rows in groups:
        for name, unit, symbol, low, high, decimals, brick, zh, en in rows:
            table[name] = Metric(
                name=name,
                kind=kind,
                unit=unit,
                symbol=Symbol(symbol, *_COUNTED.get(unit, (symbol, symbol))) if symbol else NO_SYMBOL,
                low=low,
                high=high,
                decimals=decimals,
                brick=brick,
                title=Name(zh=zh, en=en),
            )
    for name, brick, zh, en, off_zh, off_en, on_zh, on_en in _SWITCHES:
        table[name] = Metric(
            name=name,
            kind=MetricKind.STATE,
            unit="1",
            symbol=NO_SYMBOL,
            low=0,
            high=1,
            decimals=0,
            brick=brick,
            title=Name(zh=zh, en=en),
            off=Name(zh=off_zh, en=off_en),
            on=Name(zh=on_zh, en=on_en),
        )
    for name, zh, en, texts in _WORDS:
        table[name] = Metric(
            name=name,
            kind=MetricKind.STATE,
            unit="1",
            symbol=NO_SYMBOL,
            low=0,
            high=0,
            decimals=0,
            title=Name(zh=zh, en=en),
            texts=texts,
        )
    return MappingProxyType(table)


METRICS: Final[Mapping[str, Metric]] = _build()
"""Every metric the hub knows, by name."""

_NAMED: Final[Mapping[str, str]] = MappingProxyType(
    {word.casefold(): metric.name for metric in METRICS.values() for word in (metric.title.zh, metric.title.en)}
    | {name: name for name in METRICS}
)


def named(text: str) -> str | None:
    """The metric of this name, or of this title in either language; None: there is none."""
    return _NAMED.get(text.strip().casefold())


def metric_of(point: str) -> Metric | None:
    """The metric a point's own name tells: the part after its last dot; None where the table has none such."""
    return METRICS.get(point.rpartition(".")[2])
