"""The pages: both languages, without script, with nothing let through that a device or a person might have slipped in."""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import replace

import pytest

from hub.clock import MINUTE
from hub.domain.device_classes import device_class
from hub.domain.health import Health, Status
from hub.flows.batch import PointKey, Position, Refusal
from hub.flows.community.adoption import InboxDevice, InboxPoint
from hub.flows.series import QueryInterrupted
from hub.web.devices.pages import MOST_WAITING
from hub.web.languages import accepted
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

PAGES = (
    "/", "/board", "/board?by=kind", "/alarms", "/alarms?tab=overlaid", "/alarms?tab=past", "/alarms?tab=late", "/tickets",
    "/tickets?tab=ended", "/tickets/new", "/facilities", "/facilities?state=unknown", "/facilities/gym?range=7d",
    "/facilities/gym?range=30d", "/devices", "/quarantine", "/quarantine/1", "/health", "/figures/use", "/figures/use?range=90d&kind=gym",
    "/figures/energy", "/figures/energy?range=30d&kind=lift", "/figures", "/figures?by=crew&period=week",
)  # fmt: skip


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_in_both_languages(morning: Browser, path: str, language: str) -> None:
    answer = morning.anonymous(
        authorization="Bearer manager-token", accept="text/html", **{"accept-language": language}
    ).get(path)
    assert answer.status_code == 200, answer.text[-2000:]
    assert f'<html lang="{language}"' in answer.text
    assert not re.search(r">\s*[a-z_]+:[a-z_]+\s*<", answer.text), "a key of a vocabulary is shown instead of its word"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|javascript:", answer.text)


def test_units_are_in_the_readers_language(web: Browser) -> None:
    facilities = {facility.kind: facility.id for facility in web.hub.deps.registrar.current.facilities.values()}
    paths = ["/board?all=1", *(f"/facilities/{facilities[kind]}" for kind in ("gym", "parking", "pump_room", "lift"))]
    said = {}
    for language in ("en", "zh-CN"):
        client = web.anonymous(
            authorization="Bearer manager-token", accept="text/html", **{"accept-language": language}
        )
        text = "".join(client.get(path).text for path in paths)
        said[language] = " ".join(re.findall(r'(?<=data-unit=")[^"]+|(?<=data-one=")[^"]+|(?<=<b>)[\d.,]+ [^<]+', text))
    assert not re.search("[\u4e00-\u9fff]", said["en"]), said["en"]
    assert {"people", "person"} <= set(said["en"].split())
    assert "人" in said["zh-CN"].split()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en-GB,en;q=0.9", "en"),
        ("zh-TW;q=0.8, en;q=0.7", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0, zh", "zh-CN"),
        ("fr", None),
        ("", None),
        ("en;q=abc", None),
    ],
)
def test_the_language_that_the_browser_likes_best(header: str, language: str | None) -> None:
    assert accepted(header) == language


def test_the_choice_of_language_and_colours_is_kept(morning: Browser) -> None:
    client = morning.anonymous(**{"accept-language": "en"})
    answer = client.post("/preferences", data={"language": "zh-CN", "theme": "dark", "back": "/login"})
    assert answer.headers["location"] == "/login"
    page = client.get("/login")
    assert '<html lang="zh-CN" data-theme="dark">' in page.text


def test_the_crew_works_a_ticket_through_without_script(web: Browser) -> None:
    client, csrf = web.person("crew", "zh-CN")
    path = f"/tickets/{web.hub.tickets['lift'].id}"
    page = client.get(path).text
    assert re.findall(r'<button class="primary[^"]*">([^<]+)', page)[0] == "接单"

    def act(action: str, **fields: str) -> str:
        page = client.get(path).text
        version = page.split('name="version" value="')[1].split('"')[0]
        answer = client.post(f"{path}/{action}", data={"csrf": csrf, "version": version, **fields})
        assert answer.status_code == 303, answer.text[-1500:]
        return client.get(path).text

    assert "到场签到" in act("accept")
    assert "提交完工" in act("start", comment="到了")
    page = act("complete", cause="地坎有异物", remedy="清理地坎")
    assert "待验收" in page
    assert "等待设备数据" in page


