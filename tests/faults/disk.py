"""A disk that is full: a small file system of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024
DISK = 96 * MIB


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A file system of its own, small enough to be filled."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("disk full: mounting a small tmpfs needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"disk full: no tmpfs can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """A file that takes all of the disk but so many bytes. The hub writes meanwhile: where none is to be left, to the end."""
    ballast = folder / "ballast"
    stat = os.statvfs(folder)
    left = stat.f_bavail * stat.f_frsize - leave if leave else DISK
    with ballast.open("wb", buffering=0) as file:
        while left > 0:
            try:
                left -= file.write(bytes(min(left, 64 * 1024)))
            except OSError:
                break
    return ballast
