from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hub.clock import HOUR, ManualClock, from_iso
from hub.domain.places import Device
from hub.web.app import create_app
from tests.web.fakes.hub import PASSWORD, FakeHub, build

NOW = from_iso("2026-11-23T10:27:00+08:00")


class Browser:
    """A TestClient with the few things that people and programs do."""

    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        self.app = create_app(hub.deps)
        self.client = self.anonymous()

    def anonymous(self, **headers: str) -> TestClient:
        return TestClient(self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False)

    def calm(self, name: str) -> None:
        """The alarm returns to normal."""
        gone = replace(self.hub.alarms[name], active=False, acked=True)
        self.hub.records.write(lambda books: books.alarms.save(gone, ticket=None, now=NOW))

    def put(self, device: str, **more: Any) -> Device:
        """The registry says more of a device."""
        registrar = self.hub.deps.registrar
        known = registrar.current
        changed = replace(known.devices[device], **more)
        registrar.replace(replace(known, version=known.version + 1, devices={**known.devices, device: changed}))
        return changed

    def program(self, login: str) -> TestClient:
        """A program with the token of this login's grant."""
        return self.anonymous(authorization=f"Bearer {login}-token")

    def person(self, login: str, language: str = "en") -> tuple[TestClient, str]:
        """A signed-in browser, and the token its forms carry."""
        client = self.anonymous(accept="text/html", **{"accept-language": language})
        page = client.get("/login")
        token = page.text.split('name="token" value="')[1].split('"')[0]
        answer = client.post("/login", data={"login": login, "password": PASSWORD, "token": token, "next": "/alarms"})
        assert answer.status_code == 303, answer.text
        page = client.get("/")
        return client, page.text.split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, clock: ManualClock) -> Iterator[FakeHub]:
    made = build(tmp_path_factory.mktemp("hub"), clock)
    yield made
    made.close()


@pytest.fixture
def web(hub: FakeHub) -> Browser:
    return Browser(hub)


@pytest.fixture(scope="session")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """For tests that only look."""
    made = build(tmp_path_factory.mktemp("morning"), ManualClock(NOW))
    yield Browser(made)
    made.close()


__all__ = ["HOUR", "NOW", "Browser"]
