"""The JSON API: lists, problems, versions, repeats, and every action through to the books."""

from __future__ import annotations

import pytest

from hub.clock import HOUR, to_iso
from hub.domain.device_classes import device_class
from hub.flows.batch import PointKey
from hub.flows.community.adoption import InboxPoint
from hub.flows.series import QueryInterrupted
from hub.web.problems import Refused
from hub.web.queries import Queries
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME


def test_lists_turn_pages_in_a_stable_order(morning: Browser) -> None:
    client = morning.program("admin")
    whole = [item["id"] for item in client.get("/api/v1/facilities?limit=1000").json()["items"]]
    found, cursor = [], ""
    while True:
        page = client.get(f"/api/v1/facilities?limit=7{cursor}").json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == whole
    assert len(whole) == len(set(whole)) == 63


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "query/limit"),
        ("limit=1001", "query/limit"),
        ("limit=x", "query/limit"),
        ("cursor=!!", "query/cursor"),
    ],
)
def test_a_refusal_says_where_why_and_what_would_be_right(morning: Browser, query: str, pointer: str) -> None:
    answer = morning.program("admin").get(f"/api/v1/facilities?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["slug"] == "invalid_input"
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["errors"][0]["reason"]
    assert problem["errors"][0]["expected"]


def test_times_without_a_zone_are_refused(morning: Browser) -> None:
    answer = morning.program("admin").get("/api/v1/alarms?since=2026-11-23T09:00:00")
    assert answer.status_code == 422
    assert "zone" in answer.json()["errors"][0]["reason"]


def test_a_facility_carries_its_live_state_alarms_and_tickets(morning: Browser) -> None:
    alarm = morning.hub.alarms["lift"]
    full = morning.program("viewer").get(f"/api/v1/facilities/{alarm.facility}").json()
    assert full["state"] == "alarm"
    assert [a["id"] for a in full["alarms"]] == [alarm.id]
    assert [t["number"] for t in full["tickets"]] == ["HG-2026-000118"]
    assert full["tickets"][0]["actions"] == ["comment"]
    assert {reading["state"] for reading in full["live"]} == {"known"}
    silent = morning.program("viewer").get("/api/v1/facilities?kind=laundry").json()["items"][0]
    assert silent["state"] == "unknown"


def test_a_ticket_goes_through_its_life(web: Browser) -> None:
    crew, desk = web.program("crew"), web.program("desk")
    ticket = web.hub.tickets["lift"]
    path = f"/api/v1/tickets/{ticket.id}"
    first = crew.get(path)
    assert first.headers["etag"] == '"1"'
    accepted = crew.post(f"{path}/accept", json={}, headers={"if-match": first.headers["etag"]})
    assert accepted.json()["state"] == "accepted"
    assert accepted.headers["etag"] == '"2"'
    stale = crew.post(f"{path}/start", json={}, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["slug"]) == (412, "stale")
    assert crew.post(f"{path}/start").json()["state"] == "in_progress"
    illegal = crew.post(f"{path}/accept", json={})
    assert (illegal.status_code, illegal.json()["slug"]) == (409, "illegal_transition")
    missing = crew.post(f"{path}/complete", json={"cause": "dirt in the sill"})
    assert missing.json()["errors"][0]["pointer"] == "/remedy"
    hold = desk.post(
        f"{path}/hold", json={"reason": "parts", "hold_until": to_iso(NOW + HOUR), "on_behalf_of": "王师傅"}
    ).json()
    assert (hold["state"], hold["hold_until"]) == ("on_hold", to_iso(NOW + HOUR))
    assert crew.post(f"{path}/resume").json()["state"] == "in_progress"
    done = crew.post(f"{path}/complete", json={"cause": "dirt in the sill", "remedy": "cleaned"}).json()
    assert done["state"] == "verifying"
    events = crew.get(f"{path}/history").json()["events"]
    assert [event["action"] for event in events] == ["open", "accept", "start", "hold", "resume", "complete", "check"]
    assert events[3]["on_behalf_of"] == "王师傅"
    assert crew.post(f"{path}/assign", json={"crew": "engineering"}).status_code in (403, 409)
    assert crew.post(f"{path}/start", json={"on_behalf_of": "Ana"}).status_code == 403
    assert crew.post(f"{path}/start", json={"unknown_field": 1}).status_code == 422
    assert crew.post(f"{path}/dance").status_code == 422


def test_a_repeat_is_done_once_and_answered_the_same(web: Browser) -> None:
    desk = web.program("desk")
    body = {"community": "harmony-garden", "facility": "gym", "title": "Mirror broken"}
    key = {"idempotency-key": "3a2f"}
    first = desk.post("/api/v1/tickets", json=body, headers=key)
    again = desk.post("/api/v1/tickets", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = desk.post("/api/v1/tickets", json={**body, "title": "Another"}, headers=key)
    assert (other.status_code, other.json()["slug"]) == (422, "idempotency_key_reused")
    assert web.program("manager").post("/api/v1/tickets", json=body, headers=key).json()["id"] != first.json()["id"]
    found = desk.get("/api/v1/tickets?facility=gym&state=reported").json()["items"]
    assert len(found) == 2


def test_a_refused_request_leaves_its_key_free(web: Browser) -> None:
    desk = web.program("desk")
    key = {"idempotency-key": "retry"}
    path = f"/api/v1/tickets/{web.hub.tickets['lift'].id}/complete"
    assert desk.post(path, json={}, headers=key).status_code == 409
    assert desk.post(path, json={}, headers=key).status_code == 409


def test_an_alarm_is_taken_out_of_service_and_returned(web: Browser) -> None:
    desk = web.program("desk")
    alarm, ticket = web.hub.alarms["sump"], web.hub.tickets["sump"]
    path = f"/api/v1/alarms/{alarm.id}"
    tag = desk.get(path).headers["etag"]
    assert desk.post(f"{path}/out-of-service", json={"reason": " "}).json()["errors"][0]["pointer"] == "/reason"
    nowhere = desk.post(f"{path}/out-of-service", json={"reason": "pump out", "ticket": "HG-2026-999999"})
    assert (nowhere.status_code, nowhere.json()["errors"][0]["pointer"]) == (422, "/ticket")
    out = desk.post(f"{path}/out-of-service", json={"reason": "pump out", "ticket": ticket.number}).json()
    assert (out["overlay"], out["overlay_ticket"], out["overlay_reason"]) == ("out_of_service", ticket.id, "pump out")
    assert (out["overlay_by"], out["overlay_since"]) == ("token:desk", to_iso(NOW))
    assert desk.post(f"{path}/return-to-service", headers={"if-match": tag}).status_code == 412
    listed = desk.get("/api/v1/alarms?overlay=out_of_service").json()["items"]
    assert [(item["id"], item["overlay_by"]) for item in listed] == [(alarm.id, "token:desk")]
    shelved = desk.get("/api/v1/alarms?overlay=shelved").json()["items"]
    assert [(item["overlay_by"], item["overlay_ticket"]) for item in shelved] == [("desk", None)]
    for action in ("out-of-service", "return-to-service"):
        body = {"json": {"reason": "pump out"}} if action == "out-of-service" else {}
        assert web.program("crew").post(f"{path}/{action}", **body).status_code == 403
        assert web.program("stranger").post(f"{path}/{action}", **body).status_code == 404
    back = desk.post(f"{path}/return-to-service").json()
    assert (back["overlay"], back["overlay_by"], back["overlay_since"]) == ("none", "", None)
    assert desk.post(f"{path}/return-to-service").status_code == 409


def test_a_ticket_is_not_cancelled_while_its_alarm_is_active(web: Browser) -> None:
    desk = web.program("desk")
    path = f"/api/v1/tickets/{web.hub.tickets['lift'].id}"
    assert "cancel" not in desk.get(path).json()["actions"]
    listed = desk.get("/api/v1/tickets?state=assigned").json()["items"]
    assert [("cancel" in item["actions"]) for item in listed] == [False]
    refused = desk.post(f"{path}/cancel", json={"reason": "nothing there"})
    assert (refused.status_code, refused.json()["slug"]) == (409, "illegal_transition")
    assert "the alarm behind this ticket is active" in refused.json()["detail"]
    web.calm("lift")
    assert "cancel" in desk.get(path).json()["actions"]
    assert desk.post(f"{path}/cancel", json={"reason": "nothing there"}).json()["state"] == "cancelled"


def test_alarms_are_acknowledged_and_shelved(web: Browser) -> None:
    desk = web.program("desk")
    alarm = web.hub.alarms["sump"]
    path = f"/api/v1/alarms/{alarm.id}"
    tag = desk.get(path).headers["etag"]
    seen = desk.post(f"{path}/acknowledge", json={"comment": "on the way"}, headers={"if-match": tag})
    assert (seen.json()["state"], seen.json()["acked_by"]) == ("acknowledged", "token:desk")
    stale = desk.post(f"{path}/shelve", json={"reason": "pump test"}, headers={"if-match": tag})
    assert stale.status_code == 412
    assert desk.post(f"{path}/shelve", json={"reason": ""}).json()["errors"][0]["pointer"] == "/reason"
    until = to_iso(NOW + HOUR)
    assert desk.post(f"{path}/shelve", json={"reason": "pump test", "until": until}).json()["overlay_until"] == until
    assert desk.post(f"{path}/unshelve").json()["overlay"] == "none"
    assert web.program("crew").post(f"{path}/shelve", json={"reason": "no"}).status_code == 403
    assert desk.post(f"{path}/reset").json()["active"] is False
    assert web.program("crew").post(f"{path}/reset").status_code == 403


def test_the_inbox_tells_what_a_device_said_last(web: Browser) -> None:
    web.hub.live.pin(PointKey(HOME, f"{HOME}~lora-0a41f2", "pressure"), 0.41)
    web.hub.live.unheard.add(f"{HOME}~gym-cam-2")
    items = {
        item["device"]["scheme_id"]: item
        for item in web.program("manager").get("/api/v1/devices/inbox").json()["items"]
    }
    pressure, raw = items["lora-0a41f2"]["points"]
    assert (pressure["value"], pressure["ucum"], pressure["sample"]) == (0.41, "MPa", "0.44")
    assert pressure["time"].endswith("Z")
    assert (raw["name"], raw["ucum"], raw["metric"]) == ("ain3", "", "")
    (count,) = items["gym-cam-2"]["points"]
    assert (count["value"], count["time"]) == (7, None)
    mode = next(point for point in items["plc-west"]["points"] if point["name"] == "service_mode")
    assert (mode["value"], mode["text"]) == (None, "normal")


def test_the_inbox_proposes_a_class_kinds_of_facility_and_marks_what_is_guessed(web: Browser) -> None:
    item = web.hub.inbox.items[0]
    counter = InboxPoint.of("Zaehler", "3")._replace(unit="m³", kind="total")
    points = (InboxPoint.of("temp", "21", guess="temperature"), counter)
    web.hub.inbox.items[0] = item._replace(points=points, kinds=("weather",), classed=device_class({"temperature"}))
    told = web.program("manager").get("/api/v1/devices/inbox").json()["items"]
    found = next(each for each in told if each["device"]["id"] == item.device.id)
    assert (found["device_class"], found["suits"]) == ("climate_sensor", ["weather"])
    assert found["class_title"] == {"zh": "温湿度传感器", "en": "climate sensor"}
    assert [(p["metric"], p["guessed"], p["kind"], p["unit"]) for p in found["points"]] == [
        ("temperature", True, "", ""),
        ("", False, "total", "m³"),
    ]
    schema = web.program("manager").get("/api/openapi.json").json()["components"]["schemas"]["InboxOut"]
    assert "leak_detector" in schema["properties"]["device_class"]["enum"]


def test_adoption_one_and_many(web: Browser) -> None:
    manager = web.program("manager")
    inbox = manager.get("/api/v1/devices/inbox").json()["items"]
    assert [item["device"]["scheme_id"] for item in inbox] == ["gym-cam-2", "lora-0a41f2", "plc-west"]
    wrong = manager.post("/api/v1/devices/harmony-garden~gym-cam-2/adopt", json={"facility": "gymn"})
    assert wrong.json()["errors"][0]["pointer"] == "/facility"
    bulk = {"items": [{"device": "harmony-garden~gym-cam-2", "facility": "gym", "unit": "nope"}]}
    assert manager.post("/api/v1/devices/adopt", json=bulk).json()["errors"][0]["pointer"] == "/items/0/unit"
    body = {"facility": "gym", "points": {"occupancy": "occupancy"}}
    done = manager.post("/api/v1/devices/harmony-garden~gym-cam-2/adopt", json=body)
    assert done.json()["state"] == "adopted"
    assert web.hub.inbox.adopted[0].points == {"occupancy": "occupancy"}
    assert manager.post("/api/v1/devices/harmony-garden~gym-cam-2/adopt", json=body).status_code == 404


def test_series_come_as_columns_with_their_unit(morning: Browser) -> None:
    client = morning.program("planner")
    span = "start=2026-11-22T00:00:00%2B08:00&end=2026-11-23T00:00:00%2B08:00"
    found = client.get(f"/api/v1/series?facility=gym&metric=occupancy&step=1h&{span}").json()
    assert len(found["time"]) == len(found["value"]) == 24
    assert (found["metric"], found["ucum"], found["step"]) == ("occupancy", "{person}", "1h")
    assert client.get(f"/api/v1/series?facility=gym&{span}").json()["errors"][0]["pointer"] == "query/metric"
    assert client.get(f"/api/v1/series?{span}&metric=power").json()["errors"][0]["pointer"] == "query/facility"
    assert (
        client.get("/api/v1/series?facility=gym&start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z").status_code == 422
    )
    long = "start=2020-01-01T00:00:00Z&end=2026-01-01T00:00:00Z"
    assert (
        "longer step"
        in client.get(f"/api/v1/series?facility=gym&metric=occupancy&step=raw&{long}").json()["errors"][0]["expected"]
    )


def test_a_query_that_is_interrupted_says_so(web: Browser) -> None:
    web.hub.series.trouble = QueryInterrupted("interrupted after 10 s: ask for a shorter span")
    span = "start=2026-11-22T00:00:00Z&end=2026-11-23T00:00:00Z"
    answer = web.program("viewer").get(f"/api/v1/series?facility=gym&metric=occupancy&{span}")
    assert (answer.status_code, answer.json()["slug"]) == (503, "query_interrupted")
    page = web.program("viewer").get("/facilities/gym", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "interrupted after 10 s" in page.text


def test_a_third_question_waits_for_one_of_two() -> None:
    queries = Queries(object(), patience_s=0)  # type: ignore[arg-type] # never asked

    def inner(_: object) -> str:
        return queries.ask(lambda _: queries.ask(lambda _: "third"))

    with pytest.raises(Refused, match="kept this one waiting"):
        queries.ask(inner)
    assert queries.ask(lambda _: "free again") == "free again"


def test_quarantine_is_shown_and_tried_again(web: Browser) -> None:
    manager = web.program("manager")
    items = manager.get("/api/v1/quarantine").json()["items"]
    assert len(items) == 4
    full = manager.get(f"/api/v1/quarantine/{items[0]['id']}").json()
    assert full["payload_base64"]
    assert manager.post("/api/v1/quarantine/redrive", json={"items": [items[0]["id"]]}).json()["understood"] == 1
    assert len(manager.get("/api/v1/quarantine").json()["items"]) == 3
    assert web.program("desk").post("/api/v1/quarantine/redrive", json={"items": [1]}).status_code == 403


def test_probes(web: Browser) -> None:
    client = web.anonymous()
    assert client.get("/healthz").text == "ok\n"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["degraded"] == ["series_lane"]
    from hub.domain.health import Health, Status

    web.hub.health.append(Health(component="records", status=Status.DOWN, reason="disk full"))
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").headers["content-type"].startswith("text/plain")


def test_the_description_names_every_path(morning: Browser) -> None:
    paths = morning.anonymous().get("/api/openapi.json").json()["paths"]
    for path in (
        "tickets",
        "tickets/{ticket_id}/{action}",
        "alarms/{alarm_id}/shelve",
        "alarms/{alarm_id}/out-of-service",
        "alarms/{alarm_id}/return-to-service",
        "series",
        "events",
        "devices/adopt",
    ):
        assert f"/api/v1/{path}" in paths


@pytest.mark.parametrize("size", [2_000_000])
def test_a_large_body_is_refused_before_it_is_read(morning: Browser, size: int) -> None:
    answer = morning.program("admin").post("/api/v1/tickets", content=b"x" * size)
    assert (answer.status_code, answer.json()["slug"]) == (413, "too_large")


def test_answers_are_not_kept_by_caches(morning: Browser) -> None:
    assert morning.program("admin").get("/api/v1/tickets").headers["cache-control"] == "no-store"
