"""In a real browser: accessible, no wider than a phone, usable by keyboard, live, and asking nobody but the hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Route, expect

from hub.clock import WallClock
from hub.domain.people import Session
from hub.flows.batch import PointKey
from hub.flows.live import LiveReading
from hub.settings import Web
from hub.web.app import create_app
from hub.web.auth.passwords import digest
from hub.web.pulse import Pulse, reading_event
from hub.web.server import Server
from tests.web.browsers import chromium, visitor
from tests.web.fakes.hub import HOME, PASSWORD, FakeHub, build
from tests.web.fakes.views import burden

pytestmark = pytest.mark.browser

SESSION = "session-of-the-tests"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeHub, str]]:
    clock = WallClock()
    hub = build(tmp_path_factory.mktemp("browser"), clock)
    burden(hub)
    now = clock.now()

    def sign_in(books: object) -> None:
        user = books.people.user("manager")  # type: ignore[attr-defined] # the real books
        books.people.add_session(  # type: ignore[attr-defined] # as above
            Session(token_hash=digest(SESSION), user=user.id, csrf="c" * 20, created_at=now, expires_at=now + 10**8)
        )

    hub.records.write(sign_in)
    server = Server(create_app(hub.deps), Web(port=0), WallClock())
    pulse = Pulse(hub.deps, period_s=0.1)
    server.start()
    pulse.start()
    yield hub, server.url
    pulse.stop()
    server.stop()
    hub.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as made:
        yield made


def pages(hub: FakeHub) -> list[str]:
    return [
        "/", "/board", "/alarms", "/alarms?tab=overlaid", "/tickets", f"/tickets/{hub.tickets['sump'].id}", f"/tickets/{hub.tickets['air'].id}", "/tickets/new", "/facilities",
        f"/facilities/{hub.alarms['pump'].facility}", "/figures", "/devices", "/commissioning/harmony-garden", "/commissioning/harmony-garden/walk", "/commissioning/harmony-garden/walk?place=garage",
        "/commissioning/harmony-garden/live/sump", "/commissioning/harmony-garden/sheet",
        f"/devices/{HOME}~gw-b3-lift", f"/devices/{HOME}~lift-b3-2-door/replace?by={HOME}~lora-0a41f2",
        "/devices/upkeep?days=366", "/quarantine", "/quarantine/1", "/health", "/figures/use", "/figures/energy?range=30d",
        "/figures/kinds", "/figures/kinds/lift", "/figures/alarms", "/figures/quality", "/health/refused", "/none",
    ]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_accessible(running: tuple[FakeHub, str], browser: Chromium, *, dark: bool) -> None:
    hub, url = running
    found = []
    with visitor(browser, url, SESSION, language="zh-CN" if dark else "en", dark=dark) as page:
        for path in pages(hub):
            page.goto(url + path)
            found += [
                (path, violation["id"], violation["nodes"][0]["html"][:160])
                for violation in Axe().run(page).response["violations"]
                if violation["impact"] in ("serious", "critical")
            ]
        assert page.foreign == []  # type: ignore[attr-defined] # noted by `visitor`
    assert found == []


def test_nothing_is_wider_than_a_phone(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    for language in ("zh-CN", "en"):
        with visitor(browser, url, SESSION, language=language, phone=True) as page:
            for path in pages(hub):
                page.goto(url + path)
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= 390, f"{path} in {language} is {wide} px wide"


def test_signing_in_and_taking_a_ticket_by_keyboard(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    context = browser.new_context(locale="en")
    page = context.new_page()
    page.goto(f"{url}/tickets/{hub.tickets['lift'].id}")
    page.keyboard.type("crew")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("door fault")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "Accept":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#main .chip").first).to_have_text("Accepted")
    expect(page.get_by_role("button", name="Arrived on site", exact=True)).to_be_visible()
    context.close()


def tile(page: Page, facility: str) -> str:
    return f'[data-facility="{HOME}/{facility}"]'


def test_the_board_lives(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    registry = hub.deps.registrar.current
    pool = next(f.id for f in registry.facilities.values() if f.kind == "pool")
    with visitor(browser, url, SESSION, language="en") as page:
        page.goto(f"{url}/board")
        expect(page.locator("html")).to_have_attribute("data-stream", "live")
        shown = page.locator(f"{tile(page, pool)} [data-point]").first
        device, _, point = (shown.get_attribute("data-point") or "").partition("/")
        hub.live.pin(PointKey(HOME, device, point), 7.77)
        expect(shown.locator("b")).to_contain_text("7.77")
        hub.live.silent_devices.update(d for (d, _), b in registry.bindings.items() if b[0].facility == pool)
        expect(page.locator(tile(page, pool))).to_have_attribute("data-state", "unknown", timeout=20_000)
        lift = hub.alarms["sump"]
        row = page.locator(f'[data-alarm="{lift.id}"]')
        expect(row).to_contain_text("Not acknowledged")
        hub.deps.alarms.acknowledge(lift.id, by="desk")
        expect(row).to_contain_text("Acknowledged")


def test_a_tick_appears_on_the_phone_by_itself(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    with visitor(browser, url, SESSION, language="en", phone=True) as page:
        page.goto(f"{url}/commissioning/{HOME}/walk?place=garage")
        page.get_by_role("button", name="I am here").click()
        expect(page.get_by_text("You are here")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-stream", "live")
        key = page.locator(".sensors > li:not(.is-tested)").last.get_attribute("data-key") or ""
        device, _, point = key.partition("/")
        hub.deps.walk.confirm(HOME, device, point, by="crew")
        sensor = page.locator(f'[data-key="{key}"]')
        expect(sensor).to_have_class("sensor is-tested")
        expect(sensor).to_contain_text("crew")


def test_a_live_count_keeps_its_unit(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    registry = hub.deps.registrar.current
    device, point = next(key for key, spans in registry.bindings.items() if spans[-1].metric_name() == "occupancy")
    gym, now = registry.bindings[device, point][-1].facility, hub.deps.clock.now()
    with visitor(browser, url, SESSION, language="en") as page:
        page.goto(f"{url}/facilities/{gym}")
        expect(page.locator("html")).to_have_attribute("data-stream", "live")
        shown = page.locator(f'[data-point="{device}/{point}"] b')
        for count, said in ((1, "1 person"), (7, "7 people")):
            reading = LiveReading(PointKey(HOME, device, point), count, "", now, now, 0, silent=False)
            hub.deps.changes.publish("reading", reading_event(reading, gym, "", "occupancy"), now)
            expect(shown).to_have_text(said)


def test_a_broken_stream_is_said(running: tuple[FakeHub, str], browser: Chromium) -> None:
    _, url = running
    with visitor(browser, url, SESSION, language="en") as page:
        page.route("**/api/v1/events*", lambda route: route.abort())
        page.goto(f"{url}/board")
        expect(page.locator("[data-stream-text]")).to_contain_text("Stream broken since")


def test_forms_are_sent_without_loading_the_page_anew(running: tuple[FakeHub, str], browser: Chromium) -> None:
    hub, url = running
    with visitor(browser, url, SESSION, language="zh-CN", phone=True) as page:
        page.goto(f"{url}/tickets/{hub.tickets['pump'].id}")
        page.evaluate("window.same = true")
        page.get_by_role("button", name="恢复处理", exact=True).click()
        expect(page.locator("#main .chip").first).to_have_text("处理中")
        assert page.evaluate("window.same === true")


def test_figures_are_filtered_by_keyboard_and_say_that_they_are_coming(
    running: tuple[FakeHub, str], browser: Chromium
) -> None:
    _, url = running
    with visitor(browser, url, SESSION, language="en") as page:
        page.goto(f"{url}/figures/kinds")
        page.evaluate("window.same = true")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/figures/kinds?*", hold)
        page.locator("select[name=kind]").focus()
        page.keyboard.type("Lift")
        button = page.get_by_role("button", name="Filter")
        with page.expect_request("**/figures/kinds?*"):
            button.press("Enter")
        expect(button).to_be_disabled()
        held[0].continue_()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Lift")
        assert page.evaluate("window.same === true")
        assert page.url.startswith(f"{url}/figures/kinds/lift?"), "it can be kept as a bookmark"
