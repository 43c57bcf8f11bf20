"""Who is turned away at the door, and who is let in."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.ingest.door import FURTHEST, Door
from hub.ingest.frames import DUP, Frame


class Tail:
    def __init__(self, frames: Iterable[Frame] = ()) -> None:
        self.frames = list(frames)

    @property
    def last(self) -> int:
        """One frame a batch."""
        return len(self.frames)

    def frames_before(self, number: int, count: int) -> tuple[int, Iterable[Frame]]:
        first = max(1, number - count)
        return first, self.frames[first - 1 : number - 1]


def frame(
    packet_id: int, payload: bytes = b"x", *, flags: int = 1, connection: str = "main", topic: bytes = b"t"
) -> Frame:
    return Frame(connection, packet_id, topic, payload, flags, 1000 + packet_id)


def a_door(*journalled: Frame, window: int = 100, session_present: bool = True) -> Door:
    door = Door(connection="main", tail=Tail(journalled), window=window)
    door.load()
    door.guard(session_present=session_present)
    return door


def test_the_same_packet_again_is_a_repeat_even_without_dup() -> None:
    door = a_door(frame(7))
    assert door.admit([frame(7)]) == ([], [7])


def test_another_packet_with_the_same_words_is_a_second_reading_without_dup() -> None:
    door = a_door(frame(7))
    assert door.admit([frame(8)]) == ([frame(8)], [])


def test_another_packet_with_the_same_words_is_a_repeat_with_dup() -> None:
    door = a_door(frame(7))
    assert door.admit([frame(8, flags=1 | DUP)]) == ([], [8])


def test_dup_alone_makes_no_repeat() -> None:
    door = a_door(frame(7))
    news = frame(7, b"y", flags=1 | DUP)
    elsewhere = frame(7, topic=b"u", flags=1 | DUP)
    assert door.admit([news, elsewhere]) == ([news, elsewhere], [])


def test_one_journalled_message_answers_for_one_repeat() -> None:
    door = a_door(frame(7))
    second = frame(8, flags=1 | DUP)
    assert door.admit([frame(7, flags=1 | DUP), second]) == ([second], [7])


def test_the_packet_of_the_journalled_message_itself_is_taken_first() -> None:
    door = a_door(frame(7), frame(8))
    assert door.admit([frame(8, flags=1 | DUP)])[1] == [8]
    assert door.admit([frame(7)])[1] == [7]


def test_without_the_session_nothing_is_a_repeat() -> None:
    door = a_door(frame(7), session_present=False)
    assert not door.guarded
    assert door.admit([frame(7, flags=1 | DUP)])[1] == []


def test_after_the_first_window_only_what_is_marked_is_a_repeat() -> None:
    door = a_door(frame(7), frame(9), window=3)
    door.admit([frame(100 + number, b"new") for number in range(2)])
    assert door.admit([frame(7)])[1] == [7]
    assert door.admit([frame(9)])[1] == []
    assert door.admit([frame(9, flags=1 | DUP)])[1] == [9]
    assert door.guarded  # until something comes that was sent after the reconnect


def test_a_marked_message_is_looked_for_further_back_but_not_for_ever() -> None:
    """A broker that forgets what is under way sends window upon window again."""
    old = [frame(number, b"%d" % number) for number in range(1, 101)]
    door = a_door(*old, window=3)
    again = [replace(each, flags=1 | DUP) for each in old]
    news, repeats = door.admit(again[-12:])
    assert (news, repeats) == ([], list(range(89, 101)))
    reached = 100 - FURTHEST * 3
    news, repeats = door.admit(again[reached - 5 : 88])
    assert [each.packet_id for each in news] == list(range(reached - 4, reached + 1))
    assert repeats == list(range(reached + 1, 89))


def test_only_its_own_connection_counts_and_never_qos_0() -> None:
    door = a_door(frame(7, connection="other"), frame(0, flags=0))
    assert not door.guarded


def test_it_stands_down_when_told() -> None:
    door = a_door(frame(7))
    door.stand_down()
    assert not door.guarded


def test_it_knows_when_its_connection_was_last_heard() -> None:
    door = a_door(frame(7), frame(9), frame(20, connection="other"))
    assert door.last_received_at == 1009


@given(st.lists(st.binary(max_size=2), max_size=40), st.data())
def test_what_was_journalled_is_counted_once_and_the_rest_is_kept(words: list[bytes], data: st.DataObject) -> None:
    """The hub received all, journalled a first part, and was killed: everything comes again with DUP."""
    received = [frame(number + 1, payload) for number, payload in enumerate(words)]
    journalled = data.draw(st.integers(0, len(received)))
    door = a_door(*received[:journalled])
    again = [replace(each, flags=1 | DUP) for each in received]
    news, repeats = door.admit(again) if door.guarded else (again, [])
    assert [each.packet_id for each in received[:journalled]] == repeats
    assert [each.packet_id for each in news] == [each.packet_id for each in received[journalled:]]
