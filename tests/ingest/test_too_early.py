"""What comes before the inventory that explains it is read by itself once that has come: through the whole hub."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hub.clock import MINUTE, ManualClock
from hub.errors import StoreUnavailable
from hub.flows.batch import Decoded, Learned, Position, Refusal
from hub.flows.lists import QuarantineFilter, QuarantineItem
from hub.ingest.batches import no_readings
from hub.ingest.control import REDRIVE_TOPIC, read_redriven
from hub.ingest.frames import RETAIN, Frame
from hub.ingest.quarantine import RedriveResult
from hub.ingest.too_early import YOUNG_MS, TooEarly
from hub.settings import Settings
from hub.wiring import Hub
from tests.ingest.conftest import eventually

NOON = 1_795_000_000_000
IEEE = "00158d0001825"


class DeafHub(Hub):
    """The whole hub but for its brokers: the test puts frames in where a receiver would."""

    def _start_hearing(self, steps: ExitStack) -> None:
        """Nothing."""

    def hear(self, *frames: tuple[str, Any] | tuple[str, Any, int], connection: str = "zigbee") -> None:
        """One message a batch, and each taken."""
        for topic, body, *flags in frames:
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            found = Frame(connection, 1, topic.encode(), payload, *(flags or [1]), self.clock.now())
            self.intake.put([found], None, 0)
            assert self.intake.flush(60)
        eventually(lambda: self.alarm_runner.level and self.series_runner.level, "both lanes are level")

    def kept(self, state: str = "kept") -> tuple[QuarantineItem, ...]:
        return self.quarantine.page(QuarantineFilter(state=state)).items

    def redriven(self) -> list[tuple[bytes, bytes]]:
        """What was sent through again, in its order."""
        frames = [frame for frame in self.journal.recent(10_000) if frame.topic == REDRIVE_TOPIC]
        return [(old.topic, old.payload) for frame in frames if (old := read_redriven(frame.payload)) is not None]

    def values(self) -> dict[str, float | None]:
        """What the present is known to be."""
        keys = list(self.slots.keys)
        return {f"{key.device}.{key.name}": said.value for key, said in self.alarm_lane.live.readings(keys).items()}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[DeafHub]:
    there = {"url": "mqtt://127.0.0.1:1", "community": "garden", "formats": ["zigbee2mqtt"]}
    settings = Settings(
        data_dir=tmp_path,
        mqtt={"connections": [{"name": name, **there} for name in ("zigbee", "other")]},
        web={"port": 0},
        journal={"min_free": 0},
        ingest={"batch_ms": 0.1},
    )
    found = DeafHub(settings, clock=ManualClock(NOON))
    found.too_early._between_s = 0
    found.start()
    yield found
    found.stop()


def inventory(*names: str) -> tuple[str, Any, int]:
    exposes = [{"type": "numeric", "name": "temperature", "property": "temperature", "unit": "°C", "access": 1}]
    devices = [
        {"ieee_address": f"0x{IEEE}{index:03x}", "friendly_name": name, "definition": {"exposes": exposes}}
        for index, name in enumerate(names)
    ]
    return "zigbee2mqtt/bridge/devices", devices, 1 | RETAIN


def test_it_is_read_once_in_its_order_and_what_is_too_old_or_another_s_waits_on(hub: DeafHub) -> None:
    hub.hear(("zigbee2mqtt/door", {"temperature": 1}))
    hub.clock.advance(YOUNG_MS + MINUTE)  # type: ignore[attr-defined]  # it is a ManualClock
    hub.hear(
        ("zigbee2mqtt/door", {"temperature": 20}),
        ("zigbee2mqtt/nobody", {"temperature": 5}),
        ("zigbee2mqtt/lamp", {"temperature": 99}, 1 | RETAIN),
        ("zigbee2mqtt/lamp/availability", {"state": "offline"}, 1 | RETAIN),
        ("zigbee2mqtt/door", {"temperature": 21}),
    )
    hub.hear(("zigbee2mqtt/door", {"temperature": 7}), connection="other")
    hub.clock.advance(MINUTE)  # type: ignore[attr-defined]
    hub.hear(inventory("door", "lamp"))
    eventually(lambda: len(hub.kept("redriven")) == 4, "what was young is understood")
    again = [
        (b"zigbee2mqtt/door", b'{"temperature": 20}'),
        (b"zigbee2mqtt/lamp", b'{"temperature": 99}'),
        (b"zigbee2mqtt/lamp/availability", b'{"state": "offline"}'),
        (b"zigbee2mqtt/door", b'{"temperature": 21}'),
    ]
    assert hub.redriven() == again
    eventually(lambda: hub.alarm_runner.level, "it is judged")
    assert hub.values() == {f"garden~ieee-{IEEE}000.temperature": 21.0}, "a retained message is no new reading"
    assert hub.alarm_lane.memory.offline == {f"garden~ieee-{IEEE}001": True}
    assert sorted((item.connection, item.topic, item.payload) for item in hub.kept()) == [
        ("other", "zigbee2mqtt/door", b'{"temperature": 7}'),
        ("zigbee", "zigbee2mqtt/door", b'{"temperature": 1}'),
        ("zigbee", "zigbee2mqtt/nobody", b'{"temperature": 5}'),
    ]
    hub.hear(inventory("door", "lamp", "nobody"))
    eventually(lambda: len(hub.kept("redriven")) == 5, "the next one is read when it is listed")
    assert hub.redriven() == [*again, (b"zigbee2mqtt/nobody", b'{"temperature": 5}')]


def test_a_younger_statement_stands_against_one_that_was_sent_through_again(hub: DeafHub) -> None:
    hub.hear(("zigbee2mqtt/lamp/availability", b"offline"))
    [item] = hub.kept()
    hub.too_early.stop()
    hub.clock.advance(1)  # type: ignore[attr-defined]
    hub.hear(inventory("lamp"), ("zigbee2mqtt/lamp/availability", b"online"))
    assert hub.quarantine.redrive([item.id]).understood == 1
    eventually(lambda: hub.alarm_runner.level, "it is judged")
    assert hub.alarm_lane.memory.offline == {f"garden~ieee-{IEEE}000": False}


# --- who is looked at ---------------------------------------------------------------------------------------------


class Desk:
    """Notes who is asked for."""

    def __init__(self, *answers: RedriveResult | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def redrive_waiting(self, connection: str, _reasons: Collection[str], since: int) -> RedriveResult:
        self.asked.append((connection, since))
        answer = self.answers.pop(0) if self.answers else RedriveResult(0, 0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def batch(*, waits: str = "", learned: str = "", wire_format: str = "zigbee2mqtt") -> Decoded:
    refusal = Refusal(0, "unknown_device", "", None, None, True, waits, "t", b"", NOON)
    return Decoded(
        position=Position("j", 1),
        received_at=NOON,
        frames=1,
        readings=no_readings(),
        refusals=[refusal] if waits else [],
        learned=[Learned(learned, wire_format, "k", True)] if learned else [],
    )


def test_only_a_connection_of_which_something_waits_is_looked_at_and_no_failure_ends_it() -> None:
    clock = ManualClock(NOON)
    desk = Desk(StoreUnavailable("away"), ValueError("odd"))
    early = TooEarly(desk, clock, connections=["main"], between_ms=0)
    early.start()
    for count, said in enumerate(
        (
            batch(learned="main"),
            batch(waits="cloud", learned="cloud"),
            batch(learned="cloud"),
        ),
        start=1,
    ):
        early.note(batch(learned="nobody"))
        early.note(batch(learned="main", wire_format="@owners"))
        early.note(said)
        eventually(lambda count=count: len(desk.asked) == count, "it is looked at")
    clock.advance(YOUNG_MS + 1)
    early.note(batch(learned="cloud"))
    eventually(lambda: "cloud" not in early._waiting, "what waits there is too old")
    early.stop()
    assert desk.asked == [(name, NOON - YOUNG_MS) for name in ("main", "cloud", "cloud")]
