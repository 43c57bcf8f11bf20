"""What a backup says of itself: when, by which program, which schemas, and a checksum of every file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from hub.errors import ConfigError
from hub.ingest import journal_file
from hub.storage import migrations
from hub.storage.duck import database

NAME: Final = "manifest.json"
FORMAT: Final = 1
_CHUNK: Final = 1024**2


class FileSum(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was written."""

    bytes: int
    sha256: str


class Schemas(msgspec.Struct, frozen=True, kw_only=True):
    """The schema number of each store."""

    records: str
    series: int
    journal: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The last file of a backup that is written: without it a folder is no backup."""

    format: int
    program: str
    taken_at: str
    schemas: Schemas
    unjudged: int
    """Batches of the journal that the alarm lane had not judged: the restored hub judges them, and tells of them."""
    files: dict[str, FileSum]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(each.bytes for each in self.files.values())


def own_schemas() -> Schemas:
    """Those that this program writes."""
    return Schemas(records=migrations.known()[-1], series=database.SCHEMA, journal=journal_file.FORMAT)


def read(folder: Path) -> Manifest:
    """The manifest of a backup; ConfigError where the folder holds none, or one of a newer program."""
    path = folder / NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ConfigError(
            f"{folder} holds no backup: it has no {NAME}; name a folder that hub backup wrote to its end"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is damaged ({error}): take another backup") from error
    _refuse_newer(folder, found)
    return found


def _refuse_newer(folder: Path, found: Manifest) -> None:
    own, program = own_schemas(), f"restore it with community-hub {found.program} or a newer one"
    if found.format > FORMAT:
        raise ConfigError(f"backup {folder} has format {found.format}, this program knows up to {FORMAT}: {program}")
    if found.schemas.records not in migrations.known():
        raise ConfigError(
            f"backup {folder}: its records have schema {found.schemas.records}, this program knows up to"
            f" {own.records}: {program}"
        )
    for store, number, known in (
        ("series", found.schemas.series, own.series),
        ("journal", found.schemas.journal, own.journal),
    ):
        if number > known:
            raise ConfigError(
                f"backup {folder}: its {store} have schema {number}, this program knows up to {known}: {program}"
            )


def write(folder: Path, manifest: Manifest) -> None:
    """Durably: who sees the manifest sees everything it names."""
    path = folder / NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    path.chmod(0o600)
    sync(path)
    sync(folder)


def sum_of(path: Path) -> FileSum:
    """Read it whole."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileSum(bytes=size, sha256=digest.hexdigest())


def sync(path: Path) -> None:
    """Onto the disk: a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or every file in the folder and the folders in it, in order."""
    return (each for each in (path, *sorted(path.rglob("*"))) if each.is_file())
