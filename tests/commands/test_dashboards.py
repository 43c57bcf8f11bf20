"""``hub dashboards publish`` learns the grids from the hub, running or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards.boards import kpi, overview
from tests.commands.conftest import Home
from tests.dashboards.fake_grafana import TOKEN, FakeGrafana

pytestmark = pytest.mark.servers


def test_the_grids_are_those_of_the_hub(
    home: Home, court: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = court("gridded")
    grid = '[places.g1]\nkind = "grid"\nname = { zh = "甲网格", en = "Grid A" }\n\n[facilities.shed]\ngrid = "g1"'
    path.write_text(path.read_text(encoding="utf-8").replace("[facilities.shed]", grid), encoding="utf-8")
    assert home("import", str(path)).code == 0
    grafana = FakeGrafana()
    monkeypatch.setenv("HUB_GRAFANA__URL", grafana.url)
    monkeypatch.setenv("HUB_GRAFANA__TOKEN", TOKEN)
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", "influxdb://influxdb:8086/hub")
    monkeypatch.setattr("dashboards.build.boards", lambda plan: (module.board(plan) for module in (overview, kpi)))
    try:
        said = home("dashboards", "publish")
    finally:
        grafana.stop()
    assert said.code == 0, said.err
    (grids,) = [v for v in grafana.dashboards["hub-overview-zh"]["templating"]["list"] if v["name"] == "grid"]
    assert "(shed)" in [option["value"] for option in grids["options"]]
    assert any(option["text"].endswith("甲网格") for option in grids["options"])
