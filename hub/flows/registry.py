"""What the hub knows of the community, as one immutable picture that the lanes and the pages look things up in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.domain.commissioning import Commissioning
from hub.domain.places import Binding, Community, Device, Facility, Name, Place
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.domain.upkeep import BATTERY_METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One way to reach a crew. ``address`` may hold a secret."""

    id: str
    name: str
    channel: str
    address: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who owns tickets. Exactly one crew of a community is the default and owns what nobody else does."""

    community: str
    id: str
    name: Name
    is_default: bool = False
    party: str | None = None
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """One picture; a change makes a new one with a higher ``version``. Keys of pairs are (community, id)."""

    version: int = 0
    communities: Mapping[str, Community] = field(default_factory=dict)
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)
    facilities: Mapping[tuple[str, str], Facility] = field(default_factory=dict)
    crews: Mapping[tuple[str, str], Crew] = field(default_factory=dict)
    parties: Mapping[tuple[str, str], Name] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    """By hub id."""
    bindings: Mapping[tuple[str, str], tuple[Binding, ...]] = field(default_factory=dict)
    """(device hub id, point name) -> in order of ``valid_from``; spans do not overlap."""
    failure_modes: Mapping[tuple[str, str], FailureMode] = field(default_factory=dict)
    """(facility kind, failure mode id)."""
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    """Community -> its rules: the catalogue's presets with the community's own changes applied.

    A rule that is not enabled is here only where it replaces another one at some facility; it watches nothing.
    """
    commissioning: Mapping[str, Commissioning] = field(default_factory=dict)
    """Community -> what of it is being commissioned, and since when; those of which nothing is known are not there."""
    retired: Mapping[tuple[str, str], Facility] = field(default_factory=dict)
    """Facilities out of use: for the names of old tickets and figures; no rule watches them."""

    def binding(self, device: str, point: str, at: int) -> Binding | None:
        """Which facility the point spoke for at this event time."""
        for binding in reversed(self.bindings.get((device, point), ())):
            if binding.holds_at(at):
                return binding
        return None

    def metric_of(self, device: str, point: str) -> str:
        """What the point measures, as its newest binding says; without one the point's own last name part."""
        spans = self.bindings.get((device, point))
        return spans[-1].metric_name() if spans else point.rpartition(".")[2]

    def rules_for_point(self, binding: Binding) -> tuple[Rule, ...]:
        """Limit, state and no-data rules that watch this point while the binding holds.

        How a battery is, a device says when it likes: its silence alone is none, unless a rule names it.
        """
        facility = self.facilities.get((binding.community, binding.facility))
        if facility is None:
            return ()
        metric = binding.metric_name()
        return tuple(
            rule
            for rule in self._rules_at(facility, binding.unit)
            if rule.kind is not RuleKind.FAULT_EVENT
            and (
                rule.metric == metric
                or (rule.kind is RuleKind.NO_DATA and not rule.metric and metric not in BATTERY_METRICS)
            )
        )

    def fault_rules(self, facility: Facility, unit: str) -> tuple[Rule, ...]:
        """Fault-event rules for events of devices that speak for this facility and unit."""
        return tuple(rule for rule in self._rules_at(facility, unit) if rule.kind is RuleKind.FAULT_EVENT)

    def _rules_at(self, facility: Facility, unit: str) -> tuple[Rule, ...]:
        """Rules of the facility's kind that apply here, without those that another one replaces here."""
        found = [
            rule
            for rule in self.rules.get(facility.community, ())
            if rule.facility_kind == facility.kind and rule.facility in ("", facility.id) and rule.unit in ("", unit)
        ]
        replaced = {rule.replaces for rule in found if rule.replaces}
        return tuple(rule for rule in found if rule.enabled and rule.id not in replaced)

    def place_of_device(self, device: str, at: int) -> tuple[str, str] | None:
        """(facility, unit) that the device as a whole speaks for: that of its points where they agree on one.

        Where its points name several units of one facility the unit is empty; several facilities: None.
        """
        found = {
            (b.facility, b.unit)
            for owner, point in self.bindings
            if owner == device and (b := self.binding(owner, point, at)) is not None
        }
        facilities = {facility for facility, _ in found}
        if len(facilities) != 1:
            return None
        units = {unit for _, unit in found}
        return facilities.pop(), units.pop() if len(units) == 1 else ""

    def continued(self, device: str, point: str = "") -> tuple[tuple[str, str], ...]:
        """Points (device, name) of others that went on where a point's last binding ended; without a name all its points."""
        ended = {
            (last.facility, last.unit, last.metric_name(), last.valid_to)
            for (owner, name), spans in self.bindings.items()
            if owner == device and point in ("", name) and (last := spans[-1]).valid_to is not None
        }
        if not ended:
            return ()
        return tuple(
            key
            for key, spans in self.bindings.items()
            if key[0] != device
            and any((span.facility, span.unit, span.metric_name(), span.valid_from) in ended for span in spans)
        )

    def crew_for(self, community: str, facility: str) -> Crew | None:
        """The facility's crew, else the community's default crew; None only where the community has no crew at all."""
        found = self.facilities.get((community, facility))
        if found is not None and found.crew is not None and (community, found.crew) in self.crews:
            return self.crews[community, found.crew]
        return next((crew for crew in self.crews.values() if crew.community == community and crew.is_default), None)


class Registrar:
    """Holds the current picture. Reading ``current`` is one attribute: lanes compare versions between batches."""

    def __init__(self, registry: Registry) -> None:
        self.current = registry

    def replace(self, registry: Registry) -> None:
        """Put a newer picture in place."""
        if registry.version <= self.current.version:
            raise ValueError(f"registry version {registry.version} is not newer than {self.current.version}")
        self.current = registry
