"""Counts that a part keeps as plain numbers, shown to Prometheus when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Tallies(Collector):
    """``hub_{part}_{name}_total`` for every number that ``read`` gives; the numbers only grow."""

    def __init__(self, part: str, about: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._part = part
        self._about = about
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Called by the registry."""
        for name, value in self._read().items():
            yield CounterMetricFamily(f"hub_{self._part}_{name}", f"{self._about}: {name}", value=value)
