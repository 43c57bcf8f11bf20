"""The lean PUBLISH parser takes what paho would have understood, and leaves everything else to paho."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.frames import DUP, RETAIN, Frame
from hub.ingest.packets import Harvest, packet_end, puback_block, take_publishes


def varint(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def publish(
    topic: bytes, payload: bytes, *, packet_id: int = 1, qos: int = 1, first: int = 0, properties: bytes | None = None
) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + (packet_id.to_bytes(2, "big") if qos else b"")
    body += b"" if properties is None else varint(len(properties)) + properties
    body += payload
    return bytes([0x30 | qos << 1 | first]) + varint(len(body)) + body


def take(data: bytes, *, mqtt5: bool = False) -> tuple[int, list[Frame]]:
    harvest = Harvest(7, [], [])
    at = take_publishes(data, 0, harvest, connection="main", mqtt5=mqtt5)
    return at, harvest.frames


messages = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=60).filter(lambda topic: not topic.startswith(b"$SYS/")),
        st.one_of(st.binary(max_size=300), st.integers(0, 20_000).map(bytes)),
        st.integers(1, 65_535),
        st.sampled_from([0, 1]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(messages, st.booleans(), st.data())
def test_what_is_sent_comes_out_wherever_the_stream_is_cut(sent: list, mqtt5: bool, data: st.DataObject) -> None:  # type: ignore[type-arg]  # noqa: FBT001 - hypothesis hands plain tuples over
    stream = b"".join(
        publish(
            topic,
            payload,
            packet_id=packet_id,
            qos=qos,
            first=(8 if dup and qos else 0) | retain,
            properties=b"\x03\x00\x02{}" if mqtt5 and retain else b"" if mqtt5 else None,
        )
        for topic, payload, packet_id, qos, dup, retain in sent
    )
    cut = data.draw(st.integers(0, len(stream)))
    harvest = Harvest(7, [], [])
    done = take_publishes(stream[:cut], 0, harvest, connection="main", mqtt5=mqtt5)
    rest = take_publishes(stream, done, harvest, connection="main", mqtt5=mqtt5)
    assert rest == len(stream)
    assert harvest.frames == [
        Frame(
            "main",
            packet_id if qos else 0,
            topic,
            payload,
            qos | (RETAIN if retain else 0) | (DUP if dup and qos else 0),
            7,
            "{}" if mqtt5 and retain else "",
        )
        for topic, payload, packet_id, qos, dup, retain in sent
    ]


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_make_it_raise_or_run_past_the_end(data: bytes, mqtt5: bool) -> None:  # noqa: FBT001 - drawn
    at, _ = take(data, mqtt5=mqtt5)
    assert 0 <= at <= len(data)
    end = packet_end(data, at)
    assert end is None or end == -1 or end > at


def test_everything_odd_is_left_to_paho() -> None:
    good = publish(b"t", b"x")
    for odd in (
        publish(b"t", b"x", qos=2),
        b"\x36" + good[1:],  # QoS 3
        publish(b"t", b"x", packet_id=0),
        b"\x32\x05\x00\x09ab!",  # topic longer than its packet
        b"\x32\x01\x00",
        publish(b"", b"x"),
        b"\x20\x02\x00\x00",  # CONNACK
        b"\x32\xff\xff\xff\xff\x01",  # length of five bytes
    ):
        at, frames = take(good + odd + good)
        assert (at, len(frames)) == (len(good), 1), odd


def test_properties_that_do_not_fit_are_left_to_paho() -> None:
    for odd in (b"\x03\x00\x09{}", b"\x7f\x00", b"\x02\x00", b"\x26\x00\x01a"):
        at, frames = take(publish(b"t", b"x", properties=odd), mqtt5=True)
        assert (at, frames) == (0, []), odd


def test_the_content_type_is_found_among_all_properties() -> None:
    properties = (
        b"\x01\x01"
        b"\x02\x00\x00\x0e\x10"
        b"\x08\x00\x01r"
        b"\x09\x00\x02\x00\x01"
        b"\x26\x00\x01a\x00\x01b"
        b"\x03\x00\x0aimage/jpeg"
        b"\x26\x00\x01c\x00\x01d"
    )
    _, (frame,) = take(publish(b"t", b"x", properties=properties), mqtt5=True)
    assert (frame.content_type, frame.payload) == ("image/jpeg", b"x")


def test_the_brokers_word_about_itself_is_set_apart() -> None:
    harvest = Harvest(7, [], [])
    data = publish(b"$SYS/broker/x", b"1", qos=0) + publish(b"t", b"2", qos=0)
    take_publishes(data, 0, harvest, connection="main", mqtt5=False)
    assert [frame.payload for frame in harvest.system] == [b"1"]
    assert [frame.payload for frame in harvest.frames] == [b"2"]


def test_acknowledgements_are_one_block_in_order_without_qos_0() -> None:
    assert puback_block([1, 0, 65_535, 258]) == b"\x40\x02\x00\x01\x40\x02\xff\xff\x40\x02\x01\x02"
    assert puback_block([]) == b""
