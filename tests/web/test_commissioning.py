"""Commissioning as pages and as JSON: what is fitted, the walk test, going live, the sheet; and who may."""

from __future__ import annotations

import pytest

from hub.clock import DAY, MINUTE, ManualClock, to_iso
from hub.domain.walk import Outcome
from hub.flows.live import ClockFault
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

API = f"/api/v1/commissioning/{HOME}"
PAGE = f"/commissioning/{HOME}"


def hitches(web: Browser) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for hitch in web.program("manager").get(API).json()["hitches"]:
        found.setdefault(hitch["kind"], []).append(hitch)
    return found


def line_of(web: Browser) -> dict[str, object]:
    """A sensor that is heard and of which nothing has been tested."""
    items = web.program("manager").get(f"{API}/devices?limit=1000").json()["items"]
    return next(
        line
        for line in items
        if line["device"] and not line["is_gateway"] and not any(p["passed"] or p["doubt"] for p in line["points"])
    )


def test_the_figures_and_every_hitch(web: Browser) -> None:
    web.hub.live.clock_faults[str(line_of(web)["device"])] = ClockFault(8 * 60 * MINUTE)
    shown = web.program("manager").get(API).json()
    assert shown["sensors"]["expected"] > 10
    assert shown["sensors"]["seen"] == shown["sensors"]["expected"] - 2
    assert shown["gateways"]["expected"] > shown["gateways"]["seen"]
    found = hitches(web)
    assert found.keys() == {"near_miss", "double", "swapped", "wrong_clock", "gateway_silent", "place_gone"}
    (near,) = found["near_miss"]
    assert (near["line"], near["device"], near["number"]) == ("cellar-leak", f"{HOME}~sn-4711-17", 1)
    (silent,) = found["gateway_silent"]
    assert (silent["line"], silent["text"], silent["number"]) == ("gw-cellar", "never", 1)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_says_what_to_do_about_each(web: Browser, language: str) -> None:
    web.hub.live.clock_faults[str(line_of(web)["device"])] = ClockFault(None)
    client, _ = web.person("manager", language)
    text = client.get(PAGE).text
    for said in ("SN-4711-17", "SN-4711-71", "torn-down", "box-b"):
        assert said in text
    words = ("Check in this order", "Switch on network time") if language == "en" else ("依次检查", "网络校时")
    for said in words:
        assert said in text
    assert ("would have told somebody 4 times" if language == "en" else "本应通知 4 次") in text


