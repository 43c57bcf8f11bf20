"""A real InfluxDB 1 of our own, lines for it, and Grafana's variables put into queries as Grafana does."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import requests

from hub.domain.event_series import SeriesPoint

PROGRAM = shutil.which("influxd")
CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
"""


class Series(NamedTuple):
    """One series of an answer."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]


class Influx:
    """Started on free ports in a temporary folder; ``stop`` removes it."""

    def __init__(self) -> None:
        assert PROGRAM is not None
        self._folder = Path(tempfile.mkdtemp(prefix="hub-influx-"))
        port, rpc = free_ports(2)
        (self._folder / "influxdb.conf").write_text(CONFIGURATION.format(folder=self._folder, port=port, rpc=rpc))
        self._address = f"http://127.0.0.1:{port}"
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [PROGRAM, "-config", str(self._folder / "influxdb.conf")], stdout=self._log, stderr=subprocess.STDOUT
        )
        self._wait()
        self.ask("CREATE DATABASE hub")

    def _wait(self) -> None:
        pause = threading.Event()
        for _ in range(600):
            assert self._process.poll() is None, (self._folder / "log").read_text(errors="replace")[-2000:]
            try:
                requests.get(f"{self._address}/ping", timeout=5)
            except requests.ConnectionError:
                pause.wait(0.05)
            else:
                return
        raise AssertionError("InfluxDB did not begin to answer")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def write(self, lines: Iterable[str]) -> None:
        every = list(lines)
        for begin in range(0, len(every), 10_000):
            body = "\n".join(every[begin : begin + 10_000]).encode()
            answer = requests.post(f"{self._address}/write?db=hub&precision=ms", data=body, timeout=60)
            assert answer.status_code == 204, answer.text

    def ask(self, query: str) -> list[Series]:
        """The series of the answer. AssertionError where the query is refused."""
        asked = {"db": "hub", "epoch": "ms", "q": query}
        answer = requests.post(f"{self._address}/query", data=asked, timeout=60)
        assert answer.status_code == 200, f"{answer.text}: {query}"
        told = answer.json()
        (result,) = told["results"]
        assert "error" not in result, f"{result['error']}: {query}"
        return [
            Series(each.get("name", ""), each.get("tags", {}), each["columns"], each["values"])
            for each in result.get("series", ())
        ]


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    held = [socket.socket() for _ in range(number)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def line(point: SeriesPoint) -> str:
    """A point in line protocol."""
    tags = "".join(f",{_plain(name)}={_plain(value)}" for name, value in sorted(point.tags.items()))
    fields = ",".join(f"{_plain(name)}={_field(value)}" for name, value in point.fields.items())
    return f"{_plain(point.measurement)}{tags} {fields} {point.time}"


def _plain(text: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", text)


def _field(value: float | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) else repr(float(value))


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
