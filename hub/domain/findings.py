"""What the hub finds about a part of itself, and what such a part has in common with a facility: rules, words, a name. Pure.

Alarms about these parts are raised by no device. Each part has a module of its own that judges it (``store_standing``,
``certificate_standing``, ``journal_standing``, ``backup_standing``); ``own_parts`` knows them all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from hub.domain.places import Name
from hub.domain.rules import FailureMode, Rule
from hub.domain.verdicts import Verdict


class Finding(NamedTuple):
    """What one look says about one rule of one part."""

    rule: Rule
    which: str
    """Of several parts of a kind, e.g. the store's name: at most 64 signs, as the code of an alarm has."""
    verdict: Verdict
    since: int | None = None
    """Since when it is over, epoch ms, by the machine's clock; None: nobody knows better than from now on."""
    value: float = 0.0
    text: str = ""
    """Evidence, as ``OwnPart.evidence`` reads it."""
    fresh_since: int | None = None
    """Since when this is known without a break, epoch ms; None: it is not known now. What proves a repair."""

    @property
    def key(self) -> tuple[str, str]:
        """Rule and part: one alarm."""
        return self.rule.id, self.which


class OwnPart(NamedTuple):
    """A kind of part of the hub that can be wrong."""

    kind: str
    """Begins the unit of alarm and ticket, with a colon behind it, which no id of a unit, place or device has."""
    rules: tuple[Rule, ...]
    """The weightiest first, so that its alarm opens the ticket where several are raised at once."""
    mode: FailureMode
    """Of all the rules: they share a ticket."""
    name: Callable[[str], Name]
    """As people read ``which``."""
    evidence: Callable[[float, str], Name]
    """A finding's value and text in words."""

    def unit(self, which: str) -> str:
        """What alarm and ticket have for a unit."""
        return f"{self.kind}:{which}"


def moment(instant: float) -> str:
    """Epoch ms as people read it in both languages."""
    return f"{datetime.fromtimestamp(instant / 1000, UTC):%Y-%m-%d %H:%M} UTC"
