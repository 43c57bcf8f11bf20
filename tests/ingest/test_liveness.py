"""What the heartbeat says, and what the hub remembers and tells of a connection."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter

from hub.clock import HOUR, MINUTE, SECOND
from hub.domain.health import Status
from hub.ingest.ear import Ear
from hub.ingest.liveness import Pulse, judge
from hub.ingest.remembered import Remembered, recall, remember
from hub.ingest.standing import DropCount, Standing

NOON = 1_800_000_000_000
BEAT = 5 * SECOND
LIMIT = 3 * BEAT


@pytest.mark.parametrize(
    ("beat_seen", "connected", "message", "waiting", "verdict"),
    [
        (NOON - LIMIT, NOON - HOUR, NOON - HOUR, False, Pulse.FRESH),
        (None, NOON - LIMIT, 0, False, Pulse.FRESH),
        (NOON - HOUR, NOON - LIMIT, NOON - HOUR, False, Pulse.FRESH),
        (NOON - LIMIT - 1, NOON - HOUR, NOON - LIMIT - 1, False, Pulse.SILENT),
        (NOON - LIMIT - 1, NOON - HOUR, NOON - LIMIT, False, Pulse.BEHIND),
        (NOON - LIMIT - 1, NOON - HOUR, NOON - HOUR, True, Pulse.BEHIND),
        (None, NOON - LIMIT - 1, 0, False, Pulse.UNHEARD),
        (None, NOON - LIMIT - 1, NOON, False, Pulse.BEHIND),
    ],
)
def test_the_heartbeat_is_judged_by_what_else_comes(
    beat_seen: int | None, connected: int, message: int, *, waiting: bool, verdict: Pulse
) -> None:
    assert (
        judge(
            now=NOON,
            interval=BEAT,
            connected_at=connected,
            beat_seen=beat_seen,
            message_at=message,
            waiting_for_journal=waiting,
        )
        is verdict
    )


def test_a_connection_is_remembered_for_its_own_broker_alone(tmp_path: Path) -> None:
    file = tmp_path / "main.json"
    first = recall(file, client_id=None, broker="mqtt://a:1883")
    assert not first.session
    kept = Remembered(client_id=first.client_id, broker="mqtt://a:1883", session=True, subscriptions=("x",))
    remember(file, kept)
    assert recall(file, client_id=None, broker="mqtt://a:1883") == kept
    assert recall(file, client_id=first.client_id, broker="mqtt://a:1883") == kept
    elsewhere = recall(file, client_id=None, broker="mqtt://b:1883")
    assert (elsewhere.client_id, elsewhere.session) == (first.client_id, False)
    assert recall(file, client_id="other", broker="mqtt://a:1883").session is False


def test_a_damaged_memory_is_a_first_start_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "main.json"
    file.write_bytes(b'{"client_id": ')
    assert recall(file, client_id="hub", broker="b") == Remembered(client_id="hub", broker="b")
    assert str(file) in caplog.text


def drops() -> DropCount:
    return DropCount(Counter("dropped", "of a test", registry=None))


def test_only_growth_of_the_brokers_counter_counts() -> None:
    count = drops()
    assert count.note(b"100", NOON) == 0
    assert count.note(b"100", NOON) == 0
    assert count.note(b"107", NOON) == 7
    assert count.note(b"3", NOON) == 0  # the broker was started anew
    assert count.note(b"5", NOON) == 2
    assert count.note(b"many", NOON) == 0
    assert count.note(b"9" * 5000, NOON) == 0
    assert count.total == 9


def test_health_says_what_is_wrong_and_forgets_it_in_time() -> None:
    standing, count = Standing(connection="main"), drops()
    assert standing.health(NOON, Pulse.FRESH, count, {}).status is Status.DEGRADED
    standing.came_up()
    assert standing.health(NOON, Pulse.FRESH, count, {}).status is Status.OK
    count.note(b"1", NOON)
    count.note(b"2", NOON)
    standing.stumbled(NOON)
    standing.short_lived(NOON, "connections end at once")
    reason = standing.health(NOON, Pulse.UNHEARD, count, {}).reason
    for words in ("end at once", "never come back", "dropped 1 messages", "see the log"):
        assert words in reason
    assert standing.health(NOON + MINUTE, Pulse.FRESH, count, {}).reason.count("; ") == 1
    assert standing.health(NOON + HOUR, Pulse.FRESH, count, {}).status is Status.OK


def test_after_the_clock_was_set_back_a_dead_connection_is_found_as_soon_as_before() -> None:
    nothing: Any = None
    an_ear = Ear(
        connection="main",
        endpoint=nothing,
        filters=(),
        beat_interval=BEAT,
        state_file=Path(),
        source=nothing,
        intake=nothing,
        clock=nothing,
        door=nothing,
        meters=nothing,
        drops=nothing,
        standing=nothing,
        outgoing=deque(),
    )
    an_ear.message_at = an_ear.connected_at = an_ear.beat_seen = an_ear.heard_at = NOON
    back = NOON - HOUR
    an_ear.not_ahead(back)
    assert an_ear.pulse(back + LIMIT) is Pulse.FRESH
    assert an_ear.pulse(back + LIMIT + 1) is Pulse.SILENT
    assert an_ear.heard_at == back
