"""How a component says that it is well, or what is wrong and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """``down`` only while messages cannot be journalled or records not written: then /readyz answers 503."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One line of /readyz and of the health page."""

    component: str
    status: Status
    reason: str = ""
    """A sentence for an operator; empty while all is well."""
    facts: dict[str, str | int | float | None] = field(default_factory=dict)
    """Lag, age, bytes …: names end in their unit, e.g. ``lag_batches``, ``free_bytes``, ``beat_age_ms``."""
