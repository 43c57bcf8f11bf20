"""The dashboards as they are generated, and an InfluxDB that holds a town's truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.build import boards, build
from dashboards.model import Board
from dashboards.parts import Plan
from hub.clock import WallClock
from hub.domain.places import Grid, Name
from hub.storage.catalogue import load_catalogue
from hub.storage.influx.target import parse
from hub.storage.series_influx import InfluxSeries
from tests.dashboards.influx import Influx
from tests.dashboards.town import GRID, Town
from tests.influx_server import MISSING, PROGRAM


@pytest.fixture(scope="session")
def town() -> Town:
    return Town(load_catalogue())


@pytest.fixture(scope="session")
def plan(town: Town) -> Plan:
    standing = tuple(sorted(facility.id for facility in town.facilities.values() if facility.grid == GRID))
    grid = Grid(id=GRID, name=Name(zh="一网格", en="Grid 1"), facilities=standing)
    return Plan(catalogue=town.catalogue, grids=(grid,))


@pytest.fixture(scope="session")
def made(plan: Plan) -> dict[str, dict[str, Any]]:
    """Every file, as Grafana reads it."""
    return {name: json.loads(text) for name, text in build(plan).items()}


@pytest.fixture(scope="session")
def every_board(plan: Plan) -> dict[str, Board]:
    return {board.name: board for board in boards(plan)}


@pytest.fixture(scope="session")
def influx(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    server = Influx()
    try:
        store = InfluxSeries(parse(server.url), tmp_path_factory.mktemp("series") / "series.sqlite", WallClock())
        store.open()
        town.fill(store)
        store.close()
        yield server
    finally:
        server.stop()
