"""When a notice is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.clock import HOUR, MINUTE
from hub.domain.alarms import Priority
from hub.notify.backoff import PACES, chance_of, next_attempt

priorities = st.sampled_from(list(Priority))
chances = st.floats(0, 1, exclude_max=True)


@given(
    attempts=st.integers(0, 10_000),
    now=st.integers(0, 2**45),
    priority=priorities,
    limit=st.integers(1, 50),
    chance=chances,
)
def test_it_is_later_but_never_later_than_the_longest_wait_or_the_end(
    attempts: int, now: int, priority: Priority, limit: int, chance: float
) -> None:
    again = next_attempt(attempts, now, priority, limit=limit, chance=chance)
    pace = PACES[priority]
    assert (again is None) == (attempts >= limit * pace.tries)
    if again is not None:
        assert now + pace.first * 0.75 - 1 <= again <= now + pace.longest


@given(attempts=st.integers(1, 100), priority=priorities, chance=chances)
def test_waits_grow(attempts: int, priority: Priority, chance: float) -> None:
    first, second = (next_attempt(n, 0, priority, limit=1_000, chance=chance) for n in (attempts, attempts + 1))
    assert first is not None
    assert second is not None
    assert first <= second


@given(attempts=st.integers(1, 1_000), chance=chances)
def test_safety_is_tried_sooner_than_anything_else(attempts: int, chance: float) -> None:
    waits = [next_attempt(attempts, 0, one, limit=1_000, chance=chance) for one in Priority]
    assert waits[0] == min(wait for wait in waits if wait is not None)


def test_how_long_the_presets_try() -> None:
    spans = {one: sum(waits(one)) for one in Priority}
    assert 100 * MINUTE < spans[Priority.SAFETY] < 130 * MINUTE
    assert 50 * MINUTE < spans[Priority.HIGH] < HOUR
    assert 6 * HOUR < spans[Priority.LOW] < 8 * HOUR


def waits(priority: Priority) -> list[int]:
    found: list[int] = []
    while (wait := next_attempt(len(found) + 1, 0, priority, limit=8, chance=0.999999)) is not None:
        found.append(wait)
    return found


@given(key=st.text(), attempts=st.integers(0, 100))
def test_the_chance_is_a_chance_and_always_the_same(key: str, attempts: int) -> None:
    assert 0 <= chance_of(key, attempts) < 1
    assert chance_of(key, attempts) == chance_of(key, attempts)
