"""The broker is restarted in order, or killed, under load: who may lose what, and what is said about it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.forms import small_and_full
from tests.faults.rig import TOKEN, HubRun, Rig, eventually

pytestmark = pytest.mark.faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """So often the broker goes away, each time after so many more messages."""

    times: int
    messages: int
    rate: int
    devices: int


SMALL = Size(times=2, messages=5_000, rate=2_500, devices=100)
FULL = Size(times=15, messages=15_000, rate=5_000, devices=1000)
SIZES = small_and_full(SMALL, FULL)


def hears_again(run: HubRun, connects: float) -> None:
    eventually(lambda: run.counted("hub_mqtt_connects_total") > connects, "the hub has connected again")


@pytest.mark.parametrize("size", SIZES)
def test_restarted_in_order_nothing_that_was_acknowledged_is_missing(
    size: Size, make_rig: Callable[..., Rig], tell: Callable[[str], None]
) -> None:
    rig = make_rig(devices=size.devices)
    run = rig.hub().ready()
    with rig.publishing(rate=size.rate, fault_every=500) as publishing:
        for _ in range(size.times):
            publishing.more(size.messages)
            connects = run.counted("hub_mqtt_connects_total")
            rig.broker.embedded.restart()
            hears_again(run, connects)
        publishing.more(size.messages)
        done = publishing.stop()
    rig.settle(run)
    gaps = rig.rows("SELECT kind FROM gaps WHERE connection = 'main'")
    run.stop()

    found = rig.verdict(publishing)
    account = rig.account(publishing)
    tell(f"{done}, {found['told']}, {account.tickets} tickets for {account.caused} faults")
    assert found["faults"] == {}
    assert account.faults == []
    assert gaps == [("broker_down",)] * size.times


@pytest.mark.parametrize("size", SIZES)
def test_killed_nothing_that_the_hub_acknowledged_is_missing_and_the_gap_is_shown(
    size: Size, make_rig: Callable[..., Rig], tell: Callable[[str], None]
) -> None:
    rig = make_rig(devices=size.devices)
    run = rig.hub().ready()
    with rig.publishing(rate=size.rate, fault_every=500) as publishing:
        for number in range(size.times):
            publishing.more(size.messages)
            if number == 1:  # from here on the broker wakes up with old sessions and old messages
                rig.broker.embedded.restart()
                publishing.more(size.messages)
            connects = run.counted("hub_mqtt_connects_total")
            os.kill(rig.broker_pid(), signal.SIGKILL)
            hears_again(run, connects)
        publishing.more(size.messages)
        done = publishing.stop()
    rig.settle(run)
    gaps = [kind for (kind,) in rig.rows("SELECT kind FROM gaps WHERE connection = 'main' ORDER BY started_at")]
    page = run.page("/health", TOKEN)
    run.stop()

    found = rig.verdict(publishing, "--may-miss-acked")
    account = rig.account(publishing, held=rig.journal())
    tell(f"{done}, told: {found['told']}, gaps {gaps}, {account.tickets} tickets for {account.caused} faults")
    assert found["faults"] == {}
    assert account.faults == []
    assert "session_lost" in gaps  # the first time: nothing of it was saved
    assert len(gaps) >= size.times
    assert "messages may be missing" in page
