"""PostgreSQL goes away under load: lanes and outbox wait, intake goes on, and after that all is as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.storage.records_copy import PostgresSnapshot
from tests.contract.records.conftest import postgres  # noqa: F401 - a fixture of this module too
from tests.faults.rig import Rig, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_lanes_wait_for_postgresql_and_go_on(
    make_rig: Callable[..., Rig],
    postgres: Any,  # noqa: F811 - the fixture
    mode: str,
    tell: Callable[[str], None],
) -> None:
    rig = make_rig(devices=100)
    url = postgres.new_database()
    run = rig.hub(settings={"records": {"url": url}}).ready()
    with rig.publishing(rate=2_000, fault_every=400) as publishing:
        publishing.more(3_000)
        postgres.stop(mode)
        try:
            eventually(lambda: run.health().get("records", {}).get("status") == "down", "the records are down")
            publishing.more(4_000)  # acknowledged, so journalled, while nothing can be written to the records
            assert run.health()["lane alarm"]["status"] == "degraded"
            assert run.health()["lane series"]["status"] == "ok"
        finally:
            postgres.start()
        publishing.more(2_000)
        done = publishing.stop()
    rig.settle(run)
    assert run.health()["records"]["status"] == "ok"
    run.stop()
    snapshot = PostgresSnapshot(url)
    snapshot.copy_to(rig.data / "records.sqlite", lambda _done: None)
    snapshot.close()
    found = rig.account(publishing)
    tell(f"{done['acked']} messages, {found.tickets} tickets, {found.notices} notices, {found.repeats} repeated posts")
    assert found.faults == []
    assert found.caused > 0
    assert rig.verdict(publishing)["faults"] == {}
