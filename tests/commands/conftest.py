"""The command line as a person uses it: with a hub running on the data folder, and without one."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from hub.cli import main
from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from hub.settings import Mqtt, Settings, Web
from hub.storage.unit import SqlRecords
from hub.wiring import Hub

T = TypeVar("T")

COURT = """
[community]
id = "{id}"
name = {{ zh = "小院", en = "Small court" }}

[crews.engineers]
name = {{ zh = "工程班", en = "Engineers" }}
default = true

[facilities.shed]
kind = "ebike_shed"
name = {{ zh = "充电棚", en = "Shed" }}

[devices.shed-air]
facility = "shed"
points = ["temperature"]
"""


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def call(*words: str, typed: str = "") -> Said:
    """Run the ``hub`` command in this process."""
    out, err = io.StringIO(), io.StringIO()
    keyboard, sys.stdin = sys.stdin, io.StringIO(typed)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as leaving:
                code = int(leaving.code or 0)
    finally:
        sys.stdin = keyboard
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True, kw_only=True)
class Home:
    """A data folder, with a hub running on it or not."""

    folder: Path
    hub: Hub | None

    def __call__(self, *words: str, typed: str = "") -> Said:
        return call("--config", str(self.folder.parent / "hub.toml"), *words, typed=typed)

    def read(self, work: Callable[[Any], T]) -> T:
        with self._records() as records:
            return records.read(work)

    def write(self, work: Callable[[Any], T]) -> T:
        with self._records() as records:
            return records.write(work)

    @contextlib.contextmanager
    def _records(self) -> Iterator[SqlRecords]:
        if self.hub is not None:
            yield self.hub.records
            return
        records = SqlRecords(self.folder / "records.sqlite")
        records.open()
        try:
            yield records
        finally:
            records.close()


@pytest.fixture(scope="module", params=["inside the running hub", "alone"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Both ways; tests share it, so each uses names of its own."""
    top = tmp_path_factory.mktemp("home")
    folder = top / "data"
    (top / "hub.toml").write_text(f'data_dir = "{folder}"\n', encoding="utf-8")
    if request.param == "alone":
        folder.mkdir()
        yield Home(folder=folder, hub=None)
        return
    broker = EmbeddedBroker(folder=top / "broker", clock=WallClock(), port=0, simulated=("harmony-garden",))
    broker.start()
    mqtt = Mqtt(url=broker.hub_url, version="5" if broker.keeps_mqtt5 else "3.1.1")
    hub = Hub(Settings(data_dir=folder, mqtt=mqtt, web=Web(port=0)))
    hub.start()
    yield Home(folder=folder, hub=hub)
    hub.stop()
    broker.stop()


@pytest.fixture
def court(tmp_path: Path) -> Callable[[str], Path]:
    """A small community file with this id."""

    def make(community: str) -> Path:
        path = tmp_path / f"{community}.toml"
        path.write_text(COURT.format(id=community), encoding="utf-8")
        return path

    return make


Check = Callable[..., Said]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """``hub check`` with these lines in hub.toml; data folder ``data``."""

    def run(settings: str = "") -> Said:
        (tmp_path / "hub.toml").write_text(f'data_dir = "{tmp_path / "data"}"\n{settings}', encoding="utf-8")
        return call("--config", str(tmp_path / "hub.toml"), "check")

    return run
