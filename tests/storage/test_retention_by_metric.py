"""The nightly housekeeping asks for each point what its metric's limit is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.domain.places import Binding
from hub.domain.retention import MONTH_MS, YEAR_MS, Before
from hub.flows.batch import PointKey
from hub.flows.registry import Registry
from hub.flows.series import Forgotten
from hub.settings import MetricRetention, Series, Settings
from hub.wiring import Hub

NOW = 1_795_000_000_000


def test_a_point_is_kept_as_its_metric_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series = Series(rollup_years=4, retention={"door_open": MetricRetention(raw_months=2)})
    hub = Hub(Settings(data_dir=tmp_path, series=series))
    binding = Binding(community="hg", device="hg~d1", point="di3", facility="lobby", metric="door_open")
    hub.registrar.replace(Registry(version=1, bindings={("hg~d1", "di3"): (binding,)}))
    asked: list[Callable[[PointKey], Before]] = []

    def forget(before: Callable[[PointKey], Before]) -> Forgotten:
        asked.append(before)
        return Forgotten(0, 0)

    monkeypatch.setattr(hub.series, "forget", forget)
    next(job for job in hub._jobs() if job.name == "forget").run(NOW)
    short, usual = Before(NOW - 2 * MONTH_MS, NOW - 4 * YEAR_MS), Before(NOW - 13 * MONTH_MS, NOW - 4 * YEAR_MS)
    told = {name: asked[0](PointKey("hg", "hg~d1", name)) for name in ("di3", "di4", "car1.door_open")}
    assert told == {"di3": short, "di4": usual, "car1.door_open": short}
