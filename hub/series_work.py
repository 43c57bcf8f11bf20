"""What commands do with the series stores, where they are: copy, compare, look at what a server refused. JSON in, JSON out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from hub.clock import DAY, Clock, from_iso, to_iso
from hub.control import Progress, Say
from hub.errors import InvalidInput
from hub.flows.batch import PointKey
from hub.flows.registry import Registrar
from hub.flows.replay import Replay
from hub.flows.series import SeriesStore
from hub.ingest.lanes import LaneRunner
from hub.storage.series_duckdb import DuckSeries
from hub.storage.series_influx import InfluxSeries

T = TypeVar("T")
Of = tuple[PointKey, int]
"""A point and the midnight (UTC) of a day."""
Stores = Callable[[], dict[str, tuple[SeriesStore, LaneRunner]]]
"""By name: ``main`` is what pages read, the others are mirrors; each with the runner whose thread writes it."""
Again = Callable[[InfluxSeries, int | None], None]
"""Has all changes and figures since then looked at once more for a store, see hub.jobs.figures."""
PATIENCE_S: Final = 600.0
"""A lane in the middle of a backlog comes to a command between two batches."""
SHOWN: Final = 20
"""Differences that are named; the others are counted."""
_KINDS: Final = {"duckdb": DuckSeries, "influxdb": InfluxSeries, "influx": InfluxSeries}


class SeriesWork:
    """By name of ``hub.handlers``."""

    def __init__(self, stores: Stores, registrar: Registrar, folder: Path, clock: Clock, *, again: Again) -> None:
        self._stores = stores
        self._again = again
        self._registrar = registrar
        self._folder = folder
        self._clock = clock

    # --- copying --------------------------------------------------------------------------------------------------

    def replay(self, arguments: dict[str, Any], say: Say) -> Any:
        """{from, to, since, until, again} -> {readings, added, cells}; a stopped one goes on where it was."""
        source_name, source, _ = self._find(arguments["from"])
        target_name, target, runner = self._find(arguments["to"])
        if source is target:
            raise InvalidInput(
                f"{source_name} and {target_name} are one store: name two, such as --from main --to mirror"
            )
        registry = self._registrar.current
        replay = Replay(
            source,
            target,
            metric_of=lambda key: registry.metric_of(key.device, key.name),
            on_lane=partial(_on_lane, runner),
        )
        since = _instant(arguments.get("since"))
        until = _instant(arguments.get("until"))
        start = replay.start if since is None else max(replay.start, since)
        end = replay.end if until is None else min(replay.end, until)
        if isinstance(target, InfluxSeries):
            self._again(target, since)
            say(f"changes of alarms and tickets, and hourly figures, follow into {target_name} from the records")
        mark = Mark(
            self._folder / f"replay-{source_name}-{target_name}.json",
            Copying(source=_identity(source), target=_identity(target), since=start, until=until),
        )
        at = start if arguments.get("again") else mark.read()
        if at > start:
            say(f"going on at {to_iso(at)}, where the last one stopped (--again begins anew)")
        result = {"readings": 0, "added": 0, "cells": 0}
        for step in replay.run(at, end):
            mark.write(step.at)
            result = {"readings": step.readings, "added": step.added, "cells": step.cells}
            say(
                Progress(
                    (step.at - start) // DAY,
                    max((end - start) // DAY, 1),
                    f"days from {source_name} into {target_name}",
                )
            )
        mark.done()
        return result

    # --- comparing ------------------------------------------------------------------------------------------------

    def compare(self, arguments: dict[str, Any], say: Say) -> Any:
        """{days} -> for each mirror {readings, points, differences, shown}: whole days before today, main against it."""
        end = self._clock.now() // DAY * DAY
        days = range(end - arguments["days"] * DAY, end, DAY)
        stores = self._stores()
        main, _ = stores.pop("main")
        communities = sorted({span.point.community for span in main.spans()})
        mine = _counted(main, communities, days, say)
        return {name: _difference(mine, _counted(store, communities, days, say)) for name, (store, _) in stores.items()}

    # --- what a server refused ------------------------------------------------------------------------------------

    def rejected(self, arguments: dict[str, Any], say: Say) -> Any:
        """{limit} -> for each InfluxDB {count, lines, unread_count, unread}."""
        return {
            name: {
                "count": store.count_rejected(),
                "lines": [line._asdict() | {"at": to_iso(line.at)} for line in store.rejected(arguments["limit"])],
                "unread_count": store.count_unread(),
                "unread": [
                    {"point": " ".join(key[1:]), "start": to_iso(cell.start), "reason": cell.reason}
                    for key, cell in store.unread(arguments["limit"])
                ],
            }
            for name, store in self._servers().items()
        }

    def redrive(self, arguments: dict[str, Any], say: Say) -> Any:
        """Send every refused line again -> for each InfluxDB {stored, still_rejected}."""
        return {name: store.redrive()._asdict() for name, store in self._servers().items()}

    # --- shared ---------------------------------------------------------------------------------------------------

    def _servers(self) -> dict[str, InfluxSeries]:
        stores = self._stores()
        found = {name: store for name, (store, _) in stores.items() if isinstance(store, InfluxSeries)}
        if not found:
            raise InvalidInput("no series store of these settings is an InfluxDB: set series.url or a mirror to one")
        return found

    def _find(self, name: str) -> tuple[str, SeriesStore, LaneRunner]:
        """By name, or by kind where there is one of it."""
        stores = self._stores()
        if name in stores:
            return (name, *stores[name])
        kind = _KINDS.get(name)
        alike = [(known, *pair) for known, pair in stores.items() if kind is not None and isinstance(pair[0], kind)]
        if len(alike) != 1:
            raise InvalidInput(
                f"no series store {name!r}: there is {', '.join(stores)} (main is series.url, the others are [[series.mirrors]])"
            )
        return alike[0]


@dataclass(frozen=True, kw_only=True)
class Copying:
    """Which stretch of which stores is copied. Instants are epoch ms; ``until`` None: to the end."""

    source: str
    target: str
    since: int
    until: int | None


class Mark:
    """How far a replay has come, beside the stores. Gone on with by a copying of the same stores that begins no earlier."""

    def __init__(self, path: Path, copying: Copying) -> None:
        self._path = path
        self._copying = copying

    def read(self) -> int:
        """Where to go on."""
        wanted = self._copying
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            begun, at = Copying(**kept["copying"]), int(kept["at"])
            covered = begun.since <= wanted.since and replace(begun, since=wanted.since) == wanted
        except (OSError, ValueError, TypeError, KeyError):
            return wanted.since
        return max(wanted.since, at) if covered else wanted.since

    def write(self, at: int) -> None:
        """So far; whole or not at all."""
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"at": at, "copying": asdict(self._copying)}), encoding="utf-8")
        beside.replace(self._path)

    def done(self) -> None:
        """To the end."""
        self._path.unlink(missing_ok=True)


def _on_lane(runner: LaneRunner, work: Callable[[], T]) -> T:
    """On the lane's thread while the hub runs; here where no lane does."""
    return runner.submit(work, timeout=PATIENCE_S) if runner.started else work()


