"""Whether the backups that the timetable takes come, and the hub's own alarm when they do not. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.findings import Finding, OwnPart, moment
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.domain.verdicts import BACKUP_FAILED, BACKUP_OVERDUE, BACKUP_TAKEN, PART_UNCERTAIN, Verdict

FAILED_AFTER_MS: Final = 15 * 60_000
"""By then the timetable has tried three times."""
_WHICH: Final = "scheduled"


class BackupStanding(NamedTuple):
    """How the timetable's backups stand."""

    newest: int | None
    """When the newest whole one was taken, epoch ms; None: there is none."""
    overdue_at: int | None
    """From when on, epoch ms, the one after it is missed; None: none is to come."""
    succeeded: bool
    """The last attempt of this process; False also before the first one."""
    failing_since: int | None = None
    """Since when, epoch ms, each attempt has failed."""
    failure: str = ""


def judge_backup(standing: BackupStanding, now: int) -> Verdict:
    """A hub that has just started knows of no failure, and so of no repair."""
    if standing.failing_since is not None and not 0 <= now - standing.failing_since < FAILED_AFTER_MS:
        return BACKUP_FAILED
    if standing.overdue_at is not None and now > standing.overdue_at:
        return BACKUP_OVERDUE
    return BACKUP_TAKEN if standing.succeeded else PART_UNCERTAIN


def look_at_backup(standing: BackupStanding, now: int) -> Finding:
    """The evidence: when the newest was taken, and why the next one was not."""
    verdict = judge_backup(standing, now)
    return Finding(
        BACKUP_RULE,
        _WHICH,
        verdict,
        since=standing.failing_since,
        value=standing.newest or 0,
        text=standing.failure,
        fresh_since=None if verdict is PART_UNCERTAIN else 0,
    )


def _evidence(newest: float, failure: str) -> Name:
    zh = f"最近一份完整备份：{moment(newest)}" if newest else "还没有一份完整备份"
    en = f"newest whole backup: {moment(newest)}" if newest else "there is no whole backup yet"
    return Name(zh=f"{zh}；{failure}" if failure else zh, en=f"{en}; {failure}" if failure else en)


BACKUP_MISSING: Final = "backup_missing"
BACKUP_RULE: Final = Rule(
    id="backup-missing",
    facility_kind="",
    failure_mode=BACKUP_MISSING,
    kind=RuleKind.STATE,
    priority=Priority.MEDIUM,
)
BACKUP: Final = OwnPart(
    kind="backup",
    rules=(BACKUP_RULE,),
    mode=FailureMode(
        id=BACKUP_MISSING,
        facility_kind="",
        name=Name(zh="失败或过期未做", en="Failed, or overdue"),
        priority=Priority.MEDIUM,
        response=Name(
            zh="按告警写明的原因处理；要马上有一份，执行 hub backup",
            en="Mend what the alarm names; hub backup takes one at once",
        ),
        consequence=Name(
            zh="现在硬盘损坏，最近一份备份之后的记录、工单和读数全部丢失",
            en="If a disk fails now, all records, tickets and readings since the newest backup are lost",
        ),
        checks=(
            Name(
                zh="“运行状况”页怎么说：最近一份是什么时候的，为什么失败",
                en="What does the page Health say: of when is the newest, and why did it fail?",
            ),
            Name(
                zh="backup.folder 所指的文件夹在不在（网络盘是否挂上），能不能写",
                en="Is the folder in backup.folder there (is the network disk mounted), and may the hub write it?",
            ),
            Name(zh="备份盘满没满", en="Is the disk of the backups full?"),
        ),
    ),
    name=lambda _which: Name(zh="备份", en="Backup"),
    evidence=_evidence,
)
