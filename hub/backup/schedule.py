"""Backups taken by the timetable: where they lie, how many are kept, and what the health page says of them."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.backup import manifest
from hub.clock import DAY, HOUR, Clock, from_iso, to_iso
from hub.domain.backup_standing import BackupStanding
from hub.domain.health import Health, Status
from hub.errors import HubError

PREFIX: Final = "hub-"
LATE: Final = DAY
"""A backup that has not come so long after its time is a reason to look."""
CAUGHT_UP: Final = HOUR
"""A hub that was off makes up for the last backup it missed at its start: that may take so long."""
_log = logging.getLogger(__name__)


class BackupSchedule:
    """``run`` is a job of the timetable. ``take`` writes one backup into the folder it is given.

    ``due`` says when the next one comes after an instant (epoch ms); None: never. ``began``: when this hub started.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int,
        take: Callable[[Path], manifest.Manifest],
        due: Callable[[int], int | None],
        clock: Clock,
        began: int,
    ) -> None:
        self._folder = folder
        self._keep = keep
        self._take = take
        self._due = due
        self._clock = clock
        self._began = began
        self._lock = threading.Lock()
        self._known: list[tuple[Path, manifest.Manifest]] | None = None
        self._failure = ""
        self._failing_since: int | None = None
        self._succeeded = False

    def run(self, _tick: int) -> None:
        """Take one, then drop the oldest beyond the number that is kept. HubError where it fails; nothing is dropped."""
        stamp = to_iso(self._clock.now())[:19].replace(":", "").replace("-", "")
        target = self._folder / f"{PREFIX}{stamp}Z"
        try:
            if not target.exists():
                self._take(target)
            self._drop_old()
        except (HubError, OSError) as error:
            self._failure, self._succeeded = str(error), False
            if self._failing_since is None:
                self._failing_since = self._clock.now()
            raise
        self._failure, self._failing_since, self._succeeded = "", None, True
        _log.info("Backup %s is complete", target, extra={"action": "backup"})

    def standing(self) -> BackupStanding:
        """For the hub's own alarm."""
        newest = self._newest()
        return BackupStanding(
            newest, self._overdue_at(newest), self._succeeded, self._failing_since, failure=self._failure
        )

    def _newest(self) -> int | None:
        return max((from_iso(each.taken_at) for _, each in self._complete()), default=None)

    def _overdue_at(self, newest: int | None) -> int | None:
        due = self._due((self._began if newest is None else newest) + 1)
        return None if due is None else max(due + LATE, self._began + CAUGHT_UP)

    def health(self, now: int) -> Health:
        """Degraded where the last one failed, or the next one has not come a day after its time."""
        found = self._complete()
        newest = self._newest()
        overdue_at = self._overdue_at(newest)
        facts: dict[str, str | int | float | None] = {
            "newest_at": newest,
            "backups": len(found),
            "backup_bytes": found[-1][1].bytes if found else None,
            "folder": str(self._folder),
        }
        reason = ""
        if self._failure:
            reason = f"the last backup failed: {self._failure}"
        elif overdue_at is not None and now > overdue_at:
            said = f"is of {to_iso(newest)}" if newest else "has never been taken"
            reason = f"the newest backup in {self._folder} {said}: look whether the job backup runs"
        return Health(component="backup", status=Status.DEGRADED if reason else Status.OK, reason=reason, facts=facts)

    def _complete(self) -> list[tuple[Path, manifest.Manifest]]:
        """Oldest first. Read from the disk at the start and after each run, not for every look at the page."""
        with self._lock:
            if self._known is None:
                self._known = [pair for path in self._folders() if (pair := _with_manifest(path)) is not None]
            return self._known

    def _folders(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.glob(f"{PREFIX}*") if path.is_dir())
        except OSError:
            return []

    def _drop_old(self) -> None:
        with self._lock:
            self._known = None
        complete = self._complete()
        for path, _ in complete[: -self._keep]:
            (path / manifest.NAME).unlink()  # first: half of it is no backup any more
            shutil.rmtree(path)
        with self._lock:
            self._known = None


def _with_manifest(path: Path) -> tuple[Path, manifest.Manifest] | None:
    try:
        return path, manifest.read(path)
    except HubError:
        return None
