"""The dead man's switch: a web address outside is told again and again that the hub is well. Its silence is the alarm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from hub.clock import Clock
from hub.domain.health import Health, Status

log = logging.getLogger(__name__)

TIMEOUT_S: Final = (5.0, 10.0)
_PATIENCE_S: Final = 1.0
"""How long the end of the hub waits for a word under way."""


class Watchdog:
    """``start`` … ``stop``. Tells nothing while ``ready`` says no: then whoever waits for the word is to raise the alarm."""

    def __init__(self, url: str, *, every_s: float, ready: Callable[[], bool], clock: Clock) -> None:
        self._url = url
        self._every_s = every_s
        self._ready = ready
        self._clock = clock
        self._failure = ""
        self._held = False
        self._told_at: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Tell at once, then every so often."""
        self._thread.start()

    def stop(self) -> None:
        """Tell no more. A planned stop is silence too: pause the check outside before it."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)

    def health(self, now: int) -> Health:
        """Degraded where the last word did not arrive."""
        facts: dict[str, str | int | float | None] = {"host": urlsplit(self._url).hostname, "told_at": self._told_at}
        return Health(
            component="watchdog",
            status=Status.DEGRADED if self._failure else Status.OK,
            reason=self._failure,
            facts=facts,
        )

    def _run(self) -> None:
        while True:
            self._tell()
            if self._stopping.wait(self._every_s):
                return

    def _tell(self) -> None:
        if not self._ready():
            if not self._held:
                log.error("the watchdog is told nothing: the hub is not ready", extra={"action": "watchdog_held"})
            self._held = True
            return
        self._held = False
        failure = self._ask()
        if failure and failure != self._failure:
            log.warning("watchdog: %s", failure, extra={"action": "watchdog_failed"})
        self._failure = failure
        if not failure:
            self._told_at = self._clock.now()

    def _ask(self) -> str:
        """Empty where it was heard. The address may be a secret: only its host is named."""
        import requests

        host = urlsplit(self._url).hostname
        try:
            with requests.get(
                self._url, timeout=TIMEOUT_S, stream=True, headers={"User-Agent": "community-hub"}
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, OSError, UnicodeError) as error:
            return (
                f"{host} cannot be reached ({type(error).__name__}): check watchdog.url and the way out of this network"
            )
        return "" if status < 400 else f"{host} answers {status}: check watchdog.url"
