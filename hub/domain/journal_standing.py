"""Whether the journal goes on taking messages, and the hub's own alarm before it stops. Pure.

A full disk loses nothing at once: what is not acknowledged waits at the broker. But nothing is judged meanwhile, so somebody
has to know before. The floor that stays free leaves room for the alarm itself.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.findings import Finding, OwnPart
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.domain.verdicts import (
    IN_DEADBAND,
    JOURNAL_FILLS,
    JOURNAL_HAS_ROOM,
    JOURNAL_STOPPED,
    PART_UNCERTAIN,
    Verdict,
)

HALF_FULL: Final = 0.5
NEARLY_FULL: Final = 0.8
"""Of what the journal could hold: taken by batches that a lane still needs."""
HELD_AFTER_MS: Final = 30_000
"""A commit that succeeds at the next try tells nobody."""
SETTLED_MS: Final = 60_000
"""After a start each lane first has to say what it still needs: until then everything counts as needed."""
_WHICH: Final = "disk"


class JournalStanding(NamedTuple):
    """How much the journal may still take."""

    left: int
    """Bytes; not positive: nothing more is taken."""
    floor: int
    """Bytes of the disk that must stay free. Below a quarter of that the journal drops what nobody needs."""
    fill: float
    """0 to 1: which part of what it could hold the lanes still need."""
    hours_left: float | None
    """At the present rate; None: nothing comes in."""
    measured_since: int | None
    """Since when, epoch ms, ``fill`` is measured; None: not yet."""
    held_since: int | None = None
    """Since when, epoch ms, nothing is acknowledged; None: it is."""
    held: str = ""
    """Why."""


def eaten_up(left: int, floor: int) -> bool:
    """Something else fills the disk: the journal has dropped what nobody needs, and still it has little room."""
    return left < floor // 8


def judge_journal(standing: JournalStanding, now: int) -> Verdict:
    """Over when it has stopped, when lanes leave it a fifth of its room, or when something else eats the disk.

    The last: what nobody needs has been dropped when a quarter of the floor was left, and still less than an eighth is.
    It is normal again by half as much more, and where less than half of the room is needed.
    """
    left, floor = standing.left, standing.floor
    if left <= 0:
        return JOURNAL_STOPPED
    held_since = standing.held_since
    if held_since is not None and not 0 <= now - held_since < HELD_AFTER_MS:
        return JOURNAL_STOPPED
    if eaten_up(left, floor):
        return JOURNAL_FILLS
    if standing.measured_since is None or 0 <= now - standing.measured_since < SETTLED_MS:
        return PART_UNCERTAIN
    if standing.fill >= NEARLY_FULL:
        return JOURNAL_FILLS
    between = held_since is not None or standing.fill >= HALF_FULL or left < floor * 3 // 16
    return IN_DEADBAND if between else JOURNAL_HAS_ROOM


def look_at_journal(standing: JournalStanding, now: int) -> Finding:
    """The evidence: bytes left, and why it has stopped or for how long they last."""
    verdict = judge_journal(standing, now)
    lasts = "" if standing.hours_left is None else f"{standing.hours_left:g} h"
    return Finding(
        JOURNAL_RULE,
        _WHICH,
        verdict,
        since=standing.held_since,
        value=max(0, standing.left),
        text=standing.held or lasts,
        fresh_since=None if verdict is PART_UNCERTAIN else 0,
    )


def _evidence(left: float, text: str) -> Name:
    room = f"{left / 1024**2:.0f} MB"
    return Name(
        zh=f"报文还能存 {room}" + (f"：{text}" if text else ""),
        en=f"room for {room} of messages is left" + (f": {text}" if text else ""),
    )


JOURNAL_FULL: Final = "journal_disk_full"
JOURNAL_RULE: Final = Rule(
    id="journal-disk-full",
    facility_kind="",
    failure_mode=JOURNAL_FULL,
    kind=RuleKind.STATE,
    priority=Priority.HIGH,
)
JOURNAL: Final = OwnPart(
    kind="journal",
    rules=(JOURNAL_RULE,),
    mode=FailureMode(
        id=JOURNAL_FULL,
        facility_kind="",
        name=Name(zh="磁盘快满，即将停收报文", en="Its disk is nearly full; soon nothing more is taken in"),
        priority=Priority.HIGH,
        response=Name(
            zh="腾出磁盘空间或换更大的磁盘；有通道落后的，先让它的存储恢复",
            en="Make room on the disk, or give it a larger one; where a lane is behind, mend its store first",
        ),
        consequence=Name(
            zh="空间用完后不再应答报文：报文留在 MQTT 服务器排队，队列满了就丢；期间没有任何新告警",
            en="Then nothing is acknowledged: messages wait at the broker until its queue is full, and no device raises an alarm",
        ),
        checks=(
            Name(
                zh="“运行状况”页怎么说：日志库还能撑几小时，哪个通道落后或停住",
                en="What does the page Health say: how many hours are left, and which lane is behind or stopped?",
            ),
            Name(
                zh="数据文件夹所在的磁盘被什么占了：备份、日志、别的程序",
                en="What fills the disk of the data folder: backups, logs, another program?",
            ),
            Name(zh="磁盘本身有没有报错", en="Does the disk itself report errors?"),
        ),
    ),
    name=lambda _which: Name(zh="日志库", en="Journal"),
    evidence=_evidence,
)
