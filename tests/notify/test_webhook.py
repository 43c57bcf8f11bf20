"""Webhooks as a receiver gets them, and where they must not go."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from hub.clock import ManualClock
from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.notify.webhook.channel import WebhookChannel
from hub.notify.webhook.targets import is_public


@pytest.fixture
def channel(clock: ManualClock) -> WebhookChannel:
    return WebhookChannel("schluessel", clock=clock, allow_private=True)


def test_the_body_and_its_signature(
    channel: WebhookChannel, web: Any, notice: Callable[..., Notice], clock: ManualClock
) -> None:
    channel.send(notice(address=f"{web.url}/in?team=lifts"))
    ((path, headers, body),) = web.posts
    assert path == "/in?team=lifts"
    told = json.loads(body)
    assert told["dedupe_key"] == "ticket-1:1:opened:li"
    assert told["subject"] == "【高】1号梯 门故障"
    assert told["created_at"] == "2027-01-15T08:00:00.000Z"
    moment, _, mac = headers["Hub-Signature"].removeprefix("t=").partition(",v1=")
    assert int(moment) == clock.now() // 1000
    assert mac == hmac.new(b"schluessel", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def test_the_same_notice_twice_carries_the_same_key(
    channel: WebhookChannel, web: Any, notice: Callable[..., Notice]
) -> None:
    for one in (notice(1), notice(1), notice(2)):
        channel.send(notice(address=web.url, dedupe_key=one.dedupe_key))
    keys = [headers["Idempotency-Key"] for _, headers, _ in web.posts]
    assert keys[0] == keys[1] != keys[2]


def test_without_a_secret_there_is_no_signature(web: Any, notice: Callable[..., Notice], clock: ManualClock) -> None:
    WebhookChannel(None, clock=clock, allow_private=True).send(notice(address=web.url))
    assert "Hub-Signature" not in web.posts[0][1]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (301, True),
        (307, True),
        (400, True),
        (401, True),
        (404, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (502, False),
        (503, False),
    ],
)
def test_what_the_receivers_answers_mean(
    channel: WebhookChannel, web: Any, notice: Callable[..., Notice], status: int, *, permanent: bool
) -> None:
    web.status = status
    web.headers = {"Location": f"{web.url}/elsewhere"}
    with pytest.raises(SendFailed, match=str(status)) as failed:
        channel.send(notice(address=web.url))
    assert failed.value.permanent is permanent
    assert len(web.posts) == 1, "a redirect must not be followed"


def test_a_receiver_that_is_not_there_is_temporary(channel: WebhookChannel, notice: Callable[..., Notice]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SendFailed) as failed:
            channel.send(notice(address=f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert failed.value.permanent is False


@pytest.mark.parametrize(
    "address", ["", "li@example.org", "ftp://a/b", "http://", "http://h:port/", "file:///etc/passwd"]
)
def test_what_is_no_web_address_is_refused_for_good(
    channel: WebhookChannel, notice: Callable[..., Notice], address: str
) -> None:
    with pytest.raises(SendFailed) as failed:
        channel.send(notice(address=address))
    assert failed.value.permanent is True


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.1", "2130706433"])
def test_the_hubs_own_machine_is_no_target(
    web: Any, notice: Callable[..., Notice], clock: ManualClock, host: str
) -> None:
    channel = WebhookChannel(None, clock=clock, allow_private=False)
    with pytest.raises(SendFailed, match="allow_private_targets") as failed:
        channel.send(notice(address=f"http://{host}:{web.port}/"))
    assert failed.value.permanent is True
    assert web.posts == []


def test_the_address_is_judged_as_resolved_and_only_once(
    web: Any, notice: Callable[..., Notice], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that first leads outside and then inside (DNS rebinding) gains nothing: one look-up, one connection."""
    looked_up: list[str] = []
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    connected: list[Any] = []

    def connect(address: Any, _timeout: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(SendFailed) as failed:
        WebhookChannel(None, clock=clock, allow_private=False).send(notice(address="http://rebind.example/"))
    assert failed.value.permanent is False
    assert looked_up == ["rebind.example"]
    assert connected == [("93.184.216.34", 80)]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.1", False),
        ("172.16.5.5", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:0a00:0001::1", False),
        ("64:ff9b::a00:1", False),
    ],
)
def test_public_addresses(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    notice: Callable[..., Notice], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        found = ("93.184.216.34", "10.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(SendFailed, match="allow_private_targets") as failed:
        WebhookChannel(None, clock=clock, allow_private=False).send(notice(address="http://mixed.example/"))
    assert failed.value.permanent is True
