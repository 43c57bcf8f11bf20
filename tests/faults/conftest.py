"""What every fault test needs: the parties, and a way to tell figures that are of interest and not asserted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.ingest.broker_programs import find
from tests.faults.disk import mounted
from tests.faults.rig import Rig
from tests.influx_server import InfluxServer


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes the parties of one test around a broker with the shipped settings."""
    try:
        program = find()
    except ConfigError as error:
        pytest.skip(f"no broker: {error}")
    if type(program).__name__ != "Mosquitto":
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    rigs: list[Rig] = []

    def make(**options: Any) -> Rig:
        rigs.append(Rig(tmp_path, **options))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, small enough to be filled."""
    with mounted(tmp_path / "data") as folder:
        yield folder


@pytest.fixture
def server() -> Iterator[InfluxServer]:
    """An InfluxDB of the test's own."""
    server = InfluxServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Callable[[str], None]:
    """One line on the terminal, also where the test passes: measured, told, not asserted."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {text}", flush=True)  # noqa: T201 - a report for whoever runs the tests

    return line
