"""The address that clouds push to: limits before everything, few words, and no secret said back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from hub.flows.pushing import Answer
from hub.web.push.bodies import Bodies
from tests.web.conftest import Browser

LIMIT = 256 * 1024
SECRET = "a-secret-of-the-tests-0123456789"


def test_a_push_is_handed_on_with_what_the_hub_looks_at(web: Browser) -> None:
    answer = web.anonymous().post(
        f"/ingest/cloud/{SECRET}", content=b'{"a":1}', headers={"Content-Type": "application/json", "X-Sign": "s"}
    )
    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"].startswith("text/plain")
    (delivery,) = web.hub.inlet.taken
    assert (delivery.source, delivery.secret, delivery.body) == ("cloud", SECRET, b'{"a":1}')
    assert (delivery.headers["x-sign"], delivery.content_type) == ("s", "application/json")


@pytest.mark.parametrize("address", ["/ingest/cloud/", f"/ingest/cloud/{SECRET}/"])
def test_a_slash_at_the_end_is_the_same_address(web: Browser, address: str) -> None:
    """Clouds do not follow a redirect, and people type one."""
    answer = web.anonymous().post(address, content=b'{"a":1}', follow_redirects=False)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert web.anonymous().get(f"{address}?msg=hello", follow_redirects=False).text == "hello"


def test_neither_session_nor_form_token_is_asked_for(web: Browser) -> None:
    client, _ = web.person("viewer")
    assert client.post("/ingest/cloud", content=b"{}").status_code == 200
    assert (
        client.post("/ingest/cloud", content=b"{}", headers={"Origin": "https://elsewhere.example"}).status_code == 200
    )


def test_a_body_without_a_length_is_taken(web: Browser) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"a":'
        yield b"1}"

    assert web.anonymous().post("/ingest/cloud", content=chunks()).status_code == 200
    assert web.hub.inlet.taken[0].body == b'{"a":1}'


def test_the_limit_to_the_byte(web: Browser) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        for _ in range(size // 1024):
            yield b"x" * 1024
        yield b"x" * (size % 1024)

    client = web.anonymous()
    assert client.post("/ingest/cloud", content=b"x" * LIMIT).status_code == 200
    assert client.post("/ingest/cloud", content=chunks(LIMIT)).status_code == 200
    for body in (b"x" * (LIMIT + 1), chunks(LIMIT + 1)):
        answer = client.post("/ingest/cloud", content=body)
        assert answer.status_code == 413
        assert answer.json()["slug"] == "too_large"
        assert str(LIMIT) in answer.json()["detail"]
    assert len(web.hub.inlet.taken) == 2
    assert web.hub.inlet.declines == [("cloud", 413)] * 2


def test_a_length_that_is_none_lets_nothing_larger_in(web: Browser) -> None:
    answer = web.anonymous().post("/ingest/cloud", content=b"x" * (LIMIT + 1), headers={"Content-Length": "-1"})
    assert answer.status_code == 413


def test_compressed_bodies_are_refused(web: Browser) -> None:
    answer = web.anonymous().post("/ingest/cloud", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["slug"]) == (415, "encoded")


@pytest.mark.parametrize("accept", ["", "text/html", "*/*"])
def test_a_refusal_is_a_problem_and_not_a_page(web: Browser, accept: str) -> None:
    web.hub.inlet.answer = Answer(403, "wrong_secret", "the secret is wrong")
    client = web.anonymous(accept=accept)
    for path in (f"/ingest/cloud/{SECRET}", f"/ingest/nobody/{SECRET}"):
        answer = client.post(path, content=b"{}")
        assert answer.headers["content-type"] == "application/problem+json"
        assert SECRET not in answer.text
    assert client.post("/ingest/nobody", content=b"{}").json()["detail"] == "no such source"
    assert client.post(f"/ingest/cloud/{SECRET}/more", content=b"{}").status_code == 404
    assert client.put("/ingest/cloud", content=b"{}").status_code == 405


def test_who_is_unknown_is_told_so_before_the_body_is_read(web: Browser) -> None:
    assert web.anonymous().post("/ingest/nobody", content=b"x" * (LIMIT + 1)).status_code == 404
    assert web.hub.inlet.looked[0].body == b""


def test_who_is_to_come_again_is_told_when(web: Browser) -> None:
    web.hub.inlet.answer = Answer(503, "not_durable", "the journal does not commit just now", retry_after_s=7)
    answer = web.anonymous().post("/ingest/cloud", content=b"{}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_the_handshake_is_answered_with_the_word_alone(web: Browser) -> None:
    answer = web.anonymous(accept="text/html").get("/ingest/cloud?msg=<b>hello</b>&nonce=1&signature=2")
    assert (answer.status_code, answer.text) == (200, "<b>hello</b>")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert web.anonymous().get(f"/ingest/cloud/{SECRET}?msg=x").text == "x"
    assert web.anonymous().get("/ingest/nobody?msg=x").status_code == 404


def test_a_failure_does_not_write_the_secret_into_the_log(
    web: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_delivery: Any) -> Answer:
        raise RuntimeError("a bug")

    monkeypatch.setattr(web.hub.inlet, "take", fail)
    answer = web.anonymous().post(f"/ingest/cloud/{SECRET}", content=b"{}")
    assert answer.status_code == 500
    assert [getattr(record, "path", "") for record in caplog.records if record.name == "hub.web.app"] == [
        "/ingest/cloud"
    ]


# --- bodies -----------------------------------------------------------------------------------------------------


def request(*messages: dict[str, Any], dawdling: bool = False) -> Request:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if not left and dawdling:
            await asyncio.Event().wait()
        return left.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


def test_who_dawdles_is_not_waited_for() -> None:
    bodies = Bodies(100, patience_s=0.01)
    started = {"type": "http.request", "body": b"{", "more_body": True}
    answer = asyncio.run(bodies.read(request(started, dawdling=True)))
    assert isinstance(answer, Answer)
    assert answer.status == 408
    assert asyncio.run(bodies.read(request({"type": "http.request", "body": b"{}"}))) == b"{}"


def test_who_breaks_off_has_sent_nothing() -> None:
    started = {"type": "http.request", "body": b"{", "more_body": True}
    answer = asyncio.run(Bodies(100).read(request(started, {"type": "http.disconnect"})))
    assert isinstance(answer, Answer)
    assert answer.status == 400


def test_only_so_many_bodies_are_read_at_once() -> None:
    async def play() -> list[bytes | Answer]:
        bodies, go_on = Bodies(100, at_once=2), asyncio.Event()

        async def receive() -> dict[str, Any]:
            await go_on.wait()
            return {"type": "http.request", "body": b"{}"}

        slow = [
            asyncio.create_task(bodies.read(Request({"type": "http", "method": "POST", "headers": []}, receive)))
            for _ in range(2)
        ]
        await asyncio.sleep(0)
        third = await bodies.read(request({"type": "http.request", "body": b"{}"}))
        go_on.set()
        return [
            third,
            *await asyncio.gather(*slow),
            await bodies.read(request({"type": "http.request", "body": b"[]"})),
        ]

    third, *others = asyncio.run(play())
    assert isinstance(third, Answer)
    assert (third.status, third.retry_after_s) == (503, 1)
    assert others == [b"{}", b"{}", b"[]"]


def test_the_addresses_are_described(morning: Browser) -> None:
    paths = morning.anonymous().get("/api/openapi.json").json()["paths"]
    assert set(paths["/ingest/{source}"]) == {"get", "post"}
    assert set(paths["/ingest/{source}/{secret}"]) == {"get", "post"}
