"""A store fails for a while: what waits is kept, what can go on goes on, and nothing is lost or counted twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.disk import MIB, fill
from tests.faults.forms import small_and_full
from tests.faults.rig import HubRun, Rig, eventually

pytestmark = pytest.mark.faults

RATES = small_and_full(1_000, 5_000)


def journal_is(run: HubRun, status: str) -> str:
    """Wait until the journal's line says so; its reason."""
    eventually(lambda: run.health().get("journal", {}).get("status") == status, f"the journal's line says {status}")
    return str(run.health()["journal"]["reason"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killed", [False, True], ids=["runs on", "killed meanwhile"])
@pytest.mark.parametrize(
    ("reserve", "leave"), [(24 * MIB, 16 * MIB), (0, 0)], ids=["below the reserve", "no byte free"]
)
def test_a_full_disk_holds_acknowledgements_and_goes_on_by_itself(
    small_disk: Path, make_rig: Callable[..., Rig], reserve: int, leave: int, *, killed: bool
) -> None:
    rig = make_rig(devices=50)
    settings = {"journal": {"min_free": reserve}}
    run = rig.hub(settings=settings).ready()
    with rig.publishing(rate=800, fault_every=400) as publishing:
        publishing.more(1_000)
        ballast = fill(small_disk, leave=leave)
        reason = journal_is(run, "down")
        assert "free" in reason or "full" in reason
        assert run.health()["status"] == "down"
        held = run.counted("hub_mqtt_acknowledged_total")
        publishing.more(1_000)
        assert run.counted("hub_mqtt_acknowledged_total") == held
        if killed:
            run.kill()
        ballast.unlink()
        if killed:
            run = rig.hub(settings=settings).ready()
        journal_is(run, "ok")
        publishing.more(500)
        publishing.stop()
    rig.settle(run)
    run.stop()

    assert rig.verdict(publishing)["faults"] == {}
    assert rig.account(publishing).faults == []


@pytest.mark.parametrize("rate", RATES)
def test_while_the_series_store_is_away_alarms_go_on_and_the_backlog_is_drained_exactly(
    rate: int, make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(devices=500)
    away = tmp_path / "series-is-away"
    run = rig.hub(f"series-away:{away}").ready()
    with rig.publishing(rate=rate, fault_every=rate // 5) as publishing:
        eventually(lambda: rig.tickets() >= 3, "tickets are made")
        away.touch()
        eventually(lambda: run.health().get("series", {}).get("status") == "degraded", "the series line says so")
        already = rig.tickets()
        publishing.more(6 * rate)
        eventually(lambda: rig.tickets() >= already + 10, "tickets are made while the series store is away")
        health = run.health()
        assert health["status"] == "degraded"
        assert health["lane alarm"]["status"] == "ok"
        assert health["lane series"]["lag_batches"] > 0
        away.unlink()
        publishing.stop()
    rig.settle(run)
    run.stop()

    assert rig.verdict(publishing)["faults"] == {}
    account = rig.account(publishing)
    assert account.faults == []
