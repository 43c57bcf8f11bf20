"""Sources with secrets, a journal that commits when told, and clouds that sign as the real ones do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from devices import formats
from hub.clock import ManualClock
from hub.flows.pushing import Delivery
from hub.ingest.push import PushInlet
from hub.ingest.push_meters import PushMeters
from hub.settings import Push, PushSource
from tests.ingest.conftest import HeldIntake

NOON = 1_795_000_000_000
SECRET = "a-secret-of-the-tests-0123456789"
TOKEN = "sunny-court-token-2026"
KEY = "sunny-court-key-2026"


def onenet(msg: str, nonce: str = "aB3dE6gH", token: str = TOKEN) -> bytes:
    """A push as OneNET makes it."""
    signature = base64.b64encode(hashlib.md5(f"{token}{nonce}{msg}".encode()).digest()).decode()  # noqa: S324 - theirs
    return json.dumps({"msg": msg, "nonce": nonce, "signature": signature, "time": NOON, "id": "7"}).encode()


def signed(body: bytes, at: int, key: str = KEY) -> str:
    """The header of a timed signature; ``at``: epoch ms."""
    moment = at // 1000
    return f"t={moment},v1={hmac.new(key.encode(), f'{moment}.'.encode() + body, hashlib.sha256).hexdigest()}"


class Rig:
    """An inlet with one source of each kind."""

    def __init__(self, intake: HeldIntake, *, answer_within_ms: int = 60_000, at_once: int = 16, **more: Any) -> None:
        self.clock = ManualClock(NOON)
        self.intake = intake
        self.registry = CollectorRegistry()
        self.settings = Push(
            answer_within_ms=answer_within_ms,
            sources=(
                PushSource(name="ctwing", community="garden", format="pushed", secret=SECRET, **more),
                PushSource(name="plain", community="garden", format="pushed", check="hmac_sha256", secret=KEY),
                PushSource(name="timed", community="garden", format="pushed", check="hmac_sha256_time", secret=KEY),
                PushSource(name="onenet", community="garden", format="pushed", check="onenet", secret=TOKEN),
            ),
        )
        self.inlet = PushInlet(
            self.settings, intake=intake, clock=self.clock, meters=PushMeters(self.registry), at_once=at_once
        )
        self.inlet.open(())

    def count(self, source: str, outcome: str) -> float:
        return self.registry.get_sample_value("hub_push_requests_total", {"source": source, "outcome": outcome}) or 0.0

    def health(self, source: str) -> Any:
        return next(line for line in self.inlet.health(self.clock.now()) if line.component == f"push:{source}")


def from_ctwing(body: bytes, secret: str = SECRET, **headers: str) -> Delivery:
    return Delivery(source="ctwing", secret=secret, headers=headers, body=body)


def from_onenet(body: bytes) -> Delivery:
    return Delivery(source="onenet", headers={"content-type": "application/json"}, body=body)


@pytest.fixture
def rig(intake: HeldIntake) -> Rig:
    return Rig(intake)


@pytest.fixture
def make_rig(intake: HeldIntake) -> Callable[..., Rig]:
    return lambda **options: Rig(intake, **options)


@pytest.fixture
def pushed_format(monkeypatch: pytest.MonkeyPatch) -> str:
    """The small format, under a name that settings can use."""
    with_it = {**formats._FORMATS, "pushed": "tests.ingest.push.format"}
    monkeypatch.setattr(formats, "_FORMATS", MappingProxyType(with_it))
    return "pushed"
