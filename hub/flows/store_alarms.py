"""The hub's own alarm about a series store that takes no readings: one ticket, with the crew of one community."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.domain.alarms import Alarm, Judged
from hub.domain.rules import Rule
from hub.domain.store_standing import STORE_RULE, Standing, judge_store, unit_of
from hub.domain.verdicts import Condition, Verdict
from hub.domain.verification import Source
from hub.flows.judging import Judging, new_alarm
from hub.flows.registry import Registry
from hub.flows.ticketing import SourceOf
from hub.flows.watch import Place, Watch
from hub.flows.worksheet import AlarmKey, Worksheet

_TEXT: Final = 500
"""Of the reason, which a server may have written."""


class StoreAlarms:
    """Decides by the machine's clock, not the lane's: it is no device that has fallen silent. The alarm lane's thread only.

    ``unreachable_after`` (ms): how long a store may be away before somebody is told; one that refuses is told at once.
    """

    def __init__(self, watch: Watch, judging: Judging, others: SourceOf, *, unreachable_after: int) -> None:
        self._watch = watch
        self._judging = judging
        self._others = others
        self._unreachable_after = unreachable_after
        self._standings: dict[str, Standing] = {}

    def look(self, standings: Sequence[Standing], now: int) -> dict[str, Verdict]:
        """What is to be decided, by store: only what changes an alarm."""
        self._standings = {standing.store: standing for standing in standings}
        live = {alarm.code: alarm.active for alarm in self._live()}
        found = {
            store: judge_store(self._standings.get(store), now, unreachable_after=self._unreachable_after)
            for store in sorted(self._standings.keys() | live.keys())
        }
        changing = {True: Condition.NORMAL, False: Condition.OVER}
        return {store: said for store, said in found.items() if said.condition is changing[live.get(store, False)]}

    def decide(self, sheet: Worksheet, verdicts: dict[str, Verdict]) -> None:
        """Raise and end; nothing where there is no community whose crew could be told."""
        owners = {alarm.code: alarm.community for alarm in self._live()}
        for store, verdict in verdicts.items():
            community = owners.get(store) or owner_of(self._watch.registry)
            if community is None:
                continue
            key = AlarmKey(community, STORE_RULE.id, "", "", store, late=False)
            alarm = sheet.alarm(key) or new_alarm(sheet, key, STORE_RULE, Place(community, "", unit_of(store), ""))
            standing = self._standings.get(store)
            halted = standing.halted if standing is not None else None
            if halted is None:
                self._judging.signal(sheet, alarm, Judged(verdict=verdict), sheet.now)
            else:
                said = Judged(verdict=verdict, value=halted.batches, text=halted.reason[:_TEXT])
                self._judging.signal(sheet, alarm, said, min(halted.since, sheet.now))

    def source(self, alarm: Alarm, rule: Rule | None, now: int) -> Source:
        """What proves a repair: the store has taken everything for a while. For other alarms what their devices say."""
        if alarm.rule != STORE_RULE.id:
            return self._others(alarm, rule, now)
        standing = self._standings.get(alarm.code)
        fresh = alarm.cleared_at if standing is None else standing.well_since
        return Source(active=alarm.active, inactive_since=alarm.cleared_at, fresh_since=now if fresh is None else fresh)

    def _live(self) -> list[Alarm]:
        return [alarm for alarm in self._judging.live.values() if alarm.rule == STORE_RULE.id]


def owner_of(registry: Registry) -> str | None:
    """The community whose default crew sees to the hub: of those that have one the first by id."""
    own = sorted(registry.communities)
    return next((each for each in own if registry.crew_for(each, "") is not None), own[0] if own else None)
