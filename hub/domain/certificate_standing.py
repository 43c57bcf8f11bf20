"""How long the certificates last on which the hub depends, and its own alarm about one that is about to end. Pure.

Two alarms share a ticket: a quiet one while there is time, and a weighty one in the last days, which raises its priority.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import Final, NamedTuple

from hub.domain.alarms import Priority
from hub.domain.findings import Finding, OwnPart, moment
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.domain.verdicts import CERTIFICATE_ENDS, CERTIFICATE_LASTS, PART_UNCERTAIN

SOON_MS: Final = 30 * 24 * 3_600_000
LAST_MS: Final = 3 * 24 * 3_600_000
SOON_PART: Final = 6
LAST_PART: Final = 10
"""What renews itself every few hours is not about to end all the time: at most this part of the whole span counts. A proxy with
an authority of its own renews at a third."""

WEB: Final = "web"
"""The web pages'."""
_OWN: Final = "+"
_BROKER: Final = "@"
_WATCHED: Final = "="
"""One sign, with which the longest name is still an alarm's code."""


class Ending(IntEnum):
    """How near its end a certificate is; it may have come already."""

    FAR = 0
    SOON = 1
    LAST = 2


class CertificateStanding(NamedTuple):
    """One certificate in use."""

    which: str
    """``WEB``, or what ``own_of``, ``broker_of`` and ``watched_of`` say."""
    ends_at: int | None
    """Epoch ms; None: not seen yet, such as a broker's before the first connection."""
    where: str
    """The file to renew, or where it is shown; empty where it is a broker's."""
    lasts_ms: int | None = None
    """From its beginning to its end; None: not known."""


def how_near(ends_at: int, lasts_ms: int | None, now: int) -> Ending:
    """Thirty days and three before the end, or less where the whole of it lasts for little longer."""
    left = ends_at - now
    if left <= _within(LAST_MS, lasts_ms, LAST_PART):
        return Ending.LAST
    return Ending.SOON if left <= _within(SOON_MS, lasts_ms, SOON_PART) else Ending.FAR


def _within(usual: int, lasts_ms: int | None, part: int) -> int:
    return usual if lasts_ms is None else min(usual, lasts_ms // part)


def own_of(connection: str) -> str:
    """The hub's own certificate for a connection."""
    return f"{_OWN}{connection}"


def broker_of(connection: str) -> str:
    """The certificate that the broker of a connection shows."""
    return f"{_BROKER}{connection}"


def watched_of(name: str) -> str:
    """One that others use, by its name in the settings."""
    return f"{_WATCHED}{name}"


def look_at_certificate(standing: CertificateStanding, now: int) -> list[Finding]:
    """One finding a rule. A certificate that cannot be seen has not been renewed."""
    found = []
    for rule, from_there in ((LAST_RULE, Ending.LAST), (SOON_RULE, Ending.SOON)):
        if standing.ends_at is None:
            found.append(Finding(rule, standing.which, PART_UNCERTAIN))
            continue
        ending = how_near(standing.ends_at, standing.lasts_ms, now)
        verdict = CERTIFICATE_ENDS if ending >= from_there else CERTIFICATE_LASTS
        found.append(Finding(rule, standing.which, verdict, value=standing.ends_at, text=standing.where, fresh_since=0))
    return found


def certificate_name(which: str) -> Name:
    """As people read it."""
    if which.startswith(_OWN):
        connection = which.removeprefix(_OWN)
        return Name(zh=f"系统连接 {connection} 用的证书", en=f"The hub's own certificate for {connection}")
    if which.startswith(_BROKER):
        connection = which.removeprefix(_BROKER)
        return Name(zh=f"MQTT 服务器 {connection} 的证书", en=f"The certificate of broker {connection}")
    if which.startswith(_WATCHED):
        name = which.removeprefix(_WATCHED)
        return Name(zh=f"证书 {name}", en=f"The certificate {name}")
    return Name(zh="网页的证书", en="The certificate of the web pages")


def _evidence(ends_at: float, where: str) -> Name:
    behind = Name(zh=f"：{where}", en=f": {where}") if where else Name(zh="", en="")
    return Name(zh=f"有效期至 {moment(ends_at)}{behind.zh}", en=f"ends at {moment(ends_at)}{behind.en}")


CERTIFICATE_ENDING: Final = "certificate_ending"
SOON_RULE: Final = Rule(
    id="certificate-ends-soon",
    facility_kind="",
    failure_mode=CERTIFICATE_ENDING,
    kind=RuleKind.STATE,
    priority=Priority.LOW,
)
LAST_RULE: Final = replace(SOON_RULE, id="certificate-last-days", priority=Priority.HIGH)
CERTIFICATE: Final = OwnPart(
    kind="certificate",
    rules=(LAST_RULE, SOON_RULE),
    mode=FailureMode(
        id=CERTIFICATE_ENDING,
        facility_kind="",
        name=Name(zh="即将到期或已过期", en="About to end, or has ended"),
        priority=Priority.LOW,
        response=Name(
            zh="续期并换上新证书，再重启用它的一方：系统自己的证书重启本系统，MQTT 服务器或代理的证书重启该服务器",
            en="Renew it and put it in place, then restart what uses it: the hub for one of its own, else broker or proxy",
        ),
        consequence=Name(
            zh="到期后浏览器拒绝打开网页，或系统、传感终端连不上 MQTT 服务器，什么数据也收不到",
            en="Once it has ended, browsers refuse the pages, or hub or sensors cannot connect to the broker and nothing is heard",
        ),
        checks=(
            Name(
                zh="“运行状况”页怎么说：哪张证书，哪一天到期，该怎么办",
                en="What does the page Health say: which certificate, when does it end, and what is to be done?",
            ),
            Name(
                zh="自动续期（certbot、acme.sh 等）是否还在运行，上一次为什么没有成功",
                en="Does what renews it by itself still run, and why did it fail last time?",
            ),
            Name(
                zh="磁盘上是否已经是新证书：是的话只差重启",
                en="Is the file on the disk the new one already? Then only the restart is missing",
            ),
        ),
    ),
    name=certificate_name,
    evidence=_evidence,
)
