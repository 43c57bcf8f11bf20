"""The sender's process is killed between sending and recording: the notice leaves again, with the same key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.clock import MINUTE, WallClock
from hub.domain.notices import Notice, NoticeState
from hub.notify.channels import discover
from hub.notify.sender import LEASE_MS, Sender
from hub.settings import Notify
from hub.storage.unit import SqlRecords

# The web server below holds its answer back: the child has sent by then, and cannot have recorded.
SENDER = """
import sys, time
from pathlib import Path
from hub.clock import WallClock
from hub.notify.channels import discover
from hub.notify.sender import Sender
from hub.settings import Notify
from hub.storage.unit import SqlRecords

records = SqlRecords(Path(sys.argv[1]))
records.open()
channels = discover(Notify(allow_private_targets=True), WallClock())
Sender(records, channels, clock=WallClock(), attempts=8).start()
time.sleep(60)
"""


class LaterClock:
    """The wall clock, one lease on."""

    def now(self) -> int:
        return WallClock().now() + LEASE_MS + MINUTE

    def steady(self) -> int:
        return WallClock().steady()


@pytest.mark.faults
def test_a_killed_sender_sends_twice_and_never_zero_times(
    tmp_path: Path,
    web: Any,
    notice: Callable[..., Notice],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    path = tmp_path / "records.sqlite"
    records = SqlRecords(path)
    records.open()
    now = WallClock().now()
    written = notice(channel="webhook", address=web.url, created_at=now, next_at=now)
    records.write(lambda books: books.notices.add([written]))
    web.hold.clear()
    with subprocess.Popen([sys.executable, "-c", SENDER, str(path)]) as child:
        eventually(lambda: len(web.posts) == 1)
        child.kill()
    web.hold.set()
    left = records.read(lambda books: books.notices.get(written.id))
    assert left is not None
    assert (left.state, left.attempts) == (NoticeState.SENDING, 1)

    channels = discover(Notify(allow_private_targets=True), WallClock())
    second = Sender(records, channels, clock=LaterClock(), attempts=8)
    second.start()
    eventually(lambda: len(web.posts) == 2)
    second.stop()
    first_key, second_key = (headers["Idempotency-Key"] for _, headers, _ in web.posts)
    assert first_key == second_key
    attempts = records.read(lambda books: books.notices.attempts(written.id))
    records.close()
    assert [(one.number, one.outcome) for one in attempts] == [(1, "temporary"), (2, "sent")]
