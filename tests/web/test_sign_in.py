"""Sessions, forms and attempts."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from hub.clock import HOUR, MINUTE, SECOND, ManualClock
from hub.errors import InvalidInput
from hub.web.auth.attempts import Attempts
from hub.web.auth.pages import inside
from hub.web.auth.passwords import hash_password, matches
from tests.web.conftest import Browser
from tests.web.fakes.hub import PASSWORD


def attempt(client: TestClient, login: str, password: str) -> int:
    page = client.get("/login")
    token = page.text.split('name="token" value="')[1].split('"')[0]
    return client.post("/login", data={"login": login, "password": password, "token": token}).status_code


def test_a_session_cookie_is_out_of_reach_of_scripts_and_foreign_sites(web: Browser) -> None:
    client = web.anonymous()
    page = client.get("/login")
    token = page.text.split('name="token" value="')[1].split('"')[0]
    answer = client.post("/login", data={"login": "desk", "password": PASSWORD, "token": token})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("hub_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_signing_in_again_ends_the_session_before(web: Browser) -> None:
    client, _ = web.person("desk")
    old = client.cookies["hub_session"]
    client.cookies.delete("hub_session")
    client.cookies.set("hub_session", old)
    page = client.get("/login")
    assert page.status_code == 303  # signed in already
    fresh, _ = web.person("desk")
    assert fresh.cookies["hub_session"] != old


def test_a_session_ends_by_signing_out_and_by_time(web: Browser, clock: ManualClock) -> None:
    client, csrf = web.person("desk")
    assert client.get("/tickets").status_code == 200
    assert client.post("/logout", data={"csrf": csrf}).status_code == 303
    assert client.get("/tickets").headers["location"] == "/login?next=/tickets"
    client, _ = web.person("desk")
    clock.advance(12 * HOUR + SECOND)
    assert client.get("/tickets").status_code == 303


@pytest.mark.parametrize("csrf", ["", "wrong", "é"])
def test_a_form_without_its_token_changes_nothing(web: Browser, csrf: str) -> None:
    client, _ = web.person("desk")
    alarm = web.hub.alarms["lift"]
    assert client.post(f"/alarms/{alarm.id}/acknowledge", data={"csrf": csrf}).status_code == 403
    assert client.post(f"/api/v1/alarms/{alarm.id}/acknowledge", json={}).status_code == 403
    stored = web.hub.records.read(lambda books: books.alarms.get(alarm.id))
    assert stored is not None
    assert not stored.acked


def test_the_header_serves_scripts_of_our_own_pages(web: Browser) -> None:
    client, csrf = web.person("desk")
    alarm = web.hub.alarms["lift"]
    answer = client.post(f"/api/v1/alarms/{alarm.id}/acknowledge", json={}, headers={"x-csrf-token": csrf})
    assert answer.json()["acked_by"] == "desk"


def test_five_wrong_passwords_make_the_sixth_wait_and_say_so(web: Browser, clock: ManualClock) -> None:
    client = web.anonymous(**{"accept-language": "en"})
    for _ in range(5):
        assert attempt(client, "desk", "wrong") == 401
    page = client.get("/login")
    token = page.text.split('name="token" value="')[1].split('"')[0]
    answer = client.post("/login", data={"login": "desk", "password": PASSWORD, "token": token})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many attempts" in answer.text
    clock.advance(MINUTE)
    assert attempt(client, "desk", PASSWORD) == 303


def test_waits_double_and_end() -> None:
    attempts = Attempts()
    for _ in range(5):
        attempts.failed("ana", "10.0.0.9", 0)
    assert attempts.wait("ana", "10.0.0.9", 0) == 30 * SECOND
    assert attempts.wait("ana", "10.0.0.8", 0) == 0
    assert attempts.wait("bo", "10.0.0.9", 0) == 0
    attempts.failed("ana", "10.0.0.9", 30_000)
    assert attempts.wait("ana", "10.0.0.9", 30_000) == 60 * SECOND
    for _ in range(20):
        attempts.failed("ana", "10.0.0.9", 60_000)
    assert attempts.wait("ana", "10.0.0.9", 60_000) == 15 * MINUTE
    attempts.succeeded("ana", "10.0.0.9")
    assert attempts.wait("ana", "10.0.0.9", 60_000) == 0


def test_a_disabled_user_is_out_at_once(web: Browser) -> None:
    from dataclasses import replace

    client, _ = web.person("desk")

    def disable(books: object) -> None:
        user = books.people.user("desk")  # type: ignore[attr-defined] # the real books
        books.people.save_user(replace(user, disabled=True))  # type: ignore[attr-defined] # as above

    web.hub.records.write(disable)
    assert client.get("/").status_code == 303
    assert attempt(web.anonymous(), "desk", PASSWORD) == 401


def test_passwords() -> None:
    stored = hash_password("a long enough one")
    assert stored.startswith("$argon2id$")
    assert matches(stored, "a long enough one")
    assert not matches(stored, "another one")
    assert not matches(None, "a long enough one")
    with pytest.raises(InvalidInput) as refused:
        hash_password("short")
    assert refused.value.pointer == "/password"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/alarms?tab=past", "/alarms?tab=past"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_to_a_foreign_page(target: str, kept: str) -> None:
    assert inside(target) == kept


def test_secure_cookies_where_the_public_address_is_https(hub: object) -> None:
    from dataclasses import replace

    from hub.settings import Settings, Web

    hub.deps = replace(hub.deps, settings=Settings(web=Web(public_url="https://hub.example")))  # type: ignore[attr-defined] # the fake hub
    page = Browser(hub).anonymous().get("/login")  # type: ignore[arg-type] # as above
    assert "Secure" in page.headers["set-cookie"]
    assert page.headers["strict-transport-security"].startswith("max-age=")
