"""Today tells what is late, what waits and who is silent; the board says who has the open ticket."""

from __future__ import annotations

from dataclasses import replace

from hub.clock import HOUR
from hub.domain.alarms import Priority
from hub.domain.tickets import TicketState
from hub.web.board.pages import Hitch, hitches
from tests.web.conftest import NOW, Browser


def test_what_does_not_go_on_as_it_should(morning: Browser) -> None:
    known = morning.hub.tickets
    late = replace(known["sump"], due_at=NOW - 1)
    held = replace(known["pump"], hold_until=NOW - HOUR)
    blind = replace(known["air"], waiting="data", priority=Priority.SAFETY)
    fine = replace(known["pump"], hold_until=NOW + HOUR)
    done = replace(known["air"], waiting="data", state=TicketState.RESOLVED)
    found = hitches([fine, late, held, blind, done], NOW)
    assert found[0] == (blind, Hitch.DATA)
    assert {why for _, why in found} == {Hitch.OVERDUE, Hitch.HOLD_OVER, Hitch.DATA}
    assert len(found) == 3


def test_silent_devices_are_on_today_and_the_owner_is_on_the_board(morning: Browser) -> None:
    client, _ = morning.person("manager")
    today = client.get("/").text
    silent = sorted(morning.hub.live.silent_devices)
    names = [morning.hub.deps.registrar.current.devices[device].name.en for device in silent]
    assert any(name in today for name in names)
    board = client.get("/board").text
    assert "On site · crew" in board or "In progress · crew" in board
    for state in ("alarm", "unknown", "partly_unknown", "normal"):
        assert f'href="/facilities?state={state}"' in board
    listed = client.get("/facilities?state=partly_unknown").text
    assert "mark-partly_unknown" in listed
    assert "mark-normal" not in listed
