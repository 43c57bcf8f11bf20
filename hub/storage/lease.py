"""Which of several hubs on one PostgreSQL database may work: a row with owner, epoch and end, changed by compare-and-set.

The epoch grows with every change of hands. Each unit of work looks at the row first and holds it until it has committed, so
one that a hub began before it was overtaken is done before the other begins, and one it begins after that is refused:
also by a process that was asleep meanwhile and does not know. One that is not done after PostgreSQL's wait for a lock, since
its hub sleeps or hangs, is undone. Time is the database's, which all of them share.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, bindparam, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hub.clock import SECOND
from hub.domain.health import Health, Status
from hub.errors import StoreUnavailable
from hub.storage import engines
from hub.storage.migrations import schema_of, upgrade_postgres
from hub.storage.outages import collided, unavailable
from hub.storage.tables import meta

T = TypeVar("T")
log = logging.getLogger(__name__)

KEY: Final = "lease"
_LOOK_S: Final = 1.0
_FIND: Final = select(meta.c.value).where(meta.c.key == KEY)
_HOLD: Final = _FIND.with_for_update(read=True)
_SWAP: Final = update(meta).where(meta.c.key == KEY, meta.c.value == bindparam("old")).values(value=bindparam("new"))
_END_SESSIONS: Final = text("""
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'relation' AND relation = CAST(:table AS regclass) AND mode = 'RowShareLock' AND granted
  AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")
"""Those of units of work: they hold the row (``_HOLD``), which nobody else does."""
_NOW: Final = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")


class LeaseLost(StoreUnavailable):
    """Another hub has taken over; nothing of this one may be written any more."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """The row."""

    owner: str
    """A hub's id; empty where the last one gave it back."""
    name: str
    """The machine, for people."""
    epoch: int
    until: int
    """Epoch ms, by the database's clock."""

    def __str__(self) -> str:
        return f"hub {self.owner} on {self.name}"


class Refused(NamedTuple):
    """Somebody else has it."""

    holder: Holding
    left_ms: int


class Seen(NamedTuple):
    """A database, looked at and left as it was."""

    version: str
    """PostgreSQL's."""
    schema: str | None
    """None where it is empty."""
    holder: Holding | None
    """Who works on it."""


def look(url: str) -> Seen:
    """What is there. ConfigError for what is no database of the hub's or of a newer program, StoreUnavailable as usual."""
    engine = engines.postgres(engines.checked(url))
    try:
        with engine.connect() as connection:
            version = str(connection.execute(text("SHOW server_version")).scalar_one())
            schema = schema_of(connection, f"database {engine.url.database}")
            found = connection.execute(_FIND).scalar() if schema is not None else None
            holding = None if found is None else _read(found)
            working = holding is not None and holding.owner and holding.until > connection.execute(_NOW).scalar_one()
            return Seen(version, schema, holding if working else None)
    except SQLAlchemyError as error:
        raise unavailable(error) or error from error
    finally:
        engine.dispose()


