"""Who watches what: the rules of every binding, the quiet bands, and which device speaks for which facility.

Rebuilt with the registry picture and grown with new slots; the alarm lane's thread only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from hub.domain.alarms import Alarm, Priority
from hub.domain.availability import BELIEVED_AFTER_MS, patience
from hub.domain.commissioning import Subject
from hub.domain.own_parts import OWN_MODES, OWN_RULES
from hub.domain.places import Binding, DeviceState, Name, Rhythm
from hub.domain.rules import EVERYTHING_QUIET, FailureMode, Rule, RuleKind, quiet_band, takes_code
from hub.domain.tickets import TicketKey
from hub.flows.bindings import Bindings
from hub.flows.memory import Memory
from hub.flows.registry import Registry
from hub.flows.topology import Area, Topology

NO_DATA: Final = "no_data"
DEVICE_FAULT: Final = "device_fault"
UPLINK_LOST: Final = "power_or_uplink_lost"
_RANK: Final = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2, Priority.SAFETY: 3}

OFFLINE_CODE: Final = "offline"
"""The code of an alarm that rests on a device's own statement, not on its silence."""


class Place(NamedTuple):
    """What an alarm or ticket is about. ``facility`` is empty where a device speaks for none, or for several."""

    community: str
    facility: str
    unit: str
    kind: str


