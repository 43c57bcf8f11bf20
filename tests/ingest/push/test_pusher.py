"""The simulator's cloud: known by its signature, sent again until it is taken, refused by name and without its secret."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import pytest

from devices.simulator.play import Publication
from devices.simulator.publisher import no_presence
from devices.simulator.pusher import ATTEMPTS, Answer, Check, Pushes, PushRefused, Target
from devices.simulator.speaking.speech import Said
from hub.flows.pushing import Delivery
from hub.ingest.push_checks import check_of
from hub.settings import PushSource
from tests.ingest.push.conftest import NOON, SECRET

URL = "https://hub.example/ingest/meters"
BODY = b'{"msg":[{"dev_id":"a","type":1}]}'


class Inlet:
    """Judges as the hub does; before that it answers as told."""

    def __init__(self, check: Check, *answers: Answer, secret: str = SECRET) -> None:
        source = PushSource(name="meters", community="garden", format="generic_http", check=check, secret=secret)
        self._check = check_of(source)
        self._answers = list(answers)
        self.bodies: list[bytes] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.bodies.append(body)
        if self._answers:
            return self._answers.pop(0)
        path = urlsplit(url).path.split("/")
        lower = {name.lower(): value for name, value in headers.items()}
        delivery = Delivery(source=path[2], secret="".join(path[3:]), headers=lower, body=body)
        verdict = self._check.judge(delivery, NOON)
        return Answer(verdict.status, verdict.detail)


class Waits(threading.Event):
    """Nobody waits; what would have been waited is kept."""

    def __init__(self, *, over_after: int = 10_000) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self._over_after = over_after

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        return len(self.waited) >= self._over_after


def pushes(target: Target, inlet: Callable[..., Answer], stop: Waits | None = None) -> Pushes:
    return Pushes(target, now=lambda: NOON, stop=stop or Waits(), presence=no_presence, post=inlet)


def said(at: int = NOON, gateway: str = "gw-1") -> Publication:
    return Publication(at, gateway, "http/meters", BODY)


@pytest.mark.parametrize("check", ["secret", "hmac_sha256", "hmac_sha256_time", "onenet"])
def test_the_hub_knows_the_simulated_cloud(check: Check) -> None:
    inlet = Inlet(check)
    cloud = pushes(Target.parse(URL, SECRET, check), inlet)
    cloud.send(said())
    assert (cloud.sent, len(inlet.bodies)) == (1, 1)
    other = Inlet(check, secret="another-secret-of-the-tests")
    with pytest.raises(
        PushRefused, match=r"hub\.example, source meters: the hub answers 403 .*--secret-file"
    ) as refusal:
        pushes(Target.parse(URL, SECRET, check), other).send(said())
    assert SECRET not in str(refusal.value)


def test_the_secret_may_stand_in_the_address_and_is_not_shown() -> None:
    pushes(Target.parse(f"{URL}/{SECRET}"), Inlet("secret")).send(said())
    with pytest.raises(PushRefused) as refusal:
        pushes(Target.parse(f"{URL}/{SECRET}x"), Inlet("secret")).send(said())
    assert SECRET not in str(refusal.value)


def test_it_comes_again_until_it_is_taken_and_is_the_same_push() -> None:
    waits = Waits()
    inlet = Inlet("onenet", Answer(503, "busy", 3), Answer(0, "ConnectionError"), Answer(429, "too many", 60))
    pushes(Target.parse(URL, SECRET, "onenet"), inlet, waits).send(said())
    assert (len(inlet.bodies), len(set(inlet.bodies))) == (4, 1)
    assert waits.waited == [3, 2, 10]
    pushes(Target.parse(URL, SECRET, "onenet"), inlet, waits).send(said(NOON + 1))
    assert len(set(inlet.bodies)) == 2, "another push has another nonce"


def test_who_is_never_answered_says_so_and_who_is_stopped_stops() -> None:
    deaf = Inlet("secret", *[Answer(0, "ConnectTimeout")] * ATTEMPTS)
    with pytest.raises(PushRefused, match="does not answer"):
        pushes(Target.parse(URL, SECRET), deaf).send(said())
    stopped = Inlet("secret", *[Answer(503, "busy")] * ATTEMPTS)
    pushes(Target.parse(URL, SECRET), stopped, Waits(over_after=2)).send(said())
    assert len(stopped.bodies) == 2


def test_the_cloud_says_who_is_online_once() -> None:
    inlet = Inlet("secret")
    cloud = Pushes(
        Target.parse(URL, SECRET),
        now=lambda: NOON,
        stop=Waits(),
        presence=lambda gateway, *, online: Said("http/meters", f"{gateway} {online}".encode()),
        post=inlet,
    )
    cloud.send(said())
    cloud.send(said())
    cloud.set_down({"gw-1"})
    cloud.send(said())
    cloud.set_down(set())
    cloud.send(said())
    assert inlet.bodies == [b"gw-1 True", BODY, BODY, b"gw-1 False", b"gw-1 True", BODY]


@pytest.mark.parametrize("url", ["mqtt://hub.example/ingest/a", "https://hub.example/", "https:///ingest/a", "x"])
def test_an_address_that_is_no_inlet_is_refused(url: str) -> None:
    with pytest.raises(PushRefused, match=r"https://hub\.example/ingest/ctwing"):
        Target.parse(url)
    with pytest.raises(PushRefused, match="--secret-file"):
        Target.parse(URL, check="onenet")
