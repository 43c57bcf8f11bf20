"""The count that closes the publisher's loop: one 64-bit word in a file that every process maps."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SIZE: Final = 4096


@contextmanager
def shared_file() -> Iterator[Path]:
    """A file in memory, where the machine has such: a write to a mapped page of a disk's file waits for the file
    system's commit now and then, up to half a second with the interpreter held, and whoever counts stands still."""
    memory = Path("/dev/shm")  # noqa: S108 - not a secret: one number, in a folder of its own
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "counter"


class Counter:
    """Received messages for a bare subscriber, committed ones (in both lanes) for a pipeline.

    One process writes, any number read; an aligned 64-bit store is seen whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(file, _SIZE)
            self._map = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)
        self._word = memoryview(self._map).cast("Q")

    @property
    def value(self) -> int:
        """The count now."""
        return self._word[0]

    @value.setter
    def value(self, count: int) -> None:
        self._word[0] = count

    def close(self) -> None:
        """Let go of the mapping; the file stays for others."""
        self._word.release()
        self._map.close()
