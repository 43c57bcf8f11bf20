"""An allowance that fills again, and a wait that grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.pace import LONGEST_WAIT, LONGEST_WISH, SECOND, Bucket, take, wait_after
from hub.domain.polling import BLANKS, asks_for_a_span, begin_of_span, fill, unknown_blanks, values

NOON = 1_795_000_000_000


def test_the_burst_then_the_rate() -> None:
    bucket: Bucket | None = None
    waits = []
    for _ in range(5):
        bucket, wait = take(bucket, NOON, rate_per_s=2, burst=3)
        waits.append(wait)
    assert waits == [0, 0, 0, 500, 500]
    bucket, wait = take(bucket, NOON + 500, rate_per_s=2, burst=3)
    assert wait == 0


def test_a_clock_that_is_set_back_punishes_nobody() -> None:
    bucket, _ = take(None, NOON, rate_per_s=1, burst=2)
    bucket, wait = take(bucket, NOON - 3_600_000, rate_per_s=1, burst=2)
    assert wait == 0
    _, wait = take(bucket, NOON - 3_600_000 + 1000, rate_per_s=1, burst=2)
    assert wait == 0


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=200),
    st.floats(0.1, 100),
    st.integers(1, 50),
)
def test_never_more_than_burst_and_rate_allow(gaps: list[int], rate: float, burst: int) -> None:
    bucket: Bucket | None = None
    now, taken = NOON, 0
    for gap in gaps:
        now += gap
        bucket, wait = take(bucket, now, rate_per_s=rate, burst=burst)
        taken += wait == 0
    assert taken <= burst + rate * (now - NOON) / 1000 + 1e-6


def test_each_failure_doubles_the_wait_within_bounds() -> None:
    every = 300 * SECOND
    assert [wait_after(n, every=every) // SECOND for n in range(6)] == [300, 600, 1200, 2400, 3600, 3600]
    assert wait_after(10_000, every=10 * SECOND) == LONGEST_WAIT
    assert wait_after(3, every=2 * LONGEST_WAIT) == 2 * LONGEST_WAIT, "never oftener than usual"


@pytest.mark.parametrize(("wish", "wait"), [(10, 300), (900, 900), (10**9, LONGEST_WISH // SECOND), (-5, 300)])
def test_a_server_that_names_a_time_is_believed(wish: int, wait: int) -> None:
    assert wait_after(0, every=300 * SECOND, asked_for=wish * SECOND) == wait * SECOND


def test_every_blank_is_filled() -> None:
    found = values(secret="s/1", cursor="a&b", since=NOON, now=NOON + 1500)
    assert set(found) == set(BLANKS)
    assert fill("/{cursor}?t={since_s}&{secret}", found, in_address=True) == "/a%26b?t=1795000000&s%2F1"
    assert (
        fill("Bearer {secret} {now} {now_ms}", found, in_address=False)
        == f"Bearer s/1 2026-11-18T11:06:41Z {NOON + 1500}"
    )
    assert unknown_blanks("{secret} {since} {nonsense} {}") == ("nonsense", "")
    assert asks_for_a_span("{now_ms}")
    assert not asks_for_a_span("{secret}{cursor}")


def test_a_filled_in_value_is_not_looked_at_again() -> None:
    found = values(secret="s", cursor="{secret}", since=0, now=0)
    assert fill("{cursor}", found, in_address=False) == "{secret}"


@pytest.mark.parametrize(
    ("last", "now", "begin"),
    [
        (None, 10_000, 7_000),
        (9_000, 10_000, 8_500),
        (9_000, 4_000, 4_000),
        (None, 1_000, 0),
    ],
)
def test_where_a_question_begins(last: int | None, now: int, begin: int) -> None:
    assert begin_of_span(last, now, first=3_000, overlap=500) == begin
