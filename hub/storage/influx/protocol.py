"""Line protocol, as fast as Python makes it: the tags of a series are written once, its lines are one f-string each. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from hub.domain.metrics import METRICS, metric_of
from hub.domain.series_names import UNKNOWN_METRIC, cells_of
from hub.flows.batch import PointKey
from hub.flows.series import Cells, FloatArray

_LARGEST: Final = float(np.finfo(np.float64).max)
_UNSAFE: Final = {ord("%"): "%25", ord("\\"): "%5C"} | {n: f"%{n:02X}" for n in (*range(32), 127)}
"""Backslashes have no unambiguous spelling in line protocol, line breaks none at all."""
_ESCAPED: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_STRING: Final = str.maketrans({'"': r"\"", "\\": r"\\"})


class Spot(NamedTuple):
    """The place of a series, and the metric its binding names; an empty metric leaves it to the point's own name."""

    community: str
    facility: str
    unit: str
    kind: str
    metric: str


def measurement_of(key: PointKey, spot: Spot) -> str:
    """The metric that is meant."""
    if spot.metric:
        return spot.metric if spot.metric in METRICS else UNKNOWN_METRIC
    own = metric_of(key.name)
    return UNKNOWN_METRIC if own is None else own.name


def tag_text(name: str) -> str:
    """A name as it stands in a tag and comes back from the server; no two names have the same."""
    return name.translate(_UNSAFE)


def tags(key: PointKey, spot: Spot) -> dict[str, str]:
    """In the order in which InfluxDB sorts them; empty ones are left out."""
    given = {
        "community": key.community,
        "device": key.device,
        "facility": spot.facility,
        "kind": spot.kind,
        "point": key.name,
        "unit": spot.unit,
    }
    return {name: tag_text(value) for name, value in given.items() if value}


def prefix(measurement: str, tagged: dict[str, str]) -> str:
    """Everything of a line before its fields."""
    return ",".join([measurement, *(f"{name}={value.translate(_ESCAPED)}" for name, value in tagged.items())]) + " "


def reading_lines(
    prefixes: Sequence[str],
    series: Iterable[int],
    values: Iterable[float],
    qualities: Iterable[int],
    times: Iterable[int],
) -> list[str]:
    """Values are always floats: ``21`` and ``21.5`` never fight about a field's type."""
    return [
        f"{prefixes[number]}value={value!r},quality={quality}i {time}"
        for number, value, quality, time in zip(series, values, qualities, times, strict=True)
    ]


def text_line(start: str, text: str, quality: int, time: int) -> str:
    """A reading in words."""
    return f"{start}text={string(text)},quality={quality}i {time}"


def string(text: str) -> str:
    """A field that is a string."""
    return f'"{text.translate(_STRING)}"'


def cell_lines(prefixes: Sequence[str], cells: Cells) -> list[str]:
    """Roll-up cells, stamped with their start. What a cell does not know is left out."""
    columns = (
        cells.start.tolist(),
        cells.count.tolist(),
        _bounded(cells.total),
        cells.minimum.tolist(),
        cells.maximum.tolist(),
        cells.first.tolist(),
        cells.last.tolist(),
        cells.last_at.tolist(),
        _bounded(cells.integral),
        cells.known_ms.tolist(),
    )
    return [
        f"{start}count={count}i,total={total!r},"
        + (
            f"min={low!r},max={high!r},first={first!r},last={last!r},last_at={last_at}i,"
            if count and math.isfinite(low) and math.isfinite(high)
            else ""
        )
        + f"integral={integral!r},known_ms={known}i {at}"
        for start, at, count, total, low, high, first, last, last_at, integral, known in zip(
            prefixes, *columns, strict=True
        )
    ]


def void_line(start: str, at: int) -> str:
    """A cell that is not there any more: a store without deletion can still be told so."""
    return f"{start}count=0i,total=0.0,integral=0.0,known_ms=0i {at}"


def cells_measurement(measurement: str) -> str:
    """Where a measurement's roll-ups are."""
    return cells_of(measurement)


def _bounded(values: FloatArray) -> list[float]:
    """InfluxDB has no infinity: a sum beyond the largest float is the largest float."""
    bounded: list[float] = np.clip(values, -_LARGEST, _LARGEST).tolist()
    return bounded
