"""The hub of the fault tests: the real one in a process of its own, with faults put into it before it starts.

Processes are forked from a server that has imported everything, so that a kill costs a start and not a start of Python.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from devices import formats
from hub import log
from hub.clock import SECOND, Clock, WallClock
from hub.datadir import DataDir
from hub.notify import sender
from hub.settings import Settings
from hub.storage.community_toml import parse_toml
from hub.wiring import Hub
from tests.benchmarks.community import community
from tests.faults.inject import inject

_HOOK: Final = """
[crews.crew.contacts.hook]
name = "Hook"
channel = "webhook"
address = "{url}"
"""
_LEASE_MS: Final = 3 * SECOND
"""So that a notice whose sender was killed is not waited for a whole minute."""


class ShiftedClock:
    """The machine's clock, so many ms off as the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._wall = WallClock()

    def now(self) -> int:
        return self._wall.now() + int(self._file.read_text(encoding="ascii") or 0)

    def steady(self) -> int:
        return self._wall.steady()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How one hub process is to live. ``inject``: see ``tests.faults.inject``."""

    settings: dict[str, Any]
    devices: int
    hook: str
    log: Path
    inject: tuple[str, ...] = ()
    clock: Path | None = None
    formats: tuple[tuple[str, str], ...] = ()
    """Further wire formats: name, and its module."""


def live(life: Life, ready: Connection) -> None:
    """The process: sends its address when it is ready, and ends in order on SIGTERM."""
    _write_to(life.log)
    log.set_up(level="info")
    formats._FORMATS = MappingProxyType({**formats._FORMATS, **dict(life.formats)})  # type: ignore[misc]  # as below
    settings = Settings(**life.settings)
    sender.LEASE_MS = _LEASE_MS  # type: ignore[misc]  # final for the product, not for its tests
    clock: Clock = WallClock() if life.clock is None else ShiftedClock(life.clock)
    text = community(life.devices) + _HOOK.format(url=life.hook)

    def furnish(hub: Hub) -> None:
        hub.registry.import_file(parse_toml(text, hub.catalogue, file="faults.toml"))

    first = furnish if not DataDir(settings.data_dir).records.exists() else (lambda _hub: None)
    dead: list[str] = []
    stop = threading.Event()

    def give_up(why: str) -> None:
        dead.append(why)
        stop.set()

    hub = Hub(settings, clock=clock, first_steps=first, on_dead=give_up)
    for spec in life.inject:
        inject(hub, spec)
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    hub.start()
    ready.send(hub.url)
    stop.wait()
    hub.stop()
    if dead:
        sys.exit(f"gave up: {dead[0]}")


def _write_to(file: Path) -> None:
    """What the process says goes into a file, as a supervisor would keep it."""
    with file.open("ab") as stream:
        for standard in (sys.stdout, sys.stderr):
            os.dup2(stream.fileno(), standard.fileno())


def begin(life: Life) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """Start one; where it will say that it is ready."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    hear, say = context.Pipe(duplex=False)
    process = context.Process(target=live, args=(life, say), daemon=True)
    process.start()
    say.close()
    return process, hear
