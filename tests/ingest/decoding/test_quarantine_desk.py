"""Quarantined frames can be looked at and sent through again; what is still not understood stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import DAY, ManualClock
from hub.errors import NotFound, StoreUnavailable
from hub.flows.batch import Decoded, Position, Refusal, Slots
from hub.flows.lists import QuarantineItem
from hub.ingest.batches import no_readings
from hub.ingest.control import REDRIVE_TOPIC, read_redriven
from hub.ingest.decoding import Decoder
from hub.ingest.echo import Echo
from hub.ingest.frames import Acknowledger, Frame
from hub.ingest.quarantine import QuarantineDesk, payload_text
from hub.ingest.spoken import Spoken
from hub.settings import Connection, Ingest, PushSource

T = TypeVar("T")
NOON = 1_795_000_000_000
TOPIC = "community/v1/c/d/telemetry"


class Book:
    """The part of the quarantine that the desk needs."""

    def __init__(self, *items: QuarantineItem) -> None:
        self.items = {item.id: item for item in items}
        self.asked = 0

    def get(self, item: int) -> QuarantineItem | None:
        return self.items.get(item)

    def several(self, items: Sequence[int]) -> list[QuarantineItem]:
        self.asked += 1
        return [self.items[item] for item in items if item in self.items]

    def waiting(self, connection: str, reasons: Collection[str], since: int, limit: int) -> list[int]:
        return list(self.items)[:limit]

    def mark(self, items: list[int], state: str) -> int:
        for item in items:
            self.items[item] = self.items[item]._replace(state=state, payload=b"")
        return len(items)


class OpenBooks:
    def __init__(self, book: Book) -> None:
        self._books = SimpleNamespace(quarantine=book)

    def read(self, work: Callable[[Any], T]) -> T:
        return work(self._books)

    write = read


class Recorder:
    """An intake that keeps what is put into it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.takes = True

    def put(self, frames: Sequence[Frame], source: Acknowledger, generation: int) -> None:
        self.frames.extend(frames)

    def flush(self, timeout: float) -> bool:
        return self.takes


def item(number: int, payload: bytes, **more: Any) -> QuarantineItem:
    found = QuarantineItem(
        id=number,
        journal="j",
        batch=1,
        frame=number,
        part=0,
        community="c",
        device="c~d",
        connection="main",
        topic=TOPIC,
        payload=payload,
        content_type="",
        received_at=NOON - DAY,
        reason="lane_failed",
        detail="",
        whole=True,
        state="kept",
    )
    return found._replace(**more)


def a_decoder() -> Decoder:
    return Decoder([Spoken.of(Connection(url="mqtt://b"))], Slots(), Ingest(), known=lambda _d: True, window=10)


@pytest.fixture
def intake() -> Recorder:
    return Recorder()


def desk(book: Book, intake: Recorder) -> QuarantineDesk:
    return QuarantineDesk(OpenBooks(book), intake, ManualClock(NOON), trial=a_decoder)


def test_a_thousand_that_waited_are_not_fetched_one_by_one(intake: Recorder) -> None:
    book = Book(*(item(number, b'{"values": {"a": 1}}') for number in range(1_000)))
    assert desk(book, intake).redrive_waiting("main", {"lane_failed"}, 0) == (1_000, 0)
    assert book.asked == 20


def test_what_is_understood_now_goes_into_the_journal_with_its_first_arrival_inside(intake: Recorder) -> None:
    book = Book(
        item(1, b'{"values": {"a": 1}}'), item(2, b"{broken"), item(3, b'{"values": {"a": 2}}', state="dismissed")
    )
    assert desk(book, intake).redrive([1, 2, 3]) == (1, 1)
    [frame] = intake.frames
    assert (frame.topic, frame.received_at, frame.packet_id) == (REDRIVE_TOPIC, NOON, 0)
    inside = read_redriven(frame.payload)
    assert inside is not None
    assert (inside.topic, inside.payload, inside.received_at) == (TOPIC.encode(), b'{"values": {"a": 1}}', NOON - DAY)
    assert [found.state for found in book.items.values()] == ["redriven", "kept", "dismissed"]


def of_cloud(spoken: str, **options: str) -> Decoder:
    source = PushSource(name="lab", community="c", format=spoken, options=options, secret="sixteen-letters-x")
    return Decoder([Spoken.of_cloud(source, "push:lab")], Slots(), Ingest(), known=lambda _d: True, window=10)


def test_a_push_is_read_again_in_the_form_that_its_sender_named(intake: Recorder) -> None:
    """CBOR under a tag of its own looks like nothing: only its content type tells what it is."""
    pack = bytes.fromhex("c6 81 a3 00 6b 74656d7065726174757265 01 6343656c 02 15".replace(" ", ""))
    pushed = Frame("push:lab", 1, b"http/lab", pack, 1, NOON - DAY, "application/senml+cbor")
    [refused] = of_cloud("generic_http").decode(Position("j", 1), [pushed], NOON).refusals
    kept = item(1, refused.payload, connection="push:lab", topic="http/lab", content_type=refused.content_type)
    knows = of_cloud("senml", topics="http/+")
    desk = QuarantineDesk(OpenBooks(Book(kept)), intake, ManualClock(NOON), trial=lambda: knows)
    assert desk.redrive([1]) == (1, 0)
    again = knows.decode(Position("j", 2), intake.frames, NOON)
    assert (again.refusals, again.readings.value.tolist()) == ([], [21.0])


def test_several_parts_of_one_frame_are_sent_once(intake: Recorder) -> None:
    book = Book(item(1, b'{"values": {"a": 1}}', frame=4), item(2, b'{"values": {"a": 1}}', frame=4, part=1))
    assert desk(book, intake).redrive([1, 2]) == (2, 0)
    assert len(intake.frames) == 1


def test_nothing_is_marked_while_the_journal_takes_nothing(intake: Recorder) -> None:
    book = Book(item(1, b'{"values": {"a": 1}}'))
    intake.takes = False
    with pytest.raises(StoreUnavailable, match="the journal takes nothing"):
        desk(book, intake).redrive([1])
    assert book.items[1].state == "kept"


def test_an_item_that_is_not_there_is_named(intake: Recorder) -> None:
    with pytest.raises(NotFound, match="no quarantined message 9"):
        desk(Book(), intake).redrive([9])


@given(st.binary(max_size=200))
def test_a_payload_on_a_terminal_has_no_control_characters(payload: bytes) -> None:
    assert all(character.isprintable() or character in "\n\t" for character in payload_text(payload))


def test_text_is_shown_as_text_and_the_rest_as_hexadecimal() -> None:
    assert payload_text("楼道 {".encode()) == "楼道 {"
    assert payload_text(b"\x00\x01\xfe") == "00 01 fe"


# --- the echo -------------------------------------------------------------------------------------------------


def refused(*topics: str, at: int = NOON) -> Decoded:
    refusals = [
        Refusal(number, "not_json", "send JSON", "c~d", "c", True, "main", topic, b"{", at)
        for number, topic in enumerate(topics)
    ]
    return Decoded(
        position=Position("j", 1), received_at=at, frames=len(topics), readings=no_readings(), refusals=refusals
    )


def test_a_device_hears_the_reason_once_a_minute() -> None:
    clock, heard = ManualClock(NOON), []
    echo = Echo(lambda *word: heard.append(word), clock)
    echo.note(refused(TOPIC, TOPIC, "community/v1/c/e/event", "zigbee2mqtt/plug", "community/v1/C/e/event"))
    assert [(connection, topic) for connection, topic, _ in heard] == [
        ("main", "community/v1/c/d/error"),
        ("main", "community/v1/c/e/error"),
    ]
    assert heard[0][2] == (
        b'{"ts":1795000000000,"topic":"community/v1/c/d/telemetry","reason":"not_json","detail":"send JSON"}'
    )
    clock.advance(59_999)
    echo.note(refused(TOPIC, at=clock.now()))
    assert len(heard) == 2
    clock.advance(1)
    echo.note(refused(TOPIC, at=clock.now()))
    assert len(heard) == 3


def test_an_old_frame_tells_nobody_anything() -> None:
    heard: list[Any] = []
    Echo(lambda *word: heard.append(word), ManualClock(NOON)).note(refused(TOPIC, at=NOON - DAY))
    assert heard == []


def test_garbage_from_many_devices_is_not_doubled() -> None:
    heard: list[Any] = []
    echo = Echo(lambda *word: heard.append(word), ManualClock(NOON), most_a_minute=5)
    echo.note(refused(*[f"community/v1/c/d{number}/telemetry" for number in range(50)]))
    assert len(heard) == 5


def test_a_publisher_that_fails_does_not_hold_up_the_lane() -> None:
    def fail(*_word: Any) -> None:
        raise ConnectionError("not connected")

    Echo(fail, ManualClock(NOON)).note(refused(TOPIC))
