"""How the hub's own parts stand, as gauges that are read when Prometheus asks. NaN where nothing is known: no alert compares with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from hub.backup.schedule import BackupSchedule
from hub.certificates import Certificates
from hub.clock import SECOND, Clock
from hub.domain.backup_standing import BackupStanding, judge_backup
from hub.domain.certificate_standing import CertificateStanding, certificate_name, how_near
from hub.domain.journal_standing import JournalStanding
from hub.domain.verdicts import Condition
from hub.errors import StoreUnavailable

UNKNOWN: Final = math.nan


def show_journal(registry: CollectorRegistry, clock: Clock, standing: Callable[[int], JournalStanding]) -> None:
    """How much room it has, and for how long that lasts."""

    def gauge(name: str, words: str, read: Callable[[JournalStanding], float | None]) -> None:
        made = Gauge(f"hub_journal_{name}", words, registry=registry)
        made.set_function(lambda: _known(lambda: read(standing(clock.now()))))

    gauge("room_bytes", "Bytes that the journal may still take.", lambda found: max(0, found.left))
    gauge(
        "fill_ratio", "Part of the journal's room that is taken by what a lane still needs.", lambda found: found.fill
    )
    gauge(
        "hours_left",
        "Hours until the room is used up at the present rate; NaN while nothing comes in.",
        lambda found: found.hours_left,
    )


def show_refused_lines(registry: CollectorRegistry, counts: Mapping[str, Callable[[], int]]) -> None:
    """``counts``: of each InfluxDB by the store's name."""
    kept = Gauge("hub_series_refused_lines", "Lines kept that the server did not take.", ["store"], registry=registry)
    for store, count in counts.items():
        kept.labels(store).set_function(partial(_known, count))


def show_certificates(registry: CollectorRegistry, clock: Clock, certificates: Certificates | None) -> None:
    """Of each that the hub watches. None: it watches none."""
    left = Gauge("hub_certificate_seconds_left", "Time until a certificate ends.", ["certificate"], registry=registry)
    near = Gauge(
        "hub_certificate_ending", "1: it ends soon. 2: its last days, or over.", ["certificate"], registry=registry
    )

    def seconds(standing: Callable[[], CertificateStanding]) -> float | None:
        found = standing()
        return None if found.ends_at is None else (found.ends_at - clock.now()) / SECOND

    def ending(standing: Callable[[], CertificateStanding]) -> float | None:
        found = standing()
        return None if found.ends_at is None else how_near(found.ends_at, found.lasts_ms, clock.now())

    for which, standing in ({} if certificates is None else certificates.each()).items():
        name = certificate_name(which).en
        left.labels(name).set_function(partial(_known, partial(seconds, standing)))
        near.labels(name).set_function(partial(_known, partial(ending, standing)))


def show_backups(registry: CollectorRegistry, clock: Clock, backups: BackupSchedule | None) -> None:
    """Of those that the timetable takes. None: it takes none."""

    def gauge(name: str, words: str, read: Callable[[BackupStanding], float | None]) -> None:
        made = Gauge(f"hub_backup_{name}", words, registry=registry)
        made.set_function(lambda: UNKNOWN if backups is None else _known(lambda: read(backups.standing())))

    def age(found: BackupStanding) -> float | None:
        return None if found.newest is None else (clock.now() - found.newest) / SECOND

    def missing(found: BackupStanding) -> float:
        return float(judge_backup(found, clock.now()).condition is Condition.OVER)

    gauge("age_seconds", "Age of the newest whole backup; NaN where there is none.", age)
    gauge("missing", "1 while backups fail, or the next one is overdue.", missing)


def _known(read: Callable[[], float | None]) -> float:
    try:
        found = read()
    except StoreUnavailable:
        return UNKNOWN
    return UNKNOWN if found is None else float(found)
