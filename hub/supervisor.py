"""What systemd is told (sd_notify): that the hub is ready, stands by, is alive, and stops."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from hub.settings import Systemd

log = logging.getLogger(__name__)


class Supervisor:
    """Does nothing where no systemd started the hub.

    It is told that the hub is alive as long as ``looks`` comes back: that goes through every component, and hangs where one
    of them does. Whether a component is well plays no part: a hub that is degraded, but journals, is not to be killed.
    """

    def __init__(self, systemd: Systemd | None, looks: Callable[[], object]) -> None:
        self._systemd = systemd
        self._looks = looks
        self._started = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """From now on; the hub may still be starting, or stand by for another one."""
        if self._systemd is not None and self._systemd.watchdog_s:
            self._thread.start()

    def ready(self, status: str) -> None:
        """It runs: from now on ``looks`` is asked."""
        self._started = True
        self._say(f"READY=1\nSTATUS={status}")

    def standing_by(self, status: str) -> None:
        """It is as ready as it can be while another hub works."""
        self._say(f"READY=1\nSTATUS={status}")

    def stop(self) -> None:
        """It ends."""
        self._stopping.set()
        self._say("STOPPING=1")

    def _run(self) -> None:
        systemd = self._systemd
        if systemd is None:
            return
        while not self._stopping.wait(systemd.watchdog_s / 3):
            if self._started:
                try:
                    self._looks()
                except Exception:
                    log.exception("a component cannot say how it is", extra={"action": "health_failed"})
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if self._systemd is None:
            return
        address = self._systemd.address
        name = f"\0{address[1:]}" if address.startswith("@") else address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(text.encode(), name)
