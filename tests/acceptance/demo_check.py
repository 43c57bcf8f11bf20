"""Does the demo keep the README's promise? Started on a new folder: pages up, the first ticket, a clean end.

python -m tests.acceptance.demo_check
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

READY_S, TICKET_S, END_S = 10.0, 60.0, 5.0


class Browser:
    """Signs in like a person and asks the API with the session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def sign_in(self, login: str, password: str) -> None:
        """Through the form on the page."""
        page = self._opener.open(f"{self._url}/login", timeout=10).read().decode()
        hidden = dict(re.findall(r'name="(token|next)"[^>]*value="([^"]*)"', page))
        form = urlencode({**hidden, "login": login, "password": password}).encode()
        self._opener.open(f"{self._url}/login", form, timeout=10).read()

    def get(self, path: str) -> Any:
        """JSON of the API."""
        return json.load(self._opener.open(f"{self._url}{path}", timeout=10))

    def follow(self) -> Any:
        """An open stream of events, as a page has it."""
        return self._opener.open(f"{self._url}/api/v1/events", timeout=60)


def main() -> int:
    """Print what was seen; 1 where the promise was not kept."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        process = start(Path(folder))
        try:
            url = read_address(process)
            ready = time.monotonic() - began
            logins = json.loads((Path(folder) / "demo-logins").read_text(encoding="utf-8"))
            browser = Browser(url)
            browser.sign_in("manager", logins["manager"])
            stream = browser.follow()
            ticket = await_ticket(browser)
            first = time.monotonic() - began
            print(f"ready after {ready:.1f} s; after {first:.1f} s ticket {ticket['number']}: {ticket['title']}")
            process.send_signal(signal.SIGINT)
            ending = time.monotonic()
            process.wait(timeout=30)
            ended = time.monotonic() - ending
            stream.close()
            print(f"ended {ended:.1f} s after Ctrl-C with a browser attached, exit code {process.returncode}")
        finally:
            process.kill()
    kept = ready <= READY_S and first <= TICKET_S and ended <= END_S and process.returncode == 0
    print("the demo keeps its promise" if kept else "the demo does NOT keep its promise")
    return 0 if kept else 1


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The demo as a process, on this folder and on ports of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
    environment |= {"HUB_DATA_DIR": str(folder), "HUB_WEB__PORT": "0", "HUB_MQTT__EMBEDDED_PORT": "0"}
    command = [sys.executable, "-m", "hub", "demo", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_address(process: subprocess.Popen[str]) -> str:
    """The banner's line."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        found = re.search(r"open\s+(http\S+)", line)
        if found:
            return found[1]
    raise RuntimeError("".join(seen))


def await_ticket(browser: Browser) -> Any:
    """The lift's door fault, made by the simulator's messages alone."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        items = browser.get("/api/v1/tickets?facility=lift-b3-2")["items"]
        if items:
            return items[0]
        time.sleep(0.5)
    raise RuntimeError("no ticket within 90 s")


if __name__ == "__main__":
    sys.exit(main())