def _counted(store: SeriesStore, communities: list[str], days: range, say: Say) -> Counter[Of]:
    found: Counter[Of] = Counter()
    for done, day in enumerate(days):
        for community in communities:
            counts = store.counts(community=community, start=day, end=day + DAY, zone="UTC")
            rows = zip(counts.point, counts.day.tolist(), counts.count.tolist(), strict=True)
            found.update({(point, at): count for point, at, count in rows})
        say(Progress(done + 1, len(days), "days counted"))
    return found


def _difference(mine: Counter[Of], theirs: Counter[Of]) -> dict[str, Any]:
    wrong = sorted(key for key in mine.keys() | theirs.keys() if mine[key] != theirs[key])
    return {
        "readings": sum(mine.values()),
        "points": len({point for point, _ in mine}),
        "differences": len(wrong),
        "shown": [
            f"{point.device} {point.name} on {to_iso(day)[:10]}: {mine[point, day]} in main, {theirs[point, day]} here"
            for point, day in wrong[:SHOWN]
        ],
    }


def _identity(store: SeriesStore) -> str:
    """Names move from store to store when somebody swaps or corrects a URL."""
    return store.target.shown if isinstance(store, InfluxSeries) else type(store).__name__


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return from_iso(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no date: expected 2026-01-31 or 2026-01-31T08:00:00+08:00") from error
