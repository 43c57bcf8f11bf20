"""The sheets of a community workbook: their tables, headings in both languages, and what each cell may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NUMBERS: Final = frozenset({"capacity", "factor", "offset", "above", "below", "deadband", "realarm_limit"})
_DATES: Final = frozenset({"retired", "from", "until", "sim_expires", "calibrated_until", "end_of_life"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. Drop-downs offer ``choices``, or what stands in the first column of the sheet ``refers``."""

    key: str
    zh: str
    en: str
    width: int = 16
    choices: tuple[str, ...] = ()
    refers: str = ""
    listed: bool = False
    """Several values, separated by commas."""

    @property
    def switch(self) -> bool:
        """Yes or no."""
        return set(self.choices) == {"true", "false"}

    @property
    def number(self) -> bool:
        """A number stays one; in every other column it is text that looks like a number."""
        return self.key in _NUMBERS

    @property
    def verbatim(self) -> bool:
        """Text, and never a number or a date: a spreadsheet may not make one of a serial that looks like it."""
        return self.key not in _NUMBERS | _DATES

    @property
    def heading(self) -> str:
        """As the sheet shows it."""
        return f"{self.zh} {self.en}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet for one table of rows."""

    table: str
    zh: str
    en: str
    columns: tuple[Column, ...]

    @property
    def title(self) -> str:
        """As the tab shows it."""
        return f"{self.zh} {self.en}"


def _column(
    key: str,
    zh: str,
    en: str,
    width: int = 16,
    *,
    choices: tuple[str, ...] = (),
    refers: str = "",
    listed: bool = False,
) -> Column:
    return Column(key=key, zh=zh, en=en, width=width, choices=choices, refers=refers, listed=listed)


_ID: Final = _column("id", "编号", "Id", 24)
_NAMES: Final = (_column("name_zh", "中文名称", "Name (zh)", 24), _column("name_en", "英文名称", "Name (en)", 28))
_YES: Final = ("true", "false")
_LANGUAGES: Final = ("zh-CN", "en")
_FACILITY: Final = _column("facility", "设施", "Facility", 22, refers="facilities")

