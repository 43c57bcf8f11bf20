"""A community's own rules: presets changed, presets made special for one facility, and new ones."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from pydantic import ValidationError

from hub.domain.catalogue import Catalogue
from hub.domain.definitions import Flaw, flaws_of_rule
from hub.domain.rules import Rule, RuleKind
from hub.domain.wording import Wording
from hub.errors import ConfigError
from hub.flows.community.picture import RuleChange
from hub.storage.community.rows import RuleRow, perhaps


def resolve(row: RuleRow, catalogue: Catalogue) -> tuple[Rule | None, list[Flaw]]:
    """The rule that the row makes of the catalogue, or None and what is wrong."""
    base = _base(row, catalogue)
    if isinstance(base, Flaw):
        return None, [base]
    rule = row.apply(replace(base, facility=row.facility or "", unit=row.unit))
    if (rule.facility_kind, rule.failure_mode) not in catalogue.failure_modes:
        modes = ", ".join(mode.id for mode in catalogue.modes_of(rule.facility_kind))
        return None, [_no_mode(rule.facility_kind, rule.failure_mode, modes)]
    flaws = flaws_of_rule(rule)
    return (None if flaws else rule), flaws


def _base(row: RuleRow, catalogue: Catalogue) -> Rule | Flaw:
    if row.like is not None:
        preset = catalogue.rules.get(row.like)
        if preset is None:
            near = get_close_matches(row.like, catalogue.rules, n=3)
            expected = perhaps(near) or Wording("the id of a preset")
            return Flaw(key="like", reason=Wording("no preset %(id)r", id=row.like), expected=expected)
        return replace(preset, id=row.id, replaces=preset.id)
    if row.id in catalogue.rules:
        return catalogue.rules[row.id]
    if row.facility_kind is None or row.failure_mode is None or not row.given_kinds():
        near = get_close_matches(row.id, catalogue.rules, n=2)
        new = Wording("facility_kind, failure_mode and one of above, below, is, fault, silent, as every new rule")
        expected = Wording("%(one)s; or %(other)s", one=new, other=perhaps(near)) if near else new
        return Flaw(key="id", reason=Wording("%(id)r is no preset", id=row.id), expected=expected)
    mode = catalogue.failure_modes.get((row.facility_kind, row.failure_mode))
    if mode is None:
        modes = ", ".join(found.id for found in catalogue.modes_of(row.facility_kind))
        return _no_mode(row.facility_kind, row.failure_mode, modes)
    return Rule(
        id=row.id,
        facility_kind=row.facility_kind,
        failure_mode=row.failure_mode,
        kind=RuleKind.NO_DATA,
        priority=mode.priority,
    )


def _no_mode(kind: str, mode: str, modes: str) -> Flaw:
    reason = Wording("%(kind)s has no failure mode %(mode)r", kind=kind, mode=mode)
    return Flaw(key="failure_mode", reason=reason, expected=modes or Wording("a kind of the catalogue"))


def read_rule(name: str, text: dict[str, object], catalogue: Catalogue) -> RuleChange:
    """A stored rule change. ConfigError where it does not fit this catalogue any more."""
    try:
        rule, flaws = resolve(RuleRow.model_validate({"id": name, **text}), catalogue)
    except ValidationError as error:
        raise ConfigError(f"rule {name}: {error.errors()[0]['msg']}") from error
    if rule is None:
        raise ConfigError(f"rule {name}: {flaws[0].reason}, expected {flaws[0].expected}")
    return RuleChange(id=name, text=text, rule=rule)


def rules_in_force(changes: dict[str, RuleChange], catalogue: Catalogue) -> tuple[Rule, ...]:
    """The presets with the community's changes applied. One that is switched off stays only where it replaces another."""
    found = {**catalogue.rules, **{name: change.rule for name, change in changes.items()}}
    return tuple(rule for rule in found.values() if rule.enabled or rule.replaces)
