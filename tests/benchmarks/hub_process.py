"""The hub as a benchmark runs it: the real one, plus a count of what is committed and acknowledged.

python -m tests.benchmarks.hub_process --broker URL --data DIR --counter FILE [--transport stock] [--latency FILE]
    [--series URL] [--behind FILE] [--push]
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from hub import log
from hub.datadir import DataDir
from hub.flows.batch import Decoded
from hub.ingest.frames import BEAT_ROOT, Frame
from hub.ingest.journal import Journal
from hub.ingest.lanes import Lane
from hub.settings import EMBEDDED, Settings
from hub.storage.community_toml import parse_toml
from hub.wiring import Hub
from tests.benchmarks.community import community
from tests.benchmarks.counter import Counter
from tests.benchmarks.latency import Latencies

SAMPLE = 25
"""Every so many messages' latency is looked at."""
LOOK_EVERY_S = 0.01
"""How often the committed messages are counted; every look takes some of the hub's own time."""
BEHIND_EVERY_S = 0.05
"""How often it is looked how far the series lane is behind."""
PUSH_SECRET = "benchbenchbench00"
MARKER_LOST_MS = 5_000
"""After which a marker that did not come back is sent again: a connection was lost."""


class Tally:
    """Counts messages (without the hub's own) that these lanes have committed and whose PUBACK the broker has read.

    A busy mosquitto reads one packet of each connection in turn, so the hub's acknowledgements can wait unread by the
    hundred thousand while messages go on coming; a count without them would call that sustained. A heartbeat more,
    sent behind the acknowledgements, says by its return that all before it have been read. One is under way at a time.
    """

    def __init__(self, hub: Hub, counter: Counter, lanes: Sequence[Lane]) -> None:
        self._hub = hub
        self._counter = counter
        self._lanes = lanes
        self._until: dict[int, int] = {}
        self._first: int | None = None
        self._total = 0
        self._committed = 0
        self._marked: tuple[int, int] | None = None
        take = hub.alarm_lane.take

        def taken(batch: Decoded) -> None:
            self._first = batch.position.batch if self._first is None else self._first
            self._total += batch.frames - len(batch.beats) - len(batch.gaps)
            self._until[batch.position.batch] = self._total
            take(batch)

        hub.alarm_lane.take = taken  # type: ignore[method-assign]  # a probe, for measuring only
        self._receiver = hub.receivers["main"]
        seen = self._receiver.beat_seen

        def returned(sent_at: int) -> None:
            marked = self._marked
            if marked is not None and sent_at >= marked[0]:
                self._counter.value = marked[1]
                self._marked = None
            seen(sent_at)

        self._receiver.beat_seen = returned  # type: ignore[method-assign]  # a probe, for measuring only

    def run(self, stop: threading.Event) -> None:
        """Look at what is committed, and have it confirmed."""
        while self._first is None and not stop.wait(LOOK_EVERY_S):
            pass
        earlier = _published(self._hub.journal, (self._first or 1) - 1)
        while not stop.wait(LOOK_EVERY_S):
            done = min(_done(lane) for lane in self._lanes)
            for number in sorted(batch for batch in list(self._until) if batch <= done):
                self._committed = earlier + self._until.pop(number)
            now = self._hub.clock.now()
            if self._marked is not None and now - self._marked[0] < MARKER_LOST_MS:
                continue
            if self._counter.value != self._committed:
                self._marked = (now, self._committed)
                topic = f"{BEAT_ROOT}{self._receiver.client_id}"
                self._receiver.publish(topic, json.dumps({"sent": now}).encode(), qos=1)


def _published(journal: Journal, last: int) -> int:
    """How many of the publisher's messages a hub before this one has committed, up to this batch."""
    count, done = 0, journal.first - 1
    while done < last:
        for batch in journal.read(done, min(64, last - done)):
            count += sum(frame.topic.startswith(b"community/") for frame in batch.frames)
            done = batch.number
    return count


def _done(lane: Lane) -> int:
    position = lane.position()
    return 0 if position is None else position.batch


class Behind:
    """Keeps how many frames of the journal the series lane has still before it."""

    def __init__(self, hub: Hub, counter: Counter) -> None:
        self._hub = hub
        self._counter = counter

    def run(self, stop: threading.Event) -> None:
        """Look at it until the end."""
        while not stop.wait(BEHIND_EVERY_S):
            self._counter.value = self._hub.source.backlog(_done(self._hub.series_lane)).frames


