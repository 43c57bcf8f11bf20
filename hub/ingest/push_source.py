"""One source of pushes: how fast it may come, what it has sent before, and how it stands."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from hub.clock import HOUR, MINUTE, SECOND
from hub.domain.health import Health, Status
from hub.domain.pace import Bucket, take
from hub.flows.pushing import Answer
from hub.ingest.commits import Commit
from hub.ingest.control import SIGNED_TOPIC, signed_frame
from hub.ingest.frames import Frame
from hub.ingest.push_checks import check_of
from hub.settings import PushSource

PREFIX: Final = "push:"
"""Of the connection's name in frames: no MQTT connection has a colon in its own."""
KEYS_KEPT: Final = 20_000
"""Of a source whose pushes tell no time; where they do, ``rate_per_s`` bounds how many come while a signature is good."""
LEFT_KEPT: Final = 1_000
LEFT_FOR: Final = 10 * MINUTE
_REFUSALS_SHOWN: Final = HOUR
_TOLD_EVERY: Final = MINUTE
_log = logging.getLogger(__name__)


class _Taken(NamedTuple):
    """A signed push. ``commit`` None: it is known to be durable."""

    commit: Commit | None
    at: int


class Source:
    """Thread-safe."""

    def __init__(self, settings: PushSource) -> None:
        self.name = settings.name
        self.connection = f"{PREFIX}{settings.name}"
        self.topic = f"http/{settings.name}"
        self.check = check_of(settings)
        self.thanks = settings.answer
        self._settings = settings
        self._open_since: int | None = None
        self._lock = threading.Lock()
        self._bucket: Bucket | None = None
        self._keys: OrderedDict[bytes, _Taken] = OrderedDict()
        self._left: OrderedDict[bytes, tuple[Commit, int]] = OrderedDict()
        self._counts = dict.fromkeys(("accepted", "repeats", "refused", "limited", "turned_away"), 0)
        self._heard_at: int | None = None
        self._refused_at: int | None = None
        self._refusal = ""
        self._told_at: int | None = None

    def open(self, now: int) -> None:
        """From now on it can be heard."""
        self._open_since = now

    # --- pace -------------------------------------------------------------------------------------------------

    def pace(self, now: int) -> int:
        """Ms to wait; 0: come in."""
        rate = self._settings.rate_per_s
        with self._lock:
            self._bucket, wait = take(self._bucket, now, rate_per_s=rate, burst=max(1.0, 10 * rate))
        return wait

    # --- what was sent before ---------------------------------------------------------------------------------

    def known(self, key: bytes) -> bool:
        """Whether this signed push is durable already, or on its way."""
        with self._lock:
            return key in self._keys

    def recall(self, frame: Frame) -> None:
        """A push that stands in the journal, or the note beside it."""
        key = frame.payload if frame.topic == SIGNED_TOPIC else self.check.key_of(frame.payload)
        if key is not None:
            self._remember(key, None, frame.received_at)

    def note(self, key: bytes | None, now: int) -> tuple[Frame, ...]:
        """What has to be journalled with a push, so that the next run knows it again."""
        return () if key is None or self.check.lasts_ms is None else (signed_frame(self.connection, key, now),)

    def under_way(self, key: bytes) -> Commit | None:
        """The commit of a signed push that is not known to be durable; None where it is."""
        with self._lock:
            taken = self._keys.get(key)
        return taken.commit if taken is not None else None

    def signed(self, key: bytes, commit: Commit, now: int) -> None:
        """A push with this key is on its way."""
        self._remember(key, commit, now)

    def _remember(self, key: bytes, commit: Commit | None, at: int) -> None:
        with self._lock:
            self._keys[key] = _Taken(commit, at)
            while self._is_over(next(iter(self._keys.values())).at, at):
                self._keys.popitem(last=False)

    def _is_over(self, oldest: int, now: int) -> bool:
        lasts = self.check.lasts_ms
        return len(self._keys) > KEYS_KEPT if lasts is None else now - oldest > lasts

    def leave(self, content: bytes, commit: Commit, now: int) -> None:
        """Its sender was told to come again, while it goes its way: the next equal one is that one."""
        with self._lock:
            self._left[content] = commit, now
            while len(self._left) > LEFT_KEPT:
                self._left.popitem(last=False)

    def return_of(self, content: bytes, now: int) -> Commit | None:
        """The one that was left behind. Each answers for one return, and not for ever."""
        with self._lock:
            commit, left_at = self._left.pop(content, (None, 0))
        return commit if commit is not None and abs(now - left_at) <= LEFT_FOR else None

    # --- how it stands ----------------------------------------------------------------------------------------

    def heard(self, now: int, *, again: bool) -> None:
        """It sent something that is durable; ``again``: that was durable before."""
        with self._lock:
            self._counts["repeats" if again else "accepted"] += 1
            self._heard_at = now

    def put_off(self, outcome: str) -> None:
        """It was told to come again."""
        with self._lock:
            self._counts[outcome] += 1

    def refused(self, answer: Answer, now: int) -> None:
        """Somebody was turned away for good; said aloud at most once a minute, since anybody may try."""
        with self._lock:
            self._counts["refused"] += 1
            self._refused_at, self._refusal = now, answer.detail
            tell = self._told_at is None or not 0 <= now - self._told_at < _TOLD_EVERY
            self._told_at = now if tell else self._told_at
        if tell:
            _log.warning(
                "push source %s: refused with %s: %s",
                self.name,
                answer.status,
                answer.detail,
                extra={"action": "push_refused"},
            )

    def health(self, now: int) -> Health:
        """Degraded where nothing comes though something should, and where what comes is refused and nothing is taken."""
        with self._lock:
            heard, refused, refusal = self._heard_at, self._refused_at, self._refusal
            facts: dict[str, str | int | float | None] = {"heard_at": heard, "refused_at": refused, **self._counts}
        reason = self._silence(heard, now)
        if refused is not None and now - refused <= _REFUSALS_SHOWN and (heard is None or heard < refused):
            reason = f"the last push was refused: {refusal}"
        status = Status.DEGRADED if reason else Status.OK
        return Health(component=self.connection, status=status, reason=reason, facts=facts)

    def _silence(self, heard: int | None, now: int) -> str:
        expected = self._settings.expect_every_s
        quiet = now - max(self._open_since or now, heard or 0)
        if expected is None or quiet <= expected * SECOND:
            return ""
        return (
            f"nothing for {quiet / HOUR:.1f} h, expected every {expected * SECOND / HOUR:.3g} h: look whether the cloud still "
            f"has the subscription and reaches {self.name}'s address"
        )
