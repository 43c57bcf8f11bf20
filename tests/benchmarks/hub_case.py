"""The hub as a case of the measurement: a process of its own with new stores and the bench community."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.benchmarks.counter import Counter
from tests.benchmarks.measure import FULL, Address, Case, Load

ROOT = Path(__file__).resolve().parents[2]


class HubSubject:
    """``stop`` ends it and removes its folder. ``timed``: ``latency`` then holds what it measured, at some cost of CPU.

    ``folder``: one whose stores have a past already. ``more``: further options of ``hub_process``.
    """

    def __init__(
        self,
        address: Address,
        counter: Counter,
        *,
        transport: str = "fast",
        token: str = "",
        timed: bool = False,
        folder: Path | None = None,
        more: Sequence[str] = (),
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="bench-hub-"))
        user, password = quote(address.hub_name, safe=""), quote(address.hub_password, safe="")
        self._latency_file = self.folder / "latency.json"
        command = [sys.executable, "-m", "tests.benchmarks.hub_process"]
        command += ["--broker", f"mqtt://{user}:{password}@{address.host}:{address.port}"]
        command += ["--data", str(self.data), "--counter", str(counter.path), "--transport", transport]
        command += ["--latency", str(self._latency_file)] if timed else []
        command += [*(["--token", token] if token else []), *more]
        self._command = command
        self.latency: dict[str, Any] = {}
        self.process: subprocess.Popen[str]
        self.url: str
        self.pids: Mapping[str, int]
        self._begin()

    def _begin(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"the hub did not start (exit code {self.process.wait()})")
        self.url = json.loads(line)["url"]
        self.pids = {"hub": self.process.pid}

    def killed(self) -> dict[str, Any]:
        """Kill it in the middle of its work and start it anew on the same stores; the latencies up to the kill."""
        self._latency_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR2)
        while not self._latency_file.exists() and self.process.poll() is None:
            time.sleep(0.01)
        told: dict[str, Any] = json.loads(self._latency_file.read_text(encoding="utf-8"))
        self.process.kill()
        self.process.communicate()
        self._begin()
        return told

    def warmed_up(self) -> None:
        """Latencies count from here on."""
        self.process.send_signal(signal.SIGUSR1)

    def rss(self) -> int:
        """Resident memory, bytes; 0 while there is no process."""
        try:
            return rss(self.process.pid)
        except (FileNotFoundError, IndexError):
            return 0

    @property
    def data(self) -> Path:
        """Its stores."""
        return self.folder / "data"

    def end(self) -> None:
        """End the process; its folder stays until ``stop``."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        if self._latency_file.exists():
            self.latency = json.loads(self._latency_file.read_text(encoding="utf-8"))

    def stop(self) -> None:
        """End it and remove its folder."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def rss(pid: int) -> int:
    """Resident memory of a process, bytes."""
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def hub_case(name: str, *, transport: str, load: Load = FULL) -> Case:
    """The hub with one of its transports."""
    return Case(name=name, start=lambda address, counter: HubSubject(address, counter, transport=transport), load=load)
