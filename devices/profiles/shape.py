"""What may stand in a profile file. Every table is closed: an unknown key is a mistake, and named.

``devices/README.md`` explains the tables with examples; ``template.toml`` is a profile with a comment on every line.
Paths, walks and templates are those of ``devices.profiles.paths``, topics and key patterns those of ``.topics``.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from devices.contract import Quality
from devices.profiles.times import Clock


class Table(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A table of a profile file."""


class Title(Table, kw_only=True, frozen=True):
    """What people read: in Chinese and in English."""

    zh: str
    en: str


class Range(Table, kw_only=True, frozen=True):
    """Numbers that a condition takes, both ends included."""

    min: float | None = None
    max: float | None = None


Condition = str | bool | float | list[str | bool | float] | Range


class Choice(Table, kw_only=True, frozen=True):
    """When a table applies: all of it has to hold."""

    when: dict[str, Condition] = {}
    """Path -> the value, the values, or the range that must stand there; a key in braces is a name of the topic or walk."""
    has: list[str] = []
    """Paths that must lead to something: neither null nor an empty text."""
    lacks: list[str] = []
    """Paths that must lead to nothing."""
    unless: dict[str, Condition] = {}
    """As ``when``, and none of it may hold."""


class Time(Table, kw_only=True, frozen=True):
    """Where the time stands and how it is written."""

    path: str | list[str]
    """The first that leads to something counts."""
    format: Clock = "auto"
    zone: str = ""
    """Offset of times that carry none: ``+08:00``."""
    zone_path: str = ""
    """Where the message itself says it: ``UTC+8:00``."""


class Ref(Table, kw_only=True, frozen=True):
    """Who is meant: ``id`` is a template, or several of which the first complete one counts."""

    scheme: str
    id: str | list[str]


class Column(Table, kw_only=True, frozen=True):
    """What a key means."""

    metric: str = ""
    """Of the hub's table; empty: the maker's own key."""
    unit: str = ""
    """The maker's unit, where it is not the metric's own."""
    factor: float = 1.0
    offset: float = 0.0
    """``value * factor + offset``, before the unit is converted."""
    words: dict[str, str | bool | float] = {}
    """The maker's words and numbers, and what they stand for."""
    otherwise: str | bool | float | None = None
    """What every other word stands for; without it, another word is a problem."""
    invert: bool = False
    """Yes and no the other way round: a closed contact is a door that is not open."""
    nothing: list[str | float] = []
    """Values and words that stand for "no reading"."""
    name: str = ""
    """Under which name, where no metric fits."""
    channel: str = ""
    """Part of the device: ``socket{n}``, with the parts of a key pattern."""
    skip: bool = False
    """Pass the key over."""


Guess = Literal["all", "sure", "states"]
"""``all``: the maker promises the hub's units; ``sure``: yes and no, words, and numbers that have one unit in practice
(``temperature``, ``humidity``, ``co2``); ``states``: no numbers, their scale is unknown. Other keys keep the maker's name."""

Metrics = dict[str, str | Column | list[Column]]
"""Key, or key pattern with ``{parts}``, -> metric, column, or several columns."""


class Grade(Table, kw_only=True, frozen=True):
    """What the sender says of a value's quality."""

    path: str
    words: dict[str, Quality]
    otherwise: Quality = "uncertain"


class Points(Choice, kw_only=True, frozen=True):
    """Readings: a walk to the values, and how each is named."""

    at: str = "{key}"
    """A walk: ``params.{key}`` an object of values, ``tags[]`` a list, ``""`` the thing at hand itself."""
    key: str | list[str] = "{key}"
    """A template, or several of which the first complete one counts: the maker's name of the value."""
    channel: str = ""
    """A template: the part of the device that it speaks for."""
    value: str = ""
    """A path from the thing walked to; a plain value instead of an object is taken as the value, unless ``plain`` is false."""
    plain: bool = True
    unit: str = ""
    """A path from the thing walked to, to the spelling of its unit."""
    time: str | Time | None = None
    """The value's own time."""
    quality: Grade | None = None
    only: bool = False
    """Only keys that ``metrics`` names are readings; the rest is passed over."""
    skip: list[str] = []
    """Keys that are no readings."""
    nested: Literal["refuse", "flatten"] = "refuse"
    """An object where a value is expected: a problem, or further values under ``outer.inner``."""
    numbers_as_text: bool = False
    """Numbers, true and false are written as text."""
    doubt: str = ""
    """The memory of ``faults`` whose points are of bad quality while the fault lasts."""


class Status(Choice, kw_only=True, frozen=True):
    """Reachable or not: a word, or the topic itself says it."""

    path: str = ""
    online: list[str] = []
    offline: list[str] = []
    says: Literal["", "online", "offline", "gone"] = ""
    """Where no word is needed; ``gone`` takes the statement back."""


