"""Compares what a publisher saw acknowledged with what the hub stored. A program of its own; imports nothing of the hub.

    python -m tests.faults.checker --acked FILE [--journal FILE] [--series FILE] [--may-miss-acked]

* ``--acked``: the publisher's list, records of two little-endian uint32 (device number, sequence number), one per PUBACK.
* ``--journal``: the journal's SQLite file: table ``batches`` with a msgpack array of frames in ``blob``.
* ``--series``: the DuckDB file, with no other process on it: tables ``points`` (id, community, device, name) and
  ``readings`` (point, time, value). Each message carries its sequence number as the value of the point ``seq``.

Every acknowledged (device, seq) has to be in each store; in the series exactly once, and with all five values of its
message; a reading of a message that nobody sent is foreign. The journal may hold a redelivered copy where the hub was
killed between commit and PUBACK: copies are counted and told, not refused. ``--may-miss-acked`` is for a broker that was
killed: what it lost is told, while the series must still hold exactly what the journal holds.

Prints one line of JSON; exit code 1 if anything is missing, doubled or foreign.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import msgspec

Key = tuple[int, int]
"""(device number, sequence number)"""

_RECORD: Final = struct.Struct("<II")
_TOPIC: Final = re.compile(rb"community/v1/(?P<community>[^/]+)/d(?P<device>\d+)/telemetry")
_SEQ: Final = re.compile(rb'"seq":(\d+)')
_VALUES: Final = ("humidity", "level", "power", "seq", "temperature")
_SHOWN: Final = 10


def read_acked(path: Path) -> Counter[Key]:
    """The publisher's list; a record cut short by a kill is left out."""
    data = path.read_bytes()
    return Counter(_RECORD.iter_unpack(data[: len(data) - len(data) % _RECORD.size]))


def read_journal(path: Path, community: str) -> Counter[Key]:
    """How often each message is in the journal."""
    found: Counter[Key] = Counter()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        for (blob,) in db.execute("SELECT blob FROM batches ORDER BY id"):
            found.update(_messages(msgspec.msgpack.decode(blob), community.encode()))
    return found


def _messages(frames: list[list[object]], community: bytes) -> Iterator[Key]:
    for frame in frames:
        topic, payload = frame[2], frame[3]
        if isinstance(topic, bytes) and isinstance(payload, bytes):
            named, numbered = _TOPIC.fullmatch(topic), _SEQ.search(payload)
            if named and numbered and named["community"] == community:
                yield int(named["device"]), int(numbered[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What the series store holds of the publisher's devices."""

    messages: Counter[Key]
    """How often each sequence number was stored."""
    values: dict[int, dict[str, int]]
    """Device -> point -> number of readings."""
    twice: int
    """(point, time) pairs with more than one row."""


def read_series(path: Path, community: str) -> Series:
    """Read the DuckDB file; another process may not have it open."""
    with duckdb.connect(str(path), read_only=True) as db:
        ours = "points p on p.id = r.point where p.community = ? and regexp_matches(p.device, '~d[0-9]+$')"
        rows = db.execute(f"select p.device, r.value from readings r join {ours} and p.name = 'seq'", [community])
        messages = Counter((_number(device), int(value)) for device, value in rows.fetchall())
        rows = db.execute(f"select p.device, p.name, count(*) from readings r join {ours} group by all", [community])
        values: dict[int, dict[str, int]] = {}
        for device, name, count in rows.fetchall():
            values.setdefault(_number(device), {})[name] = count
        twice = db.execute("select count(*) from (select 1 from readings group by point, time having count(*) > 1)")
        (doubled,) = twice.fetchall()[0]
    return Series(messages=messages, values=values, twice=int(doubled))


def _number(device: str) -> int:
    return int(device.rpartition("~d")[2])


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What the comparison found. Every list that is not empty is a fault."""

    counts: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """Worth knowing, no fault: copies in the journal, what a killed broker lost."""
    faults: dict[str, list[object]] = field(default_factory=dict)
    """Kind -> the first few."""

    def fault(self, kind: str, found: Sequence[object]) -> None:
        """Note it, if there is any."""
        if found:
            self.counts[kind] = len(found)
            self.faults[kind] = list(found[:_SHOWN])

    @property
    def ok(self) -> bool:
        """Nothing missing, doubled or foreign."""
        return not self.faults


def compare(
    acked: Counter[Key], journal: Counter[Key] | None, series: Series | None, *, may_miss_acked: bool = False
) -> Verdict:
    """Judge by identity. ``may_miss_acked``: the broker was killed, its own loss is told instead of refused."""
    verdict = Verdict(counts={"acked": len(acked)})
    verdict.fault("acked_twice", [key for key, times in acked.items() if times > 1])
    if journal is not None:
        verdict.counts["journalled"] = len(journal)
        verdict.told["journal_copies"] = journal.total() - len(journal)
        missing = sorted(acked.keys() - journal.keys())
        if may_miss_acked:
            verdict.told["lost_by_the_broker"] = len(missing)
        else:
            verdict.fault("missing_in_journal", missing)
    if series is not None:
        verdict.counts["stored"] = len(series.messages)
        wanted = journal.keys() if journal is not None else acked.keys()
        verdict.fault("missing_in_series", sorted(wanted - series.messages.keys()))
        verdict.fault("twice_in_series", sorted(key for key, times in series.messages.items() if times > 1))
        if journal is not None:
            verdict.fault("foreign_in_series", sorted(series.messages.keys() - journal.keys()))
        verdict.fault("incomplete_in_series", _incomplete(series))
        if series.twice:
            verdict.fault("rows_with_one_point_and_time", [series.twice])
    return verdict


def _incomplete(series: Series) -> list[object]:
    """Devices whose five points do not have one reading for each message."""
    messages = Counter(device for device, _ in series.messages.elements())
    return [
        {"device": device, "messages": messages[device], **series.values.get(device, {})}
        for device in sorted(messages.keys() | series.values.keys())
        if [series.values.get(device, {}).get(name) for name in _VALUES] != [messages[device]] * len(_VALUES)
    ]


def main() -> int:
    """Read, compare, print, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description="Compare a publisher's acknowledged messages with the hub's stores.")
    parser.add_argument("--acked", type=Path, required=True)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--series", type=Path)
    parser.add_argument("--community", default="bench")
    parser.add_argument("--may-miss-acked", action="store_true")
    given = parser.parse_args()
    verdict = compare(
        read_acked(given.acked),
        None if given.journal is None else read_journal(given.journal, given.community),
        None if given.series is None else read_series(given.series, given.community),
        may_miss_acked=given.may_miss_acked,
    )
    line = json.dumps({"ok": verdict.ok, **verdict.counts, "told": verdict.told, "faults": verdict.faults})
    sys.stdout.write(f"{line}\n")
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
