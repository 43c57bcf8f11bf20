"""What makes the pages of figures worth looking at: a flood of alarms, doubtful readings, lines that were refused."""

from __future__ import annotations

from typing import Any

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.alarms import Change
from hub.flows.batch import PointKey
from hub.flows.ports import AlarmEvent
from hub.flows.series import Doubtful
from hub.flows.unstored import OldCell, RefusedLine, Unstored, WhyRefused
from tests.web.fakes.hub import HOME, FakeHub

CELL = 15 * MINUTE


def burden(hub: FakeHub) -> None:
    now = hub.deps.clock.now()
    busy = [hub.alarms[name] for name in ("lift", "sump", "pump", "ev")]

    def work(books: Any) -> None:
        for number in range(48):  # twelve alarms each ten minutes, 26 h ago; each lasts for four
            alarm, at = busy[number % 4], now - 26 * HOUR + number * 50_000
            books.alarms.log(
                [
                    AlarmEvent(alarm.id, at, Change.RAISED, "limit", number),
                    AlarmEvent(alarm.id, at + 4 * MINUTE, Change.RETURNED, "limit", number),
                ]
            )

    hub.records.write(work)
    bindings = hub.deps.registrar.current.bindings
    keys = [PointKey(HOME, *key) for key, spans in sorted(bindings.items()) if spans[-1].facility in {"gym", "pool"}]
    hub.live.quality.update({keys[0]: 1, keys[1]: 4})
    hub.series.odd += [Doubtful(key, 900 // (number + 1), now - HOUR, 1) for number, key in enumerate(keys[::2])]
    hub.series.old += [(now // CELL * CELL - 30 * HOUR, now // CELL * CELL - 28 * HOUR)]
    hub.unstored["main"] = unstored(keys, now)


def unstored(keys: list[PointKey], now: int) -> Unstored:
    old, wrong, other = WhyRefused.TOO_OLD, WhyRefused.WRONG_TYPE, WhyRefused.OTHER
    conflict = 'partial write: field type conflict: input field "value" on measurement "power" is type float'
    lines = [
        RefusedLine(keys[0], now - 40 * DAY - number * MINUTE, now - HOUR, old, 0, "older than the server keeps", "a")
        for number in range(12)
    ]
    lines += [
        RefusedLine(keys[1], now - DAY, now - 2 * HOUR, wrong, 400, conflict, "power,community=harmony-garden value=1"),
        RefusedLine(None, None, now - 3 * HOUR, other, 400, "<b>unable to parse</b>", "alarm_event,state=raised n=1i"),
    ]
    start = now // CELL * CELL - 30 * HOUR
    cells = [OldCell(keys[0], start + number * CELL, "query would exceed file limit") for number in (0, 1, 2, 5)]
    return Unstored(
        target="http://influx.example:8086/hub",
        lines_count=len(lines),
        lines=tuple(lines),
        cells_count=len(cells),
        cells=tuple(cells),
    )