SHEETS: Final[tuple[Sheet, ...]] = (
    Sheet(
        table="community",
        zh="小区",
        en="Community",
        columns=(
            _ID,
            *_NAMES,
            _column("timezone", "时区", "Time zone", 18),
            _column("language", "语言", "Language", choices=_LANGUAGES),
            _column("prefix", "工单前缀", "Ticket prefix"),
        ),
    ),
    Sheet(table="parties", zh="责任单位", en="Parties", columns=(_ID, *_NAMES, _column("phone", "电话", "Phone", 18))),
    Sheet(
        table="crews",
        zh="班组",
        en="Crews",
        columns=(
            _ID,
            *_NAMES,
            _column("default", "默认班组", "Default", choices=_YES),
            _column("party", "责任单位", "Party", 22, refers="parties"),
        ),
    ),
    Sheet(
        table="contacts",
        zh="联系人",
        en="Contacts",
        columns=(
            _column("crew", "班组", "Crew", 20, refers="crews"),
            _ID,
            _column("name", "姓名", "Name", 20),
            _column("channel", "通知方式", "Channel", choices=("email", "webhook", "apprise")),
            _column("address", "地址", "Address", 40),
            _column("language", "语言", "Language", choices=_LANGUAGES),
        ),
    ),
    Sheet(
        table="places",
        zh="位置",
        en="Places",
        columns=(
            _ID,
            _column(
                "kind",
                "级别",
                "Level",
                choices=("region", "building", "entrance", "floor", "room", "street", "neighbourhood", "grid"),
            ),
            _column("parent", "上级", "Parent", 22, refers="places"),
            *_NAMES,
        ),
    ),
    Sheet(
        table="facilities",
        zh="设施设备",
        en="Facilities",
        columns=(
            _ID,
            _column("kind", "类型", "Kind", 18, refers="kinds"),
            *_NAMES,
            _column("building", "楼栋", "Building", refers="places"),
            _column("grid", "网格", "Grid", refers="places"),
            _column("capacity", "容量", "Capacity", 10),
            _column("opening", "开放时间", "Opening hours", 28),
            _column("party", "责任单位", "Party", 20, refers="parties"),
            _column("crew", "班组", "Crew", 18, refers="crews"),
            _column("retired", "停用时间", "Retired", 22),
        ),
    ),
    Sheet(table="units", zh="单元部件", en="Units", columns=(_FACILITY, _ID, *_NAMES)),
    Sheet(
        table="ledger",
        zh="设备台账",
        en="Ledger",
        columns=(_FACILITY, _column("item", "项目", "Item", 22), _column("value", "内容", "Value", 36)),
    ),
    Sheet(
        table="devices",
        zh="传感终端",
        en="Devices",
        columns=(
            _column("id", "编号", "Id", 28),
            *_NAMES,
            _FACILITY,
            _column("unit", "单元部件", "Unit"),
            _column("gateway", "网关", "Gateway", 20, refers="devices"),
            _column("interval", "上报间隔", "Interval", 12),
            _column("maker", "厂商", "Maker"),
            _column("model", "型号", "Model"),
            _column("scheme", "协议", "Scheme", 12),
            _column("scheme_id", "序列号", "Scheme id", 24),
            _column("connection", "连接", "Connection", 12),
            _column("sim_expires", "流量卡到期", "SIM expires", 14),
            _column("calibrated_until", "校准有效期", "Calibrated until", 16),
            _column("end_of_life", "寿命到期", "End of life", 14),
            _column("retired", "已停用", "Retired", 10, choices=_YES),
        ),
    ),
    Sheet(
        table="points",
        zh="测点",
        en="Points",
        columns=(
            _column("device", "终端", "Device", 28, refers="devices"),
            _column("name", "测点名", "Point", 24),
            _FACILITY,
            _column("unit", "单元部件", "Unit"),
            _column("metric", "指标", "Metric", 22, refers="metrics"),
            _column("factor", "系数", "Factor", 10),
            _column("offset", "偏移", "Offset", 10),
            _column("inverted", "取反", "Inverted", 10, choices=_YES),
            _column("from", "起始时间", "From", 26),
            _column("until", "结束时间", "Until", 26),
        ),
    ),
    Sheet(
        table="rules",
        zh="规则",
        en="Rules",
        columns=(
            _column("id", "编号", "Id", 32),
            _column("like", "参照预设", "Like", 32, refers="presets"),
            _column("facility_kind", "设施类型", "Facility kind", 18, refers="kinds"),
            _column("failure_mode", "故障模式", "Failure mode", 20),
            _FACILITY,
            _column("unit", "单元部件", "Unit"),
            _column("metric", "指标", "Metric", 22, refers="metrics"),
            _column("above", "高于", "Above", 10),
            _column("below", "低于", "Below", 10),
            _column("is", "状态为", "Is", 18, listed=True),
            _column("fault", "故障代码", "Fault codes", 18, listed=True),
            _column("silent", "中断时长", "Silent", 12),
            _column("deadband", "回差", "Deadband", 10),
            _column("on_delay", "触发延时", "On-delay", 12),
            _column("off_delay", "恢复延时", "Off-delay", 12),
            _column("latched", "锁存", "Latched", 10, choices=_YES),
            _column("realarm", "重复提醒", "Re-alarm", 12),
            _column("realarm_limit", "提醒次数", "Re-alarm limit", 12),
            _column("shelve_max", "最长搁置", "Longest shelving", 12),
            _column("acknowledges_itself", "自动知悉", "Acknowledges itself", 14, choices=_YES),
            _column("ticket", "生成工单", "Ticket", 10, choices=_YES),
            _column("priority", "等级", "Priority", choices=("safety", "high", "medium", "low")),
            _column("enabled", "启用", "Enabled", 10, choices=_YES),
        ),
    ),
    Sheet(
        table="expected",
        zh="待装终端",
        en="Expected devices",
        columns=(
            _column("id", "编号", "Id", 28),
            *_NAMES,
            _column("serial", "序列号", "Serial", 24),
            _column("identity", "身份标识", "Identity", 28),
            _FACILITY,
            _column("unit", "单元部件", "Unit"),
            _column("place", "位置", "Place", refers="places"),
            _column("gateway", "网关", "Gateway", 20),
            _column("points", "测点", "Points", 36, listed=True),
            _column("interval", "上报间隔", "Interval", 12),
            _column("maker", "厂商", "Maker"),
            _column("model", "型号", "Model"),
        ),
    ),
    Sheet(
        table="commissioning",
        zh="调试期",
        en="Commissioning",
        columns=(
            _ID,
            _column("from", "起始时间", "From", 26),
            _column("until", "结束时间", "Until", 26),
            _FACILITY,
            _column("gateway", "网关", "Gateway", 20),
            _column("note", "说明", "Note", 36),
        ),
    ),
)
"""In the order in which people fill them in."""

FINDINGS: Final = Column(key="findings", zh="检查结果", en="What to put right", width=70)
"""The last column of every sheet, written back by an import."""

LISTS: Final = "选项 Lists"
"""The sheet that the drop-downs draw on."""

NO_UNIT: Final = "-"
"""In the column of units: none, although the device has one."""
