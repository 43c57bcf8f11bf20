"""The alarm about a place: most of its gateways fell silent together, so that one cause is told once."""

from __future__ import annotations

from collections.abc import Iterable

from hub.domain.alarms import Alarm, Judged, Overlay, Suppress
from hub.domain.verdicts import FELL_TOGETHER, HEARD
from hub.flows.judging import Judging, new_alarm
from hub.flows.topology import Area
from hub.flows.uplinks import Uplinks, area_reason
from hub.flows.watch import AREA_LOST, Place
from hub.flows.worksheet import AlarmKey, Worksheet


class Areas:
    """Decides with the lane's time, by ``Uplinks``. The alarm lane's thread only.

    The alarm speaks for no device: its code and its unit are the building, both empty where it is the community.
    """

    def __init__(self, uplinks: Uplinks, judging: Judging) -> None:
        self._uplinks = uplinks
        self._judging = judging

    def live(self) -> list[Alarm]:
        """Area alarms that are not plain normal."""
        return [alarm for alarm in self._judging.live.values() if alarm.rule == AREA_LOST.id]

    def has_news(self, now: int) -> bool:
        """Whether ``decide`` would change anything."""
        losses = self._uplinks.losses(now)
        live = {area_of(alarm): alarm for alarm in self.live()}
        return {area for area, alarm in live.items() if _is_raised(alarm)} != losses.keys() or any(
            not live[area].active and not self._uplinks.may_be_more(Area(area.community, ""), loss.since, now)
            for area, loss in losses.items()
        )

    def decide(self, sheet: Worksheet, now: int) -> None:
        """Raise and end what has begun and ended. A building's is a part of the community's while that lasts."""
        losses = self._uplinks.losses(now)
        for area in sorted({area_of(alarm) for alarm in self.live()} | losses.keys()):  # the community comes first
            key = _key(area)
            alarm = sheet.alarm(key)
            loss = losses.get(area)
            if loss is None:
                if alarm is not None and _is_raised(alarm):
                    self._judging.signal(sheet, alarm, Judged(verdict=HEARD), now)
                    self._uplinks.area_returned(area, now)
                continue
            if alarm is None:
                alarm = new_alarm(sheet, key, AREA_LOST, Place(area.community, "", area.place, ""))
            above = Area(area.community, "")
            if area.place and above in losses and alarm.overlay is Overlay.NONE:
                alarm = self._judging.signal(sheet, alarm, Suppress(reason=area_reason(above)), now).alarm
            if not _is_raised(alarm):
                at = min(now, max(loss.known_at, alarm.cleared_at or 0))
                alarm = self._judging.signal(sheet, alarm, Judged(verdict=FELL_TOGETHER), at).alarm
            if not alarm.active and not self._uplinks.may_be_more(above, loss.since, now):
                self._judging.alone(sheet, alarm, now)

    def note(self, changed: Iterable[Alarm]) -> None:
        """After a commit: what has returned."""
        for alarm in changed:
            if alarm.rule == AREA_LOST.id and not alarm.active and alarm.cleared_at is not None:
                self._uplinks.area_returned(area_of(alarm), alarm.cleared_at)


def area_of(alarm: Alarm) -> Area:
    """The place that an area alarm is about."""
    return Area(alarm.community, alarm.code)


def _key(area: Area) -> AlarmKey:
    return AlarmKey(area.community, AREA_LOST.id, "", "", area.place, late=False)


def _is_raised(alarm: Alarm) -> bool:
    return alarm.active or alarm.pending_since is not None
