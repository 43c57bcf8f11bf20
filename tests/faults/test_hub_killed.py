"""The hub is killed under load, at random and inside each step: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.forms import small_and_full
from tests.faults.inject import every_kill_point
from tests.faults.rig import HubRun, Publishing, Rig

pytestmark = pytest.mark.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much load, and how often the hub is killed under it."""

    messages: int
    rate: int
    devices: int
    fault_every: int
    points: tuple[str, ...]
    at_random: int
    patience: float
    """Seconds in which every notice has to leave: one that was killed twice waits for minutes before its next attempt."""


SMALL = Size(
    messages=40_000,
    rate=5_200,
    devices=500,
    fault_every=800,
    points=("commit:during", "commit:after", "puback:during", "alarm:during", "series:during", "send:after"),
    at_random=1,
    patience=120.0,
)
FULL = Size(
    messages=1_000_000,
    rate=6_000,
    devices=2000,
    fault_every=700,
    points=tuple(every_kill_point()) * 2,
    at_random=10,
    patience=1_800.0,
)
SIZES = small_and_full(SMALL, FULL)


@pytest.mark.parametrize("size", SIZES)
def test_killed_at_any_point_nothing_is_lost_and_nothing_doubled(
    size: Size, make_rig: Callable[..., Rig], tell: Callable[[str], None]
) -> None:
    rig = make_rig(devices=size.devices, patience=size.patience)
    chance = random.Random(size.messages)  # noqa: S311 - moments to be killed at, the same in every run
    rig.hub().ready().stop()  # furnished, and its session known to the broker
    starts: list[float] = []
    with rig.publishing(rate=size.rate, total=size.messages, fault_every=size.fault_every) as publishing:
        for point in size.points:
            few = point.startswith(("alarm", "send"))
            nth = chance.randint(1, 3) if few else chance.randint(10, 40)
            rig.hub(f"kill:{point}:{nth}").killed()
        _killed_while_posting(rig, after=2)
        for _ in range(size.at_random):
            run = rig.hub().ready()
            time.sleep(chance.uniform(0.0, 1.5))  # the moment of the fault, no waiting for anything
            run.kill()
            starts.append(run.seconds_to_ready)
        last = rig.hub().ready()
        starts.append(last.seconds_to_ready)
        done = publishing.stop()
        began = time.monotonic()
        rig.settle(last)
        level = time.monotonic() - began
    last.stop()

    found = rig.verdict(publishing)
    tell(
        f"{done['acked']} messages at {done['acked'] / done['seconds']:.0f}/s, {len(rig.hubs) - 2} kills, "
        f"{found['told']}, ready again after {min(starts):.2f}-{max(starts):.2f} s, level {level:.2f} s after the end"
    )
    assert done["acked"] == done["sent"] >= size.messages
    assert found["faults"] == {}
    assert found["told"] == {"journal_copies": 0}
    _every_fault_became_one_ticket(rig, publishing, tell)


def _killed_while_posting(rig: Rig, *, after: int) -> None:
    """The hook has the notice; the hub dies before it hears the answer."""
    run = rig.hub()

    def die() -> None:
        if rig.hook.keys.total() >= seen + after:
            run.process.kill()

    seen = rig.hook.keys.total()
    rig.hook.on_post = die
    run.killed()
    rig.hook.on_post = lambda: None


def _every_fault_became_one_ticket(rig: Rig, publishing: Publishing, tell: Callable[[str], None]) -> None:
    found = rig.account(publishing)
    tell(f"{found.caused} faults, {found.tickets} tickets, {found.notices} notices, {found.repeats} of them said again")
    assert found.faults == []
    assert found.caused


@pytest.mark.timeout(300)
def test_the_checker_finds_one_puback_that_came_before_its_commit(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(devices=50)
    rig.hub().ready().stop()
    with rig.publishing(rate=2_000) as publishing:
        run: HubRun = rig.hub("early-puback:15").ready()
        run.killed()
        last = rig.hub().ready()
        publishing.stop()
        rig.settle(last)
    last.stop()
    found = rig.verdict(publishing)
    assert set(found["faults"]) == {"missing_in_journal"}
    assert found["missing_in_journal"] == 1
