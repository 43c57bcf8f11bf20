"""Small complete stand-ins for the parts behind the web: live readings, series, ticket and alarm actions, the inbox."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hub.clock import DAY, HOUR, MINUTE, Clock
from hub.domain.alarms import Alarm, Overlay
from hub.domain.metrics import METRICS
from hub.domain.places import Binding, Device, DeviceState
from hub.errors import IllegalTransition, InvalidInput, NotFound, Stale
from hub.flows.batch import PointKey
from hub.flows.community.adoption import Adoption, InboxDevice, InboxPoint
from hub.flows.community.desk import Amendment, DeviceFile
from hub.flows.community.exchange import Exchange, exchange
from hub.flows.community.plan import end
from hub.flows.live import ClockFault, LiveReading
from hub.flows.ports import AlarmEvent, Records
from hub.flows.pushing import Answer, Delivery
from hub.flows.registry import Registrar
from hub.flows.series import Aggregate, Doubtful, QueryInterrupted, SeriesPlace, Step, WeekHours, Window
from hub.web.stream import Changes

TYPICAL = {
    "temperature": (24, 3), "humidity": (55, 8), "pressure": (0.45, 0.02), "level": (2.1, 0.3), "power": (1600, 900),
    "current": (12, 3), "voltage": (231, 2), "signal": (-67, 4), "uptime": (900_000, 0), "co2": (620, 140),
    "occupancy": (9, 6), "battery": (82, 2), "floor": (6, 5), "flow": (7, 4), "ph": (7.3, 0.1),
}  # fmt: skip


def course(key: PointKey, at: int) -> float:
    """A believable value of a point at an instant; the same for the same question."""
    metric = METRICS.get(key.name.rpartition(".")[2])
    seed = sum(map(ord, key.device + key.name))
    day = math.sin(2 * math.pi * ((at / DAY) + seed % 7 / 40))
    if metric is not None and metric.off is not None:
        return float((at // HOUR + seed) % 17 == 0)
    if metric is not None and metric.name in {"energy", "volume"}:
        return (seed % 5 + 1) * at / HOUR
    middle, reach = TYPICAL.get(key.name.rpartition(".")[2], (None, None))
    if middle is None or reach is None:
        low, high = (metric.low, metric.high) if metric else (0, 100)
        middle, reach = low + (min(high, low + 100) - low) * 0.4, (min(high, low + 100) - low) * 0.1
    return middle + reach * (0.7 * day + 0.3 * math.sin(at / (7 * MINUTE) + seed))


class FakeLive:
    def __init__(self, registrar: Registrar, clock: Clock) -> None:
        self._registrar, self._clock = registrar, clock
        self.silent_devices: set[str] = set()
        self.unheard: set[str] = set()
        self.offline_devices: set[str] = set()
        self.clock_faults: dict[str, ClockFault] = {}
        self.lost: set[tuple[str, str]] = set()
        self.pinned: dict[PointKey, float] = {}
        self.quality: dict[PointKey, int] = {}
        self._changed: list[tuple[int, PointKey]] = []
        self._mark = 0

    def readings(self, keys: Collection[PointKey]) -> Mapping[PointKey, LiveReading]:
        now = self._clock.now()
        found = {}
        for key in keys:
            if key.device in self.unheard:
                continue
            metric = METRICS.get(key.name.rpartition(".")[2])
            texts = metric.texts if metric else ()
            silent = key.device in self.silent_devices
            at = now - (5 * HOUR if silent else sum(map(ord, key.name)) % 50 * 1000)
            value = self.pinned.get(key, course(key, at))
            text = texts[0] if texts else ""
            found[key] = LiveReading(key, None if texts else value, text, at, at, self.quality.get(key, 0), silent)
        return found

    def pin(self, key: PointKey, value: float) -> None:
        self.pinned[key] = value
        self._mark += 1
        self._changed.append((self._mark, key))

    def changed_since(self, mark: int) -> tuple[int, Sequence[LiveReading]]:
        keys = [key for at, key in self._changed if at > mark]
        return self._mark, list(self.readings(keys).values())

    def heard_at(self, device: str) -> int | None:
        return self._clock.now() - (5 * HOUR if device in self.silent_devices else 20_000)

    def online(self, device: str) -> bool | None:
        return device not in self.offline_devices

    def clock_fault(self, device: str) -> ClockFault | None:
        return self.clock_faults.get(device)

    def of_device(self, device: str) -> Sequence[LiveReading]:
        bound = [key for key in self._registrar.current.bindings if key[0] == device]
        return list(self.readings([PointKey(device.partition("~")[0], *key) for key in bound]).values())

    def interval(self, key: PointKey) -> int | None:
        return None if key.device in self.unheard else 5 * MINUTE

    def lost_facilities(self) -> frozenset[tuple[str, str]]:
        return frozenset(self.lost)


class FakeSeries:
    """Answers ``window``, ``courses``, ``week_hours`` and ``doubtful``; the pages ask nothing else."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self.trouble: QueryInterrupted | None = None
        self.gap: tuple[int, int] = (0, 0)
        self.silent: set[str] = set()
        """Devices of which nothing is known over the whole time."""
        self.old: list[tuple[int, int]] = []
        """Spans that were not computed again."""
        self.odd: list[Doubtful] = []
        self.asked = 0
        self.asked_for: list[PointKey] = []

    def window(
        self, points: Sequence[PointKey], *, start: int, end: int, step: Step, agg: Aggregate, zone: str = "UTC"
    ) -> Window:
        if self.trouble is not None:
            raise self.trouble
        size = {Step.RAW: 5 * MINUTE, Step.QUARTER: 15 * MINUTE, Step.HOUR: HOUR, Step.DAY: DAY}[step]
        times = [at for at in range(start // size * size, end, size) if not self.gap[0] <= at < self.gap[1]]
        values = [course(points[0], at) for at in times]
        return Window(
            time=np.array(times, np.int64), value=np.array(values, np.float64), not_recomputed=tuple(self.old)
        )

    def doubtful(self, points: Sequence[PointKey], *, start: int, end: int) -> list[Doubtful]:
        if self.trouble is not None:
            raise self.trouble
        self.asked += 1
        self.asked_for = list(points)
        return sorted(one for one in self.odd if one.point in points and start <= one.last < end)

    def courses(self, points: Sequence[PointKey], *, start: int, end: int, width: int) -> dict[PointKey, Window]:
        if self.trouble is not None:
            raise self.trouble
        self.asked += 1
        self.asked_for = list(points)
        times = [at for at in range(start // width * width, end, width) if not self.gap[0] <= at < self.gap[1]]
        return {
            key: Window(
                time=np.array(times, np.int64),
                value=np.array([course(key, at) for at in times], np.float64),
                not_recomputed=tuple(self.old),
            )
            for key in points
            if key.device not in self.silent
        }

    def week_hours(self, points: Sequence[PointKey], *, start: int, end: int, zone: str) -> WeekHours:
        """Busy in the evening, more so at the week's end; nothing is known of Wednesday from 2 to 5."""
        if self.trouble is not None:
            raise self.trouble
        self.asked += 1
        self.asked_for = list(points)
        told = [key for key in points if key.device not in self.silent]
        bindings = [self._registrar.current.bindings[key.device, key.name][0] for key in told]
        evening = np.exp(-(((np.arange(24) - 19.5) / 3.5) ** 2))
        week = np.outer([1, 1, 1, 1, 1.2, 1.6, 1.5], evening)
        mean = np.array([week * _busy(key) for key in told]).reshape(-1, 7, 24)
        known = np.full(mean.shape, (end - start) // (7 * 24), np.int64)
        known[:, 2, 2:5], mean[:, 2, 2:5] = 0, np.nan
        return WeekHours(
            places=[SeriesPlace(b.community, b.facility, b.unit, "") for b in bindings],
            mean=mean,
            known_ms=known,
            not_recomputed=tuple(self.old),
        )


def _busy(key: PointKey) -> float:
    """Of a switch its share of time, of a gauge some few."""
    seed = sum(map(ord, key.device + key.name)) % 5 + 1
    metric = METRICS.get(key.name.rpartition(".")[2])
    return seed / 10 if metric is not None and metric.off is not None else float(seed)


class FakeAlarms:
    def __init__(self, records: Records[Any], clock: Clock, changes: Changes) -> None:
        self._records, self._clock, self._changes = records, clock, changes

    def acknowledge(self, alarm_id: str, *, by: str, comment: str = "") -> Alarm:
        now = self._clock.now()
        return self._change(
            alarm_id, "acknowledged", by, comment, lambda a: replace(a, acked=True, acked_at=now, acked_by=by)
        )

    def shelve(self, alarm_id: str, *, by: str, until: int | None, reason: str) -> Alarm:
        now = self._clock.now()
        if until is not None and until > now + 8 * HOUR:
            raise InvalidInput("too long", pointer="/until", expected="at most 8 h ahead")
        return self._change(
            alarm_id,
            "shelved",
            by,
            reason,
            lambda a: replace(
                a, overlay=Overlay.SHELVED, overlay_until=until, overlay_reason=reason, one_shot=until is None
            ),
        )

    def unshelve(self, alarm_id: str, *, by: str) -> Alarm:
        return self._change(
            alarm_id, "unshelved", by, "", lambda a: replace(a, overlay=Overlay.NONE, overlay_until=None)
        )

    def reset(self, alarm_id: str, *, by: str) -> Alarm:
        return self._change(alarm_id, "reset", by, "", lambda a: replace(a, active=False, latched=False))

    def take_out_of_service(self, alarm_id: str, *, by: str, reason: str, ticket: str = "") -> Alarm:
        under = ticket or self._records.read(lambda books: books.alarms.ticket_of(alarm_id))
        if not under:
            raise InvalidInput("no ticket", pointer="/ticket", expected="the ticket of the work")
        return self._change(
            alarm_id,
            "out_of_service",
            by,
            reason,
            lambda a: replace(a, overlay=Overlay.OUT_OF_SERVICE, overlay_until=None, overlay_reason=under),
        )

    def return_to_service(self, alarm_id: str, *, by: str) -> Alarm:
        def back(alarm: Alarm) -> Alarm:
            if alarm.overlay is not Overlay.OUT_OF_SERVICE:
                raise IllegalTransition("the alarm is not out of service")
            return replace(alarm, overlay=Overlay.NONE, overlay_reason="")

        return self._change(alarm_id, "in_service", by, "", back)

    def _change(self, alarm_id: str, kind: str, by: str, comment: str, change: Callable[[Alarm], Alarm]) -> Alarm:
        now = self._clock.now()

        def work(books: Any) -> Alarm:
            alarm = books.alarms.get(alarm_id)
            after = change(alarm)
            books.alarms.save(after, ticket=None, now=now)
            books.alarms.log([AlarmEvent(alarm.id, now, kind, kind, alarm.occurrence, by, None, comment)])
            return after

        after = self._records.write(work)
        self._changes.publish("alarm", {"id": after.id, "community": after.community, "facility": after.facility}, now)
        return after


class FakeInbox:
    def __init__(self, items: list[InboxDevice]) -> None:
        self.items = items
        self.adopted: list[Adoption] = []

    def waiting(self) -> Sequence[InboxDevice]:
        return tuple(self.items)

    def adopt(self, adoptions: Sequence[Adoption]) -> Sequence[Device]:
        self.adopted.extend(adoptions)
        wanted = {adoption.device for adoption in adoptions}
        taken = [item for item in self.items if item.device.id in wanted]
        self.items = [item for item in self.items if item.device.id not in wanted]
        return [replace(item.device, state=DeviceState.ADOPTED) for item in taken]


class FakeInlet:
    """One source, ``cloud``. ``answer`` is what it says to every body; ``taken`` what it got."""

    def __init__(self) -> None:
        self.answer = Answer(200, text="ok")
        self.taken: list[Delivery] = []
        self.looked: list[Delivery] = []
        self.declines: list[tuple[str, int]] = []

    def look(self, delivery: Delivery) -> Answer | None:
        self.looked.append(delivery)
        return None if delivery.source == "cloud" else Answer(404, "not_found", "no such source")

    def take(self, delivery: Delivery) -> Answer:
        self.taken.append(delivery)
        return self.answer

    def greet(self, delivery: Delivery) -> Answer:
        known = delivery.source == "cloud"
        return Answer(200, text=delivery.query["msg"]) if known else Answer(404, "not_found", "no such source")

    def declined(self, source: str, answer: Answer) -> None:
        self.declines.append((source, answer.status))


class FakeDevices:
    """What people decide about devices, on the registrar's picture alone."""

    def __init__(self, registrar: Registrar, inbox: FakeInbox, clock: Clock) -> None:
        self._registrar, self._inbox, self._clock = registrar, inbox, clock

    def device(self, device: str) -> DeviceFile:
        registry = self._registrar.current
        item = next((item for item in self._inbox.items if item.device.id == device), None)
        found = item.device if item is not None else registry.devices.get(device)
        if found is None:
            raise NotFound(f"no device {device!r}")
        spans = {point: spans for (owner, point), spans in registry.bindings.items() if owner == device}
        points = item.points if item is not None else tuple(InboxPoint.of(name, "") for name in spans)
        return DeviceFile(found, points, spans)

    def amend(self, device: str, amendment: Amendment, *, by: str, seen: Device | None = None) -> Device:
        found = self._unchanged(device, seen)
        dates: dict[str, Any] = dict(amendment.dates)
        return self._put(replace(found, name=amendment.name or found.name, **dates))

    def retire(self, device: str, *, by: str, seen: Device | None = None) -> Device:
        found = self._unchanged(device, seen)
        if found.state is DeviceState.RETIRED:
            raise IllegalTransition(f"{device} is retired already")
        spans = self.device(device).bindings
        now = self._clock.now()
        return self._put(
            replace(found, state=DeviceState.RETIRED), {(device, p): end(found, now) for p, found in spans.items()}
        )

    def exchange(self, asked: Exchange, *, seen: Device | None = None) -> Device:
        self._unchanged(asked.device, seen)
        old, new = self.device(asked.device), self.device(asked.by)
        done = exchange(
            asked, (old.device, old.bindings), (new.device, new.bindings), new.points, now=self._clock.now()
        )
        self._inbox.items = [item for item in self._inbox.items if item.device.id != asked.by]
        self._put(done.old, done.bindings)
        return self._put(done.new)

    def _unchanged(self, device: str, seen: Device | None) -> Device:
        found = self.device(device).device
        if seen is not None and seen != found:
            raise Stale(f"{device} has changed")
        return found

    def _put(self, device: Device, bindings: Mapping[tuple[str, str], tuple[Binding, ...]] | None = None) -> Device:
        registry = self._registrar.current
        self._registrar.replace(
            replace(
                registry,
                version=registry.version + 1,
                devices={**registry.devices, device.id: device},
                bindings={**registry.bindings, **(bindings or {})},
            )
        )
        return device
