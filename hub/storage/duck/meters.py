"""What the series store counts, once per commit, for /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from hub.flows.series import Written

_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class SeriesMeters:
    """Rows and roll-ups of the series store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter("hub_series_rows", "Rows of appended batches, by outcome.", ["outcome"], registry=registry)
        self._cells = Counter("hub_series_cells", "Roll-up cells computed.", registry=registry)
        self._reopened = Counter("hub_series_reopened", "Times the file was opened again.", registry=registry)
        self.append_seconds = Histogram(
            "hub_series_append_seconds", "Time of one append.", buckets=_BUCKETS, registry=registry
        )

    def appended(self, written: Written) -> None:
        """One batch is committed."""
        for outcome, rows in zip(Written._fields, written, strict=True):
            if rows:
                self._rows.labels(outcome).inc(rows)

    def refreshed(self, cells: int) -> None:
        """One chunk of roll-ups is committed."""
        self._cells.inc(cells)

    def reopened(self) -> None:
        """The file is opened again after a failure."""
        self._reopened.inc()
