"""What /metrics says of the hub's own parts: as they stand when it is asked, and nothing where nothing is known."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from hub.backup.schedule import BackupSchedule
from hub.certificates import Certificates, FileInUse
from hub.clock import DAY, HOUR, ManualClock, WallClock
from hub.domain.certificate_standing import WEB
from hub.domain.journal_standing import JournalStanding
from hub.errors import StoreUnavailable
from hub.own_metrics import show_backups, show_certificates, show_journal, show_refused_lines
from hub.settings import Mqtt, SeriesMirror, Settings
from hub.settings import Series as SeriesSettings
from hub.wiring import Hub
from tests.web.test_tls import certificate

NOW = 1_795_000_000_000


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_the_journals_room(registry: CollectorRegistry) -> None:
    found = JournalStanding(left=4_000, floor=1_000, fill=0.6, hours_left=7.5, measured_since=None)
    told = [found]
    show_journal(registry, ManualClock(NOW), lambda _now: told[-1])
    assert registry.get_sample_value("hub_journal_room_bytes") == 4_000
    assert registry.get_sample_value("hub_journal_fill_ratio") == 0.6
    assert registry.get_sample_value("hub_journal_hours_left") == 7.5
    told.append(found._replace(left=-5, hours_left=None))
    assert registry.get_sample_value("hub_journal_room_bytes") == 0
    assert math.isnan(registry.get_sample_value("hub_journal_hours_left") or 0)


def test_refused_lines_of_each_store_and_nothing_of_one_whose_file_is_shut(registry: CollectorRegistry) -> None:
    def shut() -> int:
        raise StoreUnavailable("not open")

    show_refused_lines(registry, {"influxdb": lambda: 12, "far": shut})
    assert registry.get_sample_value("hub_series_refused_lines", {"store": "influxdb"}) == 12
    assert math.isnan(registry.get_sample_value("hub_series_refused_lines", {"store": "far"}) or 0)


@pytest.mark.parametrize(("days", "near"), [(90, 0), (20, 1), (2, 2), (-1, 2)])
def test_certificates(registry: CollectorRegistry, tmp_path: Path, days: int, near: int) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=days))
    show_certificates(registry, WallClock(), Certificates([FileInUse(WEB, chain)]))
    label = {"certificate": "The certificate of the web pages"}
    left = registry.get_sample_value("hub_certificate_seconds_left", label)
    assert left is not None
    assert left == pytest.approx(days * 86_400, abs=120)
    assert registry.get_sample_value("hub_certificate_ending", label) == near


def test_a_certificate_that_nobody_has_seen_is_unknown(registry: CollectorRegistry, tmp_path: Path) -> None:
    show_certificates(registry, WallClock(), Certificates([FileInUse(WEB, tmp_path / "none.pem")]))
    label = {"certificate": "The certificate of the web pages"}
    assert math.isnan(registry.get_sample_value("hub_certificate_ending", label) or 0)


def test_backups(registry: CollectorRegistry, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    schedule = BackupSchedule(
        tmp_path,
        keep=3,
        take=lambda _folder: pytest.fail("none is due"),
        due=lambda at: at + DAY,
        clock=clock,
        began=NOW,
    )
    show_backups(registry, clock, schedule)
    assert math.isnan(registry.get_sample_value("hub_backup_age_seconds") or 0), "there is none"
    assert registry.get_sample_value("hub_backup_missing") == 0
    clock.advance(2 * DAY + HOUR)
    assert registry.get_sample_value("hub_backup_missing") == 1


def test_where_no_backups_are_wanted_nothing_is_said(registry: CollectorRegistry) -> None:
    show_backups(registry, ManualClock(NOW), None)
    assert math.isnan(registry.get_sample_value("hub_backup_missing") or 0)


def test_a_mirror_is_counted_beside_the_main_store(tmp_path: Path) -> None:
    mirror = SeriesMirror(name="grafana", url="influxdb://127.0.0.1:1/hub")
    hub = Hub(
        Settings(data_dir=tmp_path, mqtt=Mqtt(url="mqtt://127.0.0.1:1"), series=SeriesSettings(mirrors=(mirror,)))
    )
    told = hub.metrics.restricted_registry(["hub_series_cells_total", "hub_series_refused_lines"])
    found = {(each.name, each.labels["store"]): each.value for family in told.collect() for each in family.samples}
    assert found["hub_series_cells_total", "main"] == found["hub_series_cells_total", "grafana"] == 0
    assert math.isnan(found["hub_series_refused_lines", "grafana"]), "its file is not open yet"
    assert ("hub_series_refused_lines", "main") not in found, "DuckDB refuses no lines"
    assert "own_health" in hub.timetable._jobs
    assert "own_health" not in Hub(Settings(data_dir=tmp_path)).timetable._jobs
