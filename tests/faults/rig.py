"""Broker, hub process, publisher and web hook of one fault test, and the questions that the test asks of them."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from hub.ingest.wire import Hello, Wire
from tests.benchmarks.shipped_broker import ShippedBroker
from tests.faults.checker import Key, read_acked, read_journal
from tests.faults.hub_process import Life, begin
from tests.faults.ledger import Account, account

ROOT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "the-token-of-the-fault-tests-0123456789"
PATIENCE_S: Final = 120.0
"""The machine may be busy: a condition that holds in the end is waited for as long as this."""


def eventually(condition: Callable[[], Any], what: str, *, within: float = PATIENCE_S) -> Any:
    """The first true answer; a failure that says what did not happen."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(0.02)
    return found


class Hook:
    """A crew's web hook: remembers the dedupe key of every post, and may end a process in the middle of one."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self.on_post: Callable[[], None] = lambda: None
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.keys[body["dedupe_key"]] += 1
                outer.on_post()
                try:
                    self.send_response(204)
                    self.end_headers()
                except OSError:
                    return  # the hub was killed meanwhile

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class HubRun:
    """One life of the hub's process."""

    def __init__(self, life: Life) -> None:
        self._log = life.log
        self._begun = time.monotonic()
        self.process, self._hear = begin(life)
        self.url = ""
        self.seconds_to_ready = 0.0

    def ready(self) -> HubRun:
        """Wait for it."""
        try:
            self.url = self._hear.recv() if self._hear.poll(PATIENCE_S) else ""
        except EOFError:
            self.process.join()
        assert self.url, f"the hub did not start (exit code {self.process.exitcode}): {self.last_words()}"
        self.seconds_to_ready = time.monotonic() - self._begun
        return self

    def killed(self) -> None:
        """Wait until it has been killed; a failure where it ended in another way or goes on."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        assert code == -signal.SIGKILL, f"the hub was not killed (exit code {code}): {self.last_words()}"

    def kill(self) -> None:
        self.process.kill()
        self.killed()

    def stop(self) -> None:
        """In order."""
        self.process.terminate()
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        assert code == 0, f"the hub ended with {code}: {self.last_words()}"

    def end(self) -> None:
        """Whatever state it is in."""
        self.process.kill()
        self.process.join()
        self._hear.close()

    def counted(self, name: str) -> float:
        """The sum of one metric over its labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310 - our own hub
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def page(self, path: str, token: str) -> str:
        """A page, as somebody with this token sees it."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 - our own hub
            return str(answer.read().decode())

    def last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def health(self) -> Mapping[str, Any]:
        """The components of /readyz, under ``status`` the whole hub's; empty where it does not answer just now."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310 - our own hub
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                body = json.load(error)
        except (OSError, ValueError):
            return {}
        return {"status": body["status"], **body["components"]}


@dataclass(slots=True)
class Lists:
    """What was acknowledged, and which faults began: two files of records (device, sequence number)."""

    acked: Path
    faulty: Path


@dataclass(slots=True)
class Publishing(Lists):
    """The publisher's process and the two lists that it writes."""

    process: subprocess.Popen[str]

    def stop(self) -> dict[str, Any]:
        """Let it finish; what it says it has done."""
        self.process.terminate()
        said, _ = self.process.communicate(timeout=2 * PATIENCE_S)
        done: dict[str, Any] = json.loads(said)
        return done

    def acknowledged(self) -> int:
        return self.acked.stat().st_size // 8

    def more(self, count: int) -> None:
        """Wait until so many more are acknowledged: as long as they take at 500 a second, and some time more."""
        wanted = self.acknowledged() + count
        patience = PATIENCE_S + count / 500
        eventually(lambda: self.acknowledged() >= wanted, f"{count} more messages are acknowledged", within=patience)


