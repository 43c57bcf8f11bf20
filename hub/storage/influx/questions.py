"""InfluxQL: its words, and one question with all that may come instead of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from hub.errors import StoreUnavailable
from hub.flows.series import QueryInterrupted
from hub.storage.influx.connection import Connection, QueryRefused


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


def quoted(name: str) -> str:
    """An InfluxQL identifier."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """An InfluxQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def named(names: Sequence[str]) -> str:
    """Identifiers in a row."""
    return ", ".join(map(quoted, names))


def ask(connection: Connection, question: str) -> list[Table]:
    """All series of the answer. StoreUnavailable, QueryRefused, QueryInterrupted."""
    target = connection.target
    post = [("db", target.database), ("epoch", "ms"), ("q", question)]
    if target.retention:
        post.append(("rp", target.retention))
    with connection.failures("cannot be asked"):
        response = connection.api().call_api(
            "/query",
            "POST",
            header_params={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            post_params=post,
            auth_settings=[],
            _preload_content=False,
            _return_http_data_only=True,
            _request_timeout=connection.timeout(),
        )
        content = response.data
    try:
        found = msgspec.json.decode(content, type=_Results)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"series store {target.shown} gave an answer that is none: {error}") from error
    for problem in (found.error, *(result.error for result in found.results)):
        if problem:
            _refuse(target.shown, problem)
    tables = [table for result in found.results for table in result.series]
    if any(result.partial for result in found.results) or any(table.partial for table in tables):
        raise QueryRefused(
            f"series store {target.shown} cut its answer off: take max-row-limit out of its settings, or set it to 0"
        )
    return tables


def _refuse(shown: str, problem: str) -> NoReturn:
    if "timeout" in problem or "interrupted" in problem:
        raise QueryInterrupted(
            f"the question to the series store was cut off ({problem}): ask for a shorter time, fewer points or a longer step"
        )
    raise QueryRefused(f"series store {shown} does not answer: {problem}")
