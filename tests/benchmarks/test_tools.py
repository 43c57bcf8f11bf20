"""The measuring tools do what they say: the publisher sends what it claims, and the count closes its loop."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.wire import Hello, Wire
from tests.benchmarks.counter import Counter
from tests.benchmarks.latency import Latencies, stamp_of
from tests.benchmarks.measure import (
    Load,
    Sample,
    Spread,
    _result,
    build,
    interleave,
    is_void,
    publisher,
    table,
    yardstick,
)
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.faults.checker import read_acked

HERE = Path(__file__).resolve().parent
needs_tools = pytest.mark.skipif(
    find_mosquitto() is None or shutil.which("cc") is None or not Path("/usr/include/mosquitto.h").exists(),
    reason="needs mosquitto, cc and libmosquitto-dev",
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    build(folder)
    return folder


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path / "counter")
    yield counter
    counter.close()


@pytest.fixture
def broker() -> Iterator[ShippedBroker]:
    broker = ShippedBroker()
    yield broker
    broker.stop()


def listen(
    broker: ShippedBroker, counter: Counter | None, total: int, ready: threading.Event
) -> list[tuple[str, bytes]]:
    address = broker.address
    hello = Hello(client_id="listener", name=address.hub_name, password=address.hub_password)
    got: list[tuple[str, bytes]] = []
    with Wire(address.host, address.port, hello) as wire:
        wire.subscribe("community/v1/bench/+/telemetry")
        ready.set()
        while len(got) < total:
            message = wire.messages(1)
            assert message, f"only {len(got)} of {total} came"
            got.append((message[0].topic, message[0].payload))
            if counter is not None:
                counter.value = len(got)
    return got


@needs_tools
@pytest.mark.servers
def test_the_publisher_sends_what_it_claims(
    programs: Path, counter: Counter, broker: ShippedBroker, tmp_path: Path
) -> None:
    total, ready, got = 3_000, threading.Event(), list[tuple[str, bytes]]()
    listener = threading.Thread(target=lambda: got.extend(listen(broker, counter, total, ready)))
    listener.start()
    assert ready.wait(10)
    load = Load(devices=40, connections=7, window=200, fault_every=1_000)
    more = (f"--counter={counter.path}", f"--total={total}", f"--acked={tmp_path / 'acked'}")
    with publisher(programs, broker.address, load, *more) as sender:
        result = json.loads(sender.communicate(timeout=30)[0])
    listener.join()

    assert (result["sent"], result["acked"], result["counted"], result["abandoned"]) == (total, total, total, 0)
    messages = [(int(topic.split("/")[3][1:]), json.loads(payload), payload) for topic, payload in got]
    keys = Tally((device, body["seq"]) for device, body, _ in messages)
    assert keys == read_acked(tmp_path / "acked")
    assert set(keys.values()) == {1}
    assert {device for device, _ in keys} == set(range(40))
    assert all(len(body["values"]) == 5 and body["values"]["seq"] == body["seq"] for _, body, _ in messages)
    assert [body["values"]["power"] for _, body, _ in messages].count(999.5) == result["faults"] == 3
    assert len({payload.split(b'"values"')[1][:60] for *_, payload in messages}) > 100, "payloads differ"
    for number in range(40):
        times = [(body["ts"], body["seq"]) for device, body, _ in messages if device == number]
        assert times == sorted(times)
        assert len({ts for ts, _ in times}) == len(times), "a device's time never repeats"
    now = time.time_ns() // 1000
    assert all(0 <= now - stamp_of(payload) < 60_000_000 for *_, payload in messages)


@needs_tools
@pytest.mark.servers
def test_a_count_that_stands_still_stops_the_publisher_at_its_window(
    programs: Path, counter: Counter, broker: ShippedBroker
) -> None:
    load = Load(window=300, batch=10, drain=0.1)
    more = (f"--counter={counter.path}", "--duration=0.5")
    with publisher(programs, broker.address, load, *more) as sender:
        result = json.loads(sender.communicate(timeout=30)[0])
    assert (result["sent"], result["counted"]) == (300, 0)


@needs_tools
@pytest.mark.servers
def test_a_round_counts_everything_and_names_each_process(programs: Path, counter: Counter) -> None:
    load = Load(warm_up=0.2, seconds=2)
    said: list[str] = []
    (result,) = interleave(
        [yardstick(programs, load)], rounds=1, programs=programs, counter=counter, broker=ShippedBroker, say=said.append
    )
    assert result.sent > 0
    assert result.lost == 0
    assert result.ratio == Spread(median=1, low=1, high=1)
    assert set(result.us) == {"broker", "publisher", "subject"}
    assert len(said) == 1


@needs_tools
def test_a_wrong_option_is_refused(programs: Path) -> None:
    done = subprocess.run([programs / "publisher", "--batch=0"], capture_output=True, text=True, check=False)
    assert (done.returncode, "batch 1 to 256" in done.stderr) == (2, True)


def sample(rate: float, lost: int = 0) -> Sample:
    return Sample(rate=rate, us={"broker": 10.0}, sent=100, lost=lost, others=0.1)


def test_ratios_compare_neighbours_and_loss_adds_up() -> None:
    base = [50_000.0, 40_000.0, 60_000.0]
    result = _result("hub", [sample(45_000, 1), sample(40_000), sample(48_000, 2)], base)
    assert (result.ratio.median, result.ratio.low, result.ratio.high) == (0.9, 0.8, 1.0)
    assert (result.rate.median, result.sent, result.lost) == (45_000, 300, 3)
    assert "| hub | 45,000 (40,000-48,000) | 0.90 (0.80-1.00) | broker 10.0 (10.0-10.0) | 300 | 3 |" in table([result])


@pytest.mark.parametrize(("rate", "void"), [(39_999, True), (40_000, False)])
def test_a_run_with_a_slow_yardstick_is_void(rate: float, void: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_void([_result("C", [sample(rate)], [rate])]) is void


def test_quantiles_of_a_hundred_messages() -> None:
    latencies = Latencies()
    latencies.record([b'{"us":%016d}' % 1] * 5, 99_000_001)
    latencies.forget()
    for milliseconds in range(1, 101):
        latencies.record(
            [b'{"ts":1,"us":%016d,"seq":1}' % 1_763_800_000_000_000], 1_763_800_000_000_000 + milliseconds * 1000
        )
    found = latencies.quantiles()
    assert (found.p50, found.p99, found.worst, found.count) == (50.0, 99.0, 100.0, 100)
