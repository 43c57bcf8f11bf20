"""When certificate, journal and backup are an alarm of the hub, and when they are none any more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.alarms import Priority
from hub.domain.backup_standing import FAILED_AFTER_MS, BackupStanding, judge_backup, look_at_backup
from hub.domain.certificate_standing import (
    LAST_MS,
    SOON_MS,
    WEB,
    CertificateStanding,
    broker_of,
    certificate_name,
    look_at_certificate,
    own_of,
)
from hub.domain.definitions import flaws_of_mode
from hub.domain.findings import OwnPart
from hub.domain.journal_standing import HELD_AFTER_MS, SETTLED_MS, JournalStanding, judge_journal, look_at_journal
from hub.domain.own_parts import OWN_PARTS, OWN_RULES, own_name, part_of
from hub.domain.verdicts import Condition, Reason

NOON = 1_795_000_000_000
GIB = 1024**3
MIB = 1024**2
over, normal, between, unknown = Condition.OVER, Condition.NORMAL, Condition.IN_BAND, Condition.UNKNOWN


@pytest.mark.parametrize("part", OWN_PARTS, ids=lambda part: part.kind)
def test_a_parts_words_are_an_alarms_and_its_unit_leads_back_to_it(part: OwnPart) -> None:
    assert flaws_of_mode(part.mode) == []
    assert own_name(part.unit("main")) == part.name("main")
    for rule in part.rules:
        assert (part_of(rule.id), rule.failure_mode) == (part, part.mode.id)


def test_other_units_and_rules_are_no_part_of_the_hub() -> None:
    assert len(OWN_RULES) == sum(len(part.rules) for part in OWN_PARTS), "no two rules share an id"
    assert [own_name(unit) for unit in ("", "b5", "journal", "certificate:", "garden~pump")] == [None] * 5
    assert part_of("pump-room-hot") is None


# --- certificates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "soon", "last"),
    [
        (SOON_MS + 1, normal, normal),
        (SOON_MS, over, normal),
        (LAST_MS + 1, over, normal),
        (LAST_MS, over, over),
        (0, over, over),
        (-SOON_MS, over, over),
        (None, unknown, unknown),
    ],
)
def test_a_certificate_is_told_twice(left: int | None, soon: Condition, last: Condition) -> None:
    standing = CertificateStanding(WEB, None if left is None else NOON + left, "/etc/hub/web.crt")
    found = {finding.rule.id: finding for finding in look_at_certificate(standing, NOON)}
    weight = {finding.rule.id: finding.rule.priority for finding in found.values()}
    assert {rule: finding.verdict.condition for rule, finding in found.items()} == {
        "certificate-ends-soon": soon,
        "certificate-last-days": last,
    }
    assert weight == {"certificate-ends-soon": Priority.LOW, "certificate-last-days": Priority.HIGH}
    assert {finding.fresh_since for finding in found.values()} == {None if left is None else 0}


@given(ends=st.integers(NOON - SOON_MS, NOON + 2 * SOON_MS), later=st.integers(0, SOON_MS))
def test_time_alone_mends_no_certificate(ends: int, later: int) -> None:
    standing = CertificateStanding(broker_of("main"), ends, "")
    for before, after in zip(
        look_at_certificate(standing, NOON), look_at_certificate(standing, NOON + later), strict=True
    ):
        assert (before.verdict.condition, after.verdict.condition) != (over, normal)


def test_what_is_told_of_a_certificate() -> None:
    (finding, _) = look_at_certificate(CertificateStanding(WEB, NOON + LAST_MS, "/etc/hub/web.crt"), NOON)
    part = part_of(finding.rule.id)
    assert part is not None
    said = part.evidence(finding.value, finding.text)
    assert said.zh == "有效期至 2026-11-21 11:06 UTC：/etc/hub/web.crt"
    assert said.en == "ends at 2026-11-21 11:06 UTC: /etc/hub/web.crt"
    longest = "c" * 63
    assert certificate_name(own_of(longest)).en == f"The hub's own certificate for {longest}"
    assert certificate_name(broker_of(longest)).zh == f"MQTT 服务器 {longest} 的证书"
    assert max(len(own_of(longest)), len(broker_of(longest))) <= 64, "it is the code of an alarm"


# --- the journal --------------------------------------------------------------------------------------------------


def journal(**more: Any) -> JournalStanding:
    values: dict[str, Any] = {"left": 50 * GIB, "floor": GIB, "fill": 0.0, "hours_left": 9.5, "measured_since": 0}
    return JournalStanding(**values | more)


@pytest.mark.parametrize(
    ("standing", "condition", "reason"),
    [
        (journal(), normal, Reason.JOURNAL_HAS_ROOM),
        (journal(fill=0.49), normal, Reason.JOURNAL_HAS_ROOM),
        (journal(fill=0.5), between, Reason.IN_DEADBAND),
        (journal(fill=0.79), between, Reason.IN_DEADBAND),
        (journal(fill=0.8), over, Reason.JOURNAL_FILLS),
        (journal(left=192 * MIB), normal, Reason.JOURNAL_HAS_ROOM),
        (journal(left=192 * MIB - 1), between, Reason.IN_DEADBAND),
        (journal(left=128 * MIB), between, Reason.IN_DEADBAND),
        (journal(left=128 * MIB - 1), over, Reason.JOURNAL_FILLS),
        (journal(left=0), over, Reason.JOURNAL_STOPPED),
        (journal(left=0, floor=0), over, Reason.JOURNAL_STOPPED),
        (journal(left=1, floor=0), normal, Reason.JOURNAL_HAS_ROOM),
        (journal(held_since=NOON - HELD_AFTER_MS, held="no"), over, Reason.JOURNAL_STOPPED),
        (journal(held_since=NOON - HELD_AFTER_MS + 1, held="no"), between, Reason.IN_DEADBAND),
        (journal(held_since=NOON + 1, held="no"), over, Reason.JOURNAL_STOPPED),  # the clock was set back
        (journal(fill=1.0, measured_since=None), unknown, Reason.PART_UNCERTAIN),
        (journal(fill=1.0, measured_since=NOON - SETTLED_MS + 1), unknown, Reason.PART_UNCERTAIN),
        (journal(fill=1.0, measured_since=NOON - SETTLED_MS), over, Reason.JOURNAL_FILLS),
        (journal(left=0, measured_since=None), over, Reason.JOURNAL_STOPPED),  # the disk needs no lane's word
    ],
)
def test_what_a_journal_says(standing: JournalStanding, condition: Condition, reason: Reason) -> None:
    assert judge_journal(standing, NOON) == (condition, reason)


_WORSE = [normal, between, over]


@given(
    left=st.integers(0, 2 * GIB),
    less=st.integers(0, 2 * GIB),
    fill=st.floats(0, 1),
    more=st.floats(0, 1),
    floor=st.integers(0, 2 * GIB),
)
def test_less_room_is_never_better(left: int, less: int, fill: float, more: float, floor: int) -> None:
    before = judge_journal(journal(left=left, fill=fill, floor=floor), NOON)
    after = judge_journal(journal(left=left - less, fill=min(1.0, fill + more), floor=floor), NOON)
    assert _WORSE.index(before.condition) <= _WORSE.index(after.condition)


def test_what_is_told_of_the_journal() -> None:
    (part,) = (part for part in OWN_PARTS if part.kind == "journal")
    filling = look_at_journal(journal(left=100 * MIB), NOON)
    assert part.evidence(filling.value, filling.text).en == "room for 100 MB of messages is left: 9.5 h"
    assert part.evidence(filling.value, filling.text).zh == "报文还能存 100 MB：9.5 h"
    quiet = look_at_journal(journal(left=-5, hours_left=None), NOON)
    assert part.evidence(quiet.value, quiet.text).en == "room for 0 MB of messages is left"
    held = look_at_journal(journal(held_since=NOON - HELD_AFTER_MS, held="disk I/O error"), NOON)
    assert (held.since, held.text) == (NOON - HELD_AFTER_MS, "disk I/O error")
    assert look_at_journal(journal(measured_since=None), NOON).fresh_since is None


# --- backups ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "condition", "reason"),
    [
        (BackupStanding(NOON - 1, NOON, succeeded=True), normal, Reason.BACKUP_TAKEN),
        (BackupStanding(NOON - 1, NOON - 1, succeeded=True), over, Reason.BACKUP_OVERDUE),
        (BackupStanding(None, NOON - 1, succeeded=False), over, Reason.BACKUP_OVERDUE),
        (BackupStanding(NOON - 1, NOON, succeeded=False), unknown, Reason.PART_UNCERTAIN),  # just started
        (BackupStanding(NOON - 1, None, succeeded=True), normal, Reason.BACKUP_TAKEN),
        (
            BackupStanding(NOON - 1, NOON, succeeded=False, failing_since=NOON - FAILED_AFTER_MS + 1),
            unknown,
            Reason.PART_UNCERTAIN,
        ),
        (
            BackupStanding(NOON - 1, NOON, succeeded=False, failing_since=NOON - FAILED_AFTER_MS),
            over,
            Reason.BACKUP_FAILED,
        ),
        (BackupStanding(None, None, succeeded=False, failing_since=NOON + 1), over, Reason.BACKUP_FAILED),
    ],
)
def test_what_backups_say(standing: BackupStanding, condition: Condition, reason: Reason) -> None:
    assert judge_backup(standing, NOON) == (condition, reason)
    assert look_at_backup(standing, NOON).fresh_since == (None if condition is unknown else 0)


def test_what_is_told_of_backups() -> None:
    (part,) = (part for part in OWN_PARTS if part.kind == "backup")
    failed = look_at_backup(BackupStanding(NOON, None, succeeded=False, failing_since=NOON, failure="disk full"), NOON)
    assert part.evidence(failed.value, failed.text).zh == "最近一份完整备份：2026-11-18 11:06 UTC；disk full"
    assert part.evidence(failed.value, failed.text).en == "newest whole backup: 2026-11-18 11:06 UTC; disk full"
    assert part.evidence(0, "").zh == "还没有一份完整备份"
    assert part.evidence(0, "").en == "there is no whole backup yet"
