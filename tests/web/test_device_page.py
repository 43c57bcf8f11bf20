"""One device: its page and API, renaming, retiring, and another one in its place."""

from __future__ import annotations

import re

import pytest

from hub.clock import HOUR
from hub.domain.places import About, DeviceState
from hub.flows.community.adoption import InboxPoint
from hub.flows.live import ClockFault
from tests.web.conftest import Browser
from tests.web.fakes.hub import HOME

DOOR = f"{HOME}~lift-b3-2-door"
GATE = f"{HOME}~gw-b3-lift"
SPARE = f"{HOME}~lora-0a41f2"


def spare_door(web: Browser) -> None:
    """What waits in the inbox is a door sensor."""
    item = web.hub.inbox.items[0]
    points = (InboxPoint("door_open", "0", "door_open"), InboxPoint("cycles", "5", "door_cycles"))
    web.hub.inbox.items[0] = item._replace(points=points, facility=None)


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(
    "path",
    [
        f"/devices/{DOOR}",
        f"/devices/{GATE}",
        f"/devices/{SPARE}",
        f"/devices/{DOOR}/replace?by={SPARE}",
    ],
)
def test_the_pages_in_both_languages(morning: Browser, path: str, language: str) -> None:
    answer = morning.anonymous(
        authorization="Bearer manager-token", accept="text/html", **{"accept-language": language}
    ).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    assert not re.search(r">\s*[a-z_]+:[a-z_0-9]+\s*<", answer.text), (
        "a key of a vocabulary is shown instead of its word"
    )
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|javascript:", answer.text)


def test_a_device_is_told_with_its_gateway_and_a_gateway_with_what_is_behind_it(web: Browser) -> None:
    web.put(
        DOOR,
        about=About(format="native", firmware="1.4.2", serial="LS-77", power="battery", hints=(("area", "Shaft <2>"),)),
    )
    client, _ = web.person("manager")
    page = client.get(f"/devices/{DOOR}").text
    for words in (
        "Building 3 lift 2 door",
        "Liftsense",
        "LS-D1",
        "1.4.2",
        "LS-77",
        f"/devices/{GATE}",
        "Shaft &lt;2&gt;",
    ):
        assert words in page, words
    assert "Building 3 lift 2 door" in client.get(f"/devices/{GATE}").text
    told = web.program("manager").get(f"/api/v1/devices/{GATE}").json()
    assert DOOR in told["devices"]
    assert {p["name"] for p in web.program("manager").get(f"/api/v1/devices/{DOOR}").json()["points"]} >= {"door_open"}


def test_a_device_that_its_gateway_withdrew_offers_to_be_retired_or_replaced(web: Browser) -> None:
    web.put(DOOR, about=About(withdrawn=True, withdrawn_at=1))
    page = web.person("manager")[0].get(f"/devices/{DOOR}").text
    assert "Its gateway no longer knows it." in page
    assert "it is retired by itself:" in page
    assert 'href="#replace"' in page
    assert 'href="#retire"' in page
    assert 'href="#retire"' not in web.person("crew")[0].get(f"/devices/{DOOR}").text
    web.put(DOOR, about=About(withdrawn=True, withdrawn_at=1, retired_at=2))  # and somebody took it into use again
    assert "It is not retired by itself." in web.person("manager")[0].get(f"/devices/{DOOR}").text


def test_a_device_that_the_hub_retired_by_itself_says_why(web: Browser) -> None:
    web.put(DOOR, state=DeviceState.RETIRED, about=About(withdrawn=True, withdrawn_at=1, retired_at=2))
    page = web.person("manager")[0].get(f"/devices/{DOOR}").text
    assert "Retired by itself, because its gateway no longer knew it:" in page


def test_what_people_set_is_told_from_what_the_device_says_and_promises(web: Browser) -> None:
    web.put(
        DOOR, expected_interval=None, gateway=None, model="", about=About(silence=600_000, gateway=GATE, model="Said")
    )
    page = web.person("manager")[0].get(f"/devices/{DOOR}").text
    assert "Longest silence" in page
    assert "as promised" in page
    assert f"/devices/{GATE}" in page
    told = web.program("manager").get(f"/api/v1/devices/{DOOR}").json()
    assert (told["gateway"], told["model"], told["expected_interval_ms"]) == (GATE, "Said", None)
    assert told["about"]["longest_silence_ms"] == 600_000
    web.put(DOOR, expected_interval=60_000)
    assert "the interval that is set counts" in web.person("manager")[0].get(f"/devices/{DOOR}").text


