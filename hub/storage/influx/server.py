"""One InfluxDB over influxdb-client, synchronously: version, lines in, InfluxQL out, every failure typed."""

from __future__ import annotations

import contextlib
import json
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from hub.clock import HOUR, SECOND, Clock
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.series import QueryInterrupted
from hub.storage.influx.answers import Answer, Verdict, advice
from hub.storage.influx.target import Target

CONNECT_MS: Final = 5_000
WRITE_MS: Final = 15_000
PAUSE_S: Final = 60.0
"""No Retry-After is obeyed for longer: a proxy's idea of an hour is not the hub's."""
LOOK_MS: Final = HOUR
"""So often version and retention are looked at: somebody may have changed them."""
_OLDEST_V2: Final = 2
_NO_DELETE: Final = 3
_LEFT_ALONE: Final = {400, 401, 403, 404, 405, 409}
"""There already, or not this token's business."""


class QueryRefused(StoreUnavailable):
    """The server is there and does not answer this question; the text has its reason."""


class Table(msgspec.Struct):
    """One series of an InfluxQL answer."""

    name: str = ""
    tags: dict[str, str] = {}
    columns: list[str] = []
    values: list[list[Any]] = []
    partial: bool = False


class _Result(msgspec.Struct):
    series: list[Table] = []
    error: str = ""
    partial: bool = False


