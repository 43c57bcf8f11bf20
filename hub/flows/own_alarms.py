"""The hub's own alarms, about parts of itself: one ticket each, with the crew of one community."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.domain.alarms import Alarm, Judged
from hub.domain.findings import Finding
from hub.domain.own_parts import OWN_RULES, part_of
from hub.domain.rules import Rule
from hub.domain.verdicts import PART_GONE, Condition
from hub.domain.verification import Source
from hub.flows.judging import Judging, new_alarm
from hub.flows.registry import Registry
from hub.flows.ticketing import SourceOf
from hub.flows.watch import Place, Watch
from hub.flows.worksheet import AlarmKey, Worksheet

_TEXT: Final = 500
"""Of the evidence, which a server may have written."""
_CHANGING: Final = {True: Condition.NORMAL, False: Condition.OVER}
"""By whether the alarm is active."""


class OwnAlarms:
    """Decides by the machine's clock, not the lane's: it is no device that has fallen silent. The alarm lane's thread only."""

    def __init__(self, watch: Watch, judging: Judging, others: SourceOf) -> None:
        self._watch = watch
        self._judging = judging
        self._others = others
        self._found: dict[tuple[str, str], Finding] | None = None
        """By rule and part; None before the first look, when nothing is known that could prove a repair."""

    def look(self, found: Sequence[Finding]) -> list[Finding]:
        """What changes an alarm. ``found`` is about every part that there is: what it leaves out, the hub has no more."""
        self._found = {finding.key: finding for finding in found}
        live = {(alarm.rule, alarm.code): alarm.active for alarm in self._live()}
        gone = [Finding(OWN_RULES[rule], which, PART_GONE) for rule, which in sorted(live.keys() - self._found.keys())]
        return [each for each in (*found, *gone) if each.verdict.condition is _CHANGING[live.get(each.key, False)]]

    def decide(self, sheet: Worksheet, findings: Sequence[Finding]) -> None:
        """Raise and end; nothing where there is no community whose crew could be told."""
        owners = {(alarm.rule, alarm.code): alarm.community for alarm in self._live()}
        for finding in findings:
            community = owners.get(finding.key) or owner_of(self._watch.registry)
            part = part_of(finding.rule.id)
            if community is None or part is None:
                continue
            key = AlarmKey(community, finding.rule.id, "", "", finding.which, late=False)
            place = Place(community, "", part.unit(finding.which), "")
            alarm = sheet.alarm(key) or new_alarm(sheet, key, finding.rule, place)
            said = Judged(verdict=finding.verdict, value=finding.value, text=finding.text[:_TEXT])
            at = sheet.now if finding.since is None else min(finding.since, sheet.now)
            self._judging.signal(sheet, alarm, said, at)

    def source(self, alarm: Alarm, rule: Rule | None, now: int) -> Source:
        """What proves a repair: the part has been well for a while. For other alarms what their devices say."""
        if part_of(alarm.rule) is None:
            return self._others(alarm, rule, now)
        return Source(active=alarm.active, inactive_since=alarm.cleared_at, fresh_since=self._fresh_since(alarm, now))

    def _fresh_since(self, alarm: Alarm, now: int) -> int | None:
        if self._found is None:
            return now
        finding = self._found.get((alarm.rule, alarm.code))
        if finding is None:
            return alarm.cleared_at
        return now if finding.fresh_since is None else finding.fresh_since

    def _live(self) -> list[Alarm]:
        return [alarm for alarm in self._judging.live.values() if alarm.rule in OWN_RULES]


def owner_of(registry: Registry) -> str | None:
    """The community whose default crew sees to the hub: of those that have one the first by id."""
    own = sorted(registry.communities)
    return next((each for each in own if registry.crew_for(each, "") is not None), own[0] if own else None)