class Stages:
    """Latency from the publisher's stamp to the commit of the journal and to that of the alarm lane; ``file``: see ``write``."""

    def __init__(self, hub: Hub, file: Path) -> None:
        self._file = file
        self.durable, self.alarm = Latencies(), Latencies()
        self._waiting: dict[int, list[bytes]] = {}
        offer, take = hub.source.offer, hub.alarm_lane.take

        def offered(number: int, frames: list[Frame], size: int) -> None:
            now = time.time_ns() // 1000
            payloads = [frame.payload for frame in frames[::SAMPLE] if b'"us":' in frame.payload]
            self.durable.record(payloads, now)
            self._waiting[number] = payloads
            offer(number, frames, size)

        def taken(batch: Decoded) -> None:
            take(batch)
            self.alarm.record(self._waiting.pop(batch.position.batch, []), time.time_ns() // 1000)

        hub.source.offer = offered  # type: ignore[method-assign]  # a probe, for measuring only
        hub.alarm_lane.take = taken  # type: ignore[method-assign]  # as above

    def write(self) -> None:
        """Quantiles in ms, whole or not at all."""
        told = {name: vars_of(latencies) for name, latencies in (("durable", self.durable), ("alarm", self.alarm))}
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(told), encoding="utf-8")
        beside.replace(self._file)


def vars_of(latencies: Latencies) -> dict[str, float]:
    """As JSON."""
    found = latencies.quantiles()
    return {"p50": found.p50, "p99": found.p99, "worst": found.worst, "count": found.count}


def main() -> None:
    """Run until SIGTERM; SIGUSR1 ends the warm-up of the latencies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--counter", type=Path, required=True)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--transport", default="fast")
    parser.add_argument("--web-port", type=int, default=0)
    parser.add_argument("--token", default=None)
    parser.add_argument("--latency", type=Path)
    parser.add_argument("--series", default=EMBEDDED, help="URL of the series store")
    parser.add_argument(
        "--behind", type=Path, help="keep the series lane's backlog here, and count the alarm lane alone"
    )
    parser.add_argument("--push", action="store_true", help="take pushes of a source called bench")
    chosen = parser.parse_args()
    log.set_up(level="warning")
    source = {"name": "bench", "community": "bench", "format": "generic_http", "secret": PUSH_SECRET}
    settings = Settings(
        data_dir=chosen.data,
        admin_token=chosen.token,
        mqtt={"url": chosen.broker, "transport": chosen.transport},  # type: ignore[arg-type]  # pydantic reads it
        series={"url": chosen.series},  # type: ignore[arg-type]  # pydantic reads it
        push={"sources": [source] if chosen.push else []},  # type: ignore[arg-type]  # pydantic reads it
        web={"port": chosen.web_port},  # type: ignore[arg-type]  # pydantic reads it
    )

    def furnish(hub: Hub) -> None:
        hub.registry.import_file(parse_toml(community(chosen.devices), hub.catalogue, file="bench.toml"))

    first = furnish if not DataDir(chosen.data).records.exists() else (lambda _hub: None)
    hub = Hub(settings, first_steps=first)
    lanes: list[Lane] = [hub.alarm_lane] if chosen.behind else [hub.alarm_lane, hub.series_lane]
    watchers = [Tally(hub, Counter(chosen.counter), lanes).run]
    if chosen.behind:
        watchers.append(Behind(hub, Counter(chosen.behind)).run)
    stages = Stages(hub, chosen.latency) if chosen.latency else None
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    def forget(_number: int, _frame: FrameType | None) -> None:
        if stages is not None:
            stages.durable.forget()
            stages.alarm.forget()

    def tell(_number: int, _frame: FrameType | None) -> None:
        if stages is not None:
            stages.write()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, forget)
    signal.signal(signal.SIGUSR2, tell)
    hub.start()
    for watch in watchers:
        threading.Thread(target=watch, args=(stop,), daemon=True).start()
    print(json.dumps({"ready": True, "url": getattr(hub, "url", "")}), flush=True)
    stop.wait()
    if stages is not None:
        stages.write()
    hub.stop()


if __name__ == "__main__":
    main()
