"""How large the demo's hub is, with its simulator, its history and a page open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.goals import Finding
from tests.benchmarks.hub_case import ROOT, rss
from tests.benchmarks.measure import Spread
from tests.benchmarks.plan import Plan
from tests.benchmarks.visitor import TOKEN, Visitor

_UP: Final = "open "
_LOOK_EVERY_S: Final = 5.0
_RELOAD_EVERY_S: Final = 30.0


def demo_memory(plan: Plan) -> dict[str, Finding]:
    """Resident memory of the hub's process at the end; the largest seen stands beside it."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as folder:
        process, url = _start(Path(folder))
        try:
            sizes = _watch(process.pid, url, plan.demo_minutes * 60)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    plan.say(f"demo: {sizes[-1]:.0f} MB after {plan.demo_minutes:g} min, at most {max(sizes):.0f} MB")
    note = f"after {plan.demo_minutes:g} min, at most {max(sizes):.0f} MB"
    return {"rss_demo": Finding(spread=Spread.of([sizes[-1]]), note=note)}


def _start(folder: Path) -> tuple[subprocess.Popen[str], str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
    environment |= {"HUB_DATA_DIR": str(folder / "data"), "HUB_WEB__PORT": "0", "HUB_MQTT__EMBEDDED_PORT": "0"}
    environment |= {"HUB_ADMIN_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "hub", "demo"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=environment
    )
    for line in process.stdout or ():
        if line.strip().startswith(_UP):
            threading.Thread(target=_drain, args=(process,), daemon=True).start()
            return process, line.split()[-1]
    raise RuntimeError(f"the demo did not start (exit code {process.wait()})")


def _drain(process: subprocess.Popen[str]) -> None:
    for _ in process.stdout or ():
        pass


def _watch(pid: int, url: str, seconds: float) -> list[float]:
    """MB, every few seconds, while one browser's worth of questions is asked."""
    page = threading.Thread(target=_follow, args=(url,), daemon=True)
    page.start()
    sizes: list[float] = []
    until, reload_at = time.monotonic() + seconds, 0.0
    while time.monotonic() < until:
        if time.monotonic() >= reload_at:
            visitor = Visitor(url)  # the server closes a connection that nothing was asked on for seconds
            visitor.get("/board")
            visitor.close()
            reload_at = time.monotonic() + _RELOAD_EVERY_S
        time.sleep(_LOOK_EVERY_S)
        sizes.append(rss(pid) / 1e6)
    return sizes


def _follow(url: str) -> None:
    """The event stream, as a page holds it open."""
    try:
        for _ in Visitor(url).follow("/api/v1/events"):
            pass
    except OSError:
        return  # the hub has ended
