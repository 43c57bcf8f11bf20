"""The walk test: somebody triggers a sensor and sees that the right point hears it. Pure; times in epoch ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.metrics import METRICS, Metric, MetricKind

STAYS_MS: Final = 30 * 60_000
"""So long after the last sign of somebody the walk is over: what moves then was no test."""
EXPECTS_MS: Final = 5 * 60_000
"""So long a sensor that has been named is waited for."""

Point = tuple[str, str]
"""(device hub id, point name)"""


class Outcome(StrEnum):
    """What a test said."""

    PASSED = "passed"
    OTHER_FIRED = "other_fired"
    """Another sensor spoke instead of the one that was to: the two may be swapped."""


class How(StrEnum):
    """How a test came about."""

    TRIGGERED = "triggered"
    BY_HAND = "by_hand"
    """Somebody looked at the value and found it right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointTest:
    """One test of one point, as it is kept."""

    community: str
    device: str
    point: str
    at: int
    by: str
    outcome: Outcome = Outcome.PASSED
    how: How = How.TRIGGERED
    value: float | None = None
    text: str = ""
    other_device: str = ""
    """Which spoke instead; empty where the test was passed."""
    other_point: str = ""

    @property
    def key(self) -> Point:
        """What was tested."""
        return self.device, self.point

    @property
    def other(self) -> Point:
        """What spoke instead."""
        return self.other_device, self.other_point


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """Somebody who walks through a community with the list of one room."""

    community: str
    by: str
    place: str
    """Which room, as the page names it."""
    points: frozenset[Point]
    """Those of the room."""
    seen_at: int
    """The last sign of the walker."""
    done: frozenset[Point] = field(default_factory=frozenset)
    """Those that have passed: what they say from now on is no news, unless they are named."""
    doubts: frozenset[tuple[Point, Point]] = field(default_factory=frozenset)
    """A sensor that was named, and the one that spoke instead: neither passes before somebody names it again."""
    expects: Point | None = None
    """The sensor that is to be triggered now."""
    since: int = 0
    """Since when it is expected."""
    stood_at: float = math.nan
    """Its value then."""
    neighbours: frozenset[Point] = field(default_factory=frozenset)
    """Points of the same metric that may have been taken for it."""

    def walks(self, at: int) -> bool:
        """Whether the walk is still on."""
        return at < self.seen_at + STAYS_MS

    def awaits(self, at: int) -> Point | None:
        """The sensor that is expected now."""
        return self.expects if self.since <= at < self.since + EXPECTS_MS else None

    def takes(self, point: Point) -> bool:
        """Whether the point passes here although nobody has named it."""
        return point in self.points and point not in self.done and not any(point in pair for pair in self.doubts)

    def after(self, tests: Iterable[PointTest]) -> Walker:
        """Nobody waits any more for what has passed, nor for what another one has answered to."""
        walker = self
        for test in tests:
            if test.outcome is Outcome.PASSED:
                done = walker.done | ({test.key} & walker.points)
                doubts = frozenset(pair for pair in walker.doubts if test.key not in pair)
            else:
                done, doubts = walker.done, walker.doubts | {(test.key, test.other)}
            walker = replace(walker, done=done, doubts=doubts)
            if walker.expects == test.key:
                walker = replace(walker, expects=None, neighbours=frozenset())
        return walker


class Word(NamedTuple):
    """One value that came in. ``before``: the one before it; NaN: none is known."""

    community: str
    point: Point
    metric: str
    at: int
    """When it arrived."""
    value: float | None
    text: str
    before: float
    text_before: str


def fired(word: Word, *, stood_at: float | None = None) -> bool:
    """Whether somebody must have triggered the sensor.

    A state that has turned has; so has one that speaks for the first time, unless it says off. A quantity moves by itself, so it
    counts only where the sensor is expected: ``stood_at`` is its value when it was named, None where it was not.
    """
    metric = METRICS.get(word.metric)
    if word.value is None:
        return word.text != word.text_before and (bool(word.text_before) or stood_at is not None)
    if metric is not None and metric.kind is MetricKind.EVENT:
        return True
    if is_state(metric):
        return word.value != (0.0 if math.isnan(word.before) else word.before)
    if stood_at is None:
        return False
    return math.isnan(stood_at) or abs(word.value - stood_at) >= least_move(metric, stood_at)


def is_state(metric: Metric | None) -> bool:
    """Whether the metric has few values, so that each turn means something."""
    return metric is not None and metric.kind is MetricKind.STATE


def least_move(metric: Metric | None, stood_at: float) -> float:
    """By how much a quantity has to move to show that it was touched: two steps of its last digit, or 2 %."""
    step = 10.0 ** -(metric.decimals if metric is not None else 2)
    return max(2 * step, 0.02 * abs(stood_at))


def judge_word(word: Word, walkers: Iterable[Walker]) -> PointTest | None:
    """What a word that came in proves. Whoever expects the sensor is believed before whoever stands in its room."""
    walking = [w for w in walkers if w.community == word.community and w.walks(word.at)]
    for walker in walking:
        if walker.awaits(word.at) == word.point:
            return _passed(word, walker) if fired(word, stood_at=walker.stood_at) else None
    if not fired(word):
        return None
    for walker in walking:
        expected = walker.awaits(word.at)
        if expected is not None and word.point in walker.neighbours and not _lets_go(word, walker):
            return _swapped(word, walker, expected)
    for walker in sorted(walking, key=lambda walker: -walker.seen_at):
        if walker.takes(word.point):
            return _passed(word, walker)
    return None


def _lets_go(word: Word, walker: Walker) -> bool:
    """The end of the walker's own last test, while the next sensor has been named already."""
    return word.value == 0 and word.point in walker.done


def _passed(word: Word, walker: Walker) -> PointTest:
    device, point = word.point
    return PointTest(
        community=word.community, device=device, point=point, at=word.at, by=walker.by, value=word.value, text=word.text
    )


def _swapped(word: Word, walker: Walker, expected: Point) -> PointTest:
    return PointTest(
        community=word.community,
        device=expected[0],
        point=expected[1],
        at=word.at,
        by=walker.by,
        outcome=Outcome.OTHER_FIRED,
        value=word.value,
        text=word.text,
        other_device=word.point[0],
        other_point=word.point[1],
    )


class Standing(NamedTuple):
    """What the tests of a point say today. Both None: untested."""

    passed: PointTest | None
    doubt: PointTest | None
    """Another sensor spoke, and since then this one has not been heard."""


UNTESTED: Final = Standing(None, None)


def standing(tests: Iterable[PointTest], since: Mapping[Point, int]) -> dict[Point, Standing]:
    """By point. Tests from before ``since`` (its present binding) prove nothing any more.

    A doubt is over once either of the two sensors has passed.
    """
    valid = [test for test in tests if test.at >= since.get(test.key, 0)]
    passed: dict[Point, PointTest] = {}
    for test in sorted(valid, key=lambda test: test.at):
        if test.outcome is Outcome.PASSED:
            passed[test.key] = test
    found = {key: Standing(test, None) for key, test in passed.items()}
    for test in sorted(valid, key=lambda test: test.at):
        if test.outcome is Outcome.OTHER_FIRED and test.at >= since.get(test.other, 0):
            proofs = (passed.get(test.key), passed.get(test.other))
            if not any(proof is not None and proof.at > test.at for proof in proofs):
                found[test.key] = Standing(None, test)
    return found
