"""Books for stories in virtual time; a real broker and a real hub for the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.settings import Mqtt, Settings, Web
from hub.storage.unit import SqlRecords
from hub.wiring import Hub
from tests.empty_records import records_in

DEADLINE_S = 90.0


def eventually(check: Callable[[], Any], what: str, within: float = DEADLINE_S) -> Any:
    """Wait for a condition; the assertion names what did not come."""
    pause, left = threading.Event(), round(within / 0.05)
    while not (found := check()):
        left -= 1
        assert left > 0, f"did not happen within {within:g} s: {what}"
        pause.wait(0.05)
    return found


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    with records_in(tmp_path) as records:
        yield records


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A real mosquitto with the shipped settings; the simulator may speak for these communities."""
    communities = ("harmony-garden", "recorded-machine", "new-court")
    broker = EmbeddedBroker(folder=tmp_path / "broker", clock=WallClock(), port=0, simulated=communities)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def start_hub(tmp_path: Path) -> Iterator[Callable[[EmbeddedBroker], Hub]]:
    """A whole hub on its own folder, stopped when the test is over."""
    with ExitStack() as stack:

        def start(broker: EmbeddedBroker) -> Hub:
            mqtt = Mqtt(url=broker.hub_url, version="5" if broker.keeps_mqtt5 else "3.1.1")
            hub = Hub(Settings(data_dir=tmp_path / "hub", mqtt=mqtt, web=Web(port=0)))
            hub.start()
            stack.callback(hub.stop)
            return hub

        yield start
