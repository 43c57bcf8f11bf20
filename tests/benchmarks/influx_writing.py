"""The write path into InfluxDB: values per second of the hub's CPU, against posting lines that were made before.

The server is a stand-in in a process of its own that reads requests and answers 204, so that nothing is measured but the
hub: columns to lines, the request, its answer, the book with position, names and cells that wait.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from hub.clock import WallClock
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace
from hub.storage.influx.server import Server
from hub.storage.influx.target import Target, parse
from hub.storage.series_influx import InfluxSeries
from tests.benchmarks.goals import Finding
from tests.benchmarks.measure import Spread
from tests.benchmarks.plan import Plan

POINTS: Final = 5_000
ROWS: Final = 50_000
"""Of one append: what the series lane commits at once while it catches up."""
APPENDS: Final = 20
_START: Final = 1_763_856_000_000
_SERVER: Final = """
import re, socket
length = re.compile(rb"content-length: *(\\d+)", re.I)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        waiting = b""
        while True:
            while b"\\r\\n\\r\\n" not in waiting:
                part = connection.recv(1 << 20)
                if not part:
                    break
                waiting += part
            if b"\\r\\n\\r\\n" not in waiting:
                break
            head, _, body = waiting.partition(b"\\r\\n\\r\\n")
            found = length.search(head)
            left = (int(found[1]) if found else 0) - len(body)
            while left > 0:
                left -= len(connection.recv(1 << 20))
            waiting = b""
            ping = head.startswith(b"GET /ping")
            answer = b'{"results":[{"series":[{"columns":["name"],"values":[["bench"]]}]}]}'
            if ping or head.startswith(b"POST /write"):
                connection.sendall(b"HTTP/1.1 204 No Content\\r\\nX-Influxdb-Version: 1.8.10\\r\\nContent-Length: 0\\r\\n\\r\\n")
            else:
                connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer)
"""


class Rates(NamedTuple):
    """Values per second of CPU."""

    hub: float
    ready_made: float


def influx_writing(plan: Plan) -> dict[str, Finding]:
    """The store against ready-made lines, interleaved."""
    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        target = parse(f"influxdb://127.0.0.1:{int(server.stdout.readline())}/bench")
        rounds = [_round(target) for _ in range(plan.rounds)]
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    for rates in rounds:
        plan.say(f"values into InfluxDB per second of CPU: {rates.hub:,.0f}, ready-made lines {rates.ready_made:,.0f}")
    share = sorted(rates.hub / rates.ready_made for rates in rounds)
    note = f"{share[len(share) // 2]:.0%} of what posting ready-made lines reaches; {ROWS:,} values an append, {POINTS:,} points"
    return {"influx": Finding(spread=Spread.of([rates.hub for rates in rounds]), note=note)}


def _round(target: Target) -> Rates:
    with tempfile.TemporaryDirectory(prefix="bench-influx-") as folder:
        store = InfluxSeries(target, Path(folder) / "series.sqlite", WallClock())
        store.open()
        batches = [_rows(store, number) for number in range(APPENDS + 1)]
        store.append(batches[0], [], Position("bench", 1))
        begun = time.process_time()
        for number, rows in enumerate(batches[1:], 2):
            store.append(rows, [], Position("bench", number))
        hub = APPENDS * ROWS / (time.process_time() - begun)
        store.close()
    return Rates(hub, _ready_made(target))


def _rows(store: InfluxSeries, number: int) -> Rows:
    points = store.point_ids([PointKey("bench", f"bench~d{n // 5}", f"bay{n % 5}.power") for n in range(POINTS)])
    place = store.place_ids([SeriesPlace("bench", "gym", "", "gym")])[0]
    order = np.arange(ROWS)
    values = np.random.default_rng(number).normal(1800, 400, ROWS).round(2)
    return Rows(
        point=points[order % POINTS],
        time=_START + (number * (ROWS // POINTS) + order // POINTS) * 10_000,
        value=values,
        quality=np.zeros(ROWS, np.uint8),
        place=np.full(ROWS, place, np.int32),
    )


def _ready_made(target: Target) -> float:
    server = Server(target, WallClock())
    server.meet()
    line = "power,community=bench,device=bench~d{},facility=gym,kind=gym,point=bay1.power value=1800.25,quality=0i {}"
    body = "\n".join(line.format(n, _START + n) for n in range(10_000))
    requests = APPENDS * ROWS // 10_000
    begun = time.process_time()
    for _ in range(requests):
        assert server.write(body).status == 204
    spent = time.process_time() - begun
    server.close()
    return requests * 10_000 / spent
