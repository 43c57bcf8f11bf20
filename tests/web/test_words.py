"""No message is untranslated, every vocabulary is whole, and the words that bind are used."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from hub.domain.alarms import AlarmState, Change, Overlay, Priority
from hub.domain.facility_state import FacilityState
from hub.domain.health import Status
from hub.domain.notices import NoticeKind, NoticeState
from hub.domain.people import Role
from hub.domain.places import DeviceState
from hub.domain.ticket_actions import HOLD_REASONS
from hub.domain.ticket_plan import Why as TicketWhy
from hub.domain.tickets import Action, TicketKind, TicketState
from hub.domain.upkeep import Need, Why
from hub.flows.commissioning.hitches import HitchKind
from hub.flows.unstored import WhyRefused
from hub.web.figures.pages import SPANS
from hub.web.tickets.pages import TABS
from tests.docs.pages import code_words, page, rows, section

ROOT = Path(__file__).resolve().parents[2]
REASONS = [word for row in rows(section(page("docs/manual/messages.md"), "## Reasons")) for word in code_words(row[0])]
"""Of quarantine; the manual is held to the code by tests/docs."""
VOCABULARIES: dict[str, Iterable[Enum | str]] = {
    "facility_state": FacilityState,
    "priority": Priority,
    "alarm_state": AlarmState,
    "alarm_event": Change,
    "alarm_tab": ("open", "overlaid", "past", "late"),
    "overlay": set(Overlay) - {Overlay.NONE},
    "ticket_state": TicketState,
    "ticket_tab": (tab.name for tab in TABS),
    "ticket_kind": TicketKind,
    "figures_span": SPANS,
    "ticket_event": Action,
    "hold_reason": HOLD_REASONS,
    "reason": TicketWhy,
    "notice_kind": NoticeKind,
    "notice_state": NoticeState,
    "device_state": DeviceState,
    "device_done": ("amended", "retired", "replaced"),
    "quality": ("1", "2", "3", "4"),
    "upkeep": Need,
    "upkeep_why": (Why.LOW, Why.FALLING),
    "role": Role,
    "health_reason": (
        "broker",
        "mqtt",
        "journal",
        "lane alarms",
        "lane series",
        "alarms",
        "series",
        "records",
        "notices",
        "jobs",
        "backup",
        "lease",
        "certificates",
        "clock",
        "watchdog",
        "push",
        "poll",
    ),
    "gap": ("hub_down", "broker_down", "session_lost", "broker_dropped", "standstill", "set_back"),
    "refusal": REASONS,
    "health": Status,
    "refused_why": WhyRefused,
    "refused_do": WhyRefused,
    "range": ("24h", "7d", "30d", "90d"),
    "hitch": HitchKind,
    "hitch_do": (*HitchKind, "gateway_lost"),
}


def catalogue(locale: str) -> Catalog:
    with (ROOT / "hub" / "locales" / locale / "LC_MESSAGES" / "hub.po").open("rb") as source:
        return read_po(source)


def messages() -> set[str]:
    found: set[str] = set()
    for pattern, method in (("templates/*.html", "jinja2.ext:babel_extract"), ("*.py", "python")):
        for path in (ROOT / "hub" / "web").rglob(pattern):
            if "ui" in path.parts:
                continue
            with path.open("rb") as source:
                for _, message, *_ in extract(
                    method, source, keywords={"gettext": None, "_": None, "ngettext": (1, 2)}
                ):
                    found.add(message if isinstance(message, str) else message[0])
    for part in ("domain", "flows", "storage"):
        for path in (ROOT / "hub" / part).rglob("*.py"):
            with path.open("rb") as source:
                found.update(str(message) for _, message, *_ in extract("python", source, keywords={"Wording": None}))
    return found


def test_every_message_is_said_in_chinese() -> None:
    known = {
        (m.id if isinstance(m.id, str) else m.id[0]): m.string if isinstance(m.string, str) else m.string[0]
        for m in catalogue("zh_CN")
    }
    assert len(messages()) > 200
    assert sorted(message for message in messages() if not known.get(message)) == []


def test_no_message_is_kept_that_nobody_says() -> None:
    said = messages()
    kept = {m.id if isinstance(m.id, str) else m.id[0] for m in catalogue("zh_CN") if m.id}
    vocabulary = {m.id for m in catalogue("en") if m.id}
    assert sorted(kept - said - vocabulary) == []


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
@pytest.mark.parametrize("group", list(VOCABULARIES))
def test_every_vocabulary_is_whole(locale: str, group: str) -> None:
    known = {m.id for m in catalogue(locale) if m.string}
    wanted = [str(member.value) if isinstance(member, Enum) else member for member in VOCABULARIES[group]]
    assert [member for member in wanted if f"{group}:{member}" not in known] == []


def test_both_languages_have_the_same_vocabularies() -> None:
    en = {m.id for m in catalogue("en") if m.id}
    groups = {key.partition(":")[0] for key in map(str, en)}
    assert {m.id for m in catalogue("zh_CN") if str(m.id).partition(":")[0] in groups and ":" in m.id} == en


def test_placeholders_are_kept() -> None:
    assert [(m.id, list(m.check())) for m in catalogue("zh_CN") if list(m.check())] == []


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("facility_state:unknown", "状态未知"),
        ("I have seen it", "我已知悉"),
        ("Shelve", "临时搁置"),
        ("overlay:suppressed_by_design", "关联抑制"),
        ("overlay:out_of_service", "检修停用"),
        ("alarm_event:returned", "恢复正常"),
        ("Inbox", "待接入"),
        ("Adopt", "接入"),
        ("Messages to check", "待查报文"),
        ("ticket_state:assigned", "待接"),
        ("ticket_state:verifying", "待验收"),
        ("action:assign", "派单"),
        ("action:accept", "接单"),
        ("action:decline", "退单"),
        ("action:start", "到场签到"),
        ("action:hold", "挂起"),
        ("action:resume", "恢复处理"),
        ("action:complete", "提交完工"),
        ("action:verify", "验收通过"),
        ("action:fail", "不通过"),
        ("action:reopen", "重开"),
        ("Rework", "返修"),
        ("Responsible party", "责任单位"),
        ("overdue", "超时"),
        ("offline", "离线"),
        ("Gateway", "网关"),
    ],
)
def test_binding_words(key: str, word: str) -> None:
    found = catalogue("zh_CN").get(key)
    assert found is not None
    assert found.string == word


def test_words_that_must_not_be_used() -> None:
    text = (ROOT / "hub" / "locales" / "zh_CN" / "LC_MESSAGES" / "hub.po").read_text(encoding="utf-8")
    text = text.replace("火灾报警控制器", "")  # the name of the thing
    assert [word for word in ("掉线", "收养", "纳管", "隔离", "报警", "逾期", "屏蔽", "虚假完工") if word in text] == []
