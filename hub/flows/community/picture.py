"""Everything a community file says about one community, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from hub.domain.commissioning import GoneLive, Span
from hub.domain.expected import Expected
from hub.domain.places import Binding, Community, Device, Facility, Name, Place
from hub.domain.rules import Rule
from hub.domain.wording import Gettext, said
from hub.errors import InvalidInput
from hub.flows.registry import Crew

PointName = tuple[str, str]
"""(device hub id, point name)"""
_SHOWN: Final = 100
"""So many errors of a file are written out."""


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
    expected: Mapping[str, Expected] = field(default_factory=dict)
    commissioning: Mapping[str, Span] = field(default_factory=dict)
    live: tuple[GoneLive, ...] = ()
    """Kinds that have gone live; no file says that."""


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
        return self.text("en")

    def said(self, gettext: Gettext) -> RowError:
        """With its words in the language of ``gettext``."""
        return replace(self, reason=said(self.reason, gettext), expected=said(self.expected, gettext))

    def text(self, language: str) -> str:
        """Place and finding in one line; ``language``: that of its words."""
        place = (
            f"{self.where}.{self.key}" if self.key and not self.line else " ".join(filter(None, (self.where, self.key)))
        )
        return f"{place}{'：' if language.startswith('zh') else ': '}{self.finding(language)}"

    def finding(self, language: str) -> str:
        """Reason and what would be right."""
        mark = "；应为：" if language.startswith("zh") else "; expected "
        return f"{self.reason}{mark}{self.expected}" if self.expected else self.reason


class FileRefused(InvalidInput):
    """A community file that cannot be used; ``errors`` lists everything that is wrong with it.

    ``language`` is the community's own, as the file says.
    """

    def __init__(self, file: str, errors: list[RowError], *, language: str) -> None:
        self.file = file
        self.errors = tuple(errors)
        self.language = language
        super().__init__(self.text("en", str), pointer=errors[0].where, expected=errors[0].expected)

    def text(self, language: str, gettext: Gettext) -> str:
        """Every error in a language, each on a line of its own; after the hundredth how many more there are."""
        chinese = language.startswith("zh")
        shown = [error.said(gettext).text(language) for error in self.errors[:_SHOWN]]
        if left := len(self.errors) - len(shown):
            shown.append(f"另有 {left} 处" if chinese else f"and {left} more")
        before = f"{self.file}{'：' if chinese else ': '}"
        return before + (shown[0] if len(shown) == 1 else "".join(f"\n  {line}" for line in shown))
