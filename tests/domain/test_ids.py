"""Ids sort by time and never repeat."""

from __future__ import annotations

import threading
import uuid

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.ids import IdMaker, instant_of, uuid7

moments = st.integers(0, 2**48 - 1)
sequences = st.integers(0, 4095)
randoms = st.binary(min_size=8, max_size=8)


@given(ms=moments, sequence=sequences, random=randoms)
def test_it_is_a_uuid_of_version_7_that_holds_what_it_was_made_of(ms: int, sequence: int, random: bytes) -> None:
    found = uuid.UUID(uuid7(ms, sequence, random))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == ms == instant_of(str(found))
    assert (found.int >> 64) & 0xFFF == sequence


def test_the_example_of_the_standard() -> None:
    """RFC 9562, A.6: 2022-02-22 19:22:22 UTC, rand_a CC3, rand_b 18C4DC0C0C07398F."""
    made = uuid7(0x017F22E279B0, 0xCC3, bytes.fromhex("18C4DC0C0C07398F"))
    assert made == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.lists(moments.filter(lambda ms: ms < 2**47), min_size=2, max_size=50))
def test_ids_sort_in_the_order_in_which_they_were_made(times: list[int]) -> None:
    ids = IdMaker()
    made = [ids.make(ms) for ms in times]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_more_than_4096_in_one_millisecond_borrow_from_the_next() -> None:
    ids = IdMaker()
    made = [ids.make(1_000) for _ in range(9_000)]
    assert made == sorted(made)
    assert len(set(made)) == 9_000
    assert uuid.UUID(made[-1]).int >> 80 == 1_002


def test_threads_never_make_the_same() -> None:
    ids = IdMaker(lambda size: b"\0" * size)  # without randomness only the sequence tells them apart
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.make(5) for _ in range(500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4_000
