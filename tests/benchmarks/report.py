"""Puts a run into docs/measurements.md: in the place of the last one, so that the newest stands there and not the best."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.benchmarks.measure import ROOT

DOCUMENT: Final = ROOT / "docs" / "measurements.md"
_BEGIN: Final = "<!-- last run: begin -->"
_END: Final = "<!-- last run: end -->"


def conditions(broker: str) -> str:
    """What has to be known beside every number."""
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    if _git("status", "--porcelain", "--", "hub", "devices"):
        commit += " with local changes"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}; {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; {broker}."
    )


def _git(*words: str) -> str:
    answer = subprocess.run(["git", *words], capture_output=True, text=True, cwd=ROOT, check=False)
    return answer.stdout.strip()


def write(section: str, document: Path = DOCUMENT) -> None:
    """Replace what stands between the two marks."""
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{document} has lost its marks: expected {_BEGIN} and {_END}, each on a line of its own")
    document.write_text(f"{before}{_BEGIN}\n\n{section.strip()}\n\n{_END}{after}", encoding="utf-8")
