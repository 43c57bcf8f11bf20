"""What a silence is a part of: covered while its cause lasts, told by itself when it has none, or has none any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from hub.domain.alarms import Alarm, Overlay, Priority, Release, Suppress
from hub.domain.availability import WINDOW_MS, Stand, fall_of, may_speak
from hub.domain.rules import LEAST_SILENCE_MS
from hub.flows.areas import Areas
from hub.flows.judging import Judging
from hub.flows.memory import NEVER, Memory
from hub.flows.topology import Area
from hub.flows.uplinks import Uplinks
from hub.flows.watch import Watch
from hub.flows.worksheet import Worksheet, key_of


class Causes:
    """Decides by the domain's ``availability``. The alarm lane's thread only; ``alarms`` are those about silence."""

    def __init__(self, watch: Watch, memory: Memory, judging: Judging) -> None:
        self._watch = watch
        self._memory = memory
        self._judging = judging
        self.uplinks = Uplinks(watch, memory)
        self.areas = Areas(self.uplinks, judging)

    def committed(self, changed: Sequence[Alarm], about_silence: Iterable[Alarm]) -> None:
        """After a commit: what has returned, of areas and of gateways."""
        self.areas.note(changed)
        for alarm in about_silence:
            ended = alarm.cleared_at if not alarm.active and not alarm.point else None
            if ended is not None and alarm.device in self._watch.topology.gateways:
                self.uplinks.returned(alarm.device, ended)

    # --- covering -------------------------------------------------------------------------------------------------

    def cover(self, sheet: Worksheet, alarms: Sequence[Alarm], now: int) -> None:
        """Before anything is told by time alone: what fell together, and what it explains."""
        self.areas.decide(sheet, now)
        for alarm in self._coverable(alarms, now):
            current = sheet.alarms.get(key_of(alarm), alarm)
            if current.overlay is Overlay.NONE:
                self.covered(sheet, current, now)
        for alarm in self._found_alone(alarms, now):
            current = sheet.alarms.get(key_of(alarm), alarm)
            if current.overlay is Overlay.NONE:
                self._judging.alone(sheet, current, now)

    def covered(self, sheet: Worksheet, alarm: Alarm, now: int) -> Alarm:
        """Suppressed by design where something else explains it."""
        stand, reason = self._stand(alarm, now)
        if stand is not Stand.EXPLAINED:
            return alarm
        return self._judging.signal(sheet, alarm, Suppress(reason=reason), now).alarm

    def _coverable(self, alarms: Iterable[Alarm], now: int) -> list[Alarm]:
        """Uncovered alarms that may be explained: not told yet, or a gateway's that fell with its neighbours."""
        fallen = {gateway for loss in self.uplinks.losses(now).values() for gateway in loss.fallen}
        return [
            alarm
            for alarm in alarms
            if not alarm.point
            and alarm.overlay is Overlay.NONE
            and alarm.priority is not Priority.SAFETY
            and ((alarm.pending_since is not None and not alarm.active) or (alarm.active and alarm.device in fallen))
            and self._stand(alarm, now)[0] is Stand.EXPLAINED
        ]

    def _found_alone(self, alarms: Iterable[Alarm], now: int) -> list[Alarm]:
        """Gateways whose fall is held back, although it can be no part of their building's or community's any more."""
        return [
            alarm
            for alarm in alarms
            if not alarm.point
            and not alarm.active
            and alarm.pending_since is not None
            and alarm.overlay is Overlay.NONE
            and self._watch.topology.has_neighbours(alarm.community, alarm.device)
            and now >= alarm.pending_since + self._own_delay(alarm)
            and self._is_alone(alarm, now)
        ]

    def _own_delay(self, alarm: Alarm) -> int:
        rule = self._watch.rule(alarm.community, alarm.rule)
        return 0 if rule is None else self._watch.silence_delay(alarm, rule, alone=True)

    def _is_alone(self, alarm: Alarm, now: int) -> bool:
        uplink = self.uplinks.uplink(alarm.device)
        fall = fall_of(uplink, now)
        since = fall.since if fall is not None else self._heard(alarm)[0]
        areas = self._watch.topology.areas(alarm.community, alarm.device)
        return not any(self.uplinks.may_be_more(area, since, now) for area in areas)

    # --- uncovering -----------------------------------------------------------------------------------------------

    def release(self, sheet: Worksheet, alarms: Iterable[Alarm], now: int) -> None:
        """What stays silent although its cause has been gone for a while speaks for itself."""
        for alarm in alarms:
            current = sheet.alarms.get(key_of(alarm), alarm)
            if current.overlay is not Overlay.SUPPRESSED or self._stand(current, now)[0] is Stand.EXPLAINED:
                continue
            back = self.uplinks.back_at(alarm.community, alarm.device)
            ended = not current.active and current.pending_since is None
            if ended or may_speak(back, max(self._heard(current)[1], LEAST_SILENCE_MS), now):
                self._judging.signal(sheet, current, Release(), now)
        for alarm in self.areas.live():
            current = sheet.alarms.get(key_of(alarm), alarm)
            above = Area(alarm.community, "")
            if current.overlay is Overlay.SUPPRESSED and self.uplinks.loss(above, now) is None:
                back = self.uplinks.area_back(above)
                if not current.active or may_speak(back, 0, now):
                    self._judging.signal(sheet, current, Release(), now)

    def has_news(self, alarms: Sequence[Alarm], now: int) -> bool:
        """Whether ``cover`` or ``release`` would have anything to say."""
        return bool(
            any(alarm.overlay is Overlay.SUPPRESSED for alarm in (*alarms, *self.areas.live()))
            or self.areas.has_news(now)
            or self._coverable(alarms, now)
            or self._found_alone(alarms, now)
        )

    # --- asking ---------------------------------------------------------------------------------------------------

    def is_undecided(self, owner: int, slots: list[int], now: int) -> bool:
        """Whether a word about what the device speaks through is waited for. A gateway of its own right is not."""
        memory, hub_id = self._memory, self._memory.devices[owner]
        limit = int(memory.device_limits(np.array(slots, np.intp)).min())
        heard = int(memory.device_heard[owner])
        if heard == NEVER:
            heard = max(int(memory.heard[slot]) for slot in slots)
        if now - heard < limit or self._watch.topology.is_uplink(hub_id):
            return False
        community = memory.slots.keys[slots[0]].community
        return self.uplinks.stand(community, hub_id, heard, limit, now)[0] is Stand.UNDECIDED

    def mute_gateways(self, told: Collection[str], now: int) -> list[str]:
        """Gateways of which nothing is watched, and that have been silent for too long with all that is behind them."""
        return [
            gateway
            for gateway in self._watch.topology.gateways
            if gateway not in told
            and not self._memory.offline.get(gateway)
            and self.uplinks.fallen(gateway, now)
            and not self._watch.hears_of_itself(gateway)
        ]

    def _stand(self, alarm: Alarm, now: int) -> tuple[Stand, str]:
        heard, limit = self._heard(alarm)
        return self.uplinks.stand(alarm.community, alarm.device, heard, limit, now)

    def _heard(self, alarm: Alarm) -> tuple[int, int]:
        """(last word, allowed silence in ms) behind an alarm of a device. A statement is allowed a window about it."""
        memory, index = self._memory, self._memory.device_index.get(alarm.device)
        if alarm.code:
            return memory.stated_at.get(alarm.device, alarm.pending_since or alarm.raised_at or 0), WINDOW_MS
        slots = memory.slots_of[index] if index is not None else []
        if index is None or not slots:
            uplink = self.uplinks.uplink(alarm.device)
            return uplink.heard or 0, (uplink.due or 0) - (uplink.heard or 0)
        heard = int(memory.device_heard[index])
        if heard == NEVER:
            heard = max(int(memory.heard[slot]) for slot in slots)
        return heard, int(memory.device_limits(np.array(slots, np.intp)).min())