def test_what_cannot_be_undone_wants_a_tick(web: Browser) -> None:
    client, csrf = web.person("manager")
    path = f"/tickets/{web.hub.tickets['air'].id}"
    form = {"csrf": csrf, "version": "1", "reason": "seen by the manager himself"}
    page = client.get(path).text
    assert page.count('name="confirmed"') >= 1
    refused = client.post(f"{path}/override", data=form)
    assert refused.status_code == 422
    assert "cannot be undone" in refused.text
    assert client.post(f"{path}/override", data=form | {"confirmed": "true"}).status_code == 303


def test_what_an_active_alarm_forbids_is_not_offered(web: Browser) -> None:
    client, csrf = web.person("desk", "zh-CN")
    path = f"/tickets/{web.hub.tickets['lift'].id}"
    form = {"csrf": csrf, "version": "1", "reason": "没事", "confirmed": "true"}
    page = client.get(path).text
    assert f'action="{path}/cancel"' not in page
    assert "告警仍在，暂不能：取消工单" in page
    assert client.post(f"{path}/cancel", data=form).status_code == 409
    web.calm("lift")
    page = client.get(path).text
    assert f'action="{path}/cancel"' in page
    assert "告警仍在" not in page
    assert client.post(f"{path}/cancel", data=form).status_code == 303


def test_verification_says_how_long_it_takes_and_what_it_lives_on(web: Browser) -> None:
    client, _ = web.person("crew")
    ticket, alarm = web.hub.tickets["air"], web.hub.alarms["air"]
    page = client.get(f"/tickets/{ticket.id}").text
    assert "10 minutes to go" in page
    assert "Data are coming in: the last reading was" in page
    assert "<progress" in page
    web.hub.live.silent_devices.add(alarm.device)
    assert "Data are missing just now" in client.get(f"/tickets/{ticket.id}").text


def test_a_record_from_late_data_is_told_as_one(web: Browser) -> None:
    client, _ = web.person("crew", "zh-CN")
    assert "补传数据形成的记录" in client.get(f"/tickets/{web.hub.tickets['late'].id}").text