def test_a_device_with_a_mistyped_serial_takes_its_place(web: Browser) -> None:
    client, csrf = web.person("manager")
    fields = {"csrf": csrf, "line": "cellar-leak", "device": f"{HOME}~sn-4711-17"}
    assert client.post(f"{PAGE}/match", data=fields).status_code == 303
    assert "near_miss" not in hitches(web)
    again = client.post(f"{PAGE}/match", data=fields)
    assert again.status_code == 404
    assert "This was not done" in again.text
    wrong = web.program("manager").post(f"{API}/matches", json={"line": "gw-cellar", "device": f"{HOME}~nobody"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/device")


# --- what is being commissioned ---------------------------------------------------------------------------------


def test_commissioning_begins_and_ends_by_page_and_api(web: Browser) -> None:
    program = web.program("manager")
    twice = program.post(f"{API}/spans", json={"part": "community"})
    assert twice.status_code == 409
    sump = next(f.id for f in web.hub.deps.registrar.current.facilities.values() if f.kind == "sump")
    begun = program.post(f"{API}/spans", json={"part": "facility", "of": sump, "until": to_iso(NOW + DAY)})
    assert begun.status_code == 201
    assert begun.json()["by"] == "token:manager"
    client, csrf = web.person("manager")
    assert client.post(f"{PAGE}/end", data={"csrf": csrf, "span": "first"}).status_code == 303
    holding = [span["id"] for span in program.get(f"{API}/spans").json()["items"] if span["holds"]]
    assert holding == [begun.json()["id"]]
    ended = program.post(f"{API}/spans/{holding[0]}/end")
    assert ended.json()["ended_by"] == "token:manager"
    assert program.post(f"{API}/spans/{holding[0]}/end").status_code == 409
    assert (
        client.post(f"{PAGE}/begin", data={"csrf": csrf, "days": "3", "subject": f"facility/{sump}"}).status_code == 303
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"part": "facility", "of": "nowhere"}, "/of"),
        ({"part": "gateway", "of": f"{HOME}~nowhere"}, "/of"),
        ({"part": "community", "of": "gym"}, "/of"),
        ({"part": "community", "until": to_iso(NOW)}, "/until"),
        ({"part": "community", "until": to_iso(NOW + 91 * DAY)}, "/until"),
        ({"part": "planet"}, "/part"),
    ],
)
def test_what_cannot_be_commissioned_is_refused_with_what_could(
    web: Browser, body: dict[str, str], pointer: str
) -> None:
    answer = web.program("manager").post(f"{API}/spans", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_today_says_that_nobody_is_told(web: Browser) -> None:
    client, _ = web.person("desk")
    assert "nobody is told" in client.get("/").text


def test_a_kind_goes_live_after_a_look_at_what_would_have_been_sent(web: Browser) -> None:
    client, csrf = web.person("manager")
    page = client.get(f"{PAGE}/live/sump").text
    assert "sump-extra-high-level" in page
    assert "would have told somebody 4 times" in page
    assert client.post(f"{PAGE}/live/sump", data={"csrf": csrf}).status_code == 303
    kinds = {item["kind"]: item for item in web.program("manager").get(f"{API}/kinds").json()["items"]}
    assert (kinds["sump"]["commissioned"], kinds["sump"]["live_at"]) == (0, to_iso(NOW))
    assert kinds["lift"]["commissioned"] > 0
    assert client.post(f"{PAGE}/live/sump", data={"csrf": csrf}).status_code == 409
    assert client.get(f"{PAGE}/live/spaceport").status_code == 404
    unsent = web.program("manager").get(f"{API}/unsent?kind=sump").json()["items"]
    assert [(row["alarms"], row["tellings"]) for row in unsent] == [(5, 4)]
    assert web.program("manager").get(f"{API}/unsent?kind=lift").json()["items"] == []


def test_a_kind_that_has_gone_live_is_taken_in_again_without_a_break(web: Browser, clock: ManualClock) -> None:
    """Ending commissioning for that would tell everybody of everything first."""
    program = web.program("manager")
    program.post(f"{API}/kinds/sump/go-live")
    page = web.person("manager")[0].get(PAGE).text
    assert "People are told of: Sump" in page
    clock.advance(MINUTE)
    begun = program.post(f"{API}/spans", json={"part": "community"})
    assert begun.status_code == 201
    clock.advance(MINUTE)
    spans = program.get(f"{API}/spans").json()["items"]
    assert [span["id"] for span in spans if span["holds"]] == [begun.json()["id"]]
    kinds = {item["kind"]: item["commissioned"] for item in program.get(f"{API}/kinds").json()["items"]}
    assert kinds["sump"] > 0
    assert program.post(f"{API}/spans", json={"part": "community"}).status_code == 409


# --- the walk test ----------------------------------------------------------------------------------------------


def test_the_crew_walks_and_confirms_by_looking(web: Browser) -> None:
    line = line_of(web)
    point = next(p for p in line["points"] if p["to_test"])  # type: ignore[attr-defined]
    place = str(line["place"]) or "-"
    client, csrf = web.person("crew")
    rooms = client.get(f"{PAGE}/walk").text
    assert "untested" in rooms
    assert client.post(f"{PAGE}/walk/here", data={"csrf": csrf, "place": place}).status_code == 303
    key = {"csrf": csrf, "place": place, "device": line["device"], "point": point["point"]}
    assert client.post(f"{PAGE}/walk/expect", data=key).status_code == 303
    page = client.get(f"{PAGE}/walk?place={place}").text
    assert "Trigger it now" in page
    assert "You are here" in page
    assert client.post(f"{PAGE}/walk/confirm", data=key).status_code == 303
    assert "by looking" in client.get(f"{PAGE}/walk?place={place}").text
    assert client.post(f"{PAGE}/walk/expect", data=key).status_code == 303
    assert "Trigger it now" in client.get(f"{PAGE}/walk?place={place}").text, "once more, where somebody has doubts"
    walk = web.program("crew").get(f"{API}/walk").json()
    tested = next(
        p
        for room in walk["rooms"]
        for p in room["points"]
        if (p["device"], p["point"]) == (line["device"], point["point"])
    )
    assert (tested["passed"]["by"], tested["passed"]["how"]) == ("crew", "by_hand")
    assert [walker["by"] for walker in walk["walkers"]] == ["crew"]
    assert client.post(f"{PAGE}/walk/leave", data={"csrf": csrf}).status_code == 303
    assert web.program("crew").get(f"{API}/walk").json()["walkers"] == []


def test_two_devices_that_may_be_swapped_change_over_with_one_button(web: Browser) -> None:
    (hitch,) = hitches(web)["swapped"]
    client, csrf = web.person("crew")
    fields = {"csrf": csrf, "device": hitch["device"], "other": hitch["other"], "place": ""}
    answer = client.post(f"{PAGE}/walk/swap", data=fields)
    assert answer.status_code in (303, 422), answer.text
    nonsense = web.program("crew").post(f"{API}/swaps", json={"one": hitch["device"], "other": hitch["device"]})
    assert nonsense.status_code == 422
    assert web.program("crew").post(f"{API}/swaps", json={"one": "nobody", "other": "nothing"}).status_code == 404


def test_what_is_not_heard_cannot_be_confirmed_and_an_unknown_room_is_refused(web: Browser) -> None:
    line = line_of(web)
    point = next(p["point"] for p in line["points"] if p["to_test"])  # type: ignore[attr-defined]
    web.hub.live.silent_devices.add(str(line["device"]))
    program = web.program("crew")
    answer = program.post(f"{API}/walk/confirm", json={"device": line["device"], "point": point})
    assert answer.status_code == 409
    assert program.post(f"{API}/walk/here", json={"place": "moon"}).status_code == 404
    assert program.post(f"{API}/walk/expect", json={"device": f"{HOME}~x", "point": "y"}).status_code == 404


def test_a_tick_goes_out_on_the_event_stream(web: Browser) -> None:
    line = line_of(web)
    point = next(p["point"] for p in line["points"] if p["to_test"])  # type: ignore[attr-defined]
    web.program("crew").post(f"{API}/walk/confirm", json={"device": line["device"], "point": point})
    (change,) = [c for c, _ in web.hub.deps.changes._ring.values() if c.kind == "walk"]
    assert (change.data["device"], change.data["outcome"]) == (line["device"], Outcome.PASSED.value)


# --- the sheet, and who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_sheet_has_every_device_and_lines_to_sign_in_both_languages(web: Browser, language: str) -> None:
    client, _ = web.person("manager", language)
    text = client.get(f"{PAGE}/sheet").text
    for said in ("验收单", "Acceptance sheet", "签名", "Signature", "日期", "Date", "物业公司", "Property manager"):
        assert said in text
    lines = web.program("manager").get(f"{API}/devices?limit=1000").json()["items"]
    assert len(lines) > 10
    for line in lines:
        assert (line["name"]["zh"] if language == "zh-CN" else line["name"]["en"]) in text


@pytest.mark.parametrize("login", ["stranger", "steward"])
@pytest.mark.parametrize("path", ["", "/devices", "/spans", "/kinds", "/unsent", "/walk"])
def test_nobody_looks_into_a_community_that_is_not_theirs(morning: Browser, login: str, path: str) -> None:
    assert morning.program(login).get(f"{API}{path}").status_code in (403, 404)


def test_pages_are_found_from_the_navigation_by_those_who_may(morning: Browser) -> None:
    client, _ = morning.person("manager")
    assert 'href="/commissioning"' in client.get("/").text
    assert client.get("/commissioning").headers["location"] == PAGE
    crew, _ = morning.person("crew")
    assert f'href="{PAGE}/walk"' in crew.get("/").text
    viewer, _ = morning.person("viewer")
    assert "/commissioning" not in viewer.get("/").text
