"""Whether a series store takes readings, and the hub's own alarm about one that takes none. Pure.

A store that has lost the hub's credentials stops in silence, and charts that stand still look like
a calm day. Readings wait in the journal meanwhile, so it is a matter of hours and not of seconds.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.findings import Finding, OwnPart
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.domain.verdicts import PART_UNCERTAIN, STORE_REFUSES, STORE_TAKES, STORE_UNREACHABLE, Verdict

REFUSED_AFTER_MS: Final = 30_000
"""A refusal that a second look mends (a database that is made again) tells nobody."""
STEADY_MS: Final = 60_000
"""A store that takes one batch and then stops again has not been mended."""


class Halt(NamedTuple):
    """A lane that does not go on."""

    since: int
    """Epoch ms, by the machine's clock."""
    reason: str
    for_good: bool
    """Waiting mends nothing: credentials, rights, what it should write into, a position ahead of its journal."""
    batches: int
    """How many wait."""


class Standing(NamedTuple):
    """How the lane of one series store stands. Neither halted nor well: it has not tried yet, and nobody knows."""

    store: str
    """``main``, or the mirror's name."""
    halted: Halt | None
    well_since: int | None
    """Since when, epoch ms, each of its commits has succeeded."""


def judge_store(standing: Standing, now: int, *, unreachable_after: int) -> Verdict:
    """``unreachable_after`` (ms): how long a store may be away before somebody is told; one that refuses is told at once.

    Where the clock was set back behind what it is compared with, the time counts as over.
    """
    if standing.halted is not None:
        halted = standing.halted
        patience = REFUSED_AFTER_MS if halted.for_good else unreachable_after
        if 0 <= now - halted.since < patience:
            return PART_UNCERTAIN
        return STORE_REFUSES if halted.for_good else STORE_UNREACHABLE
    if standing.well_since is None or 0 <= now - standing.well_since < STEADY_MS:
        return PART_UNCERTAIN
    return STORE_TAKES


def look_at_store(standing: Standing, now: int, *, unreachable_after: int) -> Finding:
    """The evidence: how many batches wait, and why, in the server's own words."""
    verdict = judge_store(standing, now, unreachable_after=unreachable_after)
    fresh = standing.well_since
    if standing.halted is None:
        return Finding(STORE_RULE, standing.store, verdict, fresh_since=fresh)
    since, reason, _, batches = standing.halted
    return Finding(STORE_RULE, standing.store, verdict, since, batches, reason, fresh)


def _evidence(batches: float, reason: str) -> Name:
    return Name(
        zh=f"{batches:g} 批报文等待写入，一条也没有丢" + (f"：{reason}" if reason else ""),
        en=f"{batches:g} batches wait to be stored, none is lost" + (f": {reason}" if reason else ""),
    )


STORE_STOPPED: Final = "series_store_stopped"
STORE_RULE: Final = Rule(
    id="series-store-stopped",
    facility_kind="",
    failure_mode=STORE_STOPPED,
    kind=RuleKind.STATE,
    priority=Priority.MEDIUM,
)
STORE: Final = OwnPart(
    kind="series-store",
    rules=(STORE_RULE,),
    mode=FailureMode(
        id=STORE_STOPPED,
        facility_kind="",
        name=Name(zh="读数写不进去", en="Readings cannot be stored"),
        priority=Priority.MEDIUM,
        response=Name(
            zh="按告警写明的原因处理：令牌或口令、权限、桶或数据库、地址、磁盘；处理好后系统自己接着写",
            en="Mend what the alarm names: token or password, rights, bucket or database, address, disk; the hub then goes on by itself",
        ),
        consequence=Name(
            zh="图表停在这一刻；读数在日志库里排队，磁盘写满后系统不再收报文。告警和工单不受影响",
            en="Charts stand still; readings wait in the journal, and once its disk is full nothing more is taken in. Alarms and tickets go on",
        ),
        checks=(
            Name(
                zh="“运行状况”页怎么说：哪个时序库、什么原因、磁盘还能撑几小时",
                en="What does the page Health say: which store, why, and for how many hours has the disk room?",
            ),
            Name(
                zh="HUB_SERIES__URL（副本则是它的 url）里的令牌或口令、组织、桶或数据库是否还对",
                en="Are token or password, organisation, and bucket or database in HUB_SERIES__URL (a mirror's: its url) still right?",
            ),
            Name(
                zh="时序库的服务器是否在运行，本机能否连上，它的磁盘满没满",
                en="Does the store's server run, can this machine reach it, and is its disk full?",
            ),
        ),
    ),
    name=lambda store: Name(zh=f"时序库 {store}", en=f"Series store {store}"),
    evidence=_evidence,
)
