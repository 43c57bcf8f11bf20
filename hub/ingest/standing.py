"""How a connection stands, for /readyz and the health page: in sentences, the gravest first."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from hub.clock import HOUR, MINUTE, to_iso
from hub.domain.health import Health, Status
from hub.ingest.liveness import Pulse

_DROPS_SHOWN: Final = HOUR
_ERRORS_SHOWN: Final = 10 * MINUTE
_SHORT_LIVED_SHOWN: Final = MINUTE

_PULSE: Final = {
    Pulse.BEHIND: "the heartbeat is late while messages arrive or wait for the journal: the hub or its broker is at its limit",
    Pulse.SILENT: "the heartbeat does not come back: connecting again",
    Pulse.UNHEARD: "the heartbeat has never come back: allow the hub's user to write and read {beat} on the broker",
}


class DropCount:
    """Follows the broker's counter of dropped messages, which starts anew with the broker."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._last: int | None = None
        self.at: int | None = None
        """When the counter was last seen to grow."""
        self.total = 0
        """Seen to be dropped since this process started."""

    def note(self, payload: bytes, now: int) -> int:
        """Read the counter; by how much it has grown. What is no number is passed over."""
        if not payload.isdigit() or len(payload) > 18:
            return 0
        value = int(payload)
        grown = 0 if self._last is None else max(0, value - self._last)
        self._last = value
        if grown:
            self.at = now
            self.total += grown
            self._counter.inc(grown)
        return grown


class Standing:
    """Written by the network thread, read by any."""

    def __init__(self, *, connection: str) -> None:
        self._name = connection
        self._stumbled_at: int | None = None
        self._short_lived: tuple[int, str] | None = None
        self.up = False
        self.refusal: str | None = None
        """Why the last connection ended or did not come about."""
        self.complaints: dict[str, str] = {}
        """Topic filter -> why the broker does not let the hub hear it."""
        self.beat_topic = ""
        self.certificate: bytes | None = None
        """The one that the broker showed last (DER)."""

    def came_up(self, certificate: bytes | None = None) -> None:
        self.up = True
        self.certificate = certificate
        self.refusal = None
        self.complaints = {}

    def went_down(self, why: str | None) -> None:
        self.up = False
        self.refusal = why or self.refusal

    def stumbled(self, now: int) -> None:
        self._stumbled_at = now

    def short_lived(self, now: int, text: str) -> None:
        """Connections come about and end again at once."""
        self._short_lived = (now, text)

    def health(self, now: int, pulse: Pulse, drops: DropCount, facts: dict[str, str | int | float | None]) -> Health:
        """``pulse`` is judged by the caller."""
        reason = self._reason(now, pulse, drops)
        return Health(
            component=f"mqtt:{self._name}",
            status=Status.DEGRADED if reason else Status.OK,
            reason=reason,
            facts={"connected": int(self.up), "broker_dropped": drops.total, **facts},
        )

    def _reason(self, now: int, pulse: Pulse, drops: DropCount) -> str:
        who = f"MQTT connection {self._name}"
        if not self.up:
            return f"{self.refusal or f'{who}: the connection was lost'}; the hub goes on trying"
        reasons = list(self.complaints.values())
        if self._short_lived is not None and now - self._short_lived[0] < _SHORT_LIVED_SHOWN:
            reasons.append(self._short_lived[1])
        if pulse is not Pulse.FRESH:
            reasons.append(f"{who}: {_PULSE[pulse].format(beat=self.beat_topic)}")
        if drops.at is not None and now - drops.at < _DROPS_SHOWN:
            reasons.append(
                f"{who}: the broker has dropped {drops.total} messages, last at {to_iso(drops.at)}: "
                "raise its max_queued_messages"
            )
        if self._stumbled_at is not None and now - self._stumbled_at < _ERRORS_SHOWN:
            reasons.append(f"{who}: an error ended the connection at {to_iso(self._stumbled_at)}: see the log")
        return "; ".join(reasons)
