"""The facility catalogue: what each kind of facility measures, how it fails, and what its sensors must say for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityKind:
    """One kind of facility."""

    id: str
    """Lower snake_case: ``lift``, ``pump_room``."""
    name: Name
    icon: str
    """A hint for pages: the name of a drawing."""
    unit_word: Name | None
    """What its parts are called (car, bay, machine, pump); None where it has none."""
    sensors: tuple[str, ...]
    """Metrics that its sensors usually report, the most telling first."""
    use: tuple[str, ...]
    """Metrics by which its use is measured; empty where use is not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every kind, with its failure modes and preset rules."""

    kinds: Mapping[str, FacilityKind]
    failure_modes: Mapping[tuple[str, str], FailureMode]
    """(kind, failure mode). Every kind has ``no_data`` and ``device_fault``."""
    rules: Mapping[str, Rule]
    """Presets by id, ``{kind}-{failure mode}[-{n}]`` with hyphens."""

    def modes_of(self, kind: str) -> tuple[FailureMode, ...]:
        """The failure modes of a kind, in the order of the catalogue."""
        return tuple(mode for (owner, _), mode in self.failure_modes.items() if owner == kind)

    def rules_of(self, kind: str, failure_mode: str | None = None) -> tuple[Rule, ...]:
        """The preset rules of a kind, or of one of its failure modes."""
        return tuple(
            rule
            for rule in self.rules.values()
            if rule.facility_kind == kind and failure_mode in (None, rule.failure_mode)
        )
