"""Every broker that we ship, running, with accounts as the hub gives them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_checks import Candidate
from hub.ingest.broker_contract import LINES, examine
from hub.ingest.broker_programs import Iotcore, Mosquitto, Program, find_mosquitto

Results = Callable[[str, int], dict[str, str]]


def start(program: str) -> Callable[[], Program]:
    path = find_mosquitto()
    if program == "iotcore":
        return Iotcore
    if path is None:
        pytest.skip("mosquitto is not installed")
    return lambda: Mosquitto(path)


def run(program: str, version: int, folder: Path) -> dict[str, str]:
    """Line -> measured fact, of the lines that do not hold. Lines run side by side: most of them wait."""
    broker = EmbeddedBroker(folder=folder, clock=WallClock(), port=0, simulated=("bench",), program=start(program))
    broker.start()
    try:
        candidate = Candidate(
            host="127.0.0.1",
            version=version,
            hub=broker.hub,
            speaker=broker.simulator,
            device=broker.add_account("bench/own"),
            port=broker.port,
            restart=broker.restart,
        )
        lines = [line for line in LINES if version in line.versions]
        beside = [line for line in lines if not line.alone]
        with ThreadPoolExecutor(len(beside)) as pool:
            facts = list(zip(beside, pool.map(lambda line: examine(line, candidate), beside), strict=True))
        facts += [(line, examine(line, candidate)) for line in lines if line.alone]
    finally:
        broker.stop()
    return {line.name: fact for line, fact in facts if fact is not None}


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Each broker is examined once per protocol version; the tests read the results."""
    known: dict[tuple[str, int], dict[str, str]] = {}

    def of(program: str, version: int) -> dict[str, str]:
        if (program, version) not in known:
            known[program, version] = run(program, version, tmp_path_factory.mktemp(program))
        return known[program, version]

    return of
