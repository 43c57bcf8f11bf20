"""What the hub finds when it looks at itself: of every part that it has, for the alarm lane, which alone raises alarms."""

from __future__ import annotations

from collections.abc import Iterable

from hub.backup.schedule import BackupSchedule
from hub.certificates import Certificates
from hub.domain.backup_standing import look_at_backup
from hub.domain.certificate_standing import look_at_certificate
from hub.domain.findings import Finding
from hub.domain.journal_standing import look_at_journal
from hub.domain.store_standing import Standing, look_at_store
from hub.ingest.intake import IntakeThread


def own_findings(
    now: int,
    *,
    stores: Iterable[Standing],
    store_away: int,
    certificates: Certificates | None,
    intake: IntakeThread,
    backups: BackupSchedule | None,
) -> list[Finding]:
    """``now`` is the machine's clock. ``store_away`` (ms): so long may a series store be away before somebody is told."""
    found = [look_at_store(standing, now, unreachable_after=store_away) for standing in stores]
    if certificates is not None:
        found += [each for standing in certificates.standings() for each in look_at_certificate(standing, now)]
    found.append(look_at_journal(intake.standing(now), now))
    if backups is not None:
        found.append(look_at_backup(backups.standing(), now))
    return found