def test_problems_are_shown_to_those_who_may_look_at_messages(web: Browser) -> None:
    path = f"/devices/{HOME}~gw-b2"
    assert "values.env is an object" in web.person("desk")[0].get(path).text
    assert "values.env is an object" not in web.person("crew")[0].get(path).text


@pytest.mark.parametrize(
    ("fault", "said", "behind"),
    [
        (ClockFault(8 * HOUR), "8 hours behind. Until it is right its readings count as late", 8 * HOUR),
        (ClockFault(-HOUR), "1 hour ahead", -HOUR),
        (ClockFault(None), "cannot be believed: its readings count when they arrive", None),
    ],
)
def test_a_wrong_clock_is_shown_as_in_commissioning(
    web: Browser, fault: ClockFault, said: str, behind: int | None
) -> None:
    assert "Its clock is wrong" not in web.person("manager")[0].get(f"/devices/{DOOR}").text
    web.hub.live.clock_faults[DOOR] = fault
    assert said in " ".join(web.person("manager")[0].get(f"/devices/{DOOR}").text.split())
    told = web.program("manager").get(f"/api/v1/devices/{DOOR}").json()
    assert (told["wrong_clock"], told["clock_behind_ms"]) == (True, behind)


def test_a_stranger_learns_nothing(web: Browser) -> None:
    assert web.program("stranger").get(f"/api/v1/devices/{DOOR}").status_code == 404
    assert web.person("stranger")[0].get(f"/devices/{DOOR}").status_code == 404
    assert web.program("manager").get("/api/v1/devices/harmony-garden~none").status_code == 404


# --- name and days --------------------------------------------------------------------------------------------------


def test_a_device_gets_another_name_and_days_and_keeps_its_id(web: Browser) -> None:
    client = web.program("manager")
    tag = client.get(f"/api/v1/devices/{DOOR}").headers["etag"]
    body = {"name": {"zh": "新门机", "en": "New door"}, "sim_expires": "2027-03-31"}
    answer = client.patch(f"/api/v1/devices/{DOOR}", json=body, headers={"if-match": tag})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["id"], told["name"], told["sim_expires"]) == (DOOR, {"zh": "新门机", "en": "New door"}, "2027-03-31")
    assert told["points"], "its bindings stay"
    stale = client.patch(f"/api/v1/devices/{DOOR}", json={"name": {"zh": "x"}}, headers={"if-match": tag})
    assert (stale.status_code, stale.json()["slug"]) == (412, "stale")
    assert client.patch(f"/api/v1/devices/{DOOR}", json={"sim_expires": None}).json()["sim_expires"] is None


@pytest.mark.parametrize(
    "body", [{}, {"name": {"zh": ""}}, {"name": {"zh": "a\nb"}}, {"sim_expires": "tomorrow"}, {"gateway": "x"}]
)
def test_what_cannot_be_is_refused(web: Browser, body: dict[str, object]) -> None:
    assert web.program("manager").patch(f"/api/v1/devices/{DOOR}", json=body).status_code == 422


def test_only_managers_decide(web: Browser) -> None:
    for login in ("desk", "crew", "viewer"):
        client = web.program(login)
        assert client.patch(f"/api/v1/devices/{DOOR}", json={"name": {"zh": "x"}}).status_code == 403
        assert client.post(f"/api/v1/devices/{DOOR}/retire", json={}).status_code == 403
        assert client.post(f"/api/v1/devices/{DOOR}/replace", json={"by": SPARE}).status_code == 403


def test_the_form_changes_the_name_unless_somebody_was_first(web: Browser) -> None:
    client, csrf = web.person("manager")
    page = client.get(f"/devices/{DOOR}").text
    tag = re.findall(r'name="tag" value="([^"]+)"', page)[0]
    fields = {"csrf": csrf, "tag": tag, "name_zh": "门机 甲", "name_en": "Door A", "end_of_life": "2031-01-01"}
    answer = client.post(f"/devices/{DOOR}/amend", data=fields)
    assert answer.status_code == 303, answer.text[-500:]
    page = client.get(answer.headers["location"]).text
    assert "Saved." in page
    assert "Door A" in page
    assert "1 Jan 2031" in page
    again = client.post(f"/devices/{DOOR}/amend", data=fields)
    assert again.status_code == 412
    assert "has changed since" in again.text


