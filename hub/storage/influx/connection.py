"""The client of one InfluxDB: its connections, and its failures typed."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Iterator
from typing import Any, Final

from hub.clock import SECOND
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.series import QueryInterrupted
from hub.storage.influx.answers import Answer, Verdict, advice
from hub.storage.influx.target import Target

CONNECT_MS: Final = 5_000
WRITE_MS: Final = 15_000


class QueryRefused(StoreUnavailable):
    """The server is there and does not answer this question; the text has its reason."""


class Connection:
    """Any thread may use it; ``seconds`` bounds each question."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target = target
        self._seconds = seconds
        self._client: Any = None

    def close(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextlib.contextmanager
    def failures(self, what: str) -> Iterator[None]:
        """What goes wrong within, as an error of the hub's; ``what`` says what the server cannot."""
        import urllib3.exceptions
        from influxdb_client.rest import ApiException

        shown = self.target.shown
        try:
            yield
        except ApiException as error:
            answer = answer_of(error)
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
            raise StoreUnavailable(f"series store {shown} {what}: {short(error)}") from error

    def timeout(self) -> tuple[int, int]:
        """Of a question, ms: to connect, and to be answered."""
        return CONNECT_MS, round(self._seconds * SECOND)

    def api(self) -> Any:
        """influxdb-client's way to any address of the server; made at first use."""
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


def answer_of(error: Any) -> Answer:
    """What the server has said."""
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


def let_go(error: BaseException | None) -> None:
    """An exception of urllib3 holds its frames, these hold the body, and one of them the exception.

    While a server is away that would be megabytes at each try, until the collector comes by.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def short(error: BaseException) -> str:
    """Its last line."""
    text = str(error).strip().splitlines()
    return text[-1][:300] if text else type(error).__name__
