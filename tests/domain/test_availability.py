"""Who is out of reach, and because of what: gateways that fell together, and silences that something else explains."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.availability import (
    BELIEVED_AFTER_MS,
    GRACE_MS,
    LONGEST_WAIT_MS,
    WINDOW_MS,
    Stand,
    Uplink,
    as_one,
    fall_of,
    loss_of,
    may_be_more,
    may_speak,
    standing,
)

MINUTE, HOUR = 60_000, 3_600_000
NOW = 10 * HOUR


def stated(name: str, at: int) -> Uplink:
    return Uplink(name, said_offline_at=at, heard=at - MINUTE)


def silent(name: str, at: int, *, limit: int = 3 * MINUTE) -> Uplink:
    return Uplink(name, heard=at, due=at + limit)


def well(name: str) -> Uplink:
    return Uplink(name, heard=NOW, due=NOW + 3 * MINUTE)


# --- fell together ----------------------------------------------------------------------------------------------


def test_the_protocols_word_comes_before_silence_and_is_believed_after_a_while() -> None:
    fall = fall_of(Uplink("g", said_offline_at=NOW, heard=NOW - HOUR, due=NOW - HOUR + MINUTE), NOW)
    assert fall is not None
    assert (fall.since, fall.known_at) == (NOW, NOW + BELIEVED_AFTER_MS)
    assert fall_of(silent("g", NOW - 3 * MINUTE), NOW) is not None
    assert fall_of(silent("g", NOW - 3 * MINUTE + 1), NOW) is None
    assert fall_of(Uplink("g", heard=0), NOW) is None, "nobody knows how often it speaks"


@pytest.mark.parametrize(
    ("uplinks", "fallen"),
    [
        ([stated("a", NOW - 2 * MINUTE)], ""),
        ([stated("a", NOW - 2 * MINUTE), well("b")], ""),
        ([stated("a", NOW - 2 * MINUTE), silent("b", NOW - 4 * MINUTE)], "ab"),
        ([stated("a", NOW - 2 * MINUTE), silent("b", NOW - 4 * MINUTE - 1)], ""),
        ([stated("a", NOW - MINUTE), stated("b", NOW - MINUTE), well("c")], "ab"),
        ([stated("a", NOW - MINUTE), stated("b", NOW - MINUTE), well("c"), well("d")], ""),
        ([stated("a", NOW - MINUTE), stated("b", NOW - BELIEVED_AFTER_MS + 1)], ""),
        ([stated("a", NOW - HOUR), stated("b", NOW - MINUTE), stated("c", NOW - MINUTE)], "bc"),
        ([stated("a", NOW - HOUR), stated("b", NOW - MINUTE)], ""),
        ([stated("a", NOW - HOUR), stated("b", NOW - MINUTE), stated("c", NOW - MINUTE), well("d"), well("e")], ""),
    ],
)
def test_worked_examples_of_a_loss(uplinks: list[Uplink], fallen: str) -> None:
    loss = loss_of(uplinks, NOW)
    assert ("" if loss is None else "".join(sorted(loss.fallen))) == fallen


def test_a_loss_is_known_when_it_is_known_of_most() -> None:
    uplinks = [stated("a", NOW - 2 * MINUTE), stated("b", NOW - MINUTE), silent("c", NOW - 3 * MINUTE), well("d")]
    loss = loss_of(uplinks, NOW)
    assert loss is not None
    assert loss.since == NOW - 3 * MINUTE
    assert loss.known_at == NOW, "three of four: with the last of them"


@st.composite
def places(draw: st.DrawFn) -> list[Uplink]:
    found = []
    for number in range(draw(st.integers(0, 9))):
        at = NOW - draw(st.integers(0, 20 * MINUTE))
        kind = draw(st.sampled_from(["stated", "silent", "well", "mute"]))
        name = f"g{number}"
        made = {"stated": stated(name, at), "silent": silent(name, at), "well": well(name), "mute": Uplink(name)}
        found.append(made[kind])
    return found


@given(places(), st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_named_changes_nothing(uplinks: list[Uplink], chance: object) -> None:
    shuffled = list(uplinks)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert loss_of(shuffled, NOW) == loss_of(uplinks, NOW)


@given(places())
def test_what_is_told_as_fallen_is_so_together_and_most(uplinks: list[Uplink]) -> None:
    loss = loss_of(uplinks, NOW)
    if loss is None:
        return
    falls = {u.id: fall for u in uplinks if (fall := fall_of(u, NOW)) is not None}
    fell = [falls[name] for name in loss.fallen]
    assert max(f.since for f in fell) - min(f.since for f in fell) <= WINDOW_MS
    earlier = [f for f in falls.values() if f.since < loss.since and f.known_at <= NOW]
    assert len(fell) >= 2
    assert 2 * len(fell) > len(uplinks) - len(earlier)
    assert sum(f.known_at <= loss.known_at for f in fell) * 2 > len(uplinks) - len(earlier)
    assert loss.known_at <= NOW


@given(places(), st.data())
def test_a_return_begins_no_loss(uplinks: list[Uplink], data: st.DataObject) -> None:
    if not uplinks:
        return
    back = data.draw(st.integers(0, len(uplinks) - 1))
    fewer = [well(u.id) if number == back else u for number, u in enumerate(uplinks)]
    if loss_of(uplinks, NOW) is None:
        assert loss_of(fewer, NOW) is None


@given(st.integers(2, 9), st.data())
def test_all_that_fell_within_the_window_are_one_loss(count: int, data: st.DataObject) -> None:
    begin = NOW - 10 * MINUTE
    at = data.draw(st.lists(st.integers(0, WINDOW_MS), min_size=count, max_size=count))
    loss = loss_of([stated(f"g{n}", begin + late) for n, late in enumerate(at)], NOW)
    assert loss is not None
    assert len(loss.fallen) == count


@given(st.integers(2, 9))
def test_those_that_fell_one_after_the_other_are_none(count: int) -> None:
    falls = [stated(f"g{n}", NOW - HOUR + n * (WINDOW_MS + 1)) for n in range(count)]
    assert loss_of(falls, NOW) is None


def test_a_fall_may_be_a_part_of_more_until_most_others_are_heard_after_the_window() -> None:
    since, now = NOW - 3 * MINUTE, NOW
    within, after = Uplink("w", heard=since + WINDOW_MS), Uplink("a", heard=since + WINDOW_MS + 1)
    assert may_be_more([silent("g", since), within], since, now)
    assert not may_be_more([silent("g", since), after], since, now)
    assert may_be_more([silent("g", since), within, after], since, now)
    assert not may_be_more([silent("g", since), after, after], since, now)
    assert not may_be_more([silent("g", since), within, after, after], since, now)
    assert may_be_more([silent("g", since), within, after, stated("long ago", since - HOUR)], since, now)


@given(places())
def test_what_is_a_part_of_a_loss_could_be_so(uplinks: list[Uplink]) -> None:
    loss = loss_of(uplinks, NOW)
    if loss is not None:
        assert all(may_be_more(uplinks, fall_of(u, NOW).since, NOW) for u in uplinks if u.id in loss.fallen)  # type: ignore[union-attr] # it has fallen


# --- explained ----------------------------------------------------------------------------------------------------

LIMIT = 2 * MINUTE
HEARD = NOW - LIMIT


@pytest.mark.parametrize(
    ("above", "since", "stand"),
    [
        (None, None, Stand.ITS_OWN),
        (Uplink("g", heard=HEARD, due=HEARD + MINUTE), HEARD, Stand.EXPLAINED),
        (Uplink("g", said_offline_at=NOW - 1, heard=HEARD), NOW - 1, Stand.EXPLAINED),
        (Uplink("g", said_offline_at=NOW, heard=NOW), NOW, Stand.ITS_OWN),
        (Uplink("g", heard=HEARD + LIMIT // 2 + 1, due=NOW + HOUR), None, Stand.ITS_OWN),
        (Uplink("g", heard=HEARD + LIMIT // 2, due=NOW + MINUTE), None, Stand.UNDECIDED),
        (Uplink("g", heard=HEARD, due=NOW), None, Stand.ITS_OWN),
        (Uplink("g"), None, Stand.ITS_OWN),
        (Uplink("g", heard=NOW, due=NOW + MINUTE, back_at=NOW - MINUTE), None, Stand.UNDECIDED),
        (Uplink("g", heard=NOW, due=NOW + MINUTE, back_at=HEARD), None, Stand.ITS_OWN),
    ],
)
def test_worked_examples_of_a_silence(above: Uplink | None, since: int | None, stand: Stand) -> None:
    assert standing(HEARD, LIMIT, above, since, NOW) is stand


def test_a_silence_does_not_wait_for_ever_for_a_gateway_that_speaks_once_a_day() -> None:
    above = Uplink("g", heard=HEARD, due=HEARD + 24 * HOUR)
    assert standing(HEARD, LIMIT, above, None, NOW + LONGEST_WAIT_MS - 1) is Stand.UNDECIDED
    assert standing(HEARD, LIMIT, above, None, NOW + LONGEST_WAIT_MS) is Stand.ITS_OWN


def test_what_comes_back_with_its_gateway_has_its_full_time_again() -> None:
    slow = HOUR
    above = Uplink("g", heard=NOW, due=NOW + MINUTE, back_at=NOW)
    assert standing(NOW - slow, slow, above, None, NOW + slow - 1) is Stand.UNDECIDED
    assert standing(NOW - slow, slow, above, None, NOW + slow) is Stand.ITS_OWN
    assert not may_speak(NOW, LIMIT, NOW + GRACE_MS - 1)
    assert may_speak(NOW, LIMIT, NOW + GRACE_MS)
    assert may_speak(None, LIMIT, NOW)


moments = st.integers(NOW - 2 * HOUR, NOW)


@given(moments, st.integers(MINUTE, HOUR), moments, moments)
def test_who_was_overdue_before_the_gateways_last_word_is_not_explained_by_it(
    heard: int, limit: int, last: int, since: int
) -> None:
    found = standing(heard, limit, Uplink("g", heard=last), since, NOW)
    assert (found is Stand.ITS_OWN) == (heard + limit <= min(since, last))


@given(moments, st.integers(MINUTE, HOUR), moments, st.one_of(st.none(), moments), st.one_of(st.none(), moments))
def test_every_silence_is_decided_at_last(heard: int, limit: int, last: int, due: int | None, back: int | None) -> None:
    late = NOW + 2 * HOUR + LONGEST_WAIT_MS + GRACE_MS
    assert standing(heard, limit, Uplink("g", heard=last, due=due, back_at=back), None, late) is not Stand.UNDECIDED


def test_the_uplinks_of_a_place_as_one_are_heard_when_most_are() -> None:
    uplinks = [Uplink(f"g{n}", heard=NOW + n, due=NOW + 10 * n) for n in range(5)]
    assert as_one("b5", uplinks) == Uplink("b5", heard=NOW + 2, due=NOW + 20)
    assert as_one("b5", [*uplinks, Uplink("never")]) == Uplink("b5", heard=NOW + 1, due=NOW + 30)
    assert as_one("b5", uplinks[:1]) is None
