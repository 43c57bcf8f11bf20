"""What is wrong or missing in a registry that can be used all the same: findings, each with what would be right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from hub.domain.catalogue import Catalogue
from hub.domain.definitions import flaws_of_rule
from hub.domain.metrics import METRICS
from hub.domain.places import Binding, DeviceState, Facility, Name, PlaceKind
from hub.domain.rules import Rule, RuleKind
from hub.flows.registry import Registry


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Something does not work."""
    WARNING = "warning"
    """Something falls through: nobody answers for it, nothing watches it."""
    INFO = "info"
    """Worth knowing: coverage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``hub check``."""

    severity: Severity
    community: str
    pointer: str
    """``facilities.lift-b3-2.party``: as in the community file."""
    text: Name
    expected: Name

    def say(self, language: str) -> str:
        """One line."""
        expected = self.expected.say(language)
        mark = "；应为：" if language.startswith("zh") else "; expected "
        return f"{self.pointer}: {self.text.say(language)}" + (f"{mark}{expected}" if expected else "")


def check(registry: Registry, catalogue: Catalogue, *, now: int) -> list[Finding]:
    """All findings of all communities, errors first."""
    found = [
        finding
        for community in registry.communities
        for part in (
            _facilities(registry, community),
            _bindings(registry, community, now),
            _devices(registry, community, now),
            _rules(registry, community, now),
            _unwatched(registry, community, catalogue, now),
            _coverage(registry, community),
        )
        for finding in part
    ]
    return sorted(found, key=lambda finding: (list(Severity).index(finding.severity), finding.pointer))


def _finding(
    severity: Severity, community: str, pointer: str, text: tuple[str, str], expected: tuple[str, str]
) -> Finding:
    return Finding(
        severity=severity,
        community=community,
        pointer=pointer,
        text=Name(zh=text[0], en=text[1]),
        expected=Name(zh=expected[0], en=expected[1]),
    )


def _of(registry: Registry, community: str) -> Iterator[Facility]:
    return (facility for facility in registry.facilities.values() if facility.community == community)


def _facilities(registry: Registry, community: str) -> Iterator[Finding]:
    for facility in _of(registry, community):
        here = f"facilities.{facility.id}"
        if facility.party is None or (community, facility.party) not in registry.parties:
            yield _finding(
                Severity.WARNING,
                community,
                f"{here}.party",
                ("没有责任单位", "no responsible party"),
                ("填写责任单位", "the id of a party"),
            )
        if registry.crew_for(community, facility.id) is None:
            yield _finding(
                Severity.ERROR,
                community,
                f"{here}.crew",
                ("没有班组，也没有默认班组", "no crew, and no default crew"),
                ("指定班组或设一个默认班组", "a crew, or one crew with default = true"),
            )
        for key, place in (("building", facility.building), ("grid", facility.grid)):
            known = registry.places.get((community, place or ""))
            if known is None or (key == "grid") != (known.kind is PlaceKind.GRID):
                word = "网格" if key == "grid" else "楼栋"
                yield _finding(
                    Severity.WARNING,
                    community,
                    f"{here}.{key}",
                    (f"不在任何{word}中", f"is in no {key}"),
                    (f"填写一个{word}", f"the id of one {key}"),
                )
        if facility.kind not in {kind for kind, _ in registry.failure_modes}:
            yield _finding(
                Severity.ERROR,
                community,
                f"{here}.kind",
                (f"设施目录中没有 {facility.kind}", f"the catalogue has no kind {facility.kind}"),
                ("目录中的设施类型", "a kind of the catalogue"),
            )


def _bindings(registry: Registry, community: str, now: int) -> Iterator[Finding]:
    for (device, point), spans in registry.bindings.items():
        if spans[0].community != community:
            continue
        here = f"devices.{device.partition('~')[2]}.points.{point}"
        for one, other in pairwise(spans):
            if one.valid_to is None or other.valid_from < one.valid_to:
                yield _finding(
                    Severity.ERROR,
                    community,
                    here,
                    ("两段归属时间重叠", "two spans of its bindings overlap"),
                    ("先结束前一段", "the earlier one ends before the later begins"),
                )
        binding = registry.binding(device, point, now)
        if binding is None:
            continue
        facility = registry.facilities.get((community, binding.facility))
        if facility is None:
            yield _finding(
                Severity.ERROR,
                community,
                f"{here}.facility",
                (f"设施 {binding.facility} 不存在或已停用", f"facility {binding.facility} is not there or retired"),
                ("在用的设施", "a facility in use"),
            )
        elif binding.unit and binding.unit not in {unit.id for unit in facility.units}:
            yield _finding(
                Severity.ERROR,
                community,
                f"{here}.unit",
                (f"设施 {facility.id} 没有单元 {binding.unit}", f"facility {facility.id} has no unit {binding.unit}"),
                (_listed(facility), _listed(facility) or "a unit of the facility"),
            )
        if binding.metric_name() not in METRICS:
            yield _finding(
                Severity.WARNING,
                community,
                f"{here}.metric",
                (
                    f"未知指标 {binding.metric_name()}，只保存不判断",
                    f"unknown metric {binding.metric_name()}: kept, never judged",
                ),
                ("指标表中的名称", "a name of the metric table"),
            )


