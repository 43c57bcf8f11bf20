"""The hub's process asks the C library for few heaps, before there are threads that would each get one."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import re, threading
from hub import process

{first}
meet, go = threading.Barrier(9), threading.Event()
def hold(keep=[]):
    meet.wait()
    keep.append([bytes(100_000) for _ in range(20)])
    meet.wait()
for _ in range(8):
    threading.Thread(target=hold, daemon=True).start()
meet.wait()
meet.wait()
heaps = {{int(start, 16) >> 26 for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *$", open("/proc/self/maps").read(), re.M)
         if int(start, 16) % (1 << 26) == 0}}
print(len(heaps))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_threads_share_few_heaps() -> None:
    few, many = (heaps(first) for first in ("process.prepare()", ""))
    assert few < many
    assert few <= 1, "beside the main one"


def heaps(first: str) -> int:
    """How many heaps of their own eight threads were given: each lies at a multiple of 64 MiB."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    return int(told.stdout)
