"""A child process that does not outlive the hub, also where the hub is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hub.ingest.broker_accounts import write_private

_LAUNCH: Final = """
import ctypes, os, resource, signal, sys
parent, program = int(sys.argv[1]), sys.argv[2:]
try:
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
except (OSError, AttributeError):
    pass
if os.getppid() != parent:
    sys.exit("the hub has gone")
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
except (OSError, ValueError):
    pass
os.execv(program[0], program)
"""
"""Runs between fork and exec in a Python of its own, since code after a fork in a process with threads may hang:
asks Linux for SIGTERM when the starting thread ends (elsewhere the pid file has to do), and room for many connections."""


class Child:
    """One run of a program.

    ``start`` must be called on a thread that lives as long as the program may: Linux ties the death signal to the
    thread that forked. A session of its own keeps the terminal's Ctrl-C away: the hub stops its parts in order.
    """

    def __init__(self, command: Sequence[str], *, log: Path, pid_file: Path) -> None:
        self._command = command
        self._log = log
        self._pid_file = pid_file
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; its output goes to the log file."""
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *self._command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                launch, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        pid = self._process.pid
        write_private(self._pid_file, json.dumps({"pid": pid, "started": started_at(pid)}))

    @property
    def pid(self) -> int | None:
        """The program's process id, while it has one."""
        return None if self._process is None else self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code (negative: the signal), None while it runs."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; gives the exit code."""
        return 0 if self._process is None else self._process.wait()

    def stop(self, *, within: float) -> bool:
        """SIGTERM, then SIGKILL when the seconds are over. False: it had to be killed."""
        if self._process is None:
            return True
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        finally:
            self._pid_file.unlink(missing_ok=True)
        return True


def started_at(pid: int) -> str | None:
    """When a process was started, in the system's own words; None when there is none. Tells a pid from its reuse."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            state, *rest = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return None if state == "Z" else f"{boot} {rest[18]}"
    asked = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 - a number
    return asked.stdout.strip() or None


def stop_left_over(pid_file: Path, *, within: float = 3.0) -> int | None:
    """End the program that a killed hub left behind, if it still runs. Gives its pid, else None.

    A pid that meanwhile belongs to something else has another start time and is left alone.
    """
    try:
        found = json.loads(pid_file.read_text(encoding="utf-8"))
        pid, started = int(found["pid"]), str(found["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if started_at(pid) != started:
        pid_file.unlink(missing_ok=True)
        return None
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not _gone(pid, started, within):
            os.kill(pid, signal.SIGKILL)
            _gone(pid, started, within)
    pid_file.unlink(missing_ok=True)
    return pid


def _gone(pid: int, started: str, within: float) -> bool:
    deadline = time.monotonic() + within
    while started_at(pid) == started:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
