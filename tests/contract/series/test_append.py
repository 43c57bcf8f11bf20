"""Readings are stored exactly once, with the position, and the last word on an instant counts."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from hub.clock import DAY, MINUTE
from hub.flows.batch import Position
from hub.flows.series import Aggregate, Capability, Latest, Rows, Step

START = 1_763_856_000_000  # 2025-11-23T00:00:00Z


def test_an_empty_store_has_no_position_and_says_nothing(hand: Any) -> None:
    assert hand.store.position() is None
    assert hand.raw("t") == []
    assert hand.store.latest([hand.key("t")]) == {}


def test_rows_and_position_are_there_after_opening_again(hand: Any) -> None:
    hand.write([("t", START, 21.5), ("h", START, 40.0)], batch=7)
    hand.reopen()
    assert hand.store.position() == Position("j", 7)
    assert hand.raw("t") == [(START, 21.5)]
    assert hand.raw("h") == [(START, 40.0)]


def test_a_replay_changes_nothing(hand: Any) -> None:
    rows = [("t", START + n * MINUTE, float(n)) for n in range(50)]
    hand.write(rows, batch=1)
    written = hand.write(rows, batch=1)
    hand.says(written, added=0, unchanged=50)
    assert hand.raw("t") == [(time, value) for _, time, value in rows]


def test_the_last_word_counts_against_what_is_stored(hand: Any) -> None:
    hand.write([("t", START, 1.0), ("t", START + 1, 2.0)])
    written = hand.write([("t", START, 9.0)], batch=2)
    hand.says(written, added=0, replaced=1)
    assert hand.raw("t") == [(START, 9.0), (START + 1, 2.0)]


def test_the_last_word_counts_inside_a_batch(hand: Any) -> None:
    written = hand.write([("t", START, 1.0), ("u", START, 5.0), ("t", START, 2.0), ("t", START, 3.0)])
    assert (written.added, written.unchanged) == (2, 2)
    assert hand.raw("t") == [(START, 3.0)]
    assert hand.raw("u") == [(START, 5.0)]


def test_late_rows_find_their_place_among_stored_ones(hand: Any) -> None:
    hand.write([("t", START + 10 * MINUTE, 10.0)])
    written = hand.write([("t", START, 0.0), ("t", START - 400 * DAY, -1.0), ("t", START + 10 * MINUTE, 11.0)], batch=2)
    hand.says(written, added=2, replaced=1)
    assert hand.raw("t") == [(START - 400 * DAY, -1.0), (START, 0.0), (START + 10 * MINUTE, 11.0)]


def test_a_replay_after_opening_again_changes_nothing(hand: Any) -> None:
    rows = [("t", START + n * MINUTE, float(n)) for n in range(200)]
    hand.write(rows, batch=1)
    hand.refresh(START + DAY)
    hand.reopen()
    hand.says(hand.write(rows, batch=2), added=0, unchanged=200)
    assert len(hand.raw("t")) == 200


def test_scattered_late_rows_are_found_year_by_year(hand: Any) -> None:
    scattered = [("t", START - n * 30 * DAY, float(n)) for n in range(30)]
    hand.write(scattered)
    written = hand.write([*scattered, ("t", START - 5 * DAY, 0.5)], batch=2)
    hand.says(written, added=1, unchanged=30)


def test_the_same_point_name_in_two_communities_is_two_points(hand: Any) -> None:
    hand.write([("t", START, 1.0), ("lake-view/t", START, 2.0)])
    assert hand.raw("t") == [(START, 1.0)]
    assert hand.raw("lake-view/t") == [(START, 2.0)]


def test_latest_is_by_event_time_and_survives_opening_again(hand: Any) -> None:
    hand.write([("t", START + MINUTE, 2.0), ("t", START, 1.0)], quality=1)
    hand.write([("t", START - MINUTE, 0.0)], batch=2)
    for _ in range(2):
        assert hand.store.latest([hand.key("t"), hand.key("nobody")]) == {
            hand.key("t"): Latest(START + MINUTE, 2.0, None, 1)
        }
        hand.refresh(START + DAY)
        hand.reopen()


def test_texts_are_kept_apart_and_last_write_wins(hand: Any) -> None:
    hand.write([], texts=[("state", START, "idle"), ("state", START + 1, "busy")])
    hand.write([], texts=[("state", START, "off"), ("state", START + 2, "运行")], batch=2)
    found = hand.store.window_of_texts(hand.key("state"), start=START, end=START + 10, limit=10)
    assert found == [(START, "off"), (START + 1, "busy"), (START + 2, "运行")]
    assert hand.store.window_of_texts(hand.key("state"), start=START, end=START + 10, limit=1) == found[-1:]
    hand.reopen()
    assert hand.store.latest([hand.key("state")])[hand.key("state")] == Latest(START + 2, None, "运行", 0)


def test_an_empty_batch_moves_the_position(hand: Any) -> None:
    hand.write([], batch=4)
    hand.reopen()
    assert hand.store.position() == Position("j", 4)


def test_another_journal_replaces_the_position(hand: Any) -> None:
    hand.write([], batch=4)
    hand.store.append(_no_rows(), [], Position("k", 1))
    assert hand.store.position() == Position("k", 1)


def test_reading_threads_see_whole_batches_while_the_lane_writes(hand: Any) -> None:
    hand.write([("a", START, 0.0), ("b", START, 0.0)])
    stop = threading.Event()
    seen: list[int] = []
    troubles: list[BaseException] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                window = hand.store.window(
                    [hand.key("a"), hand.key("b")], start=START, end=START + DAY, step=Step.RAW, agg=Aggregate.MEAN
                )
                seen.append(len(window.time))
        except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
            troubles.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(1, 60):
        hand.write([("a", START + n, float(n)), ("b", START + n, float(n))], batch=n + 1)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert not troubles
    assert seen
    if Capability.WHOLE_BATCHES in hand.store.capabilities:
        assert all(count % 2 == 0 for count in seen)


@pytest.mark.parametrize("value", [1e308, -0.0, 5e-324, 1e15 + 0.5])
def test_values_come_back_to_the_bit(hand: Any, value: float) -> None:
    hand.write([("t", START, value)])
    assert hand.raw("t") == [(START, value)]


def _no_rows() -> Rows:
    return Rows(
        point=np.zeros(0, np.int32),
        time=np.zeros(0, np.int64),
        value=np.zeros(0),
        quality=np.zeros(0, np.uint8),
        place=np.zeros(0, np.int32),
    )


def test_latest_survives_opening_again_before_any_roll_up(hand: Any) -> None:
    hand.write([("t", START, 2.0)])
    hand.reopen()
    assert hand.store.latest([hand.key("t")]) == {hand.key("t"): Latest(START, 2.0, None, 0)}
