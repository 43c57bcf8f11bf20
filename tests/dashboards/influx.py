"""A real InfluxDB 1 of our own, and Grafana's variables put into queries as Grafana does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import requests

from tests.influx_server import InfluxServer


class Series(NamedTuple):
    """One series of an answer."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]


class Influx:
    """Started on free ports in a temporary folder; ``stop`` removes it."""

    def __init__(self) -> None:
        self._server = InfluxServer()
        self._server.start()
        self._address = f"http://127.0.0.1:{self._server.port}"
        self._database = self._server.new_database()
        self.url = self._server.url(self._database)

    def stop(self) -> None:
        self._server.remove()

    def ask(self, query: str) -> list[Series]:
        """The series of the answer. AssertionError where the query is refused."""
        asked = {"db": self._database, "epoch": "ms", "q": query}
        answer = requests.post(f"{self._address}/query", data=asked, timeout=60)
        assert answer.status_code == 200, f"{answer.text}: {query}"
        told = answer.json()
        (result,) = told["results"]
        assert "error" not in result, f"{result['error']}: {query}"
        return [
            Series(each.get("name", ""), each.get("tags", {}), each["columns"], each["values"])
            for each in result.get("series", ())
        ]


# --- what Grafana makes of a query ------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")


def filled(
    query: str, *, start: int, end: int, step: str = "30m", chosen: Mapping[str, Sequence[str] | str] = {}
) -> str:
    """The query that reaches InfluxDB: variables in their formats, everything where nothing was chosen."""
    known = {
        "timeFilter": f"time >= {start}ms and time <= {end}ms",
        "__interval": step,
        "__from": str(start),
        "__to": str(end),
    }

    def put(found: re.Match[str]) -> str:
        name, form, bare = found.groups()
        if bare is not None:
            assert bare in known, f"${bare} is not written with its format: {query}"
            return known[bare]
        given = chosen.get(name, ".*")
        if isinstance(given, str):
            return given
        assert form == "regex", f"{name} holds several values: {query}"
        escaped = [re.sub(r"([\\^$*+?.()|\[\]{}/])", r"\\\1", each) for each in given]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return _VARIABLE.sub(put, query)