class _Results(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


class Server:
    """Any thread may ask; ``question_seconds`` bounds each question, and how long one waits for its turn."""

    def __init__(
        self, target: Target, clock: Clock, *, questions_at_once: int = 4, question_seconds: float = 10.0
    ) -> None:
        self.target = target
        self._clock = clock
        self._seconds = question_seconds
        self._turn = threading.BoundedSemaphore(questions_at_once)
        self._client: Any = None
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
        client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- the first contact ----------------------------------------------------------------------------------------

    def meet(self) -> None:
        """Learn version and retention and see that the database is there, now and then. StoreUnavailable names what is missing."""
        with self._meeting:
            if self.version and self._clock.steady() < self._look_at:
                return
            known, version = self.version, self._ping()
            self.version = version
            try:
                self._prepare()
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

    def _ping(self) -> str:
        with self._failures("cannot be reached"):
            response = self._api().call_api(
                "/ping", "GET", _preload_content=False, _return_http_data_only=True, _request_timeout=self._timeout()
            )
            response.drain_conn()
            response.release_conn()
            return str(response.headers.get("X-Influxdb-Version", ""))

    def _prepare(self) -> None:
        if self.target.org:
            self._prepare_bucket()
        elif self.major < _NO_DELETE:
            self._prepare_database()

    def _prepare_database(self) -> None:
        name, policy = self.target.database, self.target.retention
        if name not in {row[0] for table in self._ask("SHOW DATABASES") for row in table.values}:
            try:
                self._ask(f"CREATE DATABASE {quoted(name)}")
            except StoreUnavailable as error:
                raise StoreRefuses(
                    f"series store {self.target.shown}: there is no database {name!r} that this user may use, and it could not "
                    f"be made: create it and let the user read and write there. {error}"
                ) from error
        policies = [
            dict(zip(table.columns, row, strict=False))
            for table in self._ask(f"SHOW RETENTION POLICIES ON {quoted(name)}")
            for row in table.values
        ]
        chosen = [row for row in policies if (row.get("name") == policy if policy else row.get("default"))]
        if policy and not chosen:
            names = ", ".join(str(row.get("name")) for row in policies)
            raise StoreRefuses(
                f"series store {self.target.shown}: no retention policy {policy!r} in database {name!r} (there is {names}): "
                f"create it, or correct HUB_SERIES__URL"
            )
        self.kept_ms = _duration(str(chosen[0].get("duration", ""))) if chosen else None

    def _prepare_bucket(self) -> None:
        org, bucket = self.target.org, self.target.database
        if self.major >= _NO_DELETE:
            return  # made by the first write
        found = self._get("/api/v2/buckets", [("org", org), ("name", bucket)], none_for=404)
        buckets = found.get("buckets", []) if found else []
        if not buckets:
            orgs = (self._get("/api/v2/orgs", [("org", org)], none_for=404) or {}).get("orgs", [])
            if not orgs:
                raise StoreRefuses(
                    f"series store {self.target.shown}: there is no organisation {org!r} that this token may see: "
                    f"correct HUB_SERIES__URL, or give the token the right"
                )
            self._post_json("/api/v2/buckets", {"orgID": orgs[0]["id"], "name": bucket, "retentionRules": []})
            return
        try:
            self._ask("SHOW MEASUREMENTS LIMIT 1")
        except QueryRefused as error:
            raise StoreRefuses(
                f"series store {self.target.shown}: the bucket cannot be asked in InfluxQL; give it a mapping: influx v1 dbrp create "
                f"--db {bucket} --rp autogen --default --bucket-id {buckets[0].get('id', '')}. {error}"
            ) from error
        rules = buckets[0].get("retentionRules", [])
        seconds = int(rules[0].get("everySeconds") or 0) if rules else 0
        self.kept_ms = seconds * SECOND or None

    def _get(self, path: str, params: list[tuple[str, str]], *, none_for: int) -> dict[str, Any] | None:
        from influxdb_client.rest import ApiException

        with self._failures("cannot be asked"):
            try:
                found = self._api().call_api(
                    path, "GET", query_params=params, response_type=object, _return_http_data_only=True
                )
            except ApiException as error:
                if error.status == none_for:
                    return None
                raise
        return found if isinstance(found, dict) else {}

    def _post_json(self, path: str, body: dict[str, Any]) -> None:
        with self._failures(f"cannot be prepared: bucket {self.target.database!r} is missing and could not be made"):
            self._api().call_api(path, "POST", body=body, response_type=object, _return_http_data_only=True)

    def make_table(self, name: str, tags: Sequence[str]) -> None:
        """3.x fixes the tags of a table when it is made: make it with all of them, before a line without some of them does.

        Where the token may not, or the table is there, nothing happens: what is wrong then, the first write says.
        """
        if self.major < _NO_DELETE or name in self._tables:
            return
        with contextlib.suppress(QueryRefused):
            if not self._tables:
                self._configure("database", {"db": self.target.database})
            self._configure("table", {"db": self.target.database, "table": name, "tags": list(tags), "fields": []})
        self._tables.add(name)

    def _configure(self, what: str, body: dict[str, Any]) -> None:
        from influxdb_client.rest import ApiException

        with self._failures(f"cannot make the {what}"):
            try:
                self._api().call_api(f"/api/v3/configure/{what}", "POST", body=body, _return_http_data_only=True)
            except ApiException as error:
                if error.status not in _LEFT_ALONE:
                    raise

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
            _, status, _ = self._api().call_api(
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
            return _answer(error)
        except (urllib3.exceptions.HTTPError, OSError, UnicodeDecodeError) as error:
            answer = Answer(0, _short(error))
            _let_go(error)
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
            return self._ask(question)
        finally:
            self._turn.release()

    def _ask(self, question: str) -> list[Table]:
        target = self.target
        post = [("db", target.database), ("epoch", "ms"), ("q", question)]
        if target.retention:
            post.append(("rp", target.retention))
        with self._failures("cannot be asked"):
            response = self._api().call_api(
                "/query",
                "POST",
                header_params={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                post_params=post,
                auth_settings=[],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._timeout(),
            )
            content = response.data
        try:
            found = msgspec.json.decode(content, type=_Results)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreUnavailable(f"series store {target.shown} gave an answer that is none: {error}") from error
        for problem in (found.error, *(result.error for result in found.results)):
            if problem:
                self._refuse(problem)
        tables = [table for result in found.results for table in result.series]
        if any(result.partial for result in found.results) or any(table.partial for table in tables):
            raise QueryRefused(
                f"series store {target.shown} cut its answer off: take max-row-limit out of its settings, or set it to 0"
            )
        return tables

    def _refuse(self, problem: str) -> None:
        if "timeout" in problem or "interrupted" in problem:
            raise QueryInterrupted(
                f"the question to the series store was cut off ({problem}): ask for a shorter time, fewer points or a longer step"
            )
        raise QueryRefused(f"series store {self.target.shown} does not answer: {problem}")

    @contextlib.contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        import urllib3.exceptions
        from influxdb_client.rest import ApiException

        shown = self.target.shown
        try:
            yield
        except ApiException as error:
            answer = _answer(error)
            if answer.verdict is Verdict.DOOR:
                raise StoreRefuses(f"series store {shown} {what}: {answer}; {advice(answer)}") from error
            if answer.verdict is Verdict.LATER:
                raise StoreUnavailable(f"series store {shown} {what}: {answer}") from error
            raise QueryRefused(f"series store {shown} {what}: {answer}") from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise QueryInterrupted(
                f"the question to the series store was cut off after {self._seconds:g} s: "
                f"ask for a shorter time, fewer points or a longer step"
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreUnavailable(f"series store {shown} {what}: {_short(error)}") from error

    def _timeout(self) -> tuple[int, int]:
        return CONNECT_MS, round(self._seconds * SECOND)

    def _api(self) -> Any:
        if self._client is None:
            from influxdb_client.client.influxdb_client import InfluxDBClient

            target = self.target
            basic = bool(target.user)
            self._client = InfluxDBClient(
                url=target.url,
                token=f"{target.user}:{target.secret}" if basic else target.secret,
                org=target.org,
                auth_basic=basic,
                timeout=WRITE_MS,
                ssl_ca_cert=target.ca_file or None,
            )
        return self._client.api_client


def quoted(name: str) -> str:
    """An InfluxQL identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """An InfluxQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def named(names: Sequence[str]) -> str:
    """Identifiers in a row."""
    return ", ".join(map(quoted, names))


def _answer(error: Any) -> Answer:
    status = int(error.status or 0)
    if not status:  # a TLS failure, says the client
        return Answer(0, str(error.reason).replace("\n", " "))
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else str(error.body or "")
    with contextlib.suppress(ValueError):
        found = json.loads(body)
        if isinstance(found, dict):
            body = str(found.get("error") or found.get("message") or body)
    header = (error.headers or {}).get("Retry-After", "")
    return Answer(status, body or str(error.reason), float(header) if header and header.isdigit() else 0.0)


def _let_go(error: BaseException | None) -> None:
    """An exception of urllib3 holds its frames, these hold the body, and one of them the exception.

    While a server is away that would be megabytes at each try, until the collector comes by.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _short(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[-1][:300] if text else type(error).__name__


_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000}


def _duration(text: str) -> int | None:
    """``168h0m0s`` in ms; 0 means for ever."""
    total, number = 0, ""
    for sign in text:
        if sign.isdigit():
            number += sign
        else:
            total += int(number or 0) * _UNITS.get(sign, 0)
            number = ""
    return total or None
