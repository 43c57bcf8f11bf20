"""The machine's clock is set while the hub runs: nobody is missed because of it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.clock import HOUR, MINUTE, SECOND
from tests.faults.rig import HubRun, Publishing, Rig, eventually

pytestmark = pytest.mark.faults


def set_clock(clock: Path, off: int) -> None:
    """Have the hub's clock so many ms off from now on. At one stroke: an empty file would be a jump of its own."""
    beside = clock.with_suffix(".new")
    beside.write_text(str(off), encoding="ascii")
    beside.replace(clock)


class LaneTimes:
    """The alarm lane's time, looked at again and again: it runs backwards with the clock, and never otherwise."""

    def __init__(self, run: HubRun) -> None:
        self._run = run
        self.newest = 0

    def look(self) -> int:
        time = self._time()
        assert time >= self.newest
        self.newest = time
        return time

    def goes_back(self, by: int) -> None:
        """Wait until the lane has read that the clock was set back."""
        before = self.newest
        eventually(lambda: self._time() <= before - by + MINUTE, "the lane's time has gone back with the clock")
        self.newest = self._time()

    def _time(self) -> int:
        return int(self._run.health().get("lane alarm", {}).get("time") or self.newest)


def pass_by(publishing: Publishing, times: LaneTimes) -> None:
    """A while under load, looking at the time."""
    for _ in range(4):
        publishing.more(300)
        times.look()


def set_back_minutes(rig: Rig) -> list[int]:
    """How far the clock was set back, each time."""
    query = "SELECT round((ended_at - started_at) / 60000.0) FROM gaps WHERE kind = 'set_back' ORDER BY started_at"
    return [int(minutes) for (minutes,) in rig.rows(query)]


@pytest.mark.timeout(300)
def test_an_hour_on_and_an_hour_back_raises_nothing_and_loses_nothing(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(devices=200)
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    run = rig.hub(clock=clock).ready()
    times = LaneTimes(run)
    with rig.publishing(rate=400) as publishing:
        pass_by(publishing, times)
        before = times.look()
        set_clock(clock, HOUR)
        eventually(lambda: times.look() >= before + HOUR - MINUTE, "the lane's time has followed")
        pass_by(publishing, times)
        set_clock(clock, 0)
        times.goes_back(HOUR)
        pass_by(publishing, times)
        set_clock(clock, -HOUR)
        times.goes_back(HOUR)
        pass_by(publishing, times)
        set_clock(clock, 0)
        pass_by(publishing, times)
        publishing.stop()
    rig.settle(run)
    run.stop()

    gaps = rig.rows(
        "SELECT kind, (ended_at - started_at) / 60000 FROM gaps WHERE connection = 'main' ORDER BY started_at"
    )
    assert gaps == [("standstill", 60)] * 2  # set on, once from the right time and once back to it
    assert set_back_minutes(rig) == [60, 60]
    assert rig.verdict(publishing)["faults"] == {}
    assert rig.rows("SELECT rule, device FROM alarms") == []
    assert rig.tickets() == 0


@pytest.mark.timeout(300)
def test_a_device_that_dies_as_the_clock_is_set_back_is_missed_after_its_own_limit(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """Its limit is three intervals of a minute. The test lets the clock run fast, in steps that are no standstill."""
    rig = make_rig(devices=20)
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    run = rig.hub(clock=clock).ready()
    times = LaneTimes(run)
    with rig.wire() as wire, rig.publishing(rate=4_000, devices=19) as publishing:
        wire.publish("community/v1/bench/d0019/telemetry", b'{"values": {"level": 0.5}}')
        publishing.more(100)
        before = eventually(times.look, "the lane has begun")
        set_clock(clock, -HOUR)
        times.goes_back(HOUR)
        assert rig.rows("SELECT device FROM alarms") == []
        for step in range(1, 25):
            wanted = times.newest + 9 * SECOND
            set_clock(clock, -HOUR + step * 10 * SECOND)
            publishing.more(60)  # everybody else speaks
            eventually(lambda wanted=wanted: times.look() >= wanted, "the lane's time goes on with the clock")
        publishing.stop()
    assert times.newest < before - 50 * MINUTE, "long before the clock is where it was"
    assert rig.rows("SELECT device, point, active FROM alarms") == [("bench~d0019", "", 1)]
    assert rig.tickets() == 1
    run.stop()
    assert set_back_minutes(rig) == [60]
