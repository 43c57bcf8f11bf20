"""The machine's clock is set while the hub runs: nobody is missed because of it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.clock import HOUR, MINUTE
from tests.faults.rig import HubRun, Publishing, Rig, eventually

pytestmark = pytest.mark.faults


class LaneTimes:
    """The alarm lane's time, looked at again and again: it never runs backwards."""

    def __init__(self, run: HubRun) -> None:
        self._run = run
        self.newest = 0

    def look(self) -> int:
        time = int(self._run.health().get("lane alarm", {}).get("time") or self.newest)
        assert time >= self.newest
        self.newest = time
        return time


def pass_by(publishing: Publishing, times: LaneTimes) -> None:
    """A while under load, looking at the time."""
    for _ in range(4):
        publishing.more(300)
        times.look()


@pytest.mark.timeout(300)
def test_an_hour_on_and_an_hour_back_raises_nothing_and_loses_nothing(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(devices=200)
    clock = tmp_path / "clock"
    clock.write_text("0", encoding="ascii")
    run = rig.hub(clock=clock).ready()
    times = LaneTimes(run)
    with rig.publishing(rate=400) as publishing:
        pass_by(publishing, times)
        before = times.look()
        clock.write_text(str(HOUR), encoding="ascii")
        eventually(lambda: times.look() >= before + HOUR - MINUTE, "the lane's time has followed")
        pass_by(publishing, times)
        clock.write_text("0", encoding="ascii")
        pass_by(publishing, times)
        clock.write_text(str(-HOUR), encoding="ascii")
        pass_by(publishing, times)
        clock.write_text("0", encoding="ascii")
        pass_by(publishing, times)
        publishing.stop()
    rig.settle(run)
    run.stop()

    gaps = rig.rows(
        "SELECT kind, (ended_at - started_at) / 60000 FROM gaps WHERE connection = 'main' ORDER BY started_at"
    )
    assert gaps == [("standstill", 60)] * 2  # set on, once from the right time and once back to it
    assert rig.verdict(publishing)["faults"] == {}
    assert rig.rows("SELECT rule, device FROM alarms") == []
    assert rig.tickets() == 0
