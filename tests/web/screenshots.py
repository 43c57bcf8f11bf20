"""Every page, both languages, desktop and phone, light and dark, into screenshots/: make screenshots

Without arguments it shows the fake morning of Harmony Garden; with --url, --login and --password a running hub.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from hub.clock import WallClock
from hub.settings import Settings, Web
from hub.web.app import create_app
from hub.web.server import Server
from tests.web.browsers import chromium, visitor
from tests.web.fakes.hub import PASSWORD, build
from tests.web.fakes.views import burden

FIXED = {
    "today": "/",
    "board": "/board",
    "board-by-kind": "/board?by=kind",
    "alarms": "/alarms",
    "alarms-late": "/alarms?tab=late",
    "tickets": "/tickets",
    "ticket-new": "/tickets/new",
    "facilities": "/facilities",
    "figures": "/figures",
    "figures-by-crew": "/figures?by=crew&period=week",
    "devices": "/devices",
    "device": "/devices/harmony-garden~gw-b3-lift",
    "replace-device": "/devices/harmony-garden~lift-b3-2-door/replace",
    "upkeep": "/devices/upkeep?days=366",
    "commissioning": "/commissioning/harmony-garden",
    "walk": "/commissioning/harmony-garden/walk?place=garage",
    "go-live": "/commissioning/harmony-garden/live/sump",
    "acceptance-sheet": "/commissioning/harmony-garden/sheet",
    "quarantine": "/quarantine",
    "health": "/health",
    "use": "/figures/use",
    "energy": "/figures/energy?range=30d",
    "kinds": "/figures/kinds",
    "kind": "/figures/kinds/lift",
    "alarm-course": "/figures/alarms",
    "quality": "/figures/quality",
    "refused": "/health/refused",
    "missing": "/no-such-page",
}
FIRST_LINK = {
    "ticket": ("/tickets", "a.row[href^='/tickets/']"),
    "facility": ("/alarms", ".alarm-where a"),
    "message": ("/quarantine", "a.row-title"),
}
"""Pages of one thing: the first of its list."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a running hub; without it a fake one is shown")
    parser.add_argument("--login", default="manager")
    parser.add_argument("--password", default=PASSWORD)
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", default="", help="names of pages, with commas between")
    parser.add_argument("--short", action="store_true", help="Chinese light desktop and English dark phone alone")
    chosen = parser.parse_args()
    with running(chosen.url) as url, chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{url}/login")
        page.fill("[name=login]", chosen.login)
        page.fill("[name=password]", chosen.password)
        page.screenshot(path=folder(chosen.out, "zh-CN", dark=False, phone=False) / "login.png")
        page.click("form[action='/login'] button")
        session = next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "hub_session")
        names = set(filter(None, chosen.only.split(",")))
        for language, dark, phone in product(("zh-CN", "en"), (False, True), (False, True)):
            if chosen.short and (language, dark, phone) not in {("zh-CN", False, False), ("en", True, True)}:
                continue
            with visitor(browser, url, session, language=language, dark=dark, phone=phone) as page:
                for name in [*FIXED, *FIRST_LINK]:
                    if names and name not in names:
                        continue
                    if name in FIXED:
                        page.goto(url + FIXED[name])
                    else:
                        start, link = FIRST_LINK[name]
                        page.goto(url + start)
                        page.goto(url + (page.locator(link).first.get_attribute("href") or "/"))
                    page.screenshot(
                        path=folder(chosen.out, language, dark=dark, phone=phone) / f"{name}.png", full_page=True
                    )


def folder(out: Path, language: str, *, dark: bool, phone: bool) -> Path:
    path = out / f"{language}-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def running(url: str | None) -> Iterator[str]:
    if url:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as place:
        hub = build(Path(place), WallClock(), settings=Settings(web=Web(port=0)))
        burden(hub)
        server = Server(create_app(hub.deps), hub.deps.settings.web, WallClock())
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
            hub.close()


if __name__ == "__main__":
    main()
