"""Readings to the server: a batch in portions of one request each, some of them under way at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.clock import HOUR, MINUTE, Clock
from hub.flows.series import IntArray, Rows, TextRow
from hub.storage.influx.book import Whose
from hub.storage.influx.catalogue import TAGS, Catalogue
from hub.storage.influx.protocol import cells_measurement, reading_lines, text_line
from hub.storage.influx.sending import LINES, Refused, Rejected, deliver
from hub.storage.influx.server import Server
from hub.storage.influx.together import together

CANARY: Final = "hub_canary value=1.0"
"""A line that is known to be good, written over itself: asked before a line is believed to be at fault."""
NOT_FINITE: Final = "InfluxDB stores neither infinity nor what is no number"
TOO_OLD: Final = "older than the server keeps points ({kept} h): lengthen its retention, then send it again"
AT_ONCE: Final = 4
"""Requests under way: while the server works on some of them, the lines of the next one are made."""
Indexes = NDArray[np.intp]


class Batch(NamedTuple):
    """What is to be stored, each (point, time) once."""

    rows: Rows
    series: IntArray
    texts: list[TextRow]
    text_series: list[int]


class Refusals(NamedTuple):
    """Lines that the server does not take, and point and time of each line that may be among them."""

    rejected: list[Rejected]
    whose: dict[str, Whose]


def try_writing(server: Server, now: int) -> None:
    """Write the canary: a server that may be read need not be one that may be written. StoreUnavailable says what is wrong."""
    canary = f"{CANARY} {now // MINUTE * MINUTE}"
    deliver([canary], server.write, canary=canary, where=server.target.shown)


class Posting:
    """Used by one thread at a time; has threads of its own for large batches."""

    def __init__(self, server: Server, catalogue: Catalogue, clock: Clock) -> None:
        self._server = server
        self._catalogue = catalogue
        self._clock = clock

    def batch(self, batch: Batch) -> tuple[int, Refusals]:
        """How many readings were sent, and what was refused. StoreUnavailable: some may be stored; all of them again.

        Which portion the server has first makes no difference: each point and instant is in one of them alone.
        """
        if not self._server.deletes:
            self._make_tables(batch)
        hopeless = self._hopeless(batch.rows)
        wanted = np.delete(np.arange(len(batch.rows)), list(hopeless))
        wanted = wanted[np.argsort(batch.series[wanted], kind="stable")]  # the server looks up each series less often
        jobs = [partial(self._rows, batch, wanted[at : at + LINES]) for at in range(0, len(wanted), LINES)]
        if batch.texts:
            jobs.append(partial(self._texts, batch))
        all_refused = self._not_sent(batch, hopeless)
        for refused in together(jobs, AT_ONCE):
            all_refused.rejected.extend(refused.rejected)
            all_refused.whose.update(refused.whose)
        return len(wanted), all_refused

    def lines(self, lines: Sequence[str]) -> list[Rejected]:
        """Store these but those that are returned. StoreUnavailable: some may be stored; all of them again."""
        if not lines:
            return []
        canary = f"{CANARY} {self._clock.now() // MINUTE * MINUTE}"
        try:
            return deliver(lines, self._server.write, canary=canary, where=self._server.target.shown)
        except Refused as refused:
            if refused.answer.status == 404:
                self._server.forget()  # the database has gone: the next try looks, and makes it where that is allowed
            raise

    def _make_tables(self, batch: Batch) -> None:
        numbers = {*np.unique(batch.series).tolist(), *batch.text_series}
        for measurement in sorted({self._catalogue.measurements[number] for number in numbers}):
            self._server.make_table(measurement, TAGS)
            self._server.make_table(cells_measurement(measurement), TAGS)

    def _hopeless(self, rows: Rows) -> dict[int, str]:
        """Rows that need not be sent to know the answer, and why."""
        found = dict.fromkeys(np.flatnonzero(~np.isfinite(rows.value)).tolist(), NOT_FINITE)
        kept_ms = self._server.kept_ms
        if kept_ms is not None:
            old = np.flatnonzero(rows.time < self._clock.now() - kept_ms + MINUTE).tolist()
            found |= dict.fromkeys(old, TOO_OLD.format(kept=kept_ms // HOUR))
        return found

    def _not_sent(self, batch: Batch, hopeless: dict[int, str]) -> Refusals:
        which = np.array(list(hopeless), np.intp)
        lines = self._reading_lines(batch, which)
        rejected = [Rejected(line, 0, why) for line, why in zip(lines, hopeless.values(), strict=True)]
        return Refusals(rejected, dict(zip(lines, _whose(batch.rows, which), strict=True)))

    def _rows(self, batch: Batch, which: Indexes) -> Refusals:
        lines = self._reading_lines(batch, which)
        rejected = self.lines(lines)
        return Refusals(rejected, dict(zip(lines, _whose(batch.rows, which), strict=True)) if rejected else {})

    def _texts(self, batch: Batch) -> Refusals:
        prefixes = self._catalogue.prefixes
        whose: dict[str, Whose] = {
            text_line(prefixes[number], text.text, text.quality, text.time): (text.point, text.time)
            for number, text in zip(batch.text_series, batch.texts, strict=True)
        }
        return Refusals(self.lines(list(whose)), whose)

    def _reading_lines(self, batch: Batch, which: Indexes) -> list[str]:
        rows = batch.rows
        return reading_lines(
            self._catalogue.prefixes,
            batch.series[which].tolist(),
            rows.value[which].tolist(),
            rows.quality[which].tolist(),
            rows.time[which].tolist(),
        )


def _whose(rows: Rows, which: Indexes) -> list[Whose]:
    return list(zip(rows.point[which].tolist(), rows.time[which].tolist(), strict=True))
