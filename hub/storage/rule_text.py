"""A rule as people write it: ``{ metric = "temperature", above = 40, deadband = 2, on_delay = "5min" }``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from pydantic import Field, model_validator

from hub.domain.alarms import Priority
from hub.domain.rules import Rule, RuleKind, Side
from hub.domain.wording import Unfit, Wording
from hub.storage.notation import Codes, Duration, Silence, States, Strict

_KINDS = ("above", "below", "is", "fault", "silent")


class RuleText(Strict):
    """Exactly one of ``above``, ``below``, ``is``, ``fault`` and ``silent`` says what the rule watches for."""

    metric: str | None = None
    above: float | None = None
    below: float | None = None
    is_: States | None = Field(default=None, alias="is")
    fault: Codes | None = None
    """The device's own fault codes; ``*`` takes what no other rule of the facility takes."""
    silent: Silence | None = None
    """For how long is too long, or ``learned``."""
    deadband: float | None = None
    on_delay: Duration | None = None
    off_delay: Duration | None = None
    latched: bool | None = None
    realarm: Duration | None = None
    realarm_limit: int | None = Field(default=None, ge=0)
    shelve_max: Duration | None = None
    acknowledges_itself: bool | None = None
    ticket: bool | None = None
    priority: Priority | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _at_most_one_kind(self) -> Self:
        given = self.given_kinds()
        if len(given) > 1:
            raise Unfit(
                Wording("a rule watches for one thing; found %(keys)s", keys=", ".join(given)), Wording("one of them")
            )
        return self

    def given_kinds(self) -> list[str]:
        """Which of the five are there."""
        return [key for key in _KINDS if getattr(self, "is_" if key == "is" else key) is not None]

    def apply(self, rule: Rule) -> Rule:
        """``rule`` with everything that is written here."""
        plain = {
            "metric": self.metric,
            "deadband": self.deadband,
            "on_delay_ms": self.on_delay,
            "off_delay_ms": self.off_delay,
            "latched": self.latched,
            "realarm_ms": self.realarm,
            "realarm_limit": self.realarm_limit,
            "shelve_max_ms": self.shelve_max,
            "acknowledges_itself": self.acknowledges_itself,
            "raises_ticket": self.ticket,
            "priority": self.priority,
            "enabled": self.enabled,
        }
        changes: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
        return replace(rule, **changes, **self._kind())

    def _kind(self) -> dict[str, Any]:
        if self.above is not None:
            return {"kind": RuleKind.LIMIT, "side": Side.HIGH, "setpoint": self.above}
        if self.below is not None:
            return {"kind": RuleKind.LIMIT, "side": Side.LOW, "setpoint": self.below}
        if self.is_ is not None:
            return {"kind": RuleKind.STATE, "states": self.is_}
        if self.fault is not None:
            return {"kind": RuleKind.FAULT_EVENT, "codes": self.fault}
        if self.silent is not None:
            return {"kind": RuleKind.NO_DATA, "silence_ms": None if self.silent == "learned" else self.silent}
        return {}
