"""Periodic work as rows: a tick is a row, a worker leases it."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, update

from hub.storage.books.upserts import Upsert
from hub.storage.tables import jobs

_TICK: Final = Upsert(jobs, ("job", "scheduled_for"))
_FREE: Final = and_(jobs.c.done_at.is_(None), or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= bindparam("now")))
_CANDIDATE: Final = (
    select(jobs.c.job, jobs.c.scheduled_for, jobs.c.attempts)
    .where(_FREE)
    .order_by(jobs.c.scheduled_for, jobs.c.job)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_THIS: Final = and_(jobs.c.job == bindparam("of"), jobs.c.scheduled_for == bindparam("at"))
_LEASE: Final = (
    update(jobs)
    .where(_THIS, _FREE, jobs.c.attempts == bindparam("before"))
    .values(lease_until=bindparam("until"), attempts=jobs.c.attempts + 1)
)
_HELD: Final = and_(_THIS, jobs.c.attempts == bindparam("number"))
_DONE: Final = (
    update(jobs).where(_HELD).values(done_at=bindparam("now"), lease_until=None, last_error=bindparam("error"))
)
_LATER: Final = update(jobs).where(_HELD).values(lease_until=bindparam("until"), last_error=bindparam("error"))


class Run(NamedTuple):
    """A leased tick. ``attempt`` counts from 1 and is the fence of the lease."""

    job: str
    scheduled_for: int
    attempt: int


class JobBook:
    """Implements hub.jobs.timetable.JobRows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tick(self, job: str, scheduled_for: int) -> bool:
        """Note that the job is to run; False: that tick was there already."""
        row = {"job": job, "scheduled_for": scheduled_for, "attempts": 0}
        return self._connection.execute(_TICK.on(self._connection), row).rowcount == 1

    def claim(self, now: int, *, lease_ms: int) -> Run | None:
        """Lease the oldest tick that is free, also one whose lease ran out."""
        found = self._connection.execute(_CANDIDATE, {"now": now}).one_or_none()
        if found is None:
            return None
        job, scheduled_for, attempts = found
        values = {"of": job, "at": scheduled_for, "now": now, "before": attempts, "until": now + lease_ms}
        leased = self._connection.execute(_LEASE, values).rowcount == 1
        return Run(job, scheduled_for, attempts + 1) if leased else None

    def done(self, run: Run, *, now: int, error: str = "") -> None:
        """It is over; ``error`` where it was given up."""
        self._connection.execute(_DONE, {**_fence(run), "now": now, "error": error})

    def later(self, run: Run, *, until: int, error: str) -> None:
        """It failed; free again at ``until``."""
        self._connection.execute(_LATER, {**_fence(run), "until": until, "error": error})

    def last(self, job: str) -> int | None:
        """The latest tick that was noted."""
        query = select(func.max(jobs.c.scheduled_for)).where(jobs.c.job == job)
        found: int | None = self._connection.execute(query).scalar_one()
        return found

    def forget(self, before: int) -> int:
        """Delete what was done before this instant, but keep each job's latest tick; how many."""
        newer = jobs.alias()
        latest = select(func.max(newer.c.scheduled_for)).where(newer.c.job == jobs.c.job).scalar_subquery()
        old = and_(jobs.c.done_at < before, jobs.c.scheduled_for < latest)
        return self._connection.execute(delete(jobs).where(old)).rowcount


def _fence(run: Run) -> dict[str, object]:
    return {"of": run.job, "at": run.scheduled_for, "number": run.attempt}
