"""What the series stores count, once per commit, for /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from hub.flows.series import Written

_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class SeriesMeters:
    """Rows and roll-ups of all series stores of a process; one label per store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "hub_series_rows", "Rows of appended batches, by outcome.", ["store", "outcome"], registry=registry
        )
        self.cells = Counter("hub_series_cells", "Roll-up cells computed.", ["store"], registry=registry)
        self.reopened = Counter("hub_series_reopened", "Times the file was opened again.", ["store"], registry=registry)
        self.append_seconds = Histogram(
            "hub_series_append_seconds", "Time of one append.", ["store"], buckets=_BUCKETS, registry=registry
        )

    def of(self, store: str) -> StoreMeter:
        """``main``, or a mirror's name."""
        return StoreMeter(self, store)


class StoreMeter:
    """One series store."""

    def __init__(self, meters: SeriesMeters, store: str) -> None:
        self._rows = meters.rows
        self._store = store
        self._cells = meters.cells.labels(store)
        self._reopened = meters.reopened.labels(store)
        self.append_seconds = meters.append_seconds.labels(store)

    def appended(self, written: Written) -> None:
        """One batch is committed."""
        for outcome, rows in zip(Written._fields, written, strict=True):
            if rows:
                self._rows.labels(self._store, outcome).inc(rows)

    def refreshed(self, cells: int) -> None:
        """One chunk of roll-ups is committed."""
        self._cells.inc(cells)

    def reopened(self) -> None:
        """The file is opened again after a failure."""
        self._reopened.inc()


def unseen() -> StoreMeter:
    """Of a store whose figures nobody asks for."""
    return SeriesMeters(CollectorRegistry()).of("main")
