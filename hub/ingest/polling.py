"""Asks a vendor's cloud that only answers questions; what it says goes the way of a push."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from devices.contract import UNREADABLE
from hub.clock import SECOND, Clock
from hub.domain.health import Health, Status
from hub.domain.pace import wait_after
from hub.domain.polling import amiss, asks_for_a_span, begin_of_span, fill, stands_at, values
from hub.errors import HubError
from hub.ingest.commits import Commits
from hub.ingest.frames import Intake
from hub.ingest.poll_memory import Memory, recall, remember
from hub.ingest.push_meters import PollMeters
from hub.settings import PushPoll

PREFIX: Final = "poll:"
_LOOK_S: Final = 0.5
"""How often somebody who waits for the journal looks whether the hub is being stopped."""
_STOP_S: Final = 2.0
_CURSOR_LENGTH: Final = 1_000
_log = logging.getLogger(__name__)


class Question(NamedTuple):
    """One GET."""

    url: str
    headers: dict[str, str]
    limit: int
    """Bytes of the answer."""
    allow_private: bool
    ca_file: Path | None


class Fetched(NamedTuple):
    """What came back. Header names in lower case; nothing was followed anywhere."""

    status: int
    headers: dict[str, str]
    body: bytes


class FetchFailed(HubError):
    """Nothing came back, or too much. The text names no part of the address but its host."""


class Fetch(Protocol):
    """Asks, and waits. FetchFailed."""

    def __call__(self, question: Question) -> Fetched: ...


class Poller:
    """``start`` … ``stop``: a thread that asks, journals, waits for the commit, and only then moves on."""

    def __init__(
        self,
        settings: PushPoll,
        *,
        fetch: Fetch,
        intake: Intake,
        clock: Clock,
        meters: PollMeters,
        memory_file: Path,
        limit: int,
    ) -> None:
        self.name = settings.name
        self.connection = f"{PREFIX}{settings.name}"
        self._settings = settings
        self._fetch = fetch
        self._commits = Commits(intake, most=1)
        self._clock = clock
        self._meters = meters
        self._memory_file = memory_file
        self._limit = limit
        self._memory = Memory(url=settings.url)
        self._failures = 0
        self._trouble = ""
        self._heard_at: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.connection, daemon=True)

    # --- life -------------------------------------------------------------------------------------------------

    def open(self, newest: int | None) -> None:
        """Go on where the last run stopped, or where the journal ends if that is earlier: it came from a backup."""
        self._memory = recall(self._memory_file, url=self._settings.url)
        since = self._memory.since
        if since is not None and newest is not None and newest < since:
            self._memory = structs.replace(self._memory, since=newest)

    def start(self) -> None:
        """A hub that is restarted often does not ask more often."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more. An answer that is not in the journal yet is asked for again at the next start."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        wait = self._rest()
        while not self._stopping.wait(wait / SECOND):
            try:
                wait = self.ask()
            except Exception as error:  # noqa: BLE001 - nothing may end this thread: it says so and asks again
                _log.exception("poll %s failed", self.name, extra={"action": "poll_failed"})
                wait = self._failed(f"the hub is at fault: {type(error).__name__}, see the log", None)

    def _rest(self) -> int:
        every, asked_at = round(self._settings.every_s * SECOND), self._memory.asked_at
        gone = self._clock.now() - asked_at if asked_at is not None else every
        return every - gone if 0 <= gone < every else 0

    # --- one round --------------------------------------------------------------------------------------------

    def ask(self) -> int:
        """Ask once; ms to wait until the next question."""
        began = self._clock.now()
        try:
            fetched = self._fetch(self._question(began))
        except FetchFailed as error:
            return self._failed(str(error), None)
        if fetched.status in {204, 304} or (fetched.status == 200 and not fetched.body):
            return self._went_well("unchanged", self._memory_after(fetched, began))
        if fetched.status != 200:
            hint = ": the hub follows nobody; give the final address" if 300 <= fetched.status < 400 else ""
            return self._failed(f"{self._host} answers {fetched.status}{hint}", _retry_after(fetched))
        wrong = amiss(read_json(fetched.body), self._settings.good) if self._settings.good else ""
        if wrong:
            return self._failed(f"{self._host} answers 200, but {wrong}", _retry_after(fetched))
        if not self._journalled(fetched):
            return self._failed("the journal does not commit: the answer is asked for again", None)
        return self._went_well("news", self._memory_after(fetched, began))

    def _question(self, now: int) -> Question:
        wish, memory = self._settings, self._memory
        since = begin_of_span(
            memory.since, now, first=round(wish.first_s * SECOND), overlap=round(wish.overlap_s * SECOND)
        )
        found = values(secret=wish.secret, cursor=memory.cursor, since=since, now=now)
        headers = {name: fill(value, found, in_address=False) for name, value in wish.headers.items()}
        if not asks_for_a_span(wish.url):
            headers |= {"If-None-Match": memory.etag} if memory.etag else {}
            headers |= {"If-Modified-Since": memory.modified} if memory.modified else {}
        return Question(fill(wish.url, found, in_address=True), headers, self._limit, wish.allow_private, wish.ca_file)

    def _journalled(self, fetched: Fetched) -> bool:
        """Wait for as long as it takes: there is nobody whom a quick answer would help."""
        content_type = "".join(filter(str.isprintable, fetched.headers.get("content-type", "")))[:100]
        topic, now = f"http/{self.name}", self._clock.now()
        commit = self._commits.put(self.connection, topic, fetched.body, received_at=now, content_type=content_type)
        while commit is not None and not commit.wait(_LOOK_S):
            if self._stopping.is_set():
                return False
        return commit is not None

    def _memory_after(self, fetched: Fetched, began: int) -> Memory:
        before = self._memory
        cursor = before.cursor
        if fetched.body and self._settings.cursor:
            cursor = cursor_in(read_json(fetched.body), self._settings.cursor) or cursor
        moved = cursor != before.cursor  # another page: what was said of the last one says nothing of it
        return Memory(
            url=before.url,
            cursor=cursor,
            since=began,
            asked_at=began,
            etag="" if moved else fetched.headers.get("etag", before.etag if not fetched.body else ""),
            modified="" if moved else fetched.headers.get("last-modified", before.modified if not fetched.body else ""),
        )

    def _went_well(self, outcome: str, memory: Memory) -> int:
        self._memory, self._failures, self._trouble = memory, 0, ""
        self._heard_at = self._clock.now()
        self._meters.rounds.labels(self.name, outcome).inc()
        try:
            remember(self._memory_file, memory)
        except OSError as error:
            _log.warning("poll %s: %s", self.name, error, extra={"action": "poll_not_remembered"})
        return wait_after(0, every=round(self._settings.every_s * SECOND))

    def _failed(self, why: str, asked_for: int | None) -> int:
        self._failures += 1
        if why != self._trouble:
            _log.warning("poll %s: %s", self.name, why, extra={"action": "poll_failed"})
        self._trouble = why
        self._meters.rounds.labels(self.name, "failed").inc()
        return wait_after(self._failures, every=round(self._settings.every_s * SECOND), asked_for=asked_for)

    # --- how it stands ----------------------------------------------------------------------------------------

    def health(self, now: int) -> Health:
        """Degraded while the last question failed."""
        trouble, failures = self._trouble, self._failures
        facts: dict[str, str | int | float | None] = {
            "host": self._host,
            "heard_at": self._heard_at,
            "failures": failures,
        }
        reason = f"{trouble} ({failures} times in a row)" if trouble and failures > 1 else trouble
        return Health(
            component=self.connection, status=Status.DEGRADED if trouble else Status.OK, reason=reason, facts=facts
        )

    @property
    def _host(self) -> str:
        return urlsplit(self._settings.url).hostname or ""


def cursor_in(answer: object, path: str) -> str:
    """The text or whole number at that place of an answer; empty where there is none."""
    found = stands_at(answer, path)
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        return ""
    text = str(found)
    return text if len(text) <= _CURSOR_LENGTH and text.isprintable() else ""


def read_json(body: bytes) -> object:
    """None where it is none."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE:
        return None


def _retry_after(fetched: Fetched) -> int | None:
    """In ms, where it is said in seconds."""
    text = fetched.headers.get("retry-after", "")
    return int(text) * SECOND if text.isascii() and text.isdecimal() and len(text) < 9 else None
