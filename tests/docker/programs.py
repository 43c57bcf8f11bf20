"""Real programs for a test: started, waited for, ended with it; what they said is in the failure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

PATIENCE_S = 30.0


class Programs:
    """Context manager."""

    def __init__(self) -> None:
        self._steps = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._steps.close()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        until: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        ends_on: signal.Signals = signal.SIGTERM,
    ) -> Program:
        """Start one and wait until it is ready. ``ends_on``: what its image sends to stop it."""
        output = self._steps.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - the stack closes it
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        program = Program(process, output, ends_on)
        self._steps.callback(program.stop)
        program.wait(until)
        return program


class Program:
    """One of them. It leads a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[str], ends_on: signal.Signals) -> None:
        self.process = process
        self._ends_on = ends_on
        self._output = output

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said()}"
            assert time.monotonic() < deadline, f"it was not ready in time: {self.said()}"
            time.sleep(0.02)

    def said(self) -> str:
        self._output.seek(0)
        text = self._output.read()
        self._output.seek(0, os.SEEK_END)
        return text

    def stop(self) -> int:
        """In order, as Docker does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(self._ends_on)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode
