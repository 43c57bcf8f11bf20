"""The profile full without Docker: its broker, its PostgreSQL, an InfluxDB and its hub, each with what compose.yaml gives it.

The InfluxDB is the distribution's 1.x: that the hub's own address of a 2.x is well-formed is seen in test_compose.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy

from hub.ingest.broker_accounts import Account
from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.listening import accepts, any_free
from tests.docker.programs import Program, Programs
from tests.docker.stack import DOCKER, ROOT, Stack, made
from tests.docker.test_broker import LIFT, Broker, Client, lets_in
from tests.docker.test_broker import start as start_broker
from tests.influx_server import MISSING, PROGRAM, InfluxServer

BINARIES = next((path for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed"),
    pytest.mark.skipif(
        BINARIES is None, reason="no PostgreSQL under /usr/lib/postgresql: install the package postgresql"
    ),
]
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


class Postgres(NamedTuple):
    """PostgreSQL with the shipped configuration, set up as its image does it."""

    program: Program
    port: int
    stack: Stack

    @property
    def url(self) -> str:
        return self.stack.secret("records_url").replace("postgres:5432", f"127.0.0.1:{self.port}")

    @property
    def first(self) -> str:
        """The database that is there from the beginning."""
        return f"{self.url.rpartition('/')[0]}/postgres"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack").mkdir()
    return made(tmp_path / "stack", "full", "localhost")


@pytest.fixture
def postgres(programs: Programs, stack: Stack) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="hub-pg-"))  # the user postgres may not enter the test's own
    password = folder / "password"
    shutil.copy(stack.secrets / "records_password", password)
    configuration = folder / "postgresql.conf"
    shutil.copy(DOCKER / "postgres" / "postgresql.conf", configuration)
    if AS_POSTGRES:
        for path in (folder, password, configuration):
            shutil.chown(path, "postgres", "postgres")
    given = stack.compose()["services"]["postgres"]["environment"]
    assert BINARIES is not None
    command = [*AS_POSTGRES, BINARIES / "initdb", "-D", folder / "data", "-U", given["POSTGRES_USER"], "--no-sync"]
    command += [f"--pwfile={password}", "-A", "scram-sha-256", *given["POSTGRES_INITDB_ARGS"].split()]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    port = any_free("127.0.0.1")
    server = programs.start(
        [
            *AS_POSTGRES,
            *(BINARIES / "postgres", "-D", folder / "data", "-c", f"config_file={configuration}"),
            *("-c", f"port={port}", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"),
        ],
        until=lambda: accepts("127.0.0.1", port),
        ends_on=signal.SIGINT,
    )
    found = Postgres(server, port, stack)
    server.wait(lambda: answers(found))
    execute(found.first, f"CREATE DATABASE {given['POSTGRES_DB']}")
    yield found
    server.stop()
    shutil.rmtree(folder)


def answers(postgres: Postgres) -> bool:
    try:
        execute(postgres.first, "SELECT 1")
    except sqlalchemy.exc.OperationalError:
        return False
    return True


def execute(url: str, sql: str) -> list[tuple[object, ...]]:
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(sql))
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


class Hub(NamedTuple):
    """``hub --config … run`` as the container runs it."""

    program: Program
    url: str
    environment: dict[str, str]
    config: Path

    def command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "hub", "--config", str(self.config), *arguments]
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"} if token else {}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - as above
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads(self.get("/readyz")[1])["components"]
        return found


def start_hub(
    programs: Programs, stack: Stack, folder: Path, *, broker: Broker, postgres: Postgres, influx: InfluxServer
) -> Hub:
    """With compose.yaml's environment; only addresses inside the stack and folders are other ones."""
    port = any_free("127.0.0.1")
    inside = {
        "@mosquitto:1883": f"@127.0.0.1:{broker.inner}",
        "@postgres:5432": f"@127.0.0.1:{postgres.port}",
        "/var/lib/broker": str(broker.accounts.parent),
        "/var/lib/hub": str(folder / "hub-data"),
        "/backups": str(folder / "backups"),
        f"influxdb://{stack.secret('series_token')}@influxdb:8086/hub/hub": influx.url("hub"),
    }
    environment = {**stack.environment("hub-full"), "HUB_WEB__PORT": str(port)}
    (folder / "backups").mkdir(exist_ok=True)
    for key, value in environment.items():
        for shipped, here in inside.items():
            if key.endswith(("_URL_FILE", "_MIRRORS_FILE")):
                file = folder / Path(value).name
                text = (file if file.exists() else Path(value)).read_text(encoding="utf-8")
                file.write_text(text.replace(shipped, here), encoding="utf-8")
                environment[key] = str(file)
            else:
                environment[key] = environment[key].replace(shipped, here)
    config = stack.secrets / "hub.toml"
    url = f"http://127.0.0.1:{port}"
    program = programs.start(
        [sys.executable, "-m", "hub", "--config", config, "run"],
        until=lambda: accepts("127.0.0.1", port),
        environment=environment,
    )
    return Hub(program, url, environment, config)


