"""A running hub under load is backed up, and goes on from the backup in a fresh folder: nothing missing, nothing twice."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hub import control
from hub.backup.manifest import read as read_manifest
from hub.backup.restoring import Wish, restore
from hub.clock import WallClock
from hub.datadir import DataDir
from hub.storage.records_copy import PostgresSnapshot
from tests.contract.records.conftest import postgres  # noqa: F401 - a fixture of this module too
from tests.faults.checker import read_acked, read_journal
from tests.faults.rig import Lists, Rig, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def quiet(_word: control.Word) -> None:
    """Nobody listens."""


def records_as_file(url: str | None, data: DataDir) -> None:
    """Records that are in PostgreSQL, where the questions of a test look for them."""
    if url is not None:
        snapshot = PostgresSnapshot(url)
        snapshot.copy_to(data.records, lambda _done: None)
        snapshot.close()


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_hub_backed_up_under_load_goes_on_elsewhere(
    make_rig: Callable[..., Rig],
    tmp_path: Path,
    tell: Callable[[str], None],
    request: pytest.FixtureRequest,
    store: str,
) -> None:
    rig = make_rig(devices=200)
    old, new = (
        (request.getfixturevalue("postgres").new_database() for _ in range(2))
        if store == "postgresql"
        else (None, None)
    )
    first = rig.hub(settings={"records": {"url": old}}).ready()
    backup = tmp_path / "backup"
    with rig.publishing(rate=3_000, fault_every=300) as publishing:
        publishing.more(6_000)
        before = tmp_path / "acked-before"
        shutil.copyfile(publishing.acked, before)  # by the broker, which may not have handed them on yet
        rig.heard()
        answer = control.call(DataDir(rig.data).socket, "backup", {"folder": str(backup)}, quiet)
        publishing.more(3_000)
        publishing.stop()
    rig.settle(first)
    first.stop()
    told_by_the_first = Counter(rig.hook.keys)
    records_as_file(old, DataDir(rig.data))
    original = rig.account(publishing)
    assert original.faults == []

    elsewhere = DataDir(tmp_path / "elsewhere")
    wish = Wish(backup=backup, as_copy=True, records_url=new)
    restored = restore(wish, elsewhere, now=WallClock().now(), say=quiet)
    rig.data = elsewhere.root
    held = read_journal(elsewhere.journal, "bench")
    second = rig.hub(settings={"records": {"url": new}}).ready()

    def level() -> bool:
        health = second.health()
        waits = [health.get(name, {}).get("lag_batches") for name in ("lane alarm", "lane series")]
        return waits == [0, 0] and health["notices"]["waiting"] == 0

    eventually(level, "both lanes of the restored hub are level and no notice waits")
    second.stop()

    records_as_file(new, elsewhere)
    promised = read_acked(before)
    found = rig.verdict(Lists(before, publishing.faulty))
    tell(f"{answer['files']} files, {answer['bytes'] >> 20} MiB; {len(promised)} of {len(held)} messages were promised")
    assert not promised - held, "what was acknowledged before the backup is in it"
    assert found["faults"] == {}
    again = rig.hook.keys - told_by_the_first
    assert not again or read_manifest(backup).unjudged, "the restored hub told again of nothing that had been judged"
    assert max(told_by_the_first.values()) == 1
    states = Counter(state for (state,) in rig.rows("SELECT state FROM notices"))
    assert states["withdrawn"] == restored.held_back
    assert set(states) <= {"sent", "withdrawn"}
    begun = dict(read_acked(publishing.faulty).keys())
    in_the_journal = {device for device, seq in held if seq >= begun.get(device, seq + 1)}
    ticketed = [row[0] for row in rig.rows("SELECT facility FROM tickets")]
    assert len(ticketed) == len(set(ticketed))
    assert {int(facility[1:]) for facility in ticketed} == in_the_journal
