"""A server that is away costs no memory, however often it is tried."""

from __future__ import annotations

import gc
import socket
import tracemalloc

from hub.clock import WallClock
from hub.storage.influx.answers import Verdict
from hub.storage.influx.server import Server
from hub.storage.influx.target import parse

MB = 1_000_000


def test_what_could_not_be_sent_does_not_wait_for_the_collector() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    server = Server(parse(f"influxdb://127.0.0.1:{port}/hub"), WallClock())
    assert server.write("first").verdict is Verdict.LATER
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(5):
            server.write("x" * MB)
        assert tracemalloc.get_traced_memory()[0] < MB
    finally:
        tracemalloc.stop()
        gc.enable()
