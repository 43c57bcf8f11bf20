"""Periodic work: APScheduler is the clock, and nothing else; what is to run is a leased row in the records.

A tick inserts (job, scheduled_for), which is unique; the worker leases a row, runs the job, marks it done, or lets it
be tried again. Ticks missed while the hub was down are noticed at start: the latest one of each job is made up for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, Counter

from hub.clock import HOUR, MINUTE, SECOND, Clock
from hub.domain.health import Health, Status
from hub.errors import StoreUnavailable
from hub.flows.ports import Records

log = logging.getLogger(__name__)

LEASE_MS: Final = HOUR
"""A job that runs longer may be started again: jobs are safe to repeat."""
ATTEMPTS: Final = 3
_RETRY_MS: Final = 5 * MINUTE
_KEEP_MS: Final = 30 * 24 * HOUR
_IDLE_S: Final = 30.0
_STORE_WAIT_S: Final = 5.0
_GRACE_S: Final = 3600
"""APScheduler would drop a tick that its thread comes to later than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work to be done again and again. ``run`` gets the instant of its tick (epoch ms) and is safe to repeat."""

    name: str
    run: Callable[[int], None]
    every_ms: int | None = None
    """An interval, counted from the epoch, so that every process has the same ticks."""
    cron: str = ""
    """Instead of an interval: minute hour day month weekday, e.g. ``20 3 * * *``."""
    timezone: str = "UTC"
    """The zone of ``cron``."""


class Run(Protocol):
    """A leased tick."""

    @property
    def job(self) -> str: ...
    @property
    def scheduled_for(self) -> int: ...
    @property
    def attempt(self) -> int: ...


class JobRows(Protocol):
    """The rows of the timetable."""

    def tick(self, job: str, scheduled_for: int) -> bool: ...
    def claim(self, now: int, *, lease_ms: int) -> Any: ...
    def done(self, run: Any, *, now: int, error: str = "") -> None: ...
    def later(self, run: Any, *, until: int, error: str) -> None: ...
    def last(self, job: str) -> int | None: ...
    def forget(self, before: int) -> int: ...


class Books(Protocol):
    """What the timetable needs of the records."""

    @property
    def jobs(self) -> JobRows: ...


class Timetable:
    """``start`` begins ticking and working; ``stop`` ends both. Jobs run one after the other on one thread."""

    def __init__(
        self,
        records: Records[Books],
        jobs: Iterable[Job],
        *,
        clock: Clock,
        metrics: CollectorRegistry | None = None,
    ) -> None:
        self._records = records
        self._jobs = {job.name: job for job in jobs}
        self._clock = clock
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._worker = threading.Thread(target=self._work, name="timetable", daemon=True)
        self._scheduler: Any = None
        self._errors: dict[str, str] = {}
        self._ended = Counter(
            "hub_job_runs", "Runs of periodic jobs", ["job", "outcome"], registry=metrics or CollectorRegistry()
        )

    def start(self) -> None:
        """Make up for the latest missed tick of each job, then follow the clock."""
        from apscheduler.schedulers.background import BackgroundScheduler

        now = self._clock.now()
        for job in self._jobs.values():
            missed = latest_tick(job, self._last(job.name), now)
            if missed is not None:
                self._tick(job, missed)
        self._scheduler = BackgroundScheduler(timezone=UTC)
        for job in self._jobs.values():
            self._scheduler.add_job(
                self._on_time, _trigger(job), args=[job], coalesce=True, max_instances=1, misfire_grace_time=_GRACE_S
            )
        self._worker.start()
        self._scheduler.start()

    def stop(self, patience_s: float = 1.0) -> None:
        """No more ticks; waits a little for the job under way, which is run again where it did not end."""
        self._stopping.set()
        self._bell.set()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None
        if self._worker.ident is not None:
            self._worker.join(patience_s)

    def run_now(self, name: str) -> None:
        """Note a tick of this instant: for operators and tests. KeyError for an unknown job."""
        self._tick(self._jobs[name], self._clock.now())

    def wake(self) -> None:
        """Look for free rows at once."""
        self._bell.set()

    def health(self, now: int) -> Health:
        """Degraded while the last run of a job failed."""
        errors = dict(self._errors)
        reason = "; ".join(f"{name}: {text}" for name, text in sorted(errors.items()))
        return Health(component="jobs", status=Status.DEGRADED if errors else Status.OK, reason=reason)

    def _last(self, name: str) -> int | None:
        return self._records.read(lambda books: books.jobs.last(name))

    def _on_time(self, job: Job) -> None:
        tick = latest_tick(job, None, self._clock.now())
        if tick is not None:
            self._tick(job, tick)

    def _tick(self, job: Job, scheduled_for: int) -> None:
        try:
            self._records.write(lambda books: books.jobs.tick(job.name, scheduled_for))
        except StoreUnavailable as error:
            log.warning("tick of job %s could not be noted: %s", job.name, error)
        self._bell.set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                wait = self._turn()
            except StoreUnavailable as error:
                log.warning("the timetable waits for its store: %s", error)
                wait = _STORE_WAIT_S
            if wait:
                self._bell.wait(wait)

    def _turn(self) -> float:
        """One run; seconds to wait before the next look."""
        now = self._clock.now()
        run: Run | None = self._records.write(lambda books: books.jobs.claim(now, lease_ms=LEASE_MS))
        if run is None:
            return _IDLE_S
        error = self._attempt(run)
        later = self._clock.now()
        if error and run.attempt < ATTEMPTS:
            self._records.write(lambda books: books.jobs.later(run, until=later + _RETRY_MS, error=error))
        else:
            self._records.write(lambda books: books.jobs.done(run, now=later, error=error))
            self._records.write(lambda books: books.jobs.forget(later - _KEEP_MS))
        return 0.0

    def _attempt(self, run: Run) -> str:
        """Empty when it went well, else what went wrong."""
        job = self._jobs.get(run.job)
        if job is None:
            return f"no job is called {run.job!r} any more"
        if run.attempt > ATTEMPTS:
            return f"given up: {ATTEMPTS} attempts ended without a word, as when the process dies"
        try:
            job.run(run.scheduled_for)
        except Exception as error:
            log.exception("job %s failed", run.job, extra={"action": "job_failed", "job": run.job})
            self._ended.labels(job=run.job, outcome="failed").inc()
            self._errors[run.job] = f"{type(error).__name__}: {error}"[:500]
            return self._errors[run.job]
        self._ended.labels(job=run.job, outcome="done").inc()
        self._errors.pop(run.job, None)
        return ""


def latest_tick(job: Job, last: int | None, now: int) -> int | None:
    """The newest instant up to ``now`` at which the job was to run, if it is later than ``last``."""
    tick = now // job.every_ms * job.every_ms if job.every_ms is not None else _latest_of_cron(job, now)
    return tick if tick is not None and (last is None or tick > last) else None


def next_of_cron(cron: str, now: int) -> int | None:
    """The first instant from ``now`` on that ``cron`` (UTC) names; None where it names no day that comes."""
    following: datetime | None = _cron(cron, "UTC").get_next_fire_time(None, datetime.fromtimestamp(now / 1000, UTC))
    return None if following is None else round(following.timestamp()) * SECOND


def _latest_of_cron(job: Job, now: int) -> int | None:
    """APScheduler only looks ahead: walk on from ever further back until there is a tick before ``now``."""
    end = datetime.fromtimestamp(now / 1000, UTC)
    for span in (HOUR, 25 * HOUR, 32 * 24 * HOUR, 367 * 24 * HOUR):
        start = datetime.fromtimestamp((now - span) / 1000, UTC)
        found: datetime | None = None
        trigger = _trigger(job)
        following = trigger.get_next_fire_time(None, start)
        while following is not None and following <= end:
            found = following
            following = trigger.get_next_fire_time(following, following)
        if found is not None:
            return round(found.timestamp()) * SECOND
    return None


def _trigger(job: Job) -> Any:
    from apscheduler.triggers.interval import IntervalTrigger

    if job.every_ms is not None:
        epoch = datetime.fromtimestamp(0, UTC)
        return IntervalTrigger(seconds=job.every_ms / SECOND, start_date=epoch, timezone=UTC)
    return _cron(job.cron, job.timezone)


def _cron(cron: str, zone: str) -> Any:
    from apscheduler.triggers.cron import CronTrigger

    return CronTrigger.from_crontab(cron, timezone=ZoneInfo(zone))
