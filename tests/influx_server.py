"""A real InfluxDB for tests: the distribution's 1.x in a temporary folder, or the one that HUB_TEST_INFLUX_URL names."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.ports import free_ports

PROGRAM = shutil.which("influxd")
MISSING = "no influxd: install the package influxdb"


class InfluxServer:
    """Never a service: its ports and folder are its own, and both are gone afterwards."""

    def __init__(self, *, sign_in: bool = False, within: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hub-influx-", dir=within))
        self.port, internal = free_ports(2)
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "influxdb.conf").write_text(
            f"""
reporting-disabled = true
bind-address = "127.0.0.1:{internal}"
[meta]
dir = "{self.folder}/meta"
[data]
dir = "{self.folder}/data"
wal-dir = "{self.folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
auth-enabled = {str(sign_in).lower()}
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
"""
        )

    def start(self) -> None:
        """Return once it answers."""
        assert PROGRAM is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-config", str(self.folder / "influxdb.conf")], stdout=log, stderr=log
            )
        for _ in range(300):
            with contextlib.suppress(OSError):
                if self.call("GET", "/ping")[0] == 204:
                    return
            assert self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)  # how often to look, not how long to wait
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Kill it: it has nothing to say that the next start would not read back."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def call(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body.encode())
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ask(self, question: str, database: str = "", **more: str) -> str:
        """InfluxQL, as an operator would."""
        status, text = self.call("POST", "/query?" + urllib.parse.urlencode({"q": question, "db": database, **more}))
        assert status == 200, text
        return text

    def new_database(self) -> str:
        """Its name; it is empty."""
        name = f"hub{next(self._numbers)}"
        self.ask(f'CREATE DATABASE "{name}"')
        return name

    def published(self, database: str) -> Iterator[tuple[int, int]]:
        """(device, number) of each message of the publishers that is stored: their numbers are bound as uptime.

        Asked for a device at a time: a million rows in one answer would keep a busy machine silent for too long.
        """
        for device in self._rows("""SHOW TAG VALUES FROM "uptime" WITH KEY = "device" """, database):
            number = device[1].rpartition("~d")[2]
            if number.isdigit():
                of_device = f"""SELECT "value" FROM "uptime" WHERE "point" = 'seq' AND "device" = '{device[1]}' """
                yield from ((int(number), int(value)) for _, value in self._rows(of_device, database))

    def _rows(self, question: str, database: str) -> list[list[Any]]:
        series = json.loads(self.ask(question, database))["results"][0].get("series", [])
        return [row for each in series for row in each["values"]]

    def url(self, database: str, sign_in: str = "") -> str:
        return f"influxdb://{sign_in}127.0.0.1:{self.port}/{database}"
