"""Readings and roll-ups from every store into every other: all of them, once, and as often as somebody likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hub.clock import DAY, HOUR, MINUTE, from_iso
from hub.flows.batch import Position
from hub.flows.replay import Copied, Replay
from hub.flows.series import Aggregate, SeriesPlace, Step

T = TypeVar("T")
START = 1_763_856_000_000  # 2025-11-23T00:00:00Z
POOL = SeriesPlace("harmony-garden", "pool", "", "pool")


def at_once(work: Callable[[], T]) -> T:
    return work()


def copy(source: Any, target: Any) -> Copied:
    replay = Replay(source.store, target.store, metric_of=lambda key: key.name, on_lane=at_once)
    *_, last = [Copied(0, 0, 0, 0), *replay.run(replay.start, replay.end)]
    return last


def fill(hand: Any) -> None:
    hand.write([("t", START + n * MINUTE, n / 3) for n in range(300)], quality=1)
    hand.write(
        [("power", START + n * HOUR, 5.0) for n in range(50)],
        place=POOL,
        batch=2,
        texts=[("s", START, "on"), ("s", START + DAY, "off")],
    )


def picture(hand: Any) -> list[Any]:
    store = hand.store
    hour = [
        hand.window(name, start=START, end=START + 3 * DAY, step=Step.HOUR, agg=agg)
        for name in ("t", "power")
        for agg in Aggregate
    ]
    texts = store.window_of_texts(hand.key("s"), start=0, end=2**53, limit=9)
    points = store.points_of(community="harmony-garden", facility="pool", start=START, end=START + DAY)
    latest = store.latest([hand.key("t"), hand.key("power"), hand.key("s")])
    return [hand.raw("t"), hand.raw("power"), hour, texts, points, latest]


def test_everything_arrives_and_a_second_time_adds_nothing(hand: Any, second: Any) -> None:
    fill(hand)
    copied = copy(hand, second)
    assert (copied.readings, copied.added) == (352, 352)
    assert str(picture(second)) == str(picture(hand))
    second.refresh(START + 3 * DAY)
    second.reopen()
    again = copy(hand, second)
    assert (again.readings, again.added, again.cells) == (352, 0, 0)
    assert str(picture(second)) == str(picture(hand))
    assert second.store.position() is None, "a replay is no batch"


def test_what_the_second_store_has_already_stays(hand: Any, second: Any) -> None:
    fill(hand)
    second.write([("t", START + 5 * MINUTE, 99.0)], batch=7, texts=[("s", START, "new")])
    assert copy(hand, second).added == 350
    assert dict(second.raw("t"))[START + 5 * MINUTE] == 99.0
    assert len(second.raw("t")) == 300
    assert second.store.position() == Position("j", 7)


def test_roll_ups_whose_readings_are_gone_are_taken_as_they_are(hand: Any, second: Any) -> None:
    october, november = from_iso("2025-10-15T00:00:00Z"), from_iso("2025-11-15T00:00:00Z")
    hand.write([("t", october + n * MINUTE, float(n)) for n in range(60)])
    hand.write([("t", november, 3.0)], batch=2)
    hand.forget(november)
    assert copy(hand, second).cells == 5
    assert copy(hand, second).cells == 0
    for step in (Step.QUARTER, Step.HOUR, Step.DAY):
        for agg in Aggregate:
            span = {"start": october, "end": november + DAY, "step": step, "agg": agg}
            assert second.window("t", **span) == hand.window("t", **span)
    zone = {"start": october, "end": october + DAY, "zone": "Asia/Shanghai"}
    weeks = [store.week_hours([hand.key("t")], **zone).known_ms.tolist() for store in (second.store, hand.store)]
    assert weeks[0] == weeks[1]
    assert second.write([("t", october, 9.0)], batch=1).expired == 1, "a late row alone would make the roll-up wrong"


def test_a_stopped_copy_goes_on_where_it_was(hand: Any, second: Any) -> None:
    fill(hand)
    replay = Replay(hand.store, second.store, metric_of=lambda key: key.name, on_lane=at_once)
    steps = replay.run(replay.start, replay.end)
    first = next(steps)
    assert 0 < first.added < 352
    steps.close()
    rest = list(
        Replay(hand.store, second.store, metric_of=lambda key: key.name, on_lane=at_once).run(first.at, replay.end)
    )
    assert first.added + rest[-1].added == 352
    assert str(picture(second)) == str(picture(hand))
