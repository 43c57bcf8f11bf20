"""Vendors' clouds: those that push, and those that are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

from prometheus_client import CollectorRegistry

from devices.contract import Limits
from hub.clock import Clock
from hub.domain.health import Health
from hub.fetching import fetch
from hub.ingest import polling, push_source
from hub.ingest.control import SIGNED_TOPIC
from hub.ingest.frames import Frame, Intake
from hub.ingest.polling import Fetch, Poller
from hub.ingest.push import PushInlet
from hub.ingest.push_meters import PollMeters, PushMeters
from hub.ingest.spoken import Spoken
from hub.settings import Push, Settings

RECALLED: Final = 20_000
"""Newest frames of the journal in which signed pushes are looked for at the start."""


def spoken_by(push: Push, limits: Limits | None = None, profiles: Path | None = None) -> tuple[Spoken, ...]:
    """``profiles``: the folder of the user's own. What each of them speaks. ConfigError names the one that cannot be understood."""
    return (
        *(Spoken.of_cloud(each, f"{push_source.PREFIX}{each.name}", limits, profiles) for each in push.sources),
        *(Spoken.of_cloud(each, f"{polling.PREFIX}{each.name}", limits, profiles) for each in push.polls),
    )


class Tail(Protocol):
    """The journal's end."""

    @property
    def last_received_at(self) -> int | None: ...
    def recent(self, count: int) -> Iterable[Frame]: ...
    def told(self, topic: bytes, since: int) -> Iterable[Frame]: ...


class Clouds:
    """``open`` once the journal is open, ``start`` once it takes frames; ``stop`` before it is closed."""

    def __init__(
        self,
        settings: Settings,
        *,
        intake: Intake,
        clock: Clock,
        metrics: CollectorRegistry,
        folder: Path,
        ask: Fetch = fetch,
    ) -> None:
        push, poll_meters = settings.push, PollMeters(metrics)
        self.inlet = PushInlet(push, intake=intake, clock=clock, meters=PushMeters(metrics))
        self._clock = clock
        self._signed = any(source.check == "onenet" for source in push.sources)
        self._polls = tuple(
            Poller(
                each,
                fetch=ask,
                intake=intake,
                clock=clock,
                meters=poll_meters,
                memory_file=folder / f"{each.name}.json",
                limit=settings.ingest.payload_limit,
            )
            for each in push.polls
        )

    def open(self, tail: Tail) -> None:
        """Know again what the journal holds, and nothing that it does not hold."""
        pushes = tail.recent(RECALLED) if self._signed else ()
        lasts = self.inlet.lasts_ms
        notes = tail.told(SIGNED_TOPIC, self._clock.now() - lasts) if lasts else ()
        self.inlet.open(chain(pushes, notes))
        for poll in self._polls:
            poll.open(tail.last_received_at)

    def start(self) -> None:
        """Ask."""
        for poll in self._polls:
            poll.start()

    def stop(self) -> None:
        """Ask nobody any more."""
        for poll in self._polls:
            poll.stop()

    def health(self, now: int) -> Iterator[Health]:
        """One line each."""
        yield from self.inlet.health(now)
        yield from (poll.health(now) for poll in self._polls)
