"""Places and what stands in them: two trees over one set of facilities, units, points and dated bindings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple


class Tree(StrEnum):
    """The two trees a facility hangs in."""

    MANAGEMENT = "management"
    """company, region, community, building, unit (单元), floor, room"""
    ADMINISTRATION = "administration"
    """street, neighbourhood (社区), grid (网格)"""


class PlaceKind(StrEnum):
    """Levels of both trees, from the top."""

    REGION = "region"
    BUILDING = "building"
    ENTRANCE = "entrance"
    """单元 of a building; called *entrance* because *unit* means a part of a facility here."""
    FLOOR = "floor"
    ROOM = "room"
    STREET = "street"
    NEIGHBOURHOOD = "neighbourhood"
    GRID = "grid"


TREE_OF: Final = {
    kind: Tree.ADMINISTRATION
    if kind in (PlaceKind.STREET, PlaceKind.NEIGHBOURHOOD, PlaceKind.GRID)
    else Tree.MANAGEMENT
    for kind in PlaceKind
}
"""Which tree a level belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A bilingual name: data, not catalogue text."""

    zh: str
    en: str

    def say(self, language: str) -> str:
        """The name in ``zh-CN`` or ``en``; the other one where it is missing."""
        return (self.zh or self.en) if language.startswith("zh") else (self.en or self.zh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """小区: what a property company manages as one project."""

    id: str
    name: Name
    timezone: str = "Asia/Shanghai"
    language: str = "zh-CN"
    prefix: str = "HG"
    """First letters of its ticket numbers: ``HG-2026-000123``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node of one of the trees."""

    community: str
    id: str
    tree: Tree
    kind: PlaceKind
    parent: str | None
    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One lift car, charging bay, washing machine or pump inside a facility."""

    id: str
    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """Something residents use or depend on, as one line of the ledger."""

    community: str
    id: str
    kind: str
    """An id of the facility catalogue: ``lift``, ``pump_room`` …"""
    name: Name
    building: str | None = None
    """Its place in the management tree today."""
    grid: str | None = None
    """Its place in the administration tree today."""
    capacity: int | None = None
    opening: str = ""
    """Opening hours, ``Mo-Fr 06:00-22:00; Sa,Su 08:00-22:00``; empty: always open."""
    party: str | None = None
    """The responsible party's id."""
    crew: str | None = None
    """The crew that owns its tickets; None: the community's default crew."""
    units: tuple[Unit, ...] = ()
    ledger: dict[str, str] = field(default_factory=dict)
    """Plate number, registration code, maker, model, serial, in_use_since, warranty_until, contractor …"""
    retired_at: int | None = None
    """Epoch ms; None: in use. A retired facility keeps its history and gets no new readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which facility (and unit) a point spoke for, and how its raw value is to be read, over a span of event time."""

    community: str
    device: str
    point: str
    facility: str
    unit: str = ""
    """Empty where the facility has no units."""
    metric: str = ""
    """A name of the metric table; empty: the point's own last name part."""
    factor: float = 1.0
    offset: float = 0.0
    inverted: bool = False
    """A contact wired the other way round: 1 - value, before factor and offset."""
    valid_from: int = 0
    """Epoch ms, inclusive."""
    valid_to: int | None = None
    """Epoch ms, exclusive; None: still so."""

    def holds_at(self, instant: int) -> bool:
        """Whether the binding covers this event time."""
        return self.valid_from <= instant and (self.valid_to is None or instant < self.valid_to)

    def metric_name(self) -> str:
        """The metric the point measures."""
        return self.metric or self.point.rpartition(".")[2]


class DeviceState(StrEnum):
    """Where a device stands between first contact and the scrap heap."""

    INBOX = "inbox"
    ADOPTED = "adopted"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a device, or its gateway, has said of it; nobody typed it in, and the next word may change it."""

    format: str = ""
    """Which wire format said it last."""
    said_at: int = 0
    name: str = ""
    """What its maker's side calls it."""
    firmware: str = ""
    serial: str = ""
    power: str = ""
    """``mains`` or ``battery``; empty: not said."""
    hints: tuple[tuple[str, str], ...] = ()
    """Words about where it is: proposals only."""
    aliases: tuple[tuple[str, str], ...] = ()
    """(scheme, id): other identities of the same device."""
    withdrawn: bool = False
    """Its gateway no longer knows it."""
    withdrawn_at: int = 0
    """Since when; 0: it does, or nobody wrote down since when."""
    retired_at: int = 0
    """When the hub put it out of use because of that, by itself; 0: it did not."""
    maker: str = ""
    model: str = ""
    gateway: str = ""
    """Hub id of what it speaks through."""
    interval: int = 0
    """How often it reports, ms; 0: not said."""
    silence: int = 0
    """The longest silence that it, or its format, promises, ms; 0: none is promised."""


UNTOLD: Final = About()


class Rhythm(NamedTuple):
    """How often a device has to be heard, by what people set or what it says itself; 0: nothing is stated. Ms."""

    interval: int = 0
    """How often it reports: three reports have to be missing before that is a silence."""
    silence: int = 0
    """A promise of the device as a whole, which counts as it stands."""

    @property
    def allowed(self) -> int:
        """After how much silence it is overdue, ms."""
        return self.silence or 3 * self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A sensor, gateway or controller that talks to the hub.

    Maker, model, gateway and interval are what people set: empty where nobody did. What the device says of them stands
    in ``about``, and ``its_maker`` … give the one that counts.
    """

    id: str
    """Hub id, ``{community}~{name}``."""
    community: str
    scheme: str
    scheme_id: str
    state: DeviceState
    name: Name
    connection: str = "main"
    maker: str = ""
    model: str = ""
    gateway: str | None = None
    expected_interval: int | None = None
    """How often it should report, ms; None: nobody set it."""
    first_seen: int | None = None
    about: About = UNTOLD
    sim_expires: date | None = None
    """The last day on which its SIM card works, in the community's zone."""
    calibrated_until: date | None = None
    """The last day on which its calibration holds."""
    end_of_life: date | None = None
    """When its maker, or the law, wants it replaced."""

    @property
    def its_maker(self) -> str:
        """As people set it, else as it was said; empty: neither."""
        return self.maker or self.about.maker

    @property
    def its_model(self) -> str:
        """Likewise."""
        return self.model or self.about.model

    @property
    def its_gateway(self) -> str | None:
        """The hub id of what it speaks through: as people set it, else as it was said."""
        return self.gateway or self.about.gateway or None

    @property
    def rhythm(self) -> Rhythm:
        """What people set; where they did not, what it says itself."""
        if self.expected_interval:
            return Rhythm(interval=self.expected_interval)
        return Rhythm(self.about.interval, self.about.silence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A grid of a community: which facilities stand in it."""

    id: str
    name: Name
    facilities: tuple[str, ...]
