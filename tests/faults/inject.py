"""Faults put into a hub process from outside: each wraps one method of a hub that has been built and not started.

* ``kill:WHERE:WHEN:NTH`` ends the process with SIGKILL at the n-th time that it comes by. WHERE: ``commit`` (of the
  journal), ``puback``, ``alarm`` (a lane transaction that writes a notice), ``series`` (that lane's transaction),
  ``send`` (of a notice). WHEN: ``before``, ``during`` (inside the transaction, half-way through the acknowledgements),
  ``after`` (done, and nothing that follows from it).
* ``early-puback:NTH`` acknowledges one message of the n-th batch, and is killed before the batch is committed.
* ``series-away:FILE`` makes the series store unavailable while the file exists.
* ``judging-fails:POINT:VALUE`` makes the alarm lane's judging raise for that value of that point.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from hub.errors import StoreUnavailable
from hub.flows.worksheet import Worksheet
from hub.storage.duck import appender
from hub.wiring import Hub

T = TypeVar("T")
ON_ITS_WAY_S = 1.0
"""How long a PUBACK that was handed over is given to reach the broker."""


def kill_myself() -> None:
    """As a power switch would, but for the disk's cache."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()  # the signal is on its way: not a step further


class Countdown:
    """``True`` at the n-th call and never again."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def __call__(self) -> bool:
        self._left -= 1
        return self._left == 0


class KillPoint:
    """Kills before, during or after a wrapped call, at the n-th one that counts."""

    def __init__(self, when: str, nth: int) -> None:
        self.when = when
        self.now = Countdown(nth)

    def around(self, call: Callable[..., T], *, half_way: Callable[..., None]) -> Callable[..., T]:
        """``half_way`` is called with the arguments, for ``during``."""

        def wrapped(*args: Any) -> T:
            if not self.now():
                return call(*args)
            if self.when == "before":
                kill_myself()
            if self.when == "during":
                half_way(*args)
            result = call(*args)
            kill_myself()
            return result

        return wrapped


def inject(hub: Hub, spec: str) -> None:
    """Put one fault, as named above, into a hub that does not run yet."""
    kind, *words = spec.split(":")
    INJECTIONS[kind](hub, *words)


def _put(owner: object, name: str, call: Callable[..., Any]) -> None:
    """In place of the method of that name."""
    setattr(owner, name, call)


def _kill(hub: Hub, where: str, when: str, nth: str) -> None:
    KILLS[where](hub, KillPoint(when, int(nth)))


def _kill_at_commit(hub: Hub, point: KillPoint) -> None:
    def half_way(_frames: object) -> None:
        db = hub.journal._writer
        db.create_function("die", 0, kill_myself)
        db.execute(
            "CREATE TEMP TRIGGER dying AFTER INSERT ON batches BEGIN SELECT die(); END"
        )  # row in, commit to come

    _put(hub.journal, "append", point.around(hub.journal.append, half_way=half_way))


def _kill_at_puback(hub: Hub, point: KillPoint) -> None:
    for receiver in hub.receivers.values():
        acknowledge = receiver.acknowledge

        def half_way(generation: int, ids: list[int], tell: Callable[..., None] = acknowledge) -> None:
            tell(generation, ids[: len(ids) // 2])
            time.sleep(0.002)  # the network thread sends some of them, or none, or all
            kill_myself()

        _put(receiver, "acknowledge", point.around(acknowledge, half_way=half_way))


class _Records:
    """The alarm lane's records: its n-th transaction with a notice is its last."""

    def __init__(self, hub: Hub, point: KillPoint) -> None:
        self._records = hub.alarm_lane._records
        self._point = point

    def read(self, work: Callable[[Any], T]) -> T:
        return self._records.read(work)

    def write(self, work: Callable[[Any], T]) -> T:
        mine = False

        def watched(books: Any) -> T:
            nonlocal mine
            result = work(books)
            mine = isinstance(result, Worksheet) and bool(result.notices) and self._point.now()
            if mine and self._point.when == "during":
                kill_myself()
            return result

        result = self._records.write(watched)
        if mine:
            kill_myself()
        return result


def _kill_at_alarm(hub: Hub, point: KillPoint) -> None:
    hub.alarm_lane._records = _Records(hub, point)


def _kill_at_series(hub: Hub, point: KillPoint) -> None:
    write_position = appender._write_position

    def half_way(*_args: object) -> None:
        def written(*args: Any) -> None:
            write_position(*args)
            kill_myself()  # rows, marks and position are in the transaction, which is not committed

        _put(appender, "_write_position", written)

    _put(hub.series, "append", point.around(hub.series.append, half_way=half_way))


def _kill_at_send(hub: Hub, point: KillPoint) -> None:
    def half_way(_notice: object) -> None:
        threading.Thread(target=_kill_soon, daemon=True).start()

    for desk in hub.sender._desks:
        channel: Any = desk._channel
        channel.send = point.around(channel.send, half_way=half_way)


def _kill_soon() -> None:
    time.sleep(0.001)
    kill_myself()


def _early_puback(hub: Hub, nth: str) -> None:
    intake: Any = hub.intake
    now = Countdown(int(nth))
    commit = intake._commit

    def commit_or_lie(puts: list[Any]) -> None:
        put = next((put for put in puts if put.source is not None and any(f.packet_id for f in put.frames)), None)
        if put is not None and now():
            one = next(frame for frame in put.frames if frame.packet_id)
            intake._acknowledge([put._replace(frames=[one])])
            time.sleep(ON_ITS_WAY_S)
            kill_myself()
        commit(puts)

    intake._commit = commit_or_lie


def _series_away(hub: Hub, switch: str) -> None:
    append = hub.series.append

    def may_fail(*args: Any) -> Any:
        if Path(switch).exists():
            raise StoreUnavailable("series store: taken away by the test")
        return append(*args)

    _put(hub.series, "append", may_fail)


def _judging_fails(hub: Hub, point: str, value: str) -> None:
    judging = hub.alarm_lane._judging
    sample = judging.sample

    def may_fail(sheet: Worksheet, slot: int, found: float | str, **times: Any) -> None:
        if found == float(value) and hub.slots.keys[slot].name == point:
            raise ZeroDivisionError("put in by the test")
        sample(sheet, slot, found, **times)

    _put(judging, "sample", may_fail)


KILLS: dict[str, Callable[[Hub, KillPoint], None]] = {
    "commit": _kill_at_commit,
    "puback": _kill_at_puback,
    "alarm": _kill_at_alarm,
    "series": _kill_at_series,
    "send": _kill_at_send,
}
INJECTIONS: dict[str, Callable[..., None]] = {
    "kill": _kill,
    "early-puback": _early_puback,
    "series-away": _series_away,
    "judging-fails": _judging_fails,
}


def every_kill_point() -> Iterator[str]:
    """``commit:before``, ``commit:during`` and so on."""
    for where in KILLS:
        for when in ("before", "during", "after"):
            if (where, when) != ("alarm", "before"):  # what a transaction will write is not known before
                yield f"{where}:{when}"
