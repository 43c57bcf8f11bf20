"""Poison, copies and disorder among good messages: the good ones are stored exactly, the bad ones are kept and named."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from devices.simulator.effects import GARBAGE
from hub.ingest.wire import PUBACK, Wire
from tests.faults.forms import small_and_full
from tests.faults.publisher import FIRST_SEQ, PAYLOAD, RECORD, Devices
from tests.faults.rig import Lists, Rig

pytestmark = pytest.mark.faults

ROOT = "community/v1/bench"
POISON: tuple[tuple[str, bytes], ...] = (
    *((f"{ROOT}/poison/telemetry", payload) for payload in GARBAGE),
    (f"{ROOT}/poison/telemetry", b'{"values":{"text":"' + b"x" * 400_000 + b'"}}'),
    (f"{ROOT}/poison/telemetry", b"[" * 5_000 + b"]" * 5_000),
    (f"{ROOT}/poison/telemetry", b'{"values":' * 200 + b"1" + b"}" * 200),
    (f"{ROOT}/poison/telemetry", b'{"values":{' + b",".join(b'"v%d":1' % n for n in range(2_000)) + b"}}"),
    (f"{ROOT}/poison/telemetry", b'{"values":{"temperature":1e999}}'),
    (f"{ROOT}/poison/telemetry", b'{"values":{"temp\xff":1}}'),
    (f"{ROOT}/poison/telemetry", b'{"values":{"":1}}'),
    (f"{ROOT}/poison/telemetry", b""),
    (f"{ROOT}/poison/event", b'{"type":"fault","active":"yes"}'),
    (f"{ROOT}/poison/status", b"perhaps"),
    (f"{ROOT}/Not_A_Slug/telemetry", b'{"values":{"temperature":20.5}}'),
)
ROUNDS = small_and_full(3, 60)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_poison_among_good_messages_harms_none_of_them(rounds: int, make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(devices=50)
    run = rig.hub().ready()
    expected = list(POISON)
    with rig.publishing(rate=1_000, fault_every=300) as publishing:
        for number in range(rounds):
            publishing.more(300)
            with rig.wire(f"poisoner-{number}") as wire:
                for topic, payload in POISON:
                    wire.publish(topic, payload)
                if _takes_a_topic_that_is_no_text(wire):
                    expected.append((f"{ROOT}/\\xff/telemetry", b"{}"))
        publishing.stop()
    rig.settle(run)
    kept = rig.rows("SELECT topic, payload, reason, detail FROM quarantine")
    status = run.health()["lane alarm"]["status"]
    run.stop()

    assert rig.verdict(publishing)["faults"] == {}
    assert rig.account(publishing).faults == []
    assert status == "ok"
    found = {(topic, payload) for topic, payload, _, _ in kept}
    assert [(topic, payload[:60]) for topic, payload in expected if (topic, payload) not in found] == []
    assert all(reason and len(detail) > 10 for _, _, reason, detail in kept)
    assert {topic for topic, *_ in kept} <= {topic for topic, _ in expected}


def _takes_a_topic_that_is_no_text(wire: Wire) -> bool:
    """Whether the broker lets it pass; one that does not ends the connection."""
    topic = f"{ROOT}/".encode() + b"\xff/telemetry"
    body = len(topic).to_bytes(2, "big") + topic + b"\x00\x09{}"
    wire.send_raw(bytes((0x32, len(body))) + body)
    return wire.is_open()


@pytest.mark.timeout(300)
def test_a_frame_that_judging_stumbles_over_goes_to_quarantine_alone(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(devices=60)
    run = rig.hub("judging-fails:power:901.25").ready()
    with rig.publishing(rate=1_000, devices=50) as publishing:
        publishing.more(500)
        with rig.wire() as wire:
            for number, (device, power) in enumerate(
                (("d0055", b"901.25"), ("d0056", b"950.0"), ("d0055", b"20.0"), ("d0057", b"950.0"))
            ):
                now_us = time.time_ns() // 1000 + number * 1000  # (point, time) is a reading's identity
                seq = FIRST_SEQ + number
                wire.publish(f"{ROOT}/{device}/telemetry", PAYLOAD % (now_us // 1000, now_us, seq, power, seq))
        publishing.more(500)
        publishing.stop()
    rig.settle(run)
    run.stop()

    assert rig.verdict(publishing)["faults"] == {}
    kept = rig.rows("SELECT topic, reason, detail FROM quarantine")
    assert [(topic, reason) for topic, reason, _ in kept] == [(f"{ROOT}/d0055/telemetry", "lane_failed")]
    assert "ZeroDivisionError: put in by the test" in kept[0][2]
    assert rig.rows("SELECT facility FROM tickets ORDER BY facility") == [("f0056",), ("f0057",)]
    with duckdb.connect(str(rig.data / "series.duckdb"), read_only=True) as db:
        points = "points p on p.id = r.point where p.device = 'bench~d0055' and p.name = 'power'"
        query = f"select r.value from readings r join {points} order by r.time"
        assert db.execute(query).fetchall() == [(901.25,), (20.0,)]


@pytest.mark.parametrize("each", small_and_full(100, 3_000))
def test_copies_and_disorder_change_nothing(each: int, make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """Every message once, twice or three times, up to eight places early or late, some again much later."""
    rig = make_rig(devices=20)
    run = rig.hub().ready()
    lists = Lists(tmp_path / "acked", tmp_path / "faulty")
    chance = random.Random(8)  # noqa: S311 - a shuffle, the same in every run
    packets = _packets(lists, each)
    places = [(at + chance.uniform(0, 8 * rig.devices), packet) for at, packet in enumerate(packets)]
    places += [(at + chance.uniform(0, 4), packet) for at, packet in places if chance.random() < 0.3]
    places += [(at + 30 * rig.devices, packet) for at, packet in places if chance.random() < 0.2]
    with rig.wire() as wire:
        _send(wire, [packet for _, packet in sorted(places, key=lambda place: place[0])])
    rig.settle(run)
    run.stop()

    found = rig.verdict(lists)
    assert found["faults"] == {}
    assert found["told"]["journal_copies"] == len(places) - len(packets)
    account = rig.account(lists)
    assert account.faults == []
    assert account.tickets == account.caused > 0


def _packets(lists: Lists, each: int) -> list[bytes]:
    devices = 20
    begin_us = time.time_ns() // 1000 - 60_000_000
    with lists.faulty.open("wb") as faulty, lists.acked.open("wb") as acked:
        said = Devices("bench", devices, fault_every=each * devices // 8, faulty=faulty, seed=3)
        packets = []
        for number in range(each * devices):
            packet, seq = said.next_message(number % devices, 1, begin_us + number * 500)
            packets.append(packet)
            acked.write(RECORD.pack(number % devices, seq))
    return packets


def _send(wire: Wire, packets: list[bytes]) -> None:
    """Each with a packet id of its own, a hundred at a time."""
    for start in range(0, len(packets), 100):
        some = packets[start : start + 100]
        for number, packet in enumerate(some, 1):
            at = 5 + int.from_bytes(packet[3:5], "big")
            wire.send_raw(packet[:at] + number.to_bytes(2, "big") + packet[at + 2 :])
        for _ in some:
            wire.await_kind(PUBACK)