class Lease:
    """``stand_by`` or ``take``, then ``start``; ``release`` gives it back. ``on_lost`` hears when another hub took over."""

    def __init__(self, url: str, *, ttl_ms: int, on_lost: Callable[[str], object]) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._ttl_ms = ttl_ms
        self._on_lost = on_lost
        self._name = socket.gethostname()
        self._holding: Holding | None = None
        self._lost = ""
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._renew_on, name="lease", daemon=True)

    def take(self, owner: str) -> Refused | None:
        """Try once; None where it is ours now. StoreUnavailable where the database cannot be reached.

        What an earlier process of the same ``owner`` held is ours at once: the data folder's lock says that it is gone.
        """
        try:
            return self._guarded(lambda connection: self._take(connection, owner))
        except StoreUnavailable as error:
            if isinstance(error.__cause__, SQLAlchemyError) and collided(error.__cause__):
                self._guarded(self._end_sessions)
            raise

    def stand_by(self, owner: str, told_by: Callable[[str], object] = lambda _word: None) -> None:
        """Return when it is ours; until then say once who has it, in the log and to ``told_by``."""
        told = ""
        while True:
            try:
                refused = self.take(owner)
                if refused is None:
                    return
                word = f"stands by: {refused.holder} works on this database"
            except StoreUnavailable as error:
                if not told:
                    raise
                word = f"stands by: {error}"
            if word != told:
                log.warning("this hub %s", word, extra={"action": "standing_by"})
                told_by(word)
                told = word
            self._stopping.wait(_LOOK_S)

    def start(self) -> None:
        """Keep it."""
        self._thread.start()

    def release(self) -> None:
        """Keep it no longer, and let another hub have it at once."""
        self._stopping.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()
        held = self._holding
        if held is not None and not self._lost:
            given = Holding(owner="", name="", epoch=held.epoch, until=0)
            try:
                self._guarded(lambda connection: self._give_back(connection, given))
            except StoreUnavailable as error:
                log.warning("the lease could not be given back, it runs out by itself: %s", error)
        if self._engine is not None:
            self._engine.dispose()

    def fence(self, connection: Connection) -> None:
        """Inside a unit of work, before anything else: LeaseLost where another hub has taken over."""
        found = connection.execute(_HOLD).scalar()
        holding = None if found is None else _read(found)
        ours = self._holding
        if ours is None or holding is None or (holding.owner, holding.epoch) != (ours.owner, ours.epoch):
            raise LeaseLost(f"records: {holding or 'nobody'} works on this database now; this hub may not write to it")

    def health(self, now: int) -> Health:
        """Degraded while it cannot be renewed, or after it was lost."""
        held = self._holding
        facts: dict[str, str | int | float | None] = {
            "hub": held.owner if held else None,
            "epoch": held.epoch if held else None,
        }
        reason = self._lost or self._trouble
        return Health(component="lease", status=Status.DEGRADED if reason else Status.OK, reason=reason, facts=facts)

    def _take(self, connection: Connection, owner: str) -> Refused | None:
        if not inspect(connection).has_table(meta.name):
            upgrade_postgres(connection.engine)
        now = connection.execute(_NOW).scalar_one()
        found = connection.execute(_FIND).scalar()
        before = None if found is None else _read(found)
        if before is not None and before.owner not in ("", owner) and before.until > now:
            return Refused(before, before.until - now)
        epoch = 1 if before is None else before.epoch + 1
        ours = Holding(owner=owner, name=self._name, epoch=epoch, until=now + self._ttl_ms)
        if found is None:
            connection.execute(insert(meta), {"key": KEY, "value": _write(ours)})
        elif connection.execute(_SWAP, {"old": found, "new": _write(ours)}).rowcount == 0:
            return self._take(connection, owner)  # somebody was first: look who
        self._holding = ours
        return None

    def _end_sessions(self, connection: Connection) -> None:
        """Undo what a hub has begun, but not committed, whose lease has run out."""
        found = connection.execute(_FIND).scalar()
        if found is None or _read(found).until > connection.execute(_NOW).scalar_one():
            return
        ended = connection.execute(_END_SESSIONS, {"table": meta.name}).rowcount
        log.warning("the lease of %s has run out: %d of its sessions are ended", _read(found), ended)

    def _swap(self, connection: Connection, old: Holding, new: Holding) -> bool:
        return connection.execute(_SWAP, {"old": _write(old), "new": _write(new)}).rowcount == 1

    def _give_back(self, connection: Connection, given: Holding) -> None:
        found = connection.execute(_FIND).scalar()
        if found is not None and _read(found).epoch == given.epoch:
            self._swap(connection, _read(found), given)

    def _renew(self, connection: Connection, held: Holding) -> bool:
        """False where the row is not as we left it. A commit whose answer was lost is found by its epoch."""
        now = connection.execute(_NOW).scalar_one()
        found = connection.execute(_FIND).scalar()
        there = None if found is None else _read(found)
        if there is None or (there.owner, there.epoch) != (held.owner, held.epoch):
            return False
        return self._swap(connection, there, msgspec.structs.replace(held, until=now + self._ttl_ms))

    def _renew_on(self) -> None:
        while not self._stopping.wait(self._ttl_ms / 3 / SECOND):
            held = self._holding
            if held is None:
                return
            try:
                kept = self._guarded(partial(self._renew, held=held))
            except StoreUnavailable as error:
                self._trouble = f"the lease cannot be renewed: {error}"
                continue
            self._trouble = ""
            if not kept:
                self._lost = "another hub has taken over this database: this one has to end"
                log.critical(self._lost, extra={"action": "lease_lost"})
                self._on_lost(self._lost)
                return

    def _guarded(self, work: Callable[[Connection], T]) -> T:
        if self._engine is None:
            self._engine = engines.postgres(engines.checked(self._url))
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except IntegrityError:
            return self._guarded(work)  # two hubs made the row at the same moment
        except SQLAlchemyError as error:
            raise unavailable(error) or error from error


def _read(value: str) -> Holding:
    return msgspec.json.decode(value, type=Holding)


def _write(holding: Holding) -> str:
    return msgspec.json.encode(holding).decode()
