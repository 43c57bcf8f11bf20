"""Several requests to a server at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def together(jobs: Sequence[Callable[[], T]], at_once: int) -> list[T]:
    """The results in order. Where one raises, the others have ended too."""
    if len(jobs) < 2:
        return [job() for job in jobs]
    with ThreadPoolExecutor(min(at_once, len(jobs)), thread_name_prefix="influx") as pool:
        return list(pool.map(lambda job: job(), jobs))
