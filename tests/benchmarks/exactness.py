"""Lost and double, by identity: the publisher's list of PUBACKs against what a stopped hub has on its disk."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import ROOT


@dataclass(slots=True, kw_only=True)
class Toll:
    """Over all runs. ``messages`` were looked up one by one, ``counted`` only as a sum of the lanes' commits."""

    lost: int = 0
    double: int = 0
    messages: int = 0
    counted: int = 0

    def count(self, *, sent: int, lost: int) -> None:
        """A run that compared sums: more counted than sent is double, fewer is lost."""
        self.counted += sent
        self.lost += max(0, lost)
        self.double += max(0, -lost)

    def check(self, acked: Path, data: Path) -> None:
        """A run whose stores are read: ``tests.faults.checker`` as the program of its own that it is."""
        command = [sys.executable, "-m", "tests.faults.checker", "--acked", str(acked)]
        command += ["--journal", str(data / "journal.sqlite"), "--series", str(data / "series.duckdb")]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        if not answer.stdout:
            raise RuntimeError(f"the checker failed: {answer.stderr[-2000:]}")
        found = json.loads(answer.stdout)
        self.messages += found["acked"]
        self.lost += sum(found.get(kind, 0) for kind in ("missing_in_journal", "missing_in_series"))
        self.double += sum(found.get(kind, 0) for kind in ("twice_in_series", "rows_with_one_point_and_time"))
