"""What a dashboard is here: values without Grafana's names, said once in both languages. ``render`` turns them into JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.domain.places import Name

LANGUAGES: Final = ("en", "zh-CN")
"""One folder each, from one definition."""

# Colours that colour-blind people can tell apart (Okabe and Ito).
GOOD: Final = "#009E73"
NOTE: Final = "#F0E442"
WARN: Final = "#E69F00"
BAD: Final = "#D55E00"
PLAIN: Final = "#0072B2"
DOUBTFUL: Final = "#CC79A7"
GREY: Final = "#808080"


class Look(StrEnum):
    """How a panel draws what its queries give."""

    COURSE = "course"
    """Lines over time."""
    BARS = "bars"
    """Amounts over time, stacked."""
    NUMBER = "number"
    """One figure for each series, with its course behind it."""
    RANKING = "ranking"
    """Bars side by side, the longest first."""
    STATES = "states"
    """Which state when (state timeline)."""
    CHECKS = "checks"
    """One field for each step of time (status history)."""
    HEAT = "heat"
    """How often which value (heat map)."""
    TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """InfluxQL with Grafana's variables in it; ``{title}`` stands for the column with the language's words."""

    text: str
    alias: str = ""
    """How a series is called: ``$tag_facility``; empty: as InfluxDB calls it."""
    table: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From this value on, this colour; ``at`` None: from the beginning."""

    at: float | None
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a value is called."""

    value: str
    says: Name
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """How the series (or columns) whose name fits are shown otherwise. ``pattern`` is a regular expression."""

    pattern: str
    title: Name | None = None
    unit: Name | None = None
    decimals: int | None = None
    words: tuple[Word, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    link: str = ""
    """Where a click on the value leads."""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture. ``unit`` is Grafana's; it may differ between the languages."""

    look: Look
    title: Name
    about: Name
    """What is shown, and the formula where there is one."""
    unit: Name
    queries: tuple[Query, ...]
    width: int = 12
    height: int = 8
    decimals: int | None = None
    thresholds: tuple[Threshold, ...] = ()
    words: tuple[Word, ...] = ()
    low: float | None = None
    high: float | None = None
    repeat: str = ""
    """A variable: the panel is drawn once for each of its values."""
    overrides: tuple[Override, ...] = ()
    link: str = ""
    """Where a click on a series leads: ``board:facility?var-facility=…``, or an address."""
    least_step: str = ""
    """Grafana asks for no finer step: ``15m`` for roll-ups."""
    newest_by: str = ""
    """For tables: one row for each value of this column, with its newest time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Panels under one heading."""

    title: Name
    panels: tuple[Panel, ...]
    folded: bool = False


class Source(StrEnum):
    """Where a variable's values come from."""

    DATA_SOURCE = "data source"
    QUERY = "query"
    LIST = "list"
    CONSTANT = "constant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a list, and what it is called."""

    value: str
    says: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a reader may choose at the top of a dashboard."""

    name: str
    title: Name
    source: Source
    query: str = ""
    """InfluxQL for QUERY; the value for CONSTANT; the data source's type for DATA_SOURCE."""
    choices: tuple[Choice, ...] = ()
    many: bool = True
    """Several at a time, and all of them."""
    current: str = ""
    """What is chosen at first; empty: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Marks over every course: what happened when."""

    title: Name
    query: str
    colour: str
    text: Name
    """Column with the words, in each language."""
    tags: str
    shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard. ``name`` makes its uid, ``hub-{name}-{en|zh}``, which links rely on."""

    name: str
    title: Name
    about: Name
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...]
    notes: tuple[Note, ...] = ()
    labels: tuple[str, ...] = ()
    """Grafana's tags, beside those that every dashboard of the hub has."""
    span: str = "now-24h"
    refresh: str = "1m"


def uid(name: str, language: str) -> str:
    """A dashboard's uid: what its address and the links to it are made of."""
    return f"hub-{name}-{'zh' if language.startswith('zh') else 'en'}"
