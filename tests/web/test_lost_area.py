"""A building without power on the pages: named as a place, its lifts unknown and listed to be looked at."""

from __future__ import annotations

import re
from dataclasses import replace

from hub.clock import MINUTE
from hub.domain.alarms import Alarm, Overlay, Priority
from hub.domain.tickets import TicketKey
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

GATE = f"{HOME}~gw-b5"


def cut(web: Browser) -> None:
    lost = Alarm(
        id="0193-area",
        rule="power-or-uplink-lost",
        community=HOME,
        device="",
        point="",
        code="b5",
        facility="",
        unit="b5",
        failure_mode="power_or_uplink_lost",
        priority=Priority.HIGH,
        occurrence=1,
        active=True,
        acked=False,
        raised_at=NOW - 3 * MINUTE,
    )
    gate = replace(
        lost,
        id="0193-gate",
        rule="device-silent",
        device=GATE,
        code="offline",
        unit="",
        failure_mode="no_data",
        overlay=Overlay.SUPPRESSED,
        overlay_reason="area b5",
    )
    child = replace(gate, id="0193-child", device=f"{HOME}~lift-b5-1-door", overlay_reason=f"gateway {GATE}")
    key = TicketKey(community=HOME, facility="", unit="b5", failure_mode="power_or_uplink_lost")
    ticket = replace(web.hub.tickets["lift"], id="0193-ticket", number="HG-2026-000200", key=key)

    def work(books: object) -> None:
        books.tickets.add(ticket)  # type: ignore[attr-defined] # the books of the real records
        for alarm in (lost, gate, child):
            books.alarms.save(alarm, ticket=ticket.id if alarm is lost else None, now=NOW)  # type: ignore[attr-defined] # as above

    web.hub.records.write(work)
    web.hub.live.lost = {(HOME, "lift-b5-1"), (HOME, "lift-b5-2")}


def test_the_alarm_is_about_the_building_and_explains_what_it_took_along(web: Browser) -> None:
    cut(web)
    for language, building, words, gateway in (
        ("en", "Building 5", "Power or uplink lost", "Gateway Building 5 common-area gateway"),
        ("zh-CN", "5栋", "停电或网络中断", "网关 5栋公区网关"),
    ):
        client, _ = web.person("manager", language)
        assert words in client.get("/alarms").text
        assert f'<p class="alarm-where">{building}</p>' in client.get("/alarms").text
        covered = client.get("/alarms?tab=overlaid").text
        assert gateway in covered
        assert "area b5" not in covered
        assert GATE not in covered


def test_what_the_cut_explains_is_counted_with_it(web: Browser) -> None:
    client, _ = web.person("manager")

    def figures() -> list[int]:
        found = re.search(r'<p class="figures"><span><b>(\d+)</b>.*?<b>(\d+)</b>', client.get("/alarms").text)
        assert found is not None
        return [int(number) for number in found.groups()]

    before = figures()
    cut(web)
    assert figures() == [before[0] + 1, before[1] + 1]
    assert "Suppressed by design" not in client.get("/").text


def test_the_ticket_lists_lifts_and_pumps_and_the_lifts_are_unknown(web: Browser) -> None:
    cut(web)
    client, _ = web.person("crew")
    page = client.get("/tickets/0193-ticket").text
    assert "Look at each of these" in page
    assert 'href="/facilities/lift-b5-1?community=harmony-garden"' in page
    assert "lift-b6-1" not in page
    assert "Call into every lift: is anybody inside?" in page
    told = web.program("manager").get("/api/v1/facilities/lift-b5-1").json()
    assert told["state"] == "unknown"


def test_a_program_reads_what_suppresses_an_alarm(web: Browser) -> None:
    cut(web)
    answer = web.program("manager").get("/api/v1/alarms?overlay=suppressed_by_design").json()
    assert {item["id"]: item["suppressed_by"] for item in answer["items"]} == {"0193-gate": "b5", "0193-child": GATE}
    assert web.program("manager").get("/api/v1/alarms/0193-area").json()["suppressed_by"] is None
