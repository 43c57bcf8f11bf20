"""The one thread that writes to SQLite: units of work one after the other, each answered to its caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from hub.errors import StoreUnavailable

T = TypeVar("T")


class WriterThread:
    """Runs what it is handed in order. ``run`` waits for the answer; ``stop`` finishes what was handed in before."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._open = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Take work from now on."""
        self._open = True
        self._thread.start()

    def stop(self) -> None:
        """Take no more; return when all that was taken is done."""
        with self._gate:
            if not self._open:
                return
            self._open = False
            self._queue.put(None)
        self._thread.join()

    def run(self, work: Callable[[], T]) -> T:
        """Have the thread do it; its result or its exception comes back."""
        answer: Future[T] = Future()

        def unit() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whatever it was belongs to the caller, not to this thread
                answer.set_exception(error)

        with self._gate:
            if not self._open:
                raise StoreUnavailable("records: the store is closed")
            self._queue.put(unit)
        return answer.result()

    def _loop(self) -> None:
        while (unit := self._queue.get()) is not None:
            unit()