class Active(Table, kw_only=True, frozen=True):
    """Where a message says whether a fault begins or ends."""

    path: str
    on: list[str]
    off: list[str]


class Faults(Choice, kw_only=True, frozen=True):
    """Events: a walk to them, and what each says."""

    at: str = ""
    split: bool = False
    """The text walked to is a list of words between blanks; each is an event, ``{.}`` in templates."""
    type: str = "fault"
    code: str | list[str]
    text: str | list[str] = ""
    ok: list[str] = []
    """Codes, or plain items, that say that nothing is wrong."""
    active: bool | Active | None = None
    """True begins, false ends, left out is momentary; or the message says it."""
    memory: str = ""
    """A name, or a template of one. The message lists all faults there are: one that it no longer lists has ended."""
    told_by: str = ""
    """A path: only messages that have it list the faults of ``memory``."""
    point: str = ""
    """A template: the key of the point that the fault is about."""
    time: str | Time | None = None


class Announce(Choice, kw_only=True, frozen=True):
    """What the device is; said once, and again when it changes. All texts are templates; of several the first that has all its pieces."""

    name: str | list[str] = ""
    maker: str | list[str] = ""
    model: str | list[str] = ""
    firmware: str | list[str] = ""
    serial: str | list[str] = ""
    power: Literal["", "mains", "battery"] = ""
    via: Ref | None = None
    steady: bool = False
    """Several gateways may hear the same device and pass it on: it stays with one of them for as long as that one does."""
    aliases: list[Ref] = []
    hints: dict[str, str] = {}
    interval_s: int | None = None
    silence_s: int | None = None
    withdrawn: bool = False


class Learn(Choice, kw_only=True, frozen=True):
    """A message that tells the device's own model: units, decimals and labels of its keys."""

    at: str
    key: str
    unit: str = ""
    """Template of the unit's spelling."""
    decimals: str = ""
    """Path to the number of decimals that whole numbers carry."""
    label: str = ""


class Parts(Table, kw_only=True, frozen=True):
    """Takes a text apart: the names of its parts can be used like those of the topic."""

    path: str
    pattern: str


class Unpack(Table, kw_only=True, frozen=True):
    """A field that holds JSON written as text."""

    path: str
    encoding: Literal["json", "base64"] = "json"


class Said(Choice, kw_only=True, frozen=True):
    """What a message may say. Set at the top of the file it holds for every message that does not say otherwise."""

    each: str | list[str] = ""
    """A walk to what speaks: one device, or one moment, each. Or several walks, one after the other."""
    parts: Parts | None = None
    device: Ref | None = None
    time: str | Time | None = None
    identity: str = ""
    """Template: what tells a repeat from a new message that carries no time."""
    points: Points | list[Points] | None = None
    status: Status | list[Status] | None = None
    faults: Faults | list[Faults] | None = None
    announce: Announce | None = None
    learn: Learn | None = None


class Message(Said, kw_only=True, frozen=True):
    """One shape of message. All that fit a message are read, in the order of the file."""

    topic: str | list[str]
    payload: Literal["json", "value"] = "json"
    """``value``: the payload is one bare value, number or word."""
    instead: bool = field(name="else", default=False)
    """Read only where none before it fits."""
    required: list[str] = []
    """Paths without which the message cannot be read."""
    metrics: Metrics = {}
    """Beside, and before, those of the whole file."""


class Profile(Said, kw_only=True, frozen=True):
    """A whole file."""

    name: str
    """The format's name: that of the file."""
    title: Title
    about: str = ""
    """Where the shape is documented, and which version."""
    unconfirmed: list[str] = []
    """What no document and no recorded message has proved yet."""
    extends: str = ""
    """Another profile, whose tables hold unless this one says otherwise."""
    options: dict[str, str] = {}
    """Name -> default of what a connection may set; ``<name>`` in topics, filters, schemes and zones."""
    filters: list[str] = []
    """Empty: made from the topics."""
    any_case: bool = False
    """Keys are compared in lower case."""
    unpack: list[Unpack] = []
    passed: list[str] = []
    """Keys of the message that are known and say nothing of use."""
    nothing: list[str] = []
    """Texts that stand for "none" wherever they occur."""
    guess: Guess = "sure"
    """Which keys that are a metric's word, and not under ``metrics``, stand for it without a unit being told."""
    suffixes: dict[str, str] = {}
    """End of a key -> the unit that it tells."""
    metrics: Metrics = {}
    codes: dict[str, str] = {}
    """Fault code -> text."""
    message: list[Message]
