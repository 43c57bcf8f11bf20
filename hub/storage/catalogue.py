"""Loads the facility catalogue: one TOML file a kind, and ``_every_kind.toml`` for what every kind can suffer."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

from pydantic import Field, ValidationError

from hub.domain.alarms import Priority
from hub.domain.catalogue import Catalogue, FacilityKind
from hub.domain.definitions import flaws_of_mode, flaws_of_rule
from hub.domain.metrics import METRICS
from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule, RuleKind
from hub.errors import ConfigError
from hub.storage.notation import Duration, NameText, Snake, Strict
from hub.storage.rule_text import RuleText

M = TypeVar("M", bound=Strict)
EVERY_KIND = "_every_kind.toml"
_NOTHING = Name(zh="", en="")


class _Mode(Strict):
    """``[failure_modes.<id>]``. Missing texts are empty here, so that the refusal can name all of them at once."""

    priority: Priority
    name: NameText = _NOTHING
    response: NameText = _NOTHING
    consequence: NameText = _NOTHING
    checks: tuple[NameText, ...] = ()
    verify: Duration = 10 * 60_000
    rules: tuple[RuleText, ...] = Field(min_length=1)

    def failure_mode(self, kind: str, mode: str) -> FailureMode:
        return FailureMode(
            id=mode,
            facility_kind=kind,
            name=self.name,
            priority=self.priority,
            response=self.response,
            consequence=self.consequence,
            checks=self.checks,
            verify_ms=self.verify,
        )

    def preset(self, kind: str, mode: str, number: int) -> Rule:
        """The rule called ``{kind}-{mode}``, from the second on with its number."""
        name = f"{kind}-{mode}".replace("_", "-")
        blank = Rule(
            id=name if number == 1 else f"{name}-{number}",
            facility_kind=kind,
            failure_mode=mode,
            kind=RuleKind.NO_DATA,
            priority=self.priority,
        )
        return self.rules[number - 1].apply(blank)


class _Modes(Strict):
    failure_modes: dict[Snake, _Mode]


class _Kind(_Modes):
    """A whole file; its name is the kind's id."""

    name: NameText
    icon: str = Field(min_length=1)
    unit: NameText | None = None
    sensors: tuple[str, ...] = Field(min_length=1)
    use: tuple[str, ...] = ()


def load_catalogue(folder: Traversable | None = None) -> Catalogue:
    """Read every kind of ``folder`` (the one shipped with the hub by default).

    Raises ConfigError listing every flaw with file, place and what would be right.
    """
    root = folder if folder is not None else files("hub") / "catalogue"
    found = sorted((item for item in root.iterdir() if item.name.endswith(".toml")), key=lambda item: item.name)
    problems: list[str] = []
    shared = _read(root / EVERY_KIND, _Modes, problems)
    kinds: dict[str, FacilityKind] = {}
    modes: dict[tuple[str, str], FailureMode] = {}
    rules: dict[str, Rule] = {}
    for item in found:
        if item.name == EVERY_KIND:
            continue
        page = _read(item, _Kind, problems)
        if page is None or shared is None:
            continue
        kind = item.name.removesuffix(".toml")
        kinds[kind] = _kind(kind, page, problems)
        for mode, text in {**page.failure_modes, **_remaining(shared, page)}.items():
            modes[kind, mode] = text.failure_mode(kind, mode)
            for number in range(1, len(text.rules) + 1):
                rule = text.preset(kind, mode, number)
                rules[rule.id] = rule
            problems += _flaws(text, kind, mode, number_of_rules=len(text.rules))
    if problems:
        raise ConfigError("facility catalogue: " + "; ".join(problems))
    return Catalogue(kinds=kinds, failure_modes=modes, rules=rules)


def _remaining(shared: _Modes, page: _Kind) -> dict[str, _Mode]:
    """What every kind can suffer, but for what the kind's own file says better."""
    return {mode: text for mode, text in shared.failure_modes.items() if mode not in page.failure_modes}


def _kind(kind: str, page: _Kind, problems: list[str]) -> FacilityKind:
    problems += [
        f"{kind}.toml: {key}: unknown metric {metric!r}, expected one of the metric table"
        for key, metrics in (("sensors", page.sensors), ("use", page.use))
        for metric in metrics
        if metric not in METRICS
    ]
    return FacilityKind(
        id=kind, name=page.name, icon=page.icon, unit_word=page.unit, sensors=page.sensors, use=page.use
    )


def _flaws(text: _Mode, kind: str, mode: str, *, number_of_rules: int) -> list[str]:
    place = f"{kind}.toml: failure_modes.{mode}"
    found = [
        f"{place}.{flaw.key}: {flaw.reason}, expected {flaw.expected}"
        for flaw in flaws_of_mode(text.failure_mode(kind, mode))
    ]
    for number in range(1, number_of_rules + 1):
        if not text.rules[number - 1].given_kinds():
            found.append(
                f"{place}.rules[{number}]: says nothing to watch for, expected above, below, is, fault or silent"
            )
            continue
        found += [
            f"{place}.rules[{number}].{flaw.key}: {flaw.reason}, expected {flaw.expected}"
            for flaw in flaws_of_rule(text.preset(kind, mode, number))
        ]
    return found


def _read(item: Traversable, model: type[M], problems: list[str]) -> M | None:
    try:
        return model.model_validate(tomllib.loads(item.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{item.name}: {error}")
    except ValidationError as error:
        problems += [
            f"{item.name}: {'.'.join(str(part) for part in found['loc'])}: {found['msg']}" for found in error.errors()
        ]
    return None
