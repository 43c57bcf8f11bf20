"""All parts of the hub that it raises alarms about. Pure."""

from __future__ import annotations

from typing import Final

from hub.domain.backup_standing import BACKUP
from hub.domain.certificate_standing import CERTIFICATE
from hub.domain.findings import OwnPart
from hub.domain.journal_standing import JOURNAL
from hub.domain.places import Name
from hub.domain.store_standing import STORE

OWN_PARTS: Final = (STORE, CERTIFICATE, JOURNAL, BACKUP)
OWN_RULES: Final = {rule.id: rule for part in OWN_PARTS for rule in part.rules}
OWN_MODES: Final = {part.mode.id: part.mode for part in OWN_PARTS}
_BY_KIND: Final = {part.kind: part for part in OWN_PARTS}
_BY_RULE: Final = {rule.id: part for part in OWN_PARTS for rule in part.rules}


def part_of(rule: str) -> OwnPart | None:
    """What a rule's alarms are about; None for a rule about devices."""
    return _BY_RULE.get(rule)


def own_name(unit: str) -> Name | None:
    """The name of the part that a unit means; None where it is a unit of another kind."""
    kind, _, which = unit.partition(":")
    return _BY_KIND[kind].name(which) if kind in _BY_KIND and which else None
