"""Two hubs on one PostgreSQL database: one works, one stands by, and who was asleep when it was overtaken writes nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.contract.records.conftest import postgres  # noqa: F401 - a fixture of this module too
from tests.faults.rig import HubRun, Rig, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


class Pair:
    """Two data folders, one broker, one database."""

    def __init__(self, rig: Rig, url: str) -> None:
        self.rig = rig
        self.url = url
        self.engine = create_engine(url)
        self._folders = {name: rig.folder / name for name in ("north", "south")}

    def start(self, name: str) -> HubRun:
        self.rig.data = self._folders[name]
        return self.rig.hub(settings={"records": {"url": self.url, "lease_s": 2.0}})

    def stands_by(self, run: HubRun) -> None:
        """Wait until it says so, in a log that both share."""
        eventually(lambda: "stands by" in run.last_words(), "the second hub stands by")
        assert not run.url

    def one(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(query)).scalar_one()

    def epoch(self) -> int:
        return int(self.one("SELECT (value::json ->> 'epoch')::int FROM meta WHERE key = 'lease'"))


@pytest.fixture
def pair(make_rig: Callable[..., Rig], postgres: Any) -> Any:  # noqa: F811 - the fixture
    pair = Pair(make_rig(devices=100), postgres.new_database())
    yield pair
    pair.engine.dispose()


def test_the_second_stands_by_and_takes_over_from_one_that_was_killed(pair: Pair) -> None:
    first = pair.start("north").ready()
    second = pair.start("south")
    pair.stands_by(second)
    with pair.rig.publishing(rate=1_000, fault_every=200) as publishing:
        publishing.more(1_500)
        first.kill()
        second.ready()
        publishing.more(1_500)
        publishing.stop()
    pair.rig.settle(second)
    assert pair.epoch() == 2
    assert pair.one("SELECT count(*) FROM tickets") > 0
    assert pair.one("SELECT count(*) FROM lanes WHERE lane LIKE 'alarm@%'") == 2, "each has positions of its own"
    third = pair.start("north")
    pair.stands_by(third)
    second.stop()
    third.ready()
    assert pair.epoch() == 3, "given back in order, it need not run out"
    pair.rig.settle(third)
    third.stop()
    ticketed = pair.one("SELECT count(*) - count(DISTINCT (facility, unit, failure_mode)) FROM tickets WHERE NOT late")
    assert ticketed == 0, "a fault is one ticket, whoever heard of it"


def test_one_that_was_asleep_while_it_was_overtaken_writes_nothing_and_ends(pair: Pair) -> None:
    first = pair.start("north").ready()
    second = pair.start("south")
    pair.stands_by(second)
    pid = first.process.pid
    assert pid is not None
    with pair.rig.publishing(rate=500, fault_every=100) as publishing:
        eventually(lambda: pair.one("SELECT count(*) FROM lanes"), "the first hub has written something")
        os.kill(pid, signal.SIGSTOP)  # in the middle of whatever it does
        second.ready()
        owner = pair.one("SELECT value::json ->> 'owner' FROM meta WHERE key = 'lease'")
        position = f"SELECT batch FROM lanes WHERE lane LIKE 'alarm@%' AND lane <> 'alarm@{owner}'"
        before = pair.one(position)
        publishing.more(500)
        os.kill(pid, signal.SIGCONT)  # the broker kept messages for it, and it has batches in its hands
        first.process.join(120)
        assert first.process.exitcode == 1, first.last_words()
        publishing.stop()
    assert "another hub has taken over this database" in first.last_words()
    assert pair.one(position) == before
    assert pair.epoch() == 2
    pair.rig.settle(second)
    assert second.health()["lease"]["status"] == "ok"
    second.stop()
