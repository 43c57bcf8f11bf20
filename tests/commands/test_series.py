"""``hub replay``, ``hub series`` and the settings they need, where there is one embedded store and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import ConfigError
from hub.settings import load


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("series", "rejected"), "no series store of these settings is an InfluxDB: set series.url or a mirror to one"),
        (("series", "redrive"), "no series store of these settings is an InfluxDB"),
        (("replay", "--from", "main", "--to", "influxdb"), "no series store 'influxdb': there is main"),
        (("replay", "--from", "duckdb", "--to", "main"), "are one store"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(home: Any, words: tuple[str, ...], named: str) -> None:
    said = home(*words)
    assert said.code == 1
    assert named in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("URL", "influx.example", "no scheme: expected influxdb://TOKEN@host"),
        ("URL", "influxdb://s3cret@h/a/b/c", "3 names after the host"),
        ("MIRRORS", '[{"name": "g", "url": "duckdb"}]', "two series stores have the same name or url"),
        ("MIRRORS", '[{"name": "G!", "url": "influxdb://h/d"}]', "series.mirrors.0.name"),
    ],
)
def test_a_setting_that_cannot_be_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, named: str
) -> None:
    monkeypatch.setenv(f"HUB_SERIES__{setting}", value)
    with pytest.raises(ConfigError, match=named) as refused:
        load()
    assert "s3cret" not in str(refused.value)
