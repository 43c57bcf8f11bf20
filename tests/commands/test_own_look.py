"""A whole hub looks at itself: a certificate that ends and a backup that fails are its own tickets, also after a restart."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.clock import MINUTE, WallClock
from hub.domain.tickets import Ticket, TicketState
from hub.flows.lists import TicketFilter
from hub.settings import (
    Backup,
    CertificatesSettings,
    Series,
    SeriesMirror,
    Settings,
    WatchedCertificate,
    Web,
)
from hub.storage.community_toml import parse_toml
from hub.wiring import Hub
from tests.commands.conftest import COURT
from tests.faults.rig import eventually
from tests.influx_server import MISSING, PROGRAM, InfluxServer
from tests.web.test_tls import certificate

needs_influx = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
CERTIFICATE = "The certificate of the web pages: About to end, or has ended"
BACKUP = "Backup: Failed, or overdue"


class Shifted(WallClock):
    """The machine's clock, so much ahead."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


@contextlib.contextmanager
def running(settings: Settings, clock: Shifted) -> Iterator[Hub]:
    hub = Hub(settings, clock=clock)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def looks(hub: Hub) -> dict[str, Ticket]:
    """What it has told after a look, by title."""
    hub._look_at_itself(0)
    tickets = hub.records.read(lambda books: books.tickets.page(TicketFilter(), limit=9).items)
    return {ticket.title_en: ticket for ticket in tickets}


@pytest.mark.servers
@needs_influx
def test_each_minute_its_health_is_in_the_store_that_dashboards_read(tmp_path: Path) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=2))
    server = InfluxServer()
    server.start()
    try:
        database = server.new_database()
        settings = Settings(
            data_dir=tmp_path / "data",
            web=Web(port=0),
            series=Series(mirrors=(SeriesMirror(name="grafana", url=server.url(database)),)),
            certificates=CertificatesSettings(watched=(WatchedCertificate(name="devices", file=chain),)),
        )
        with running(settings, Shifted()) as hub:
            hub.timetable.run_now("own_health")
            told = eventually(
                lambda: json.loads(server.ask("SELECT * FROM hub_health", database))["results"][0].get("series"),
                "the hub's health is written",
            )
            looks(hub)
            assert (
                "the certificate devices ends in"
                in {line.component: line.reason for line in hub.health(hub.clock.now())}["certificates"]
            )
        (series,) = told
        rows = [dict(zip(series["columns"], values, strict=True)) for values in series["values"]]
        found = {(row["part"], row["name"]): row for row in rows}
        assert set(found) == {
            *(("lane", lane) for lane in ("alarm", "series", "series:grafana")),
            *(("store", store) for store in ("main", "grafana")),
            ("journal", "journal"),
        }
        assert found["store", "grafana"]["reachable"] == 1
        assert found["journal", "journal"]["room_bytes"] > 0
        assert found["lane", "alarm"]["waiting"] >= 0
    finally:
        server.remove()


def test_certificate_and_backup_are_tickets_until_the_hub_itself_sees_them_mended(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, good_for=timedelta(days=2))
    folder = tmp_path / "backups"
    folder.write_text("a file where a folder should be", encoding="utf-8")
    settings = Settings(
        data_dir=tmp_path / "data",
        web=Web(port=0, tls_cert=chain, tls_key=key),
        backup=Backup(folder=folder),
    )
    clock = Shifted()
    with running(settings, clock) as hub:
        hub.registry.import_file(parse_toml(COURT.format(id="court"), hub.catalogue), dry_run=False)
        assert hub.backup_schedule is not None
        eventually(lambda: hub.backup_schedule.standing().failing_since, "the backup that was missed is tried")
        told = eventually(lambda: looks(hub), "somebody is told")
        assert set(told) == {CERTIFICATE}, "a backup is tried again first"
        clock.ahead = 16 * MINUTE
        told = looks(hub)
        assert set(told) == {CERTIFICATE, BACKUP}
        assert {ticket.crew for ticket in told.values()} == {"engineers"}
    certificate(tmp_path, good_for=timedelta(days=90))
    folder.unlink()
    with running(settings, clock) as hub:
        assert looks(hub)[CERTIFICATE].state is TicketState.VERIFYING
        hub.timetable.run_now("backup")
        assert hub.backup_schedule is not None
        eventually(lambda: hub.backup_schedule.standing().succeeded, "one is taken")
        told = looks(hub)
        assert told[BACKUP].state is TicketState.VERIFYING
        assert len(told) == 2, "each its one ticket"
