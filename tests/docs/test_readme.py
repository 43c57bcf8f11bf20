"""The README's own steps, typed as they stand there, beside a demo that runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from tests.docs.pages import ROOT, blocks, page, rows, section

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not shutil.which("mosquitto_pub"), reason="needs mosquitto-clients"),
    pytest.mark.skipif(not shutil.which("curl"), reason="needs curl"),
]
STEPS = [block.text for block in blocks(page("README.md")) if block.mark == "runs: readme"]
PATIENCE_S = 90.0


class Demo(NamedTuple):
    """A demo on a folder of its own, and the place from which the README's commands are typed."""

    place: Path
    url: str

    def type(self, *commands: str) -> str:
        """Run shell commands as one script; what they print."""
        script = "set -eu\n" + "\n".join(commands).replace("http://127.0.0.1:8080", self.url)
        for written in ("-p 1883", "port=1883"):
            script = script.replace(written, written.replace("1883", str(self.port)))
        done = subprocess.run(["sh", "-c", script], cwd=self.place, env=environment(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    @property
    def port(self) -> int:
        """Of its broker."""
        return int(json.loads((self.place / "hub-data" / "broker" / "access.json").read_text())["port"])

    def get(self, path: str, token: str = "") -> requests.Response:
        """An answer of the hub."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=20)


def environment() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("HUB_")}
    return own | {"HUB_WEB__PORT": "0", "HUB_MQTT__EMBEDDED_PORT": "0"}


def eventually(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")


@pytest.fixture(scope="module", name="demo")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    place = tmp_path_factory.mktemp("readme")
    binaries = place / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name, command in (("python", sys.executable), ("hub", f"{sys.executable} -m hub")):
        (binaries / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        (binaries / name).chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "demo", "--no-simulator"],
        cwd=place,
        env=environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = next(found[1] for line in process.stdout if (found := re.search(r"open\s+(http\S+)", line)))
        yield Demo(place, url)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
    finally:
        process.kill()
        process.communicate()


def test_the_first_own_sensor_is_adopted_raises_a_ticket_and_what_is_not_understood_is_shown(demo: Demo) -> None:
    account, say, say_with_paho, adopt, wet, nonsense = STEPS
    token = demo.type(".venv/bin/hub token test --role manager --scope harmony-garden").strip()

    def inbox() -> list[str]:
        items = demo.get("/api/v1/devices/inbox", token).json()["items"]
        return [item["device"]["id"] for item in items if item["guess_facility"] == "leak-garage"]

    def readings() -> float:
        text = demo.get("/metrics").text
        found = re.search(r"^hub_decoded_readings_total (\S+)", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def tickets() -> list[Any]:
        items: list[Any] = demo.get("/api/v1/tickets?facility=leak-garage", token).json()["items"]
        return items

    password = demo.type(account, 'echo "$PASSWORD"').strip()
    account = f"{account.splitlines()[0]}\nPASSWORD={password}"  # it is shown this once
    demo.type(account, say)
    assert eventually(inbox, "the device in the inbox") == ["harmony-garden~leak-garage-mine"]
    before = readings()
    demo.type(account, say_with_paho)
    eventually(lambda: readings() >= before + 2, "what paho sent")
    assert json.loads(demo.type(adopt).strip().splitlines()[-1])["state"] == "adopted"
    demo.type(account, wet)
    ticket = eventually(tickets, "a ticket")[0]
    assert (ticket["state"], ticket["priority"], ticket["crew"]) == ("assigned", "high", "water-crew")
    assert ticket["title"]["en"].endswith("Water leak")
    demo.type(account, nonsense.splitlines()[0])
    assert "not_json" in eventually(lambda: _listed(demo, nonsense), "the message in quarantine")


def _listed(demo: Demo, nonsense: str) -> str:
    told = demo.type(nonsense.splitlines()[1])
    return told if "leak-garage-mine" in told else ""


def test_the_manual_names_every_component_of_a_running_hub(demo: Demo) -> None:
    real = set(demo.get("/readyz").json()["components"])
    table = rows(section(page("docs/manual/health.md"), "## What it says, and what to do"))
    always = [row for row in table if "only where" not in row[3]]
    told = {word for row in always for word in re.findall(r"`([^`]+)`", row[0])}
    assert {name.replace("<name>", "main") for name in told} == real
