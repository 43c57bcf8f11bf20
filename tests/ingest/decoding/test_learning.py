"""What a format learns is known in every batch after it, after a restart, and to a lane that reads an old batch again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devices.contract import (
    NO_STATE,
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Message,
    PointInfo,
    Problem,
    Request,
    Sample,
    State,
)
from devices.formats.protobuf_wire import write_field
from devices.formats.sparkplug import SparkplugFormat
from hub.clock import MINUTE, SECOND, ManualClock
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.batch import Asked, Mark, Position, Slots
from hub.flows.batch import Decoded as Batch
from hub.ingest import journal_file
from hub.ingest.asking import Asking
from hub.ingest.batches import BatchSource, no_readings
from hub.ingest.decoding import Decoder
from hub.ingest.following import Following
from hub.ingest.frames import Frame
from hub.ingest.heartbeat import Pulse
from hub.ingest.journal import Journal
from hub.ingest.spoken import Spoken, covered
from hub.settings import Connection, Ingest, JournalSettings

NOON = 1_795_000_000_000


class Aliases:
    """``name 1 temperature`` teaches what 1 stands for; ``say 1 20.5`` says it; ``at NAME TOPIC`` names a further topic."""

    name = "homeassistant"
    filters = ("box/+",)

    def route(self, topic: str, community: str | None) -> DeviceRef | None:
        return DeviceRef(community or "", "box", topic[4:]) if topic.startswith("box/") else None

    def topics(self, state: State) -> Iterator[str]:
        return (value for key, value in state.items() if key.startswith("topic/"))

    def route_learned(self, topic: str, community: str | None, state: State) -> DeviceRef | None:
        names = [key[6:] for key, value in state.items() if key.startswith("topic/") and value == topic]
        return DeviceRef(community or "", "box", names[0]) if names else None

    def decode(self, route: DeviceRef, message: Message, state: State = NO_STATE) -> Decoded:
        verb, *words = message.payload.decode().split()
        if verb == "name":
            points = (PointInfo(words[1], metric=words[1]),)
            announcement = Announcement(device=route, maker="Box & Co", points=points)
            return Decoded(changes=(Change(words[0], words[1]),), announcements=(announcement,))
        if verb == "forget":
            return Decoded(changes=(Change(words[0], None),))
        if verb == "count":
            return Decoded(changes=(Change("count", state.get("count", 0) + 1, lasting=False),))
        if verb == "at":
            return Decoded(changes=(Change(f"topic/{words[0]}", words[1]),))
        name = state.get(words[0])
        if name is None:
            request = Request(f"{message.topic}/again", b"names", f"alias {words[0]} is unknown", route.id)
            detail = f"alias {words[0]} was never named: send its name first"
            return Decoded(problems=(Problem("unknown_alias", detail, route),), requests=(request,))
        quality = "bad" if words[1:2] == ["bad"] else "good"
        return Decoded(samples=(Sample(route, None, {name: float(words[-1])}, quality=quality),))  # type: ignore[arg-type]


SPOKEN = (Spoken("main", "garden", (Aliases(),)),)


def frame(text: str, *, at: int = NOON, topic: str = "box/1") -> Frame:
    return Frame("main", 1, topic.encode(), text.encode(), 1, at, "")


class Rig:
    """A journal and whoever decodes it, which can be ended at any moment and begun again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: list[Batch] = []
        self.begin()

    def begin(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite", JournalSettings(min_free=0), ManualClock(NOON))
        self.journal.open()
        self.slots = Slots()
        self.source = BatchSource(
            self.journal,
            lambda: Decoder(SPOKEN, self.slots, Ingest(), known=lambda _device: True, window=100),
            pulse=Pulse(within_ms=SECOND, connections=[]),
            listeners=(self.heard.append,),
        )

    def again(self) -> None:
        self.journal.close()
        self.begin()

    def add(self, *texts: str, topic: str = "box/1") -> None:
        self.journal.append([frame(text, topic=topic) for text in texts])

    def read(self, lane: str, done: int) -> list[tuple[str, float]]:
        """What the batch after ``done`` says: point name and value, or the reason of a refusal."""
        batch = self.source.next(lane, done)
        assert batch is not None
        said = [
            (self.slots.keys[slot].name, value)
            for slot, value in zip(batch.readings.slot.tolist(), batch.readings.value.tolist(), strict=True)
        ]
        return said + [(refusal.reason, 0.0) for refusal in batch.refusals]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.journal.close()


def test_a_lesson_holds_from_its_own_message_on(rig: Rig) -> None:
    rig.add("say 1 20", "name 1 temperature", "say 1 21")
    rig.add("say 1 22")
    assert rig.read("a", 0) == [("temperature", 21.0), ("unknown_alias", 0.0)]
    assert rig.read("a", 1) == [("temperature", 22.0)]


def test_it_is_known_after_a_restart_and_a_lane_that_lags_reads_as_it_was_then(rig: Rig) -> None:
    rig.add("name 1 temperature", "say 1 21")
    rig.add("name 1 humidity", "say 1 40")
    rig.add("say 1 41")
    for done in range(3):
        rig.read("fast", done)
    rig.again()
    assert rig.read("fast", 2) == [("humidity", 41.0)]
    assert rig.read("slow", 0) == [("temperature", 21.0)]
    assert rig.read("slow", 1) == [("humidity", 40.0)]
    rig.again()
    assert rig.read("slow", 1) == [("humidity", 40.0)]  # what batch 2 teaches does not reach back to its beginning


def test_what_was_forgotten_is_forgotten_after_a_restart_too(rig: Rig) -> None:
    rig.add("name 1 temperature")
    rig.add("forget 1")
    rig.add("say 1 20")
    for done in range(2):
        rig.read("a", done)
    rig.again()
    assert rig.read("a", 2) == [("unknown_alias", 0.0)]


def test_what_need_not_last_is_not_written(rig: Rig) -> None:
    rig.add("count", "count", "name 1 temperature")
    rig.read("a", 0)
    known = [known for known in rig.journal.known_before(2) if known.format == Aliases.name]
    assert [(each.key, each.value) for each in known] == [("1", "temperature")]


def test_a_lesson_that_cannot_be_written_is_learned_with_the_next_try(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("name 1 temperature", "say 1 21")

    def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.journal, "remember", full)
        with pytest.raises(StoreUnavailable):
            rig.source.next("a", 0)
    assert not rig.heard
    assert rig.read("a", 0) == [("temperature", 21.0)]
    assert len(rig.heard) == 1
    assert rig.journal.known_before(2)


def test_what_only_dropped_batches_would_ask_for_is_dropped_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.ingest.journal.WINDOW", 131)
    clock = ManualClock(NOON)
    journal = Journal(tmp_path / "journal.sqlite", JournalSettings(min_free=0, max_age_h=1), clock)
    journal.open()
    source = BatchSource(
        journal,
        lambda: Decoder(SPOKEN, Slots(), Ingest(), known=lambda _device: True, window=100),
        pulse=Pulse(within_ms=SECOND, connections=[]),
    )
    for number in range(30):
        journal.append([frame(f"name 1 metric{number}", at=NOON + number)] * 6)
        source.next("a", number)
    clock.advance(100 * MINUTE)
    assert journal.prune(30) > 0
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        batches = [row[0] for row in db.execute("SELECT batch FROM learned WHERE key = '1' ORDER BY batch")]
    assert batches == list(range(journal.first - 1, 31))
    known = [known.value for known in journal.known_before(journal.first) if known.format == Aliases.name]
    assert known == [f"metric{journal.first - 2}"]
    journal.close()


def test_a_journal_of_the_format_before_is_brought_forward_with_its_batches(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path, JournalSettings(min_free=0), ManualClock(NOON))
    journal.open()
    journal.append([frame("name 1 temperature")])
    journal.close()
    with sqlite3.connect(path) as db:  # as the first release wrote it
        db.execute("DROP TABLE learned")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
    journal.open()
    assert journal.last == 1
    journal.remember(1, [])
    assert journal.known_before(2) == []
    journal.close()
    with sqlite3.connect(path) as db:
        assert journal_file.read_meta(db)["format"] == str(journal_file.FORMAT)


def test_announcements_come_with_the_batch_and_bad_values_are_not_judged(rig: Rig) -> None:
    rig.add("name 1 temperature", "say 1 bad 99", "say 1 20")
    batch = rig.source.next("a", 0)
    assert batch is not None
    [said] = batch.announced
    assert (said.device, said.maker, said.format) == ("garden~box-1", "Box & Co", "homeassistant")
    assert [point.metric for point in said.points] == ["temperature"]
    assert batch.readings.value.tolist() == [99.0, 20.0]
    assert batch.readings.mark[0] & Mark.BAD
    assert batch.judgeable().readings.value.tolist() == [20.0]
    good = replace(batch, readings=batch.readings.only(batch.readings.mark & Mark.BAD == 0))
    assert good.judgeable() is good


# --- one device, seen through two formats -------------------------------------------------------------------------


class Second(Aliases):
    """Claims topics under ``other/``; ``claim NAME`` says that the speaker is also box NAME."""

    name = "a-profile"
    filters = ("other/+",)

    def route(self, topic: str, community: str | None) -> DeviceRef | None:
        return DeviceRef(community or "", "other", topic[6:]) if topic.startswith("other/") else None

    def decode(self, route: DeviceRef, message: Message, state: State = NO_STATE) -> Decoded:
        verb, *words = message.payload.decode().split()
        if verb == "claim":
            alias = DeviceRef(route.community, "box", words[0])
            return Decoded(announcements=(Announcement(device=route, aliases=(alias,)),))
        if verb == "as":
            return Decoded(
                samples=(Sample(DeviceRef(route.community, "box", words[0]), None, {words[1]: float(words[2])}),)
            )
        return super().decode(route, message, state)


BOTH = (Spoken("main", "garden", (Aliases(), Second())),)


def both(*, known: bool = False) -> tuple[Decoder, Slots]:
    slots = Slots()
    return Decoder(BOTH, slots, Ingest(), known=lambda _device: known, window=100), slots


def told(decoder: Decoder, slots: Slots, *frames: Frame) -> list[tuple[str, str, float]]:
    batch = decoder.decode(Position("j", 1), list(frames), NOON)
    keys = [slots.keys[slot] for slot in batch.readings.slot.tolist()]
    return [(key.device, key.name, value) for key, value in zip(keys, batch.readings.value.tolist(), strict=True)]


def test_an_alias_means_the_same_device_from_then_on_and_after_a_restart() -> None:
    decoder, slots = both()
    claim = [frame("claim 1", topic="other/9"), frame("name 1 temperature"), frame("say 1 20")]
    batch = decoder.decode(Position("j", 1), claim, NOON)
    assert [slots.keys[slot].device for slot in batch.readings.slot.tolist()] == ["garden~other-9"]
    again, new_slots = both()
    again.learn(batch.learned)
    assert told(again, new_slots, frame("say 1 21")) == [("garden~other-9", "temperature", 21.0)]


def test_a_device_that_waited_under_its_alias_goes_on_under_its_own_name() -> None:
    decoder, slots = both()
    told(decoder, slots, frame("name 1 temperature"), frame("say 1 20"))
    batch = decoder.decode(Position("j", 2), [frame("claim 1", topic="other/9"), frame("say 1 21")], NOON)
    assert [slots.keys[slot].device for slot in batch.readings.slot.tolist()] == ["garden~other-9"]
    assert [(each.device, each.withdrawn) for each in batch.announced] == [
        ("garden~other-9", False),
        ("garden~box-1", True),
    ]


def test_nobody_takes_the_identity_of_a_device_that_is_in_use_and_the_claim_is_told_once() -> None:
    decoder, slots = both(known=True)
    claim = frame("claim 1", topic="other/9")
    refused = decoder.decode(Position("j", 1), [frame("name 1 temperature"), claim, claim], NOON).refusals
    assert [(each.frame, each.reason, each.device, each.whole) for each in refused] == [
        (1, "identity_in_use", "garden~other-9", False)
    ]
    assert "other:9 says that it is also box:1, an identity that is in use" in refused[0].detail
    told(decoder, slots, frame("name 1 temperature"), frame("say 1 20"), frame("claim 1", topic="other/9"))
    assert told(decoder, slots, frame("say 1 21")) == [("garden~box-1", "temperature", 21.0)]
    assert decoder.counts["alias_refused"] == 3


def test_a_point_that_two_formats_tell_is_spoken_for_by_the_better_one() -> None:
    decoder, slots = both()
    early = frame("as 1 temperature 19", topic="other/9")
    assert told(decoder, slots, early) == [("garden~box-1", "temperature", 19.0)]
    own = [frame("name 1 temperature"), frame("say 1 20")]
    assert told(decoder, slots, *own, early) == [("garden~box-1", "temperature", 20.0)]
    assert decoder.counts["other_format_speaks"] == 1
    assert told(decoder, slots, frame("as 1 humidity 40", topic="other/9")) == [("garden~box-1", "humidity", 40.0)]


# --- what leaves the hub ------------------------------------------------------------------------------------------


def asks(clock: ManualClock, **more: object) -> Asked:
    asked = Asked("main", "box/1/again", b"names", "alias 1 is unknown", "1", retain=False, received_at=clock.now())
    return asked._replace(**more)  # type: ignore[arg-type]


def batch_with(*asked: Asked) -> Batch:
    return Batch(position=Position("j", 1), received_at=NOON, frames=1, readings=no_readings(), asked=list(asked))


def test_a_device_is_asked_once_a_minute_and_only_for_live_messages() -> None:
    clock, sent = ManualClock(NOON), []
    asking = Asking(sent.append, clock, may_write=["main"])
    asking.note(batch_with(asks(clock), asks(clock), asks(clock, received_at=NOON - 2 * MINUTE)))
    assert len(sent) == 1
    clock.advance(MINUTE)
    asking.note(batch_with(asks(clock), asks(clock, key="2")))
    assert len(sent) == 3


def test_nobody_is_asked_where_the_connection_may_not_write() -> None:
    clock, sent = ManualClock(NOON), []
    Asking(sent.append, clock, may_write=[]).note(batch_with(asks(clock)))
    assert not sent


def test_topics_that_devices_name_are_followed_and_hostile_ones_are_not(rig: Rig) -> None:
    followed: list[tuple[str, tuple[str, ...]]] = []
    following = Following(SPOKEN, lambda connection, topics: followed.append((connection, topics)))
    following.start([])
    rig.add("at 7 house/lamp/state", "at 8 house/#", "at 9 $SYS/broker", "at 10 community/v1/x", "at 11 box/5")
    batch = rig.source.next("a", 0)
    assert batch is not None
    following.note(batch)
    assert followed == [("main", ()), ("main", ("house/lamp/state",))]
    rig.add("name 1 temperature", "say 1 21")
    rig.add("say 1 22", topic="house/lamp/state")
    rig.read("a", 1)
    again = rig.source.next("a", 2)
    assert again is not None
    assert not again.refusals
    assert rig.slots.keys[int(again.readings.slot[0])].device == "garden~box-7"


@pytest.mark.parametrize(
    ("topic", "filters", "expected"),
    [
        ("a/b", ["a/+"], True),
        ("a/b/c", ["a/+"], False),
        ("a", ["a/#"], True),
        ("$SYS/a", ["#"], False),
        ("$SYS/a", ["+/a"], False),
        ("/a", ["+/a"], True),
        ("a/b", ["a/b"], True),
        ("a/b", [], False),
    ],
)
def test_filters_cover_topics_as_the_standard_says(topic: str, filters: list[str], *, expected: bool) -> None:
    assert covered(topic, filters) is expected


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({"formats": ("lorawan2",)}, "unknown format 'lorawan2'; expected one of"),
        ({"options": {"zigbee2mqtt": {"base": "z"}}}, "options for zigbee2mqtt, which is not among its formats"),
        ({"formats": ("native",), "options": {"native": {"color": "red"}}}, "format native"),
        ({"sparkplug_host": "hub-1"}, "main: sparkplug_host is for a connection that listens to Sparkplug"),
    ],
)
def test_a_connection_that_cannot_be_understood_is_refused_by_name(connection: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Spoken.of(Connection(url="mqtt://broker", **connection))  # type: ignore[arg-type]


def test_what_does_not_come_is_asked_for_with_the_heartbeat() -> None:
    """A hole behind which the node falls silent; what an old batch would have asked is another's decision."""
    decoder = Decoder(
        (Spoken("main", "garden", (SparkplugFormat(),)),), Slots(), Ingest(), known=lambda _device: True, window=100
    )
    head = write_field(0x08, NOON)
    born, later = (head + write_field(0x18, seq) for seq in (0, 2))
    frames = [
        Frame("main", 1, b"spBv1.0/plant/NBIRTH/edge", born, 1, NOON, ""),
        Frame("main", 2, b"spBv1.0/plant/NDATA/edge", later, 1, NOON, ""),
        Frame("main", 3, b"hub/beat/hub-1", b'{"sent": 5}', 1, NOON + 1_000, ""),
        Frame("main", 4, b"hub/beat/hub-1", b'{"sent": 6}', 1, NOON + 6_000, ""),
        Frame("main", 5, b"hub/beat/hub-1", b'{"sent": 7}', 1, NOON + 11_000, ""),
    ]
    asked = decoder.decode(Position("j", 1), frames, NOON).asked
    assert [(each.topic, each.received_at) for each in asked] == [("spBv1.0/plant/NCMD/edge", NOON + 6_000)]
