"""Everything a community file says about one community, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.domain.places import Binding, Community, Device, Facility, Name, Place
from hub.domain.rules import Rule
from hub.errors import InvalidInput
from hub.flows.registry import Crew

PointName = tuple[str, str]
"""(device hub id, point name)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """责任单位: who answers for a facility."""

    id: str
    name: Name
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """How a community differs from the presets: what was written, and the rule that comes out of it."""

    id: str
    text: Mapping[str, object]
    """JSON-ready, in the words of the community file, without the id."""
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One community: what a file wants, or what the records hold. Mappings keep the file's order."""

    community: Community
    parties: Mapping[str, Party] = field(default_factory=dict)
    crews: Mapping[str, Crew] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    facilities: Mapping[str, Facility] = field(default_factory=dict)
    """Also the retired ones, which say so."""
    devices: Mapping[str, Device] = field(default_factory=dict)
    """By hub id; adopted and retired ones. What waits in the inbox is no part of the picture."""
    bindings: Mapping[PointName, tuple[Binding, ...]] = field(default_factory=dict)
    rules: Mapping[str, RuleChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A file that has been read: the picture, and which of its points give no dates."""

    picture: Picture
    undated: frozenset[PointName] = frozenset()
    """Their binding holds from the beginning where the point is new, and from the import on where it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """One thing wrong in a file."""

    where: str
    """``devices.lift-b3-2-door`` in TOML, ``终端 Devices row 17`` in a workbook."""
    key: str
    reason: str
    expected: str = ""
    table: str = ""
    line: int = 0
    """Row of the sheet; 0 in TOML."""

    def __str__(self) -> str:
        place = (
            f"{self.where}.{self.key}" if self.key and not self.line else " ".join(filter(None, (self.where, self.key)))
        )
        return f"{place}: {self.reason}" + (f"; expected {self.expected}" if self.expected else "")


class FileRefused(InvalidInput):
    """A community file that cannot be used; ``errors`` lists everything that is wrong with it."""

    def __init__(self, file: str, errors: list[RowError]) -> None:
        shown = "; ".join(str(error) for error in errors[:3])
        more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
        super().__init__(f"{file}: {shown}{more}", pointer=errors[0].where, expected=errors[0].expected)
        self.file = file
        self.errors = tuple(errors)