# --- retire and replace ---------------------------------------------------------------------------------------------


def test_a_device_is_retired_once(web: Browser) -> None:
    client = web.program("manager")
    assert client.post(f"/api/v1/devices/{DOOR}/retire", json={}).json()["state"] == "retired"
    again = client.post(f"/api/v1/devices/{DOOR}/retire", json={})
    assert (again.status_code, again.json()["slug"]) == (409, "illegal_transition")


def test_retiring_from_the_page_wants_a_tick(web: Browser) -> None:
    client, csrf = web.person("manager")
    tag = re.findall(r'name="tag" value="([^"]+)"', client.get(f"/devices/{DOOR}").text)[0]
    refused = client.post(f"/devices/{DOOR}/retire", data={"csrf": csrf, "tag": tag})
    assert refused.status_code == 422
    assert "was not confirmed" in refused.text
    assert (
        client.post(f"/devices/{DOOR}/retire", data={"csrf": csrf, "tag": tag, "confirmed": "yes"}).status_code == 303
    )


def test_a_stranger_is_left_out_of_the_inbox_from_its_page(web: Browser) -> None:
    client, csrf = web.person("manager")
    page = client.get(f"/devices/{SPARE}").text
    tag = re.findall('name="tag" value="([^"]*)"', page)[0]
    assert f'href="/devices?q={HOME}~lora-0a41f2"' in page
    assert f'href="/devices/{SPARE}"' in client.get("/devices").text
    answer = client.post(f"/devices/{SPARE}/retire", data={"csrf": csrf, "tag": tag, "confirmed": "yes"})
    assert answer.headers["location"].endswith("?done=retired")
    assert "Leave out" not in web.person("crew")[0].get(f"/devices/{SPARE}").text


def test_another_device_goes_on_with_the_points(web: Browser) -> None:
    spare_door(web)
    client = web.program("manager")
    answer = client.post(f"/api/v1/devices/{DOOR}/replace", json={"by": SPARE})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["name"]["en"]) == (SPARE, "Building 3 lift 2 door")
    old = client.get(f"/api/v1/devices/{DOOR}").json()
    new = client.get(f"/api/v1/devices/{SPARE}").json()
    assert (old["state"], old["replaced_by"]) == ("retired", [SPARE])
    ended = {p["name"]: p["bindings"][0]["valid_to"] for p in old["points"]}
    begun = {p["name"]: p["bindings"][0] for p in new["points"]}
    assert begun["door_open"]["valid_from"] == ended["door_open"]
    assert begun["door_open"]["facility"] == "lift-b3-2"
    assert begun["cycles"]["metric"] == "door_cycles"


def test_a_point_that_nothing_surely_goes_on_with_is_asked_for(web: Browser) -> None:
    client = web.program("manager")
    refused = client.post(f"/api/v1/devices/{DOOR}/replace", json={"by": SPARE})
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert error["pointer"].startswith("/points/door_")
    assert "pressure, ain3" in error["expected"]
    missing = client.post(f"/api/v1/devices/{DOOR}/replace", json={"by": "harmony-garden~none"})
    assert missing.status_code == 404


def test_the_page_pairs_the_points_before_anything_is_done(web: Browser) -> None:
    spare_door(web)
    client, csrf = web.person("manager")
    assert f'value="{SPARE}"' in client.get(f"/devices/{DOOR}").text
    page = client.get(f"/devices/{DOOR}/replace?by={SPARE}").text
    assert '<option value="door_open" selected>' in page
    assert '<option value="cycles" selected>' in page
    tag = re.findall(r'name="tag" value="([^"]+)"', page)[0]
    fields = {
        "csrf": csrf,
        "tag": tag,
        "by": SPARE,
        "point:door_open": "door_open",
        "point:door_cycles": "",
        "at": "2026-11-23T10:00",
    }
    answer = client.post(f"/devices/{DOOR}/replace", data=fields)
    assert answer.status_code == 303, answer.text[-800:]
    assert "this device goes on with the points" in client.get(answer.headers["location"]).text
    new = web.program("manager").get(f"/api/v1/devices/{SPARE}").json()
    spans = {p["name"]: p["bindings"] for p in new["points"]}
    assert spans["door_open"][0]["valid_from"] == "2026-11-23T02:00:00.000Z"
    assert "Replaced by:" in client.get(f"/devices/{DOOR}").text