def test_a_refused_action_says_why_and_changes_nothing(web: Browser) -> None:
    client, csrf = web.person("crew")
    path = f"/tickets/{web.hub.tickets['sump'].id}"
    answer = client.post(f"{path}/complete", data={"csrf": csrf, "version": "1", "cause": "x"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert client.post(f"{path}/complete", data={"csrf": csrf, "version": "7"}).status_code == 412
    assert client.post(f"{path}/accept", data={"csrf": csrf, "version": "1"}).status_code == 409


def test_alarms_from_the_page(web: Browser) -> None:
    client, csrf = web.person("desk", "zh-CN")
    alarm = web.hub.alarms["sump"]
    done = client.post(f"/alarms/{alarm.id}/acknowledge", data={"csrf": csrf, "back": "/board"})
    assert done.headers["location"] == "/board"
    refused = client.post(f"/alarms/{alarm.id}/shelve", data={"csrf": csrf, "hours": "1", "reason": ""})
    assert refused.status_code == 422
    client.post(f"/alarms/{alarm.id}/shelve", data={"csrf": csrf, "hours": "1", "reason": "水泵试运行"})
    assert "水泵试运行" in client.get("/alarms?tab=overlaid").text


def test_an_alarm_goes_out_of_service_and_back_from_the_page(web: Browser) -> None:
    client, csrf = web.person("desk", "zh-CN")
    alarm = web.hub.alarms["sump"]
    page = client.get("/alarms").text
    assert f'action="/alarms/{alarm.id}/out-of-service"' in page
    assert f'action="/alarms/{web.hub.alarms["lift"].id}/out-of-service"' not in page  # safety speaks always
    assert f'action="/alarms/{alarm.id}/out-of-service"' not in web.person("crew")[0].get("/alarms").text
    form = {"csrf": csrf, "reason": "更换<b>水泵</b>"}
    assert client.post(f"/alarms/{alarm.id}/out-of-service", data=form | {"reason": ""}).status_code == 422
    assert client.post(f"/alarms/{alarm.id}/out-of-service", data=form | {"ticket": "HG-1"}).status_code == 422
    assert client.post(f"/alarms/{alarm.id}/out-of-service", data=form).status_code == 303
    for path in ("/alarms?tab=overlaid", "/board", "/", f"/facilities/{alarm.facility}"):
        line = client.get(path).text.split(f'data-alarm="{alarm.id}"')[1].split("</li>")[0]
        assert "检修停用" in line
        assert "desk: 更换&lt;b&gt;水泵&lt;/b&gt;" in line
    assert "desk: 充电桩厂家升级固件" in client.get("/alarms?tab=overlaid").text
    assert client.post(f"/alarms/{alarm.id}/return-to-service", data={"csrf": csrf}).status_code == 303
    again = client.post(f"/alarms/{alarm.id}/return-to-service", data={"csrf": csrf})
    assert again.status_code == 409
    assert "更换" not in again.text


def test_what_is_normal_under_an_overlay_is_still_listed(web: Browser) -> None:
    calm = replace(web.hub.alarms["ev"], active=False, acked=True)
    web.hub.records.write(lambda books: books.alarms.save(calm, ticket=None, now=NOW))
    client, _ = web.person("desk", "en")
    assert f'data-alarm="{calm.id}"' in client.get("/alarms?tab=overlaid").text
    assert f'data-alarm="{calm.id}"' not in client.get("/alarms").text


def test_one_device_and_many_are_adopted_from_the_page(web: Browser) -> None:
    client, csrf = web.person("manager")
    gym, lora = f"{HOME}~gym-cam-2", f"{HOME}~lora-0a41f2"
    assert client.post("/devices/adopt", data={"csrf": csrf}).status_code == 422
    assert client.post("/devices/adopt", data={"csrf": csrf, "one": gym, f"place:{gym}": ""}).status_code == 422
    assert client.post("/devices/adopt", data={"csrf": "x", "one": gym, f"place:{gym}": "gym"}).status_code == 403
    both = {
        "csrf": csrf,
        "device": [gym, lora],
        f"place:{gym}": "gym",
        f"place:{lora}": "gym",
        f"metric:{lora}:ain3": "level",
    }
    assert client.post("/devices/adopt", data=both).headers["location"] == "/devices?adopted=2"
    assert [a.points for a in web.hub.inbox.adopted] == [{}, {"ain3": "level"}]


def test_an_inbox_of_many_is_shown_piece_by_piece_and_can_be_searched(web: Browser) -> None:
    client, csrf = web.person("manager")
    item = web.hub.inbox.items[0]
    many = [replace(item.device, id=f"{HOME}~z-{number:04}", scheme_id=f"z-{number:04}") for number in range(500)]
    web.hub.inbox.items += [item._replace(device=device) for device in many]
    waits = len(web.hub.inbox.items)

    first = client.get("/devices").text
    assert f'Inbox <span class="count">{waits}</span>' in first
    assert first.count('class="inbox-head"') == MOST_WAITING
    later = re.search(r'href="(/devices\?[^"]*waiting=[^"]*)"', first)
    assert later is not None
    second = client.get(html.unescape(later[1])).text
    assert second.count('class="inbox-head"') == MOST_WAITING
    assert not set(re.findall('name="one" value="([^"]*)"', first)) & set(
        re.findall('name="one" value="([^"]*)"', second)
    )

    found = client.get("/devices?q=Z-0499").text
    assert re.findall('name="one" value="([^"]*)"', found) == [f"{HOME}~z-0499"]
    assert "No device matches" in client.get("/devices?q=nothing-like-it").text
    form = {"csrf": csrf, "one": f"{HOME}~z-0499", f"place:{HOME}~z-0499": "gym", "q": "z-04", "waiting": ""}
    assert client.post("/devices/adopt", data=form).headers["location"] == "/devices?adopted=1&q=z-04"


@pytest.mark.parametrize(
    ("language", "why"), [("en", "no other place here has what it measures"), ("zh-CN", "本小区只有这里测量这类内容")]
)
def test_why_a_place_is_guessed_is_said_in_the_reader_s_language(web: Browser, language: str, why: str) -> None:
    manager = web.anonymous(authorization="Bearer manager-token", accept="text/html", **{"accept-language": language})
    assert why in manager.get("/devices").text


def test_a_guess_is_marked_and_every_metric_can_be_corrected(web: Browser) -> None:
    client, csrf = web.person("manager")
    item, gym = web.hub.inbox.items[0], f"{HOME}~guessing"
    points = (
        InboxPoint.of("temp", "21", guess="temperature"),
        InboxPoint.of("pressure", "0.4"),
        InboxPoint.of("ain1", "3")._replace(unit="cm"),
    )
    sort = device_class({"temperature"})
    device = replace(item.device, id=gym, scheme_id="guessing")
    web.hub.inbox.items.append(InboxDevice(device, points, None, "", "", ("indoor_air",), sort))
    card = client.get("/devices").text.split(f'name="device" value="{gym}"')[1].split("</details>")[0]
    assert card.count("a guess") == 1
    assert "sent in cm" in card
    assert "Seems to be: climate sensor" in card
    assert "Would suit:" in card
    shown = re.findall(rf'name="metric:{gym}:(\w+)" list="metrics" value="([^"]*)"', card)
    assert shown == [("temp", "Temperature"), ("pressure", "Pressure"), ("ain1", "")]
    form = {"csrf": csrf, "one": gym, f"place:{gym}": "gym", f"metric:{gym}:pressure": "no such thing"}
    assert "no metric is called" in client.post("/devices/adopt", data=form).text
    form |= {f"metric:{gym}:temp": "Temperature", f"metric:{gym}:pressure": "进水压力", f"metric:{gym}:ain1": ""}
    assert client.post("/devices/adopt", data=form).status_code == 303
    assert web.hub.inbox.adopted[0].points == {"temp": "temperature", "pressure": "inlet_pressure"}


def test_an_unknown_device_is_shown_with_what_it_said_last(web: Browser) -> None:
    web.hub.live.pin(PointKey(HOME, f"{HOME}~lora-0a41f2", "pressure"), 0.41)
    web.hub.live.pin(PointKey(HOME, f"{HOME}~gym-cam-2", "occupancy"), 1)
    long = InboxPoint("<i>note</i>", "<script>alert(1)</script>" + "x" * 500, "")
    evil = replace(web.hub.inbox.items[0].device, id=f"{HOME}~evil", scheme_id="evil")
    web.hub.inbox.items.append(InboxDevice(evil, (long,), None, "", ""))
    web.hub.live.unheard.add(evil.id)
    page = web.person("manager")[0].get("/devices").text
    assert "<i>pressure</i> <b>0.410 MPa</b>" in page
    assert "<i>occupancy</i> <b>1 person</b>" in page
    plc = page.split("<strong>plc-west</strong>")[1].split("</ul>")[0]
    assert re.findall("<i>([^<]*)</i>", plc)[:3] == ["service_mode", "run_hours", "register_01"]
    assert plc.count("<li>") == 8
    assert "and 2 more" in plc
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<i>note</i>" not in page
    assert "x" * 80 not in page
    assert "<h3" not in web.person("crew")[0].get("/devices").text


def test_a_ticket_is_written_down_by_the_desk(web: Browser) -> None:
    client, csrf = web.person("desk")
    assert client.post("/tickets/new", data={"csrf": csrf, "facility": f"{HOME}/gym", "title": ""}).status_code == 422
    assert client.post("/tickets/new", data={"csrf": csrf, "facility": "x/y", "title": "Broken"}).status_code == 422
    made = client.post("/tickets/new", data={"csrf": csrf, "facility": f"{HOME}/gym", "title": "<b>Mirror</b>"})
    page = client.get(made.headers["location"]).text
    assert "&lt;b&gt;Mirror&lt;/b&gt;" in page
    assert "<b>Mirror" not in page


def test_payloads_are_shown_and_never_run(morning: Browser) -> None:
    client = morning.program("manager")
    ids = [item["id"] for item in client.get("/api/v1/quarantine").json()["items"]]
    pages = [client.get(f"/quarantine/{item}", headers={"accept": "text/html"}).text for item in ids]
    assert any("&lt;script&gt;alert(1)" in page for page in pages)
    assert not any("<script>alert" in page for page in pages)
    assert any("level=2.31;pump=1␍" in page for page in pages)


def test_a_quarantined_message_says_its_content_type_and_whether_anybody_was_told(web: Browser) -> None:
    """Only the hub's own format has a topic for it."""
    refusal = Refusal(
        9, "not_cbor", "x", None, HOME, True, "main", "zigbee2mqtt/door", b"\xa1", NOW, "application/cbor"
    )
    web.hub.records.write(lambda books: books.quarantine.keep(Position("journal-1", 4712), [refusal]))
    items = web.program("manager").get("/api/v1/quarantine").json()["items"]
    client, _ = web.person("manager")
    foreign, own = ("zigbee2mqtt/door", f"community/v1/{HOME}/sump-3/telemetry")
    pages = {item["topic"]: client.get(f"/quarantine/{item['id']}").text for item in items}
    assert "<dd>application/cbor</dd>" in pages[foreign]
    assert "no: its format has no place for it" in pages[foreign]
    assert "<dd>not said</dd>" in pages[own]
    assert f"on community/v1/{HOME}/sump-3/error, at most once a minute" in pages[own]
    assert "The device was told" not in client.get("/quarantine").text


def test_silence_is_never_shown_as_normal_or_zero(morning: Browser) -> None:
    page = morning.anonymous(authorization="Bearer viewer-token", **{"accept-language": "zh-CN"}).get("/board").text
    registry = morning.hub.deps.registrar.current
    laundry = next(f.id for f in registry.facilities.values() if f.kind == "laundry")
    tile = page.split(f'data-facility="{HOME}/{laundry}"')[1].split("</li>")[0]
    assert 'data-state="unknown"' in tile
    assert tile.count("状态未知") >= 2
    assert "正常" not in tile


def test_the_board_is_light(morning: Browser) -> None:
    client = morning.program("manager")
    page = client.get("/board", headers={"accept-encoding": "identity"}).content
    total = len(gzip.compress(page, 5))
    for address in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.decode())):
        if not address.endswith("favicon.svg"):
            total += len(gzip.compress(client.get(address).content, 5))
    assert total <= 40 * 1024


def test_a_page_that_is_not_there_is_a_page(morning: Browser) -> None:
    answer = morning.anonymous(authorization="Bearer viewer-token", accept="text/html").get("/tickets/none")
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_charts_of_a_store_that_is_away_say_since_when_and_what_waits(web: Browser) -> None:
    hub, manager = web.hub, web.anonymous(authorization="Bearer manager-token", accept="text/html")
    hub.series.trouble = QueryInterrupted("the store is away")
    page = manager.get("/facilities/gym").text
    assert "the store is away" in page
    lane = Health(
        component="lane series",
        status=Status.DEGRADED,
        reason="waits",
        facts={"waiting_since": NOW - 5 * MINUTE, "lag_batches": 1_234},
    )
    hub.health[:] = [line for line in hub.health if line.component != "lane series"] + [lane]
    page = manager.get("/facilities/gym").text
    assert "1234 batches wait" in page or "1234 批报文" in page
    assert "the store is away" not in page