def _listed(facility: Facility) -> str:
    return ", ".join(unit.id for unit in facility.units)


def _devices(registry: Registry, community: str, now: int) -> Iterator[Finding]:
    bound = {device for device, point in registry.bindings if registry.binding(device, point, now) is not None}
    gateways = {device.its_gateway for device in registry.devices.values() if device.state is DeviceState.ADOPTED}
    for device in registry.devices.values():
        if device.community != community or device.state is not DeviceState.ADOPTED:
            continue
        here = f"devices.{device.id.partition('~')[2]}"
        if device.id not in bound and device.id not in gateways:  # a radio only hands on what others measure
            yield _finding(
                Severity.WARNING,
                community,
                f"{here}.points",
                ("没有测点", "has no points"),
                ("至少一个测点", "at least one point"),
            )
        if device.gateway is not None and device.gateway not in registry.devices:
            yield _finding(
                Severity.WARNING,
                community,
                f"{here}.gateway",
                (f"没有网关 {device.gateway}", f"no gateway {device.gateway}"),
                ("网关的编号", "the id of a gateway"),
            )


def _rules(registry: Registry, community: str, now: int) -> Iterator[Finding]:
    points = _points_by_kind(registry, community, now)
    for rule in registry.rules.get(community, ()):
        if not rule.enabled:
            continue
        here = f"rules.{rule.id}"
        for flaw in flaws_of_rule(rule):
            yield _finding(
                Severity.ERROR,
                community,
                f"{here}.{flaw.key}",
                (flaw.reason, flaw.reason),
                (flaw.expected, flaw.expected),
            )
        if not points.get(rule.facility_kind) and not rule.facility:
            continue  # a kind that the community does not have
        if rule.kind is not RuleKind.FAULT_EVENT and rule.metric and not _watches(rule, points[rule.facility_kind]):
            severity = Severity.WARNING if rule.facility or rule.unit else Severity.INFO
            yield _finding(
                severity,
                community,
                here,
                (
                    f"没有测点报告 {rule.metric}，规则不会触发",
                    f"no point reports {rule.metric}: the rule can never match",
                ),
                (f"加装 {rule.metric} 测点或停用规则", f"a point of {rule.metric}, or enabled = false"),
            )


def _points_by_kind(registry: Registry, community: str, now: int) -> Mapping[str, list[Binding]]:
    found: dict[str, list[Binding]] = defaultdict(list)
    for device, point in registry.bindings:
        binding = registry.binding(device, point, now)
        facility = registry.facilities.get((community, binding.facility)) if binding is not None else None
        if binding is not None and facility is not None and binding.community == community:
            found[facility.kind].append(binding)
    return found


def _watches(rule: Rule, points: Iterable[Binding]) -> bool:
    return any(
        point.metric_name() == rule.metric and rule.facility in ("", point.facility) and rule.unit in ("", point.unit)
        for point in points
    )


def _unwatched(registry: Registry, community: str, catalogue: Catalogue, now: int) -> Iterator[Finding]:
    points = Counter(b.facility for found in _points_by_kind(registry, community, now).values() for b in found)
    for facility in _of(registry, community):
        if not points[facility.id] and facility.kind in catalogue.kinds:
            wanted = ", ".join(catalogue.kinds[facility.kind].sensors[:4])
            yield _finding(
                Severity.WARNING,
                community,
                f"facilities.{facility.id}",
                ("没有任何测点，状态未知", "has no points: its state is unknown"),
                (f"例如 {wanted}", f"e.g. {wanted}"),
            )


def _coverage(registry: Registry, community: str) -> Iterator[Finding]:
    facilities = list(_of(registry, community))
    by_grid = Counter(facility.grid or "" for facility in facilities)
    for place in registry.places.values():
        if place.community == community and place.kind is PlaceKind.GRID:
            count = by_grid[place.id]
            yield _finding(
                Severity.INFO if count else Severity.WARNING,
                community,
                f"places.{place.id}",
                (f"网格内设施 {count} 个", f"{count} facilities in this grid"),
                ("", "") if count else ("至少一个设施", "at least one facility"),
            )
    in_grid = sum(1 for facility in facilities if facility.grid)
    in_building = sum(1 for facility in facilities if facility.building)
    with_party = sum(1 for facility in facilities if facility.party)
    total = len(facilities)
    yield _finding(
        Severity.INFO,
        community,
        "facilities",
        (
            f"共 {total} 个设施：{in_building} 个有楼栋，{in_grid} 个有网格，{with_party} 个有责任单位",
            f"{total} facilities: {in_building} in a building, {in_grid} in a grid, {with_party} with a responsible party",
        ),
        ("", ""),
    )
