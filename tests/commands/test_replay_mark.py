"""``hub replay`` goes on where it was stopped, and only there: what it skipped once nobody would look for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hub.clock import DAY, WallClock, from_iso
from hub.control import Progress, Word
from hub.errors import StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.registry import Registrar, Registry
from hub.flows.series import Rows, SeriesPlace
from hub.series_work import Copying, Mark, SeriesWork
from hub.storage.influx.target import parse
from hub.storage.series_duckdb import DuckSeries
from hub.storage.series_influx import InfluxSeries

BEGIN, JUNE, END = (from_iso(f"2026-{day}T00:00:00Z") for day in ("05-22", "06-01", "06-12"))
KEY = PointKey("hg", "hg~d", "temperature")
RUNNER: Any = SimpleNamespace(started=False)


class Stopped(Exception):
    """Somebody has pressed Ctrl-C."""


class Work:
    """A store with a reading a day, another that is empty, and the command."""

    def __init__(self, folder: Path) -> None:
        self.main, self.mirror = (DuckSeries(folder / f"{n}.duckdb", memory_limit="128MB", threads=1) for n in "ab")
        for store in (self.main, self.mirror):
            store.open()
        time = np.arange(BEGIN, END, DAY)
        self.main.append(
            Rows(
                point=np.repeat(self.main.point_ids([KEY]), len(time)),
                time=time,
                value=np.ones(len(time)),
                quality=np.zeros(len(time), np.uint8),
                place=np.repeat(self.main.place_ids([SeriesPlace("hg", "hall", "", "activity_room")]), len(time)),
            ),
            [],
            Position("j", 1),
        )
        self.stores: dict[str, Any] = {"main": (self.main, RUNNER), "mirror": (self.mirror, RUNNER)}
        self.folder = folder
        self.told_again: list[tuple[InfluxSeries, int | None]] = []
        self._work = SeriesWork(
            lambda: dict(self.stores),
            Registrar(Registry()),
            folder,
            WallClock(),
            again=lambda store, since: self.told_again.append((store, since)),
        )

    def replay(self, *, stop_at: int | None = None, **arguments: str | bool) -> tuple[dict[str, int], list[Word]]:
        """What was done and said; stopped once the copy has reached a day."""
        said: list[Word] = []

        def say(word: Word) -> None:
            said.append(word)
            if stop_at is not None and isinstance(word, Progress) and self.copied() and self.copied()[-1] >= stop_at:
                raise Stopped

        return self._work.replay({"from": "main", "to": "mirror", **arguments}, say), said

    def copied(self) -> list[int]:
        return sorted(self.mirror.extract(0, 2**53).rows.time.tolist())


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Work]:
    work = Work(tmp_path)
    yield work
    work.main.close()
    work.mirror.close()


def goes_on(said: list[Word]) -> str:
    return next((word for word in said if isinstance(word, str) and word.startswith("going on at")), "")


def test_a_stopped_copy_goes_on_where_it_was_and_a_finished_one_begins_anew(work: Work) -> None:
    with pytest.raises(Stopped):
        work.replay(stop_at=JUNE)
    done, said = work.replay()
    assert goes_on(said).startswith("going on at 2026-06-0")
    assert done["added"] < 12
    assert work.copied() == list(range(BEGIN, END, DAY))
    done, said = work.replay()
    assert (goes_on(said), done["readings"], done["added"]) == ("", 21, 0)


def test_again_begins_anew(work: Work) -> None:
    with pytest.raises(Stopped):
        work.replay(stop_at=JUNE)
    done, said = work.replay(again=True)
    assert (goes_on(said), done["readings"]) == ("", 21)


def test_what_lies_before_the_stretch_of_a_stopped_copy_is_not_skipped(work: Work) -> None:
    with pytest.raises(Stopped):
        work.replay(stop_at=JUNE + 4 * DAY, since="2026-06-01")
    _, said = work.replay()
    assert goes_on(said) == ""
    assert work.copied() == list(range(BEGIN, END, DAY))


def test_a_later_beginning_within_what_was_copied_goes_on_too(work: Work) -> None:
    with pytest.raises(Stopped):
        work.replay(stop_at=JUNE)
    _, said = work.replay(since="2026-05-25")
    assert goes_on(said).startswith("going on at 2026-06-0")


def test_another_end_begins_anew(work: Work) -> None:
    with pytest.raises(Stopped):
        work.replay(stop_at=BEGIN + 5 * DAY, until="2026-06-01")
    _, said = work.replay()
    assert goes_on(said) == ""
    assert work.copied() == list(range(BEGIN, END, DAY))


@pytest.mark.parametrize(
    ("stopped", "resumed"),
    [("http://127.0.0.1:1/readings", "going on at 2026-06-01T00:00:00"), ("http://127.0.0.1:1/other", "")],
)
def test_a_mirror_with_another_address_begins_anew(work: Work, stopped: str, resumed: str) -> None:
    server = InfluxSeries(
        parse("influxdb://127.0.0.1:1/readings"), work.folder / "series.sqlite", WallClock(), question_seconds=1
    )
    server.open()
    work.stores["mirror"] = (server, RUNNER)
    Mark(
        work.folder / "replay-main-mirror.json", Copying(source="DuckSeries", target=stopped, since=BEGIN, until=None)
    ).write(JUNE)
    said: list[Word] = []
    with pytest.raises(StoreUnavailable):
        work._work.replay({"from": "main", "to": "mirror"}, said.append)
    assert goes_on(said)[: len("going on at 2026-06-01T00:00:00")] == resumed
    assert work.told_again == [(server, None)], "and events and figures are looked at again"
    server.close()


@pytest.mark.parametrize("kept", ["", "[]", '{"at": 5, "what": [null]}', '{"at": "x", "copying": {"source": 1}}'])
def test_a_mark_that_cannot_be_read_begins_anew(tmp_path: Path, kept: str) -> None:
    path = tmp_path / "replay-main-mirror.json"
    path.write_text(kept)
    assert Mark(path, Copying(source="a", target="b", since=BEGIN, until=None)).read() == BEGIN
