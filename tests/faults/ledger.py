"""One fault, one ticket, one notice that left: compares the faults a publisher caused with the records and the web hook.

Imports nothing of the hub: reads the records' SQLite file as it is.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.checker import Key, read_acked
from tests.faults.publisher import FAULT_LENGTH

_MODE: Final = "device_fault"
"""The failure mode of every rule of the bench community."""


@dataclass(slots=True, kw_only=True)
class Account:
    """What was found. ``faults`` has to be empty."""

    caused: int
    tickets: int
    notices: int
    repeats: int
    """Posts that said the same again, with the same key."""
    faults: list[str] = field(default_factory=list)


def account(records: Path, posts: Counter[str], faulty: Path, held: Counter[Key]) -> Account:
    """Each fault among the messages ``held`` has one alarm, one ticket and one notice; nothing else has any."""
    begun = dict(read_acked(faulty).keys())
    certain = _held(begun, held)
    with closing(sqlite3.connect(f"file:{records}?mode=ro", uri=True)) as db:
        tickets = db.execute("SELECT id, facility, failure_mode, occurrences, late FROM tickets").fetchall()
        alarms = db.execute("SELECT id, device, rule, occurrence FROM alarms").fetchall()
        raised = Counter(row[0] for row in db.execute("SELECT alarm FROM alarm_events WHERE kind = 'raised'"))
        notices = db.execute("SELECT dedupe_key, ticket, state, kind FROM notices").fetchall()
    found = Account(caused=len(certain), tickets=len(tickets), notices=len(notices), repeats=posts.total() - len(posts))
    said = found.faults
    _compare(said, "ticket", Counter(int(facility[1:]) for _, facility, *_ in tickets), certain, begun)
    _compare(said, "alarm", Counter(int(device.rpartition("~d")[2]) for _, device, *_ in alarms), certain, begun)
    said += [f"ticket {row}" for row in tickets if row[2:] != (_MODE, 1, 0)]
    said += [f"alarm {row} raised {raised[row[0]]} times" for row in alarms if row[3] != 1 or raised[row[0]] != 1]
    told = Counter(ticket for _, ticket, _, kind in notices if kind == "opened")
    said += [f"ticket {row[0]} has {told[row[0]]} notices" for row in tickets if told[row[0]] != 1]
    # a run of over five minutes sees the first faults end, of which the crew hears once
    restored = Counter(ticket for _, ticket, _, kind in notices if kind == "restored")
    said += [
        f"ticket {ticket} was said to be restored {times} times" for ticket, times in restored.items() if times > 1
    ]
    said += [f"notice {row}" for row in notices if row[2] != "sent" or row[3] not in ("opened", "restored")]
    said += [f"notice {row[0]} never left" for row in notices if not posts[row[0]]]
    said += [f"a post about {key}, which is no notice" for key in posts.keys() - {row[0] for row in notices}]
    return found


def _held(begun: dict[int, int], held: Counter[Key]) -> set[int]:
    """Devices of which a message with the fault is among them."""
    return {device for device, seq in held if 0 <= seq - begun.get(device, seq + 1) < FAULT_LENGTH}


def _compare(said: list[str], what: str, found: Counter[int], certain: set[int], begun: dict[int, int]) -> None:
    said += [f"no {what} for the fault of device {device}" for device in sorted(certain - found.keys())]
    said += [f"{times} {what}s for device {device}" for device, times in found.items() if times > 1]
    said += [f"{what} for device {device}, which had no fault" for device in found.keys() - begun.keys()]
