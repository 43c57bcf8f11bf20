"""What ``hub check`` asks of everything around the hub: database, disk, backups, certificates, clock, and those it tells."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hub.certificates import End, FileInUse, judge, what_of
from hub.certificates_elsewhere import watched
from hub.clock import DAY, WallClock, from_iso
from hub.commands.finding import Finding
from hub.commands.outside import told
from hub.datadir import DataDir
from hub.domain.certificate_standing import WEB, own_of
from hub.errors import HubError
from hub.ingest.journal_room import floor_of
from hub.settings import Settings
from hub.timesync import judge as judge_clock
from hub.timesync import read_state

_GIB = 1024**3


def stack_is_well(settings: Settings) -> bool:
    """Print what was found; False where something is wrong and not merely worth knowing."""
    well = True
    for finding in (
        *_records(settings),
        *_folder(settings),
        *_backups(settings),
        *_certificates(settings),
        *_clock(),
        *told(settings),
    ):
        print(finding.text)
        well = well and finding.well
    return well


def _records(settings: Settings) -> Iterator[Finding]:
    if settings.records.url is None:
        return
    from hub.storage.lease import look
    from hub.storage.records_copy import shown

    name = f"records {shown(settings.records.url)}"
    try:
        found = look(settings.records.url)
    except HubError as error:
        yield Finding(str(error), well=False)
        return
    schema = f"schema {found.schema}" if found.schema else "empty, hub run makes the tables"
    holder = f"; {found.holder} works on it" if found.holder is not None else ""
    yield Finding(f"{name}: PostgreSQL {found.version} lets the hub in, {schema}{holder}")


def _folder(settings: Settings) -> Iterator[Finding]:
    root = DataDir(settings.data_dir).root
    there = next(path for path in (root, *root.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            f"data folder {root}: {there} is not writable; set HUB_DATA_DIR to a folder you can write", well=False
        )
        return
    usage = shutil.disk_usage(there)
    floor = floor_of(settings.journal.min_free, usage.total)
    if usage.free <= floor:
        yield Finding(
            f"data folder {root}: {usage.free / _GIB:.1f} GiB are free, {floor / _GIB:.1f} must stay free"
            " (journal.min_free): the hub takes no message in with less; make room",
            well=not root.exists(),
        )
    else:
        yield Finding(f"data folder {root}: {usage.free / _GIB:.1f} GiB are free")


def _backups(settings: Settings) -> Iterator[Finding]:
    folder = settings.backup.folder
    if folder is None:
        yield Finding("backup: none is taken by itself (backup.folder is not set)")
        return
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            f"backup.folder {folder}: {there} is not writable for this user: no backup would be taken", well=False
        )
        return
    newest = _newest_backup(folder)
    now = WallClock().now()
    age = "holds none yet" if newest is None else f"the newest is {(now - newest) / DAY:.1f} days old"
    yield Finding(f"backup.folder {folder}: {age}")


def _newest_backup(folder: Path) -> int | None:
    from hub.backup import manifest
    from hub.backup.schedule import PREFIX

    found = []
    for path in folder.glob(f"{PREFIX}*") if folder.is_dir() else ():
        try:
            found.append(from_iso(manifest.read(path).taken_at))
        except HubError:
            continue
    return max(found, default=None)


def _certificates(settings: Settings) -> Iterator[Finding]:
    files = [(WEB, settings.web.tls_cert)]
    files += [(own_of(each.name), each.cert_file) for each in settings.mqtt.all_connections()]
    now = WallClock().now()
    for which, path in files:
        if path is None:
            continue
        end = FileInUse(which, path)()
        if end is None:
            yield Finding(f"{what_of(which)}: {path} cannot be read as a PEM certificate", well=False)
            continue
        yield _ends(end, now)
    for each in settings.certificates.watched:
        seen = watched(each)
        seen.look(now)
        found = seen()
        yield Finding(seen.trouble, well=False) if found is None else _ends(found, now)


def _ends(end: End, now: int) -> Finding:
    reason = judge([end], now).reason
    return Finding(reason or f"{end.what} is valid for {(end.at - now) // DAY} days", well=end.at > now)


def _clock() -> Iterator[Finding]:
    line = judge_clock(read_state())
    yield Finding(f"clock: {line.reason}" if line.reason else "clock: kept right")