class Watch:
    """Call ``refresh`` after ``Bindings.refresh`` and ``Memory.grow``."""

    def __init__(self, bindings: Bindings, memory: Memory) -> None:
        self._bindings = bindings
        self._memory = memory
        self._clear()

    def refresh(self, *, renewed: bool, now: int) -> None:
        """Take in new rows and slots; ``renewed``: the registry is another one, so everything anew."""
        if renewed:
            self._clear()
        if len(self._bindings.spots) > len(self.rules):
            self._take_in_rows()
        if self._memory.size > self._slots_done:
            self._take_in_slots(now)

    def _clear(self) -> None:
        self.registry = self._bindings.registry
        self.rules: list[tuple[Rule, ...]] = []
        """Limit and state rules by binding row."""
        self.low = np.zeros(0)
        self.high = np.zeros(0)
        """Quiet band by binding row: nothing inside it needs judging."""
        self.silence_rules: dict[int, Rule] = {}
        """No-data rule by slot, for bound points."""
        self._silence_by_row: list[Rule | None] = []
        self._by_spot: dict[object, tuple[tuple[Rule, ...], Rule | None]] = {}
        self._bindings_of: dict[str, list[tuple[Binding, ...]]] = {}
        for (device, _), spans in self.registry.bindings.items():
            self._bindings_of.setdefault(device, []).append(spans)
        self.topology = Topology(self.registry)
        self._by_id = {(c, rule.id): rule for c, rules in self.registry.rules.items() for rule in rules}
        self._slots_done = 0
        self.watched = np.zeros(0, np.intp)
        """Slots whose silence is an alarm."""

    def _take_in_rows(self) -> None:
        first = len(self.rules)
        bands = []
        for row in range(first, len(self._bindings.spots)):
            judging, silence = self._rules_of(row)
            self.rules.append(judging)
            self._silence_by_row.append(silence)
            band = EVERYTHING_QUIET
            for rule in judging:
                band = band.within(quiet_band(rule))
            bands.append(band)
        self.low = np.append(self.low, [band.low for band in bands])
        self.high = np.append(self.high, [band.high for band in bands])

    def _rules_of(self, row: int) -> tuple[tuple[Rule, ...], Rule | None]:
        binding = self._bindings.bindings[row]
        if binding is None:
            return (), None
        spot = self._bindings.spots[row]
        found = self._by_spot.get(spot)
        if found is None:
            rules = self.registry.rules_for_point(binding)
            judging = tuple(rule for rule in rules if rule.kind in {RuleKind.LIMIT, RuleKind.STATE})
            silences = [rule for rule in rules if rule.kind is RuleKind.NO_DATA]
            exact = [rule for rule in silences if rule.metric] or silences
            found = self._by_spot[spot] = judging, exact[0] if exact else None
        return found

    def _take_in_slots(self, now: int) -> None:
        added = []
        for slot in range(self._slots_done, self._memory.size):
            row = self._bindings.newest(slot)
            binding = self._bindings.bindings[row]
            if binding is None or binding.valid_to is not None:
                continue
            rule = self._silence_by_row[row]
            if rule is None:
                continue
            self.silence_rules[slot] = rule
            added.append(slot)
            device = self.registry.devices.get(binding.device)
            rhythm = Rhythm() if device is None else device.rhythm
            self._memory.set_silence[slot] = rule.silence_ms or 0
            self._memory.set_interval[slot] = rhythm.interval
            self._memory.promised[slot] = 0 if rule.silence_ms else rhythm.silence
            self._memory.watch_from(slot, now)
        self.watched = np.append(self.watched, np.array(added, np.intp))
        self._slots_done = self._memory.size

    # --- asking -------------------------------------------------------------------------------------------------

    def rule(self, community: str, rule_id: str) -> Rule | None:
        """An enabled rule of the community, or one of the generic ones."""
        return self._by_id.get((community, rule_id)) or _GENERIC.get(rule_id)

    def place_of_row(self, row: int) -> Place:
        """What a bound point speaks for."""
        spot = self._bindings.spots[row]
        return Place(spot.community, spot.facility, spot.unit, spot.kind)

    def place_of_slot(self, slot: int) -> Place:
        """What a point speaks for today."""
        return self.place_of_row(self._bindings.newest(slot))

    def place_of_device(self, hub_id: str, community: str, at: int) -> Place | None:
        """What a device as a whole speaks for at this event time; None: it is bound to nothing."""
        found = [
            binding
            for spans in self._bindings_of.get(hub_id, ())
            for binding in reversed(spans)
            if binding.holds_at(at)
        ]
        if not found:
            return None
        facilities = {(binding.community, binding.facility) for binding in found}
        if len(facilities) > 1:
            return Place(community, "", "", "")
        owner, name = facilities.pop()
        facility = self.registry.facilities.get((owner, name))
        if facility is None:
            return Place(community, "", "", "")
        units = {binding.unit for binding in found}
        return Place(owner, name, units.pop() if len(units) == 1 else "", facility.kind)

    def fault_rules(self, place: Place, event_type: str, code: str) -> tuple[Rule, ...]:
        """Rules of the facility that take this code; exact codes before ``*``, the generic rule if there is none."""
        facility = self.registry.facilities.get((place.community, place.facility))
        rules = self.registry.fault_rules(facility, place.unit) if facility is not None else ()
        taking = [rule for rule in rules if takes_code(rule, event_type, code)]
        exact = tuple(rule for rule in taking if code in rule.codes)
        if exact or taking:
            return exact or tuple(taking)
        return (GENERIC_FAULT,) if event_type == "fault" else ()

    def device_silence_rule(self, hub_id: str) -> Rule | None:
        """How the silence of a whole device is treated: the weightiest no-data rule of its points."""
        index = self._memory.device_index.get(hub_id)
        slots = self._memory.slots_of[index] if index is not None else []
        rules = [self.silence_rules[slot] for slot in slots if slot in self.silence_rules]
        if rules:
            return max(rules, key=lambda rule: (_RANK[rule.priority], rule.id))
        device = self.registry.devices.get(hub_id)
        if device is not None and device.state is DeviceState.RETIRED:
            return None
        in_use = device is not None and device.state is DeviceState.ADOPTED
        wanted = in_use or hub_id in self._bindings_of or hub_id in self.topology.gateways
        return GENERIC_SILENCE if wanted else None

    def silence_delay(self, alarm: Alarm, rule: Rule, *, alone: bool = False) -> int:
        """The on-delay (ms) of a no-data alarm: longer where what fell silent may be a part of something greater.

        ``alone``: it is known that it is none.
        """
        topology = self.topology
        if alarm.point or (alone and alarm.code != OFFLINE_CODE):
            return rule.on_delay_ms
        if alone:
            return BELIEVED_AFTER_MS
        if rule is AREA_LOST:
            building = topology.uplinks.get(Area(alarm.community, alarm.code), ())
            everywhere = topology.uplinks.get(Area(alarm.community, ""), ())
            return patience(stated=True) if len(building) < len(everywhere) else 0
        stated = alarm.code == OFFLINE_CODE
        delay = BELIEVED_AFTER_MS if stated else rule.on_delay_ms
        return delay + patience(stated=stated) if topology.has_neighbours(alarm.community, alarm.device) else delay

    def hears_of_itself(self, hub_id: str) -> bool:
        """Whether any of the device's own points is watched for silence."""
        index = self._memory.device_index.get(hub_id)
        return index is not None and any(slot in self.silence_rules for slot in self._memory.slots_of[index])

    # --- commissioning ------------------------------------------------------------------------------------------

    def commissioned(self, alarm: Alarm, at: int) -> bool:
        """Whether the alarm's place is in commissioning: recorded, and told to nobody. The hub itself is in none."""
        return alarm.failure_mode not in OWN_MODES and self._commissioned(
            alarm.community, alarm.facility, alarm.device, at
        )

    def commissioned_ticket(self, key: TicketKey, at: int) -> bool:
        """The same for a ticket; that of a device has the device as its unit."""
        device = "" if key.facility else key.unit
        return key.failure_mode not in OWN_MODES and self._commissioned(key.community, key.facility, device, at)

    def _commissioned(self, community: str, facility: str, device: str, at: int) -> bool:
        found = self.registry.commissioning.get(community)
        if found is None:
            return False
        known = self.registry.facilities.get((community, facility))
        subject = Subject(facility, known.kind if known else "", device, next(iter(self.topology.above(device)), ""))
        return found.over(subject, at) is not None

    def next_commissioning(self, now: int) -> int | None:
        """The next instant at which time alone begins or ends a commissioning."""
        found = (each.next_change(now) for each in self.registry.commissioning.values())
        return min((at for at in found if at is not None), default=None)


