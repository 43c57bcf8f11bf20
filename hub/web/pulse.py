"""Once a second: what has changed in the live readings goes into the stream, and facilities whose state has turned."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

from hub.clock import to_iso
from hub.domain.facility_state import FacilityState
from hub.errors import HubError
from hub.flows.live import LiveReading
from hub.web.deps import WebDeps
from hub.web.overview import open_alarms
from hub.web.picture import BoundPoints, Place, by_place, views_of

PERIOD_S: Final = 1.0
FACILITIES_EVERY: Final = 5
"""Facility states are worked out anew on every fifth beat."""
log = logging.getLogger(__name__)


class Pulse:
    """A thread. Sleeps while no browser follows; ``start`` and ``stop`` with the server."""

    def __init__(self, deps: WebDeps, *, period_s: float = PERIOD_S) -> None:
        self._deps = deps
        self._period_s = period_s
        self._bound = BoundPoints()
        self._mark: int | None = None
        self._states: dict[Place, FacilityState] = {}
        self._beats = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="web-pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """After the beat that runs."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def beat(self) -> None:
        """One beat; the thread's own step, public for tests."""
        now = self._deps.clock.now()
        if not self._deps.changes.listeners:
            self._states.clear()
            self._mark, self._beats = None, 0
            return
        first = self._mark is None
        self._mark, changed = self._deps.live.changed_since(self._mark or 0)
        if first:  # a page brings what is true when it is loaded
            changed = ()
        registry = self._deps.registrar.current
        for reading in changed:
            point = self._bound.find(registry, reading.key, now)
            facility, unit = (point.binding.facility, point.binding.unit) if point else ("", "")
            metric = point.binding.metric_name() if point else ""
            event = reading_event(reading, facility, unit, metric)
            self._deps.changes.publish("reading", event, now, subject=reading.key)
        if self._beats % FACILITIES_EVERY == 0:
            self._facilities(now)
        self._beats += 1

    def _facilities(self, now: int) -> None:
        registry, deps = self._deps.registrar.current, self._deps
        alarms = by_place(open_alarms(deps))
        bound = self._bound.of(registry, now)
        for view in views_of(list(registry.facilities.values()), bound, deps.live, alarms):
            place = (view.facility.community, view.facility.id)
            before = self._states.get(place)
            self._states[place] = view.state
            if before is not view.state:  # at the first look all are told: a page may have been drawn a moment before
                deps.changes.publish(
                    "health",
                    {"community": place[0], "facility": place[1], "state": view.state, "silent_points": view.silent},
                    now,
                    subject=place,
                )

    def _run(self) -> None:
        while not self._ending.wait(self._period_s):
            try:
                self.beat()
            except HubError as error:
                log.warning("live readings: %s", error, extra={"action": "pulse_skipped"})
            except Exception:
                log.exception("live readings", extra={"action": "pulse_failed"})


def reading_event(reading: LiveReading, facility: str, unit: str, metric: str) -> dict[str, Any]:
    """As JSON. ``state`` unknown: the point has fallen silent, and its last value says nothing about now."""
    return {
        "community": reading.key.community,
        "facility": facility,
        "unit": unit,
        "device": reading.key.device,
        "point": reading.key.name,
        "metric": metric,
        "state": "unknown" if reading.silent else "known",
        "value": reading.value,
        "text": reading.text,
        "quality": reading.quality,
        "time": to_iso(reading.time),
    }
