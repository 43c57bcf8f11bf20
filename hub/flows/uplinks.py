"""How each gateway was last heard, by the alarm lane's memory: its own word, and the words of what is behind it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hub.domain.availability import (
    LEAST_TOGETHER,
    Loss,
    Stand,
    Uplink,
    as_one,
    fall_of,
    loss_of,
    may_be_more,
    standing,
)
from hub.domain.rules import LEAST_SILENCE_MS
from hub.flows.memory import NEVER, Memory
from hub.flows.topology import Area, Topology
from hub.flows.watch import Watch


class Uplinks:
    """Asked by the alarm lane's thread only. What it answers holds at the ``now`` it is asked for."""

    def __init__(self, watch: Watch, memory: Memory) -> None:
        self._watch = watch
        self._memory = memory
        self._back: dict[str, int] = {}
        """When the alarm about a gateway last returned to normal."""
        self._area_back: dict[Area, int] = {}
        self._seen: dict[str, Uplink] = {}
        self._lost: tuple[int, dict[Area, Loss]] | None = None
        self._seen_of: tuple[int, int, Topology | None] = (-1, 0, None)
        """Memory and registry picture to which these two belong."""
        self._members: dict[str, NDArray[np.intp]] = {}
        self._least = LEAST_SILENCE_MS
        self._members_of: tuple[int, Topology | None] = (-1, None)

    @property
    def topology(self) -> Topology:
        """Of the registry picture at hand."""
        return self._watch.topology

    def returned(self, device: str, at: int) -> None:
        """An alarm that a device is silent has ended."""
        self._back[device] = max(at, self._back.get(device, at))
        self._seen.clear()

    def area_returned(self, area: Area, at: int) -> None:
        """An alarm that an area is lost has ended."""
        self._area_back[area] = max(at, self._area_back.get(area, at))

    def set_back(self, by: int) -> None:
        """The machine's clock was: what was noted by the old time was as long ago as before."""
        self._back = {key: at - by for key, at in self._back.items()}
        self._area_back = {key: at - by for key, at in self._area_back.items()}
        self._seen.clear()

    # --- one gateway ----------------------------------------------------------------------------------------------

    def uplink(self, gateway: str) -> Uplink:
        """As it was last heard."""
        self._renew()
        if gateway not in self._seen:
            self._seen[gateway] = self._look(gateway)
        return self._seen[gateway]

    def glance(self, gateway: str, now: int) -> Uplink:
        """The same, without the particulars of one that has been heard too lately to have fallen."""
        self._renew()
        if gateway in self._seen or self._memory.offline.get(gateway):
            return self.uplink(gateway)
        heard = self._heard_through(gateway)
        if heard == NEVER:
            return Uplink(gateway)
        return Uplink(gateway, heard=heard) if now - heard < self._least else self.uplink(gateway)

    def _renew(self) -> None:
        of = (self._memory.counter, self._memory.size, self.topology)
        if of != self._seen_of:
            self._seen.clear()
            self._lost = None
            self._seen_of = of
        known = (len(self._memory.devices), self.topology)
        if known != self._members_of:
            rules = {rule.id: rule for rule in self._watch.silence_rules.values()}.values()
            self._least = min([LEAST_SILENCE_MS, *(rule.silence_ms for rule in rules if rule.silence_ms is not None)])
            self._members = {
                gateway: np.array(
                    [i for d in (gateway, *behind) if (i := self._memory.device_index.get(d)) is not None], np.intp
                )
                for gateway, behind in self.topology.gateways.items()
            }
            self._members_of = known

    def _heard_through(self, gateway: str) -> int:
        """The last word of it, or of anything behind it."""
        members = self._members.get(gateway)
        return NEVER if members is None or not len(members) else int(self._memory.device_heard[members].max())

    def _look(self, gateway: str) -> Uplink:
        memory = self._memory
        behind = self.topology.gateways.get(gateway, ())
        heard = self._heard_through(gateway)
        stated = memory.stated_at.get(gateway)
        offline = memory.offline.get(gateway)
        online_at = stated if offline is False else None
        if online_at is not None:  # its protocol says that it is there: what is behind it proves nothing against that
            heard, behind = max(heard, online_at), ()
        known = heard != NEVER
        own = self._slots(gateway)
        back = [at for at in (self._back.get(gateway), online_at) if at is not None]
        fresh = memory.fresh_of(own)
        return Uplink(
            id=gateway,
            said_offline_at=(stated if stated is not None else heard if known else 0) if offline else None,
            heard=heard if known else None,
            due=self._due(own, behind, heard) if known else None,
            back_at=max([*back, *([fresh] if fresh is not None else [])], default=None),
        )

    def _due(self, own: list[int], behind: tuple[str, ...], heard: int) -> int | None:
        """When its silence is too long: by its own rhythm, or when most of what is behind it is overdue together."""
        limit = self._memory.known_limit(own)
        dues = [] if limit is None else [heard + limit]
        if len(behind) >= LEAST_TOGETHER:
            each = sorted(due for device in behind if (due := self._overdue_at(device)) is not None)
            if len(each) > len(behind) // 2:
                dues.append(max(each[len(behind) // 2], heard + LEAST_SILENCE_MS))
        return min(dues, default=None)

    def _overdue_at(self, device: str) -> int | None:
        heard, limit = self._heard(device), self._memory.known_limit(self._slots(device))
        return None if heard == NEVER or limit is None else heard + limit

    def _heard(self, device: str) -> int:
        index = self._memory.device_index.get(device)
        return NEVER if index is None else int(self._memory.device_heard[index])

    def _slots(self, device: str) -> list[int]:
        index = self._memory.device_index.get(device)
        return [] if index is None else [slot for slot in self._memory.slots_of[index] if slot < self._memory.size]

    # --- areas ----------------------------------------------------------------------------------------------------

    def loss(self, area: Area, now: int) -> Loss | None:
        """Whether most of its gateways are away together."""
        gateways = self.topology.uplinks.get(area)
        return None if gateways is None else loss_of((self.glance(each, now) for each in gateways), now)

    def losses(self, now: int) -> dict[Area, Loss]:
        """Of all areas."""
        self._renew()
        if self._lost is None or self._lost[0] != now:
            found = ((area, self.loss(area, now)) for area in self.topology.uplinks)
            self._lost = now, {area: loss for area, loss in found if loss is not None}
        return self._lost[1]

    def fallen(self, gateway: str, now: int) -> bool:
        """Whether it is away."""
        return fall_of(self.glance(gateway, now), now) is not None

    def area_back(self, area: Area) -> int | None:
        """When its last loss ended."""
        return self._area_back.get(area)

    def may_be_more(self, area: Area, since: int, now: int) -> bool:
        """Whether what fell at ``since`` may still be a part of the area's loss."""
        return may_be_more((self.glance(each, now) for each in self.topology.uplinks.get(area, ())), since, now)

    def slots_of(self, area: Area) -> list[int]:
        """Everything that speaks from an area: its gateways and what is behind them."""
        gateways = self.topology.uplinks.get(area, ())
        devices = [d for gateway in gateways for d in (gateway, *self.topology.gateways.get(gateway, ()))]
        return [slot for device in devices for slot in self._slots(device)]

    # --- explaining -------------------------------------------------------------------------------------------------

    def stand(self, community: str, device: str, heard: int, limit: int, now: int) -> tuple[Stand, str]:
        """What the device's silence means, and where something explains it, what: ``gateway …`` or ``area …``."""
        undecided, known = False, False
        for above, since, reason in self._above(community, device, now):
            found = standing(heard, limit, above, since, now)
            if found is Stand.EXPLAINED:
                return found, reason
            if not known:  # of several the nearest that anybody has heard of says whether to wait
                undecided, known = found is Stand.UNDECIDED, above.heard is not None
        return (Stand.UNDECIDED if undecided else Stand.ITS_OWN), ""

    def back_at(self, community: str, device: str) -> int | None:
        """Since when nothing above the device is away any more, as far as anybody remembers."""
        chain = self.topology.above(device)
        known = [self.uplink(gateway).back_at for gateway in chain]
        known += [self._area_back.get(area) for area in self.topology.areas(community, chain[-1] if chain else device)]
        return max((at for at in known if at is not None), default=None)

    def _above(self, community: str, device: str, now: int) -> Iterable[tuple[Uplink, int | None, str]]:
        """What it speaks through; for what speaks for itself, the uplinks of its place as one."""
        chain = self.topology.above(device)
        for gateway in chain:
            uplink = self.uplink(gateway)
            fall = fall_of(uplink, now)
            yield uplink, None if fall is None else fall.since, f"gateway {gateway}"
        if chain:
            return
        for area in self.topology.areas(community, device):
            uplinks = [self.uplink(gateway) for gateway in self.topology.uplinks[area]]
            loss = loss_of(uplinks, now)
            one = as_one(area.place, uplinks, back_at=self._area_back.get(area))
            if one is not None:
                yield one, None if loss is None else loss.since, area_reason(area)


def area_reason(area: Area) -> str:
    """As it stands in the overlay of what an area's loss explains."""
    return f"area {area.place or area.community}"