class Rig:
    """``hub`` starts one, ``settle`` waits until all that was sent has arrived everywhere, ``verdict`` compares."""

    def __init__(self, folder: Path, *, devices: int = 200, patience: float = PATIENCE_S) -> None:
        self.folder = folder
        self.patience = patience
        self.data = folder / "data"
        self.devices = devices
        self.broker = ShippedBroker()
        self.hook = Hook()
        self.hubs: list[HubRun] = []
        self._publishers = 0

    def close(self) -> None:
        for run in self.hubs:
            run.end()
        self.hook.stop()
        self.broker.stop()

    # --- the parties --------------------------------------------------------------------------------------------

    def hub(
        self, *inject: str, settings: Mapping[str, Mapping[str, Any]] | None = None, clock: Path | None = None
    ) -> HubRun:
        """Start the hub's process on the data folder."""
        address = self.broker.address
        user, password = quote(address.hub_name, safe=""), quote(address.hub_password, safe="")
        wanted: dict[str, Any] = {
            "data_dir": str(self.data),
            "mqtt": {"url": f"mqtt://{user}:{password}@{address.host}:{address.port}"},
            "journal": {"min_free": 1024**2},
            "admin_token": TOKEN,
            "web": {"port": 0},
            "notify": {"allow_private_targets": True},
        }
        for section, values in (settings or {}).items():
            wanted[section] = {**wanted.get(section, {}), **values}
        life = Life(
            settings=wanted,
            devices=self.devices,
            hook=self.hook.url,
            log=self.folder / "hub.log",
            inject=inject,
            clock=clock,
        )
        run = HubRun(life)
        self.hubs.append(run)
        return run

    @contextmanager
    def publishing(
        self, *, rate: float, total: int = 0, fault_every: int = 0, devices: int | None = None
    ) -> Iterator[Publishing]:
        """Begin to publish, for the first so many devices; connected when this returns."""
        address = self.broker.address
        self._publishers += 1
        acked, faulty = self.folder / f"acked-{self._publishers}", self.folder / f"faulty-{self._publishers}"
        options: dict[str, object] = {
            "port": address.port,
            "user": address.publisher_name,
            "password": address.publisher_password,
            "devices": devices or self.devices,
            "rate": rate,
            "total": total,
            "fault-every": fault_every,
            "acked": acked,
            "faulty": faulty,
        }
        command = [sys.executable, "-m", "tests.faults.publisher"]
        command += [f"--{name}={value}" for name, value in options.items()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield Publishing(acked, faulty, process)
            finally:
                if process.poll() is None:
                    process.kill()

    def wire(self, client_id: str = "by-hand") -> Wire:
        """A device's connection, spoken by hand."""
        address = self.broker.address
        name, password = address.publisher_name, address.publisher_password
        return Wire(address.host, address.port, Hello(client_id=client_id, name=name, password=password))

    # --- questions ----------------------------------------------------------------------------------------------

    def batch_with(self, payload: bytes) -> int:
        """The newest batch of the journal that holds these bytes; 0 where none does."""
        with closing(sqlite3.connect(f"file:{self.data / 'journal.sqlite'}?mode=ro", uri=True)) as db:
            query = "SELECT id FROM batches WHERE instr(blob, ?) ORDER BY id DESC LIMIT 1"
            row = db.execute(query, (payload,)).fetchone()
        return row[0] if row else 0

    def heard(self) -> int:
        """All that the broker had for the hub is in the journal, up to this batch.

        A last message is sent after all others: the broker keeps their order.
        """
        mark = uuid.uuid4().hex
        payload = {"ts": time.time_ns() // 1_000_000, "seq": 1, "boot": mark, "values": {"temperature": 20.0}}
        with self.wire() as wire:
            wire.publish("community/v1/bench/marker/telemetry", json.dumps(payload).encode())
        batch: int = eventually(lambda: self.batch_with(mark.encode()), "the last message is in the journal")
        return batch

    def settle(self, run: HubRun) -> None:
        """All that the broker had for the hub is in the journal and through both lanes, and every notice has left."""
        batch = self.heard()
        seen = "no answer"

        def through() -> bool:
            nonlocal seen
            health = run.health()
            if not health:
                return False
            lanes = [health.get(name, {}).get("batch") or 0 for name in ("lane alarm", "lane series")]
            waiting = health["notices"].get("waiting")
            seen = f"lanes at {lanes}, {waiting} notices wait"
            return bool(min(lanes) >= batch and waiting == 0)

        try:
            eventually(through, f"both lanes take batch {batch} and every notice leaves", within=self.patience)
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {seen}") from None

    def verdict(self, lists: Lists, *more: str) -> dict[str, Any]:
        """What the checker, a program of its own, says of the stores."""
        command = [sys.executable, "-m", "tests.faults.checker", "--acked", str(lists.acked)]
        command += ["--journal", str(self.data / "journal.sqlite"), "--series", str(self.data / "series.duckdb"), *more]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["ok"] == (done.returncode == 0)
        return found

    def account(self, lists: Lists, *, held: Counter[Key] | None = None) -> Account:
        """What became of the publisher's faults; ``held``: the messages that count, else all acknowledged ones."""
        counted = read_acked(lists.acked) if held is None else held
        return account(self.data / "records.sqlite", self.hook.keys, lists.faulty, counted)

    def journal(self) -> Counter[Key]:
        """The publisher's messages in the journal."""
        return read_journal(self.data / "journal.sqlite", "bench")

    def tickets(self) -> int:
        """How many there are."""
        return int(self.rows("SELECT count(*) FROM tickets")[0][0])

    def broker_pid(self) -> int:
        """The broker's process of this moment."""
        return int(self.broker.embedded.health(0).facts["pid"] or 0)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Of the records."""
        with closing(sqlite3.connect(f"file:{self.data / 'records.sqlite'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()
