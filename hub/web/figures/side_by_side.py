"""What the facilities of one kind say now, metric by metric, so that one line of a table holds each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from hub.domain.catalogue import FacilityKind
from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.web.picture import FacilityView, PointView
from hub.web.telling import DASH, Teller

MOST_METRICS: Final = 5
MOST_WORDS: Final = 3


class Cell(NamedTuple):
    """What a metric of a facility is now, in words. ``silent`` of its ``points`` say nothing."""

    text: str
    points: int
    silent: int

    @property
    def known(self) -> bool:
        """Whether any of them says something."""
        return self.silent < self.points


def columns(kind: FacilityKind | None, views: Iterable[FacilityView]) -> list[Metric]:
    """The metrics that are most telling of the kind and that any of these facilities has; counters come last."""
    measured = {point.point.binding.metric_name() for view in views for point in view.points}
    usual = [METRICS[name] for name in dict.fromkeys((*kind.sensors, *kind.use)) if name in measured] if kind else []
    return sorted(usual, key=lambda metric: metric.kind is MetricKind.TOTAL)[:MOST_METRICS]


def cell(metric: Metric, view: FacilityView, say: Teller) -> Cell:
    """One facility's points of a metric together."""
    mine = [point for point in view.points if point.point.binding.metric_name() == metric.name]
    known = [point for point in mine if point.known]
    silent = len(mine) - len(known)
    if not mine:
        return Cell(DASH, 0, 0)
    if not known:
        return Cell(say.gettext("Unknown"), len(mine), silent)
    if len(mine) == 1:
        return Cell(say.reading(metric, known[0].reading), 1, 0)
    return Cell(_together(metric, known, say), len(mine), silent)


def _together(metric: Metric, known: Sequence[PointView], say: Teller) -> str:
    """How many are on; the lowest and the highest; or the words that are said."""
    values = [point.reading.value for point in known if point.reading is not None and point.reading.value is not None]
    if metric.off is not None and metric.on is not None:
        return f"{say.name(metric.on)} {sum(map(bool, values))} / {len(known)}"
    if values:
        low, high = say.value(metric, min(values)), say.value(metric, max(values))
        return say.measured(metric, max(values)) if low == high else f"{low} – {say.measured(metric, max(values))}"
    words = {point.reading.text: None for point in known if point.reading is not None}
    return ", ".join(say.measured(metric, None, word) for word in list(words)[:MOST_WORDS])
