"""Life of a command that runs until Ctrl-C, SIGTERM, or until a part says that it cannot go on."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType
from typing import Final

from hub.errors import HubError

_LOOK_S: Final = 0.5
"""The kernel may hand a signal to any thread, and Python's handler runs on the main one, once that is awake."""


class UntilStopped(contextlib.ExitStack):
    """Undoes what was started when the end comes; raises HubError where a part gave up."""

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()
        self._reason = ""

    def wait(self) -> None:
        """Return when somebody wants the end. A second Ctrl-C while stopping ends the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        while not self._over.wait(_LOOK_S):
            pass
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        if self._reason:
            raise HubError(self._reason)

    def give_up(self, reason: str) -> None:
        """A part cannot go on: end the process, so that whoever supervises it starts it again."""
        self._reason = reason
        self._over.set()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._over.set()
