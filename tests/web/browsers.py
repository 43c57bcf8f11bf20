"""The distribution's chromium, and a signed-in page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visitor(
    browser: Browser, url: str, session: str, *, language: str = "zh-CN", dark: bool = False, phone: bool = False
) -> Iterator[Page]:
    """A page whose every request goes to ``url``; a request to any other host fails the caller."""
    options: dict[str, Any] = {"viewport": PHONE if phone else DESKTOP, "color_scheme": "dark" if dark else "light"}
    context = browser.new_context(locale=language, device_scale_factor=1, has_touch=phone, **options)
    host = urlsplit(url).hostname or ""
    context.add_cookies(
        [
            {"name": "hub_session", "value": session, "domain": host, "path": "/"},
            {"name": "hub_language", "value": language, "domain": host, "path": "/"},
        ]
    )
    page = context.new_page()
    page.foreign = []  # type: ignore[attr-defined] # noted for the test to look at
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:")) else page.foreign.append(request.url),  # type: ignore[attr-defined] # as above
    )
    try:
        yield page
    finally:
        context.close()