@pytest.fixture
def influx() -> Iterator[InfluxServer]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    server = InfluxServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def broker(programs: Programs, stack: Stack, tmp_path: Path) -> Broker:
    return start_broker(programs, stack, tmp_path)


@pytest.fixture
def hub(
    *, programs: Programs, stack: Stack, tmp_path: Path, broker: Broker, postgres: Postgres, influx: InfluxServer
) -> Hub:
    hub = start_hub(programs, stack, tmp_path, broker=broker, postgres=postgres, influx=influx)
    hub.command("import", str(ROOT / "hub" / "communities" / "harmony-garden.toml"))
    return hub


def test_a_reading_goes_from_the_device_to_every_store_and_the_pages(
    hub: Hub, broker: Broker, postgres: Postgres, influx: InfluxServer
) -> None:
    token = hub.command("token", "test", "--role", "viewer").split()[-1]
    device = account_of(hub, "harmony-garden/lift-1")
    hub.program.wait(lambda: lets_in(broker, device))
    with Client(broker, device) as lift:
        assert lift.say(f"{LIFT}/telemetry", '{"values": {"door_open": false}}') == "Success"

    def seen() -> bool:
        status, body = hub.get("/api/v1/devices/harmony-garden~lift-1", token)
        return status == 200 and json.loads(body)["id"] == "harmony-garden~lift-1"

    hub.program.wait(seen)
    assert execute(postgres.url, "SELECT count(*) FROM devices WHERE id = 'harmony-garden~lift-1'") == [(1,)]
    hub.program.wait(lambda: '"door_open"' in influx.ask("SHOW MEASUREMENTS", "hub"))
    assert '"harmony-garden~lift-1"' in influx.ask("SELECT value, device FROM door_open", "hub")
    unwell = {name: part["reason"] for name, part in hub.ready().items() if part["status"] != "ok"}
    assert unwell.keys() <= {"clock"}, unwell  # the machine's own clock is nothing of the stack
    assert hub.get("/healthz") == (200, "ok\n")
    assert hub.program.stop() == 0


def test_while_its_stores_are_away_the_hub_lives_and_journals(
    hub: Hub, broker: Broker, postgres: Postgres, influx: InfluxServer
) -> None:
    """A health check that asked for more than life would have it ended here."""
    device = account_of(hub, "harmony-garden/lift-1")
    hub.program.wait(lambda: lets_in(broker, device))
    postgres.program.stop()
    influx.stop()
    with Client(broker, device) as lift:
        before = journalled(hub)
        assert lift.say(f"{LIFT}/telemetry", '{"values": {"door_open": true}}') == "Success"
        hub.program.wait(lambda: journalled(hub) > before)
    assert hub.get("/healthz") == (200, "ok\n")
    assert hub.program.process.poll() is None


def test_a_backup_of_the_stack_is_whole(hub: Hub, postgres: Postgres) -> None:
    folder = Path(hub.environment["HUB_BACKUP__FOLDER"]) / "before-upgrade"
    hub.command("backup", str(folder))
    assert {"manifest.json", "records.sqlite", "journal.sqlite", "series.duckdb"} <= {
        path.name for path in folder.iterdir()
    }
    assert hub.program.stop() == 0
    execute(postgres.first, "DROP DATABASE hub")
    execute(postgres.first, "CREATE DATABASE hub")
    hub.command("restore", str(folder), "--replace")
    assert execute(postgres.url, "SELECT id FROM communities") == [("harmony-garden",)]


def account_of(hub: Hub, name: str) -> Account:
    """Made by the hub in the file that the broker reads; the broker's start script tells the broker."""
    printed = hub.command("device-credentials", "make", name)
    return Account(*next(line for line in printed.splitlines() if line.startswith(f"{name}\t")).split("\t"))


def journalled(hub: Hub) -> float:
    lines = [line for line in hub.get("/metrics")[1].splitlines() if line.startswith("hub_journal_messages_total ")]
    return float(lines[0].split()[1])
