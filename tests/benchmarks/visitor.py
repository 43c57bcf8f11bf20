"""Somebody who asks the hub over HTTP, with the administrator's token, on one connection that stays open."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

TOKEN: Final = "the-token-of-the-benchmarks-0123456789"


class Visitor:
    """One connection; used by one thread."""

    def __init__(self, url: str, *, patience_s: float = 60.0) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=patience_s)

    def get(self, path: str) -> bytes:
        """The whole answer. RuntimeError where it is not 200."""
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {body[:300]!r}")
        return body

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list."""
        found: list[dict[str, Any]] = json.loads(self.get(path))["items"]
        return found

    def follow(self, path: str) -> http.client.HTTPResponse:
        """Open an answer that does not end (events); read it line by line."""
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        return self._connection.getresponse()

    def post(self, path: str, body: object) -> None:
        """RuntimeError where it is refused."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"POST {path}: {answer.status} {said[:300]!r}")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