def failure_mode(registry: Registry, kind: str, mode: str) -> FailureMode:
    """The words of a failure mode; generic ones for what the catalogue does not know."""
    known = registry.failure_modes.get((kind, mode))
    if known is not None:
        return known
    return _GENERIC_MODES.get(mode, _UNNAMED)


GENERIC_FAULT: Final = Rule(
    id="device-fault",
    facility_kind="",
    failure_mode=DEVICE_FAULT,
    kind=RuleKind.FAULT_EVENT,
    priority=Priority.MEDIUM,
    codes=("*",),
)
"""A fault event that no rule takes still makes a ticket."""

GENERIC_SILENCE: Final = Rule(
    id="device-silent", facility_kind="", failure_mode=NO_DATA, kind=RuleKind.NO_DATA, priority=Priority.LOW
)
"""An adopted device without bound points (a gateway) can still say that it is offline."""

AREA_LOST: Final = Rule(
    id="power-or-uplink-lost",
    facility_kind="",
    failure_mode=UPLINK_LOST,
    kind=RuleKind.NO_DATA,
    priority=Priority.HIGH,
)
"""Most gateways of a building, or of the community, fell silent together."""

_GENERIC: Final = {rule.id: rule for rule in (GENERIC_FAULT, GENERIC_SILENCE, AREA_LOST)} | OWN_RULES

_GENERIC_NO_DATA: Final = FailureMode(
    id=NO_DATA,
    facility_kind="",
    name=Name(zh="数据中断", en="No data"),
    priority=Priority.LOW,
    response=Name(zh="到现场查看终端的电源和信号", en="Check the sensor's power and signal on site"),
    consequence=Name(
        zh="设施状态未知,故障无法被发现", en="The facility's state is unknown; a fault would go unnoticed"
    ),
    checks=(
        Name(zh="终端有没有电", en="Does the sensor have power?"),
        Name(zh="网关和信号是否正常", en="Are gateway and signal in order?"),
        Name(zh="终端是否被移动或损坏", en="Has the sensor been moved or damaged?"),
    ),
)
_GENERIC_FAULT: Final = FailureMode(
    id=DEVICE_FAULT,
    facility_kind="",
    name=Name(zh="设备报故障", en="Device reports a fault"),
    priority=Priority.MEDIUM,
    response=Name(zh="按故障码到现场检查", en="Check on site what the fault code says"),
    consequence=Name(zh="设施可能停用或带病运行", en="The facility may stop or run damaged"),
    checks=(
        Name(zh="控制面板显示什么故障码", en="Which fault code does the panel show?"),
        Name(zh="设施还能不能使用", en="Can the facility still be used?"),
        Name(zh="有没有异响、异味、漏水", en="Any noise, smell or leak?"),
    ),
)
_AREA_LOST: Final = FailureMode(
    id=UPLINK_LOST,
    facility_kind="",
    name=Name(zh="停电或网络中断", en="Power or uplink lost"),
    priority=Priority.HIGH,
    response=Name(
        zh="先逐台确认电梯内有无被困人员，再查供电和网络",
        en="Check every lift for people first, then power and network",
    ),
    consequence=Name(
        zh="片区内所有设施状态未知，电梯困人、水泵停转无法被发现",
        en="Nothing is known of the area: people in a lift or a stopped pump would go unnoticed",
    ),
    checks=(
        Name(zh="逐台电梯喊话：有没有人被困", en="Call into every lift: is anybody inside?"),
        Name(
            zh="配电房有没有电，发电机和双电源切换是否动作",
            en="Is there power in the power room; have generator and transfer switch acted?",
        ),
        Name(
            zh="消防水泵、排污泵、生活水泵能否运行，网络设备和上行是否正常",
            en="Can fire, sump and water pumps run; are network equipment and uplink in order?",
        ),
    ),
)
_UNNAMED: Final = FailureMode(
    id="",
    facility_kind="",
    name=Name(zh="故障", en="Fault"),
    priority=Priority.MEDIUM,
    response=Name(zh="到现场核实后处理", en="Check on site, then repair"),
    consequence=Name(zh="设施可能无法正常使用", en="The facility may not be usable"),
    checks=(),
)
_GENERIC_MODES: Final = {mode.id: mode for mode in (_GENERIC_NO_DATA, _GENERIC_FAULT, _AREA_LOST)} | OWN_MODES
