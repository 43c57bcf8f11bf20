"""What a contact reads: subject and body in its own language, in words of the place and not in ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from hub.domain.alarms import Alarm, Priority
from hub.domain.metrics import METRICS, Metric
from hub.domain.notices import NoticeKind
from hub.domain.own_parts import own_name, part_of
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind, Side
from hub.domain.tickets import Ticket
from hub.flows.registry import Registry


class Text(NamedTuple):
    """Subject and body of a notice."""

    subject: str
    body: str


_PRIORITIES: Final = {
    Priority.SAFETY: Name(zh="安全", en="Safety"),
    Priority.HIGH: Name(zh="高", en="High"),
    Priority.MEDIUM: Name(zh="中", en="Medium"),
    Priority.LOW: Name(zh="低", en="Low"),
}
_KINDS: Final = {
    NoticeKind.OPENED: Name(zh="新工单", en="New ticket"),
    NoticeKind.RECURRED: Name(zh="反复告警", en="Fault keeps coming back"),
    NoticeKind.REOPENED: Name(zh="返修：故障又出现", en="Reopened: the fault is back"),
    NoticeKind.PRIORITY_RAISED: Name(zh="优先级提高", en="Priority raised"),
    NoticeKind.RESTORED: Name(zh="数据验证通过,已解决", en="Proven by the sensor: resolved"),
    NoticeKind.HOLD_EXPIRED: Name(zh="挂起到期,请恢复处理", en="Hold is over: please go on"),
    NoticeKind.WAITING_FOR_DATA: Name(
        zh="待验收：等待设备数据，请到场查看", en="Verification waits for data: please look on site"
    ),
    NoticeKind.SYSTEM: Name(zh="系统消息", en="System message"),
}


def place_words(registry: Registry, community: str, facility: str, unit: str, language: str) -> str:
    """``3号楼 1号电梯 · 轿厢A``; for a device or a place the name it has in the registry; the id where nothing is known."""
    found = registry.facilities.get((community, facility))
    if found is None and (own := own_name(unit)) is not None:
        return own.say(language)
    if found is None:
        known = registry.devices.get(unit) or registry.places.get((community, unit))
        home = registry.communities.get(community) if not (unit or facility) else None
        named = known or home
        return named.name.say(language) if named is not None else (unit or facility or community)
    words = [found.name.say(language)]
    building = registry.places.get((community, found.building)) if found.building else None
    if building is not None and building.name.say(language) not in words[0]:
        words.insert(0, building.name.say(language))
    part = next((u.name.say(language) for u in found.units if u.id == unit), unit)
    return " ".join(words) + (f" · {part}" if part else "")


def titles(registry: Registry, mode: FailureMode, place: tuple[str, str, str]) -> Name:
    """The ticket's title: place and fault, in both languages."""
    return Name(
        zh=f"{place_words(registry, *place, 'zh-CN')}：{mode.name.say('zh-CN')}",
        en=f"{place_words(registry, *place, 'en')}: {mode.name.say('en')}",
    )


def evidence_words(alarm: Alarm, rule: Rule | None, language: str) -> str:
    """What was measured against what is allowed: ``温度 92.5 ℃，高于 80 ℃``."""
    chinese = language.startswith("zh")
    if (part := part_of(alarm.rule)) is not None:
        return part.evidence(alarm.value or 0, alarm.text).say(language)
    if alarm.code:
        said = f"：{alarm.text}" if alarm.text and chinese else f": {alarm.text}" if alarm.text else ""
        return f"故障代码 {alarm.code}{said}" if chinese else f"Fault code {alarm.code}{said}"
    if rule is None or rule.kind is RuleKind.NO_DATA:
        return "数据中断，状态未知" if chinese else "No data: state unknown"
    metric = METRICS.get(rule.metric)
    title = metric.title.say(language) if metric is not None else rule.metric
    if rule.kind is RuleKind.LIMIT and alarm.value is not None:
        value, limit = (_measured(metric, figure, language) for figure in (alarm.value, rule.setpoint))
        if chinese:
            return f"{title} {value}，{'高于' if rule.side is Side.HIGH else '低于'} {limit}"
        return f"{title} {value}, {'above' if rule.side is Side.HIGH else 'below'} {limit}"
    state = alarm.text
    if not state and alarm.value is not None:
        named = (metric.on if alarm.value else metric.off) if metric is not None else None
        state = named.say(language) if named is not None else f"{alarm.value:g}"
    return f"{title}：{state}" if chinese else f"{title}: {state}"


def _measured(metric: Metric | None, value: float, language: str) -> str:
    symbol = metric.symbol_of(language, value) if metric is not None else ""
    return f"{value:g} {symbol}".rstrip()


def notice_text(
    kind: NoticeKind,
    ticket: Ticket,
    mode: FailureMode,
    *,
    evidence: str,
    community: str,
    zone: str,
    at: int,
    link: str,
    language: str,
    look_at: Sequence[str] = (),
) -> Text:
    """Subject: what it is about, the fault and its place, priority. Body: evidence, what to do, first checks, link.

    ``look_at``: facilities that somebody has to go and see, by name.
    """
    chinese = language.startswith("zh")
    title = ticket.title_zh if chinese else ticket.title_en
    head, weight = _KINDS[kind].say(language), _PRIORITIES[ticket.priority].say(language)
    subject = f"【{head}】{title}（优先级：{weight}）" if chinese else f"[{head}] {title} (priority: {weight})"
    when = f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
    checks = [f"{number}. {check.say(language)}" for number, check in enumerate(mode.checks, 1)]
    if chinese:
        lines = [
            f"{community} 工单 {ticket.number}",
            f"时间：{when}",
            *([f"数据：{evidence}"] if evidence else []),
            f"处置：{mode.response.say(language)}",
            f"后果：{mode.consequence.say(language)}",
            "到场先查：",
            *checks,
            *([f"请逐一查看：{'、'.join(look_at)}"] if look_at else []),
            *([f"第 {ticket.occurrences} 次出现"] if ticket.occurrences > 1 else []),
        ]
    else:
        lines = [
            f"{community}, ticket {ticket.number}",
            f"Time: {when}",
            *([f"Data: {evidence}"] if evidence else []),
            f"What to do: {mode.response.say(language)}",
            f"If nobody does: {mode.consequence.say(language)}",
            "Check first on site:",
            *checks,
            *([f"Look at each of these: {', '.join(look_at)}"] if look_at else []),
            *([f"Occurrence no. {ticket.occurrences}"] if ticket.occurrences > 1 else []),
        ]
    return Text(subject, "\n".join([*lines, *([link] if link else [])]))
