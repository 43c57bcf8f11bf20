"""The series store as the flows and pages see it: readings in, windows and roll-ups out.

A store gives points and places ids of its own (dense integers from 0); rows carry those. (point, event time) is unique
and the last write wins, so a replay changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hub.domain.retention import Before
from hub.domain.rollups import Times
from hub.errors import HubError
from hub.flows.batch import PointKey, Position

IntArray = NDArray[np.int64]
IdArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]

UNASSIGNED = "unassigned"
"""The facility of readings whose device nobody has adopted yet."""


class QueryInterrupted(HubError):
    """A question to the store took too long, or its asker went away; the text says so."""


class Aggregate(StrEnum):
    """What a window makes of the readings in a step; the names of the REST parameter ``agg``."""

    MEAN = "mean"
    """Of the readings, each counting the same."""
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"
    DELTA = "delta"
    """Last reading of the step minus the last one before it (for the first of all: minus the step's first)."""
    TIME_MEAN = "time_mean"
    """Each value weighted by how long it held, over the known time."""


class Capability(StrEnum):
    """What a store can do by its nature, and another cannot; everything else in this port holds for all of them."""

    TELLS_REPEATS = "tells_repeats"
    """``Written`` tells rows that were stored before from new ones, and ``Sizes`` counts each reading once."""
    WHOLE_BATCHES = "whole_batches"
    """Who asks while the lane writes sees all of a batch or nothing of it."""


class Step(StrEnum):
    """The names of the REST parameter ``step``; ``raw`` gives the readings themselves."""

    RAW = "raw"
    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"


class SeriesPlace(NamedTuple):
    """What a reading spoke for at its event time."""

    community: str
    facility: str
    unit: str
    kind: str


@dataclass(slots=True, kw_only=True)
class Rows:
    """Readings to append, in order of arrival. All arrays have the same length."""

    point: IdArray
    time: IntArray
    value: FloatArray
    quality: NDArray[np.uint8]
    place: IdArray

    def __len__(self) -> int:
        return len(self.point)


class TextRow(NamedTuple):
    """A reading whose value is a string."""

    point: int
    time: int
    text: str
    quality: int
    place: int


class Latest(NamedTuple):
    """The newest reading of a point by event time; one of ``value`` and ``text`` is None."""

    time: int
    value: float | None
    text: str | None
    quality: int


class Written(NamedTuple):
    """What an append did."""

    added: int
    replaced: int
    """Stored before with another value, quality or place."""
    unchanged: int
    """Stored before in the same words, or said twice in the batch."""
    expired: int
    """Of a time that retention has taken away: not stored."""


@dataclass(slots=True, kw_only=True)
class Window:
    """Columns of equal length, in order of time. A step nothing is known of is left out, never zero."""

    time: IntArray
    value: FloatArray
    not_recomputed: Sequence[Times] = ()
    """Where the figures are from before late readings came: the store does not give them back, so that its roll-ups
    could not be computed again. In order, apart from each other."""


@dataclass(slots=True, kw_only=True)
class Cells:
    """Roll-up cells as columns (see hub.domain.rollups.Cell). NaN and -1 stand for None."""

    point: IdArray
    place: IdArray
    start: IntArray
    count: IntArray
    total: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    first: FloatArray
    last: FloatArray
    last_at: IntArray
    integral: FloatArray
    known_ms: IntArray

    def __len__(self) -> int:
        return len(self.point)


@dataclass(slots=True, kw_only=True)
class WeekHours:
    """Weekday x hour in a community's own zone, one row for each place; weekday 0 is Monday.

    ``mean`` is time-weighted over the known time (NaN where nothing is known); ``known_ms`` is its denominator.
    Both have the shape (places, 7, 24).
    """

    places: list[SeriesPlace]
    mean: FloatArray
    known_ms: IntArray
    not_recomputed: Sequence[Times] = ()
    """As in ``Window``, of all points together."""


class Doubtful(NamedTuple):
    """Readings of a point whose quality is not good: how many, when the last of them was, and what that was."""

    point: PointKey
    times: int
    last: int
    quality: int


@dataclass(slots=True, kw_only=True)
class Counts:
    """How many readings are stored for each point and day of the zone; ``day`` is the midnight, epoch ms."""

    point: list[PointKey]
    day: IntArray
    count: IntArray


class Span(NamedTuple):
    """What is stored of a point, without looking at it."""

    point: PointKey
    first: int
    last: int
    hold: int
    """How long its readings count, ms."""
    gone: int
    """Readings before this have been forgotten; their roll-ups may be there."""


@dataclass(slots=True, kw_only=True)
class Extract:
    """Readings as they are stored, for another store. ``point`` and ``place`` of rows and texts count in the two lists."""

    points: Sequence[PointKey]
    places: Sequence[SeriesPlace]
    rows: Rows
    texts: list[TextRow]


class Forgotten(NamedTuple):
    """What retention took away."""

    readings: int
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What the store holds."""

    readings: int
    cells: int
    points: int
    bytes: int
    cells_waiting: int
    """Cells that have to be computed (again)."""


class Remarks(NamedTuple):
    """What an operator should know of a store beyond its sizes."""

    reason: str = ""
    """A sentence where something wants looking at."""
    facts: Mapping[str, str | int | float | None] = {}


class SeriesWriter(Protocol):
    """What the series lane needs; called by its thread alone. StoreUnavailable: nothing was written, try again."""

    def position(self) -> Position | None:
        """The position committed with the rows; None before the first one."""
        ...

    def point_ids(self, keys: Sequence[PointKey]) -> IdArray:
        """The store's ids of these points; a new point gets one, stored with the next append."""
        ...

    def place_ids(self, places: Sequence[SeriesPlace], metrics: Sequence[str] = ()) -> IdArray:
        """The same for places. ``metrics``: what the bindings there say they measure; left out, the points' names tell."""
        ...

    def set_holds(self, points: IdArray, holds: IntArray) -> None:
        """How long a reading of these points counts, ms; a change has their cells computed again."""
        ...

    def append(self, rows: Rows, texts: Sequence[TextRow], position: Position | None) -> Written:
        """Rows, texts, touched cells and position in one transaction. None: it stays, for the rows are of no batch."""
        ...

    def put_cells(self, cells: Cells) -> None:
        """Roll-ups of another store whose readings are gone there: taken as they are, and gone up to their end here too."""
        ...

    def refresh_cells(self, until: int, limit: int = 20_000) -> int:
        """Compute up to about ``limit`` touched cells that ended by ``until``; how many there were."""
        ...


class SeriesReader(Protocol):
    """What pages and jobs need; called from any thread. QueryInterrupted where it takes longer than the store allows."""

    def latest(self, points: Sequence[PointKey]) -> dict[PointKey, Latest]: ...

    def window(
        self, points: Sequence[PointKey], *, start: int, end: int, step: Step, agg: Aggregate, zone: str = "UTC"
    ) -> Window:
        """One series over all the points together. ``start`` is inclusive and widened to its step, ``end`` exclusive."""
        ...

    def courses(self, points: Sequence[PointKey], *, start: int, end: int, width: int) -> dict[PointKey, Window]:
        """For drawing: the lowest and the highest reading of each point in every ``width`` ms, in order of time.

        One question for all points. A width of less than a roll-up cell is read from the readings, with their own
        instants; a longer one from the cells, at the beginning and the middle of each width. A point of which nothing is
        known, nor that it could not be computed again, is not there.
        """
        ...

    def window_of_texts(self, point: PointKey, *, start: int, end: int, limit: int) -> list[tuple[int, str]]:
        """The newest ``limit`` texts of a point, in order of time."""
        ...

    def points_of(
        self, *, community: str, facility: str, start: int, end: int, unit: str | None = None
    ) -> list[PointKey]:
        """Points that spoke for this facility (and unit) in this time."""
        ...

    def cells(self, points: Sequence[PointKey], *, start: int, end: int) -> Cells:
        """Roll-up cells that start in this time, those still waiting computed on the way; ids are ``point_ids``."""
        ...

    def week_hours(self, points: Sequence[PointKey], *, start: int, end: int, zone: str) -> WeekHours:
        """From finished roll-ups alone: cells still waiting are not in it."""
        ...

    def doubtful(self, points: Sequence[PointKey], *, start: int, end: int) -> list[Doubtful]:
        """In order of the points; those with good readings alone are not there."""
        ...

    def counts(self, *, community: str, start: int, end: int, zone: str) -> Counts: ...

    def sizes(self) -> Sizes: ...

    def spans(self) -> list[Span]:
        """Of every point that has anything stored."""
        ...

    def extract(self, start: int, end: int) -> Extract:
        """All readings of a span."""
        ...


class SeriesKeeper(Protocol):
    """What retention needs."""

    def forget(self, before: Callable[[PointKey], Before]) -> Forgotten:
        """Delete whole months (UTC) of each point that ended before its instants, in steps between which rows are appended.

        Its late rows of such months are not stored again; their roll-ups stay as they are, until they go themselves.
        """
        ...


class SeriesStore(SeriesWriter, SeriesReader, SeriesKeeper, Protocol):
    """All three sides, as one store offers them."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond the port."""
        ...

    def remarks(self) -> Remarks:
        """What is particular to this store just now."""
        ...

    def open(self) -> None:
        """StoreUnavailable with a sentence where the store cannot be used."""
        ...

    def close(self) -> None: ...
