"""One InfluxDB over influxdb-client, synchronously: version, lines in, InfluxQL out, every failure typed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Final

from hub.clock import HOUR, SECOND, Clock
from hub.flows.series import QueryInterrupted
from hub.storage.influx.answers import Answer, Verdict
from hub.storage.influx.connection import (
    CONNECT_MS,
    WRITE_MS,
    Connection,
    QueryRefused,
    answer_of,
    let_go,
    short,
)
from hub.storage.influx.contact import configure, ping, prepare_bucket, prepare_database
from hub.storage.influx.questions import Table, ask
from hub.storage.influx.target import Target

PAUSE_S: Final = 60.0
"""No Retry-After is obeyed for longer: a proxy's idea of an hour is not the hub's."""
LOOK_MS: Final = HOUR
"""So often version and retention are looked at: somebody may have changed them."""
_OLDEST_V2: Final = 2
_NO_DELETE: Final = 3


class Server:
    """Any thread may ask; ``question_seconds`` bounds each question, and how long one waits for its turn."""

    def __init__(
        self, target: Target, clock: Clock, *, questions_at_once: int = 4, question_seconds: float = 10.0
    ) -> None:
        self.target = target
        self._clock = clock
        self._seconds = question_seconds
        self._turn = threading.BoundedSemaphore(questions_at_once)
        self._connection = Connection(target, question_seconds)
        self._meeting = threading.Lock()
        self._asked_to_wait: tuple[int, Answer] | None = None
        self._tables: set[str] = set()
        self._look_at = 0
        self.version = ""
        """As the server says; empty before the first contact."""
        self.kept_ms: int | None = None
        """How long the server keeps points; None: for ever, or not known."""

    @property
    def major(self) -> int:
        """1, 2 or 3; a server that says nothing is taken by how it is addressed."""
        digits = self.version.lstrip("v").partition(".")[0]
        return int(digits) if digits.isdigit() else (_OLDEST_V2 if self.target.org else 1)

    @property
    def deletes(self) -> bool:
        """Whether rows can be deleted one by one; InfluxDB 3 Core cannot."""
        return self.major < _NO_DELETE

    def close(self) -> None:
        """Give the connections back."""
        self._connection.close()

    # --- the first contact ----------------------------------------------------------------------------------------

    def meet(self) -> None:
        """Learn version and retention and see that the database is there, now and then. StoreUnavailable names what is missing."""
        with self._meeting:
            if self.version and self._clock.steady() < self._look_at:
                return
            known, version = self.version, ping(self._connection)
            self.version = version
            try:
                self.kept_ms = self._prepare()
            except BaseException:
                self.version = known
                raise
            self.version = version or "unknown"
            self._look_at = self._clock.steady() + LOOK_MS

    def look_again(self) -> None:
        """Before the next write: somebody says that it has been mended."""
        self._look_at = 0

    def forget(self) -> None:
        """Meet the server again before the next write."""
        self.version = ""
        self._tables.clear()

    def _prepare(self) -> int | None:
        if self.major >= _NO_DELETE:
            return None  # what it writes into is made by the first write
        return prepare_bucket(self._connection) if self.target.org else prepare_database(self._connection)

    def make_table(self, name: str, tags: Sequence[str]) -> None:
        """3.x fixes the tags of a table when it is made: make it with all of them, before a line without some of them does.

        Where the token may not, or the table is there, nothing happens: what is wrong then, the first write says.
        """
        if self.major < _NO_DELETE or name in self._tables:
            return
        with contextlib.suppress(QueryRefused):
            if not self._tables:
                configure(self._connection, "database", {"db": self.target.database})
            configure(
                self._connection, "table", {"db": self.target.database, "table": name, "tags": list(tags), "fields": []}
            )
        self._tables.add(name)

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, body: str) -> Answer:
        """One request, one answer; never raises for what a server or network does."""
        if self._asked_to_wait is not None:
            until, answer = self._asked_to_wait
            if self._clock.steady() < until:
                return answer
            self._asked_to_wait = None
        answer = self._write(body)
        if answer.retry_after_s and answer.verdict is Verdict.LATER:
            pause = min(answer.retry_after_s, PAUSE_S)
            self._asked_to_wait = (self._clock.steady() + round(pause * SECOND), answer)
        return answer

    def _write(self, body: str) -> Answer:
        import urllib3.exceptions
        from influxdb_client.rest import ApiException

        path, params = self._write_address()
        try:
            _, status, _ = self._connection.api().call_api(
                path,
                "POST",
                query_params=params,
                header_params={"Content-Type": "text/plain; charset=utf-8"},
                body=body.encode("utf-8", "replace"),
                auth_settings=[],
                _request_timeout=(CONNECT_MS, WRITE_MS),
            )
            return Answer(int(status), "an answer that no InfluxDB gives to a write" if status != 204 else "")
        except ApiException as error:
            return answer_of(error)
        except (urllib3.exceptions.HTTPError, OSError, UnicodeDecodeError) as error:
            answer = Answer(0, short(error))
            let_go(error)
            return answer

    def _write_address(self) -> tuple[str, list[tuple[str, str]]]:
        target = self.target
        if self.major >= _NO_DELETE or (self.major == _OLDEST_V2 and target.org):
            org = [("org", target.org)] if target.org else []
            return "/api/v2/write", [*org, ("bucket", target.database), ("precision", "ms")]
        policy = [("rp", target.retention)] if target.retention else []
        return "/write", [("db", target.database), *policy, ("precision", "ms")]

    # --- asking ---------------------------------------------------------------------------------------------------

    def query(self, question: str) -> list[Table]:
        """All series of the answer. StoreUnavailable, QueryRefused, QueryInterrupted."""
        if not self.version:
            self.meet()
        if not self._turn.acquire(timeout=self._seconds):
            raise QueryInterrupted(
                f"the series store is busy with other questions and this one waited {self._seconds:g} s: try again"
            )
        try:
            return ask(self._connection, question)
        finally:
            self._turn.release()
