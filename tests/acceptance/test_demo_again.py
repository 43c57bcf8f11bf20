"""The second start of the demo goes on with what the first one left: real processes, one folder."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.clock import DAY, WallClock, to_iso
from tests.acceptance.conftest import eventually
from tests.acceptance.demo_check import Browser, await_ticket, read_address, start

pytestmark = pytest.mark.servers

FAULT_AT_ONCE = """
about_zh = "3栋2号梯门机一开始就故障"
about_en = "Door fault of building 3 lift 2, from the beginning"
expect = ["lift-b3-2/door_fault"]

[[step]]
shape = "event"
devices = ["lift-b3-2-door"]
start_s = 0
for_s = 600
code = "E21"
text = "door drive overload"
"""


@contextmanager
def demo(folder: Path, scenario: Path) -> Iterator[str]:
    """The demo's address, while it runs; it ends in order on Ctrl-C, or the test fails."""
    process = start(folder, "--no-history", "--scenario", str(scenario))
    try:
        yield read_address(process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
    finally:
        process.kill()
        process.communicate()


def signed_in(address: str, logins: dict[str, str]) -> Browser:
    """As the manager, who may see it all."""
    browser = Browser(address)
    browser.sign_in("manager", logins["manager"])
    return browser


def readings(browser: Browser) -> list[tuple[str, float]]:
    """Of the lift's door, as the charts have them."""
    now = WallClock().now()
    asked = {"device": "harmony-garden~lift-b3-2-door", "metric": "door_cycles", "step": "raw"}
    found = browser.get(f"/api/v1/series?{urlencode({**asked, 'start': to_iso(now - DAY), 'end': to_iso(now + DAY)})}")
    return list(zip(found["time"], found["value"], strict=True))


def tickets(browser: Browser) -> list[dict[str, Any]]:
    """Of the lift."""
    return list(browser.get("/api/v1/tickets?facility=lift-b3-2")["items"])


@pytest.mark.timeout(300)
def test_the_second_start_goes_on_with_the_same_data(tmp_path: Path) -> None:
    folder, scenario = tmp_path / "data", tmp_path / "fault-at-once.toml"
    scenario.write_text(FAULT_AT_ONCE, encoding="utf-8")
    with demo(folder, scenario) as address:
        logins = json.loads((folder / "demo-logins").read_text(encoding="utf-8"))
        browser = signed_in(address, logins)
        ticket = await_ticket(browser)
        before = eventually(lambda: readings(browser), "a reading of the lift's door")
    with demo(folder, scenario) as address:
        assert json.loads((folder / "demo-logins").read_text(encoding="utf-8")) == logins
        browser = signed_in(address, logins)
        [found] = tickets(browser)
        assert (found["id"], found["number"]) == (ticket["id"], ticket["number"])
        after = eventually(
            lambda: [row for row in readings(browser) if row[0] > before[-1][0]], "a reading of the second start"
        )
        assert readings(browser)[: len(before)] == before
        assert after
        assert [each["id"] for each in tickets(browser)] == [ticket["id"]], "the fault that goes on is the same fault"
