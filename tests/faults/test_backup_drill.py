"""A running hub under load is backed up, and goes on from the backup in a fresh folder: nothing missing, nothing twice."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hub import control
from hub.backup.restoring import Wish, restore
from hub.clock import WallClock
from hub.datadir import DataDir
from tests.faults.checker import read_acked, read_journal
from tests.faults.rig import Lists, Rig, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def quiet(_word: control.Word) -> None:
    """Nobody listens."""


def test_a_hub_backed_up_under_load_goes_on_elsewhere(
    make_rig: Callable[..., Rig], tmp_path: Path, tell: Callable[[str], None]
) -> None:
    rig = make_rig(devices=200)
    first = rig.hub().ready()
    backup = tmp_path / "backup"
    with rig.publishing(rate=3_000, fault_every=300) as publishing:
        publishing.more(6_000)
        before = tmp_path / "acked-before"
        shutil.copyfile(publishing.acked, before)
        answer = control.call(DataDir(rig.data).socket, "backup", {"folder": str(backup)}, quiet)
        publishing.more(3_000)
        publishing.stop()
    rig.settle(first)
    first.stop()
    told_by_the_first = Counter(rig.hook.keys)
    original = rig.account(publishing)
    assert original.faults == []

    elsewhere = DataDir(tmp_path / "elsewhere")
    restored = restore(Wish(backup=backup, as_copy=True), elsewhere, now=WallClock().now(), say=quiet)
    rig.data = elsewhere.root
    held = read_journal(elsewhere.journal, "bench")
    second = rig.hub().ready()

    def level() -> bool:
        health = second.health()
        waits = [health.get(name, {}).get("lag_batches") for name in ("lane alarm", "lane series")]
        return waits == [0, 0] and health["notices"]["waiting"] == 0

    eventually(level, "both lanes of the restored hub are level and no notice waits")
    second.stop()

    promised = read_acked(before)
    found = rig.verdict(Lists(before, publishing.faulty))
    tell(f"{answer['files']} files, {answer['bytes'] >> 20} MiB; {len(promised)} of {len(held)} messages were promised")
    assert not promised - held, "what was acknowledged before the backup is in it"
    assert found["faults"] == {}
    assert rig.hook.keys == told_by_the_first, "the restored hub told of nothing again"
    assert max(told_by_the_first.values()) == 1
    states = Counter(state for (state,) in rig.rows("SELECT state FROM notices"))
    assert states["withdrawn"] == restored.held_back
    assert set(states) <= {"sent", "withdrawn"}
    begun = dict(read_acked(publishing.faulty).keys())
    in_the_journal = {device for device, seq in held if seq >= begun.get(device, seq + 1)}
    ticketed = [row[0] for row in rig.rows("SELECT facility FROM tickets")]
    assert len(ticketed) == len(set(ticketed))
    assert {int(facility[1:]) for facility in ticketed} == in_the_journal
