"""When the certificates end on which the hub depends: its web pages', its own at brokers, the brokers', and those of others."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from hub.clock import DAY, to_iso
from hub.domain.certificate_standing import CertificateStanding, Ending, certificate_name, how_near
from hub.domain.health import Health, Status
from hub.web.certificate import not_after

URGENT: Final = 7 * DAY


class End(NamedTuple):
    """A certificate, and when it ends."""

    what: str
    at: int
    cure: str
    lasts_ms: int | None = None
    """From its beginning; None: not known."""


class Certificate(Protocol):
    """One of those in use: calling it says when it ends, None where it cannot be seen (yet)."""

    @property
    def which(self) -> str:
        """As ``CertificateStanding`` has it."""
        ...

    @property
    def where(self) -> str:
        """As ``CertificateStanding`` has it."""
        ...

    def __call__(self) -> End | None: ...


@dataclass(slots=True)
class FileInUse:
    """A certificate that was read when the hub started, and may have been renewed on the disk since."""

    which: str
    path: Path
    _at_start: int | None = field(default=None, init=False)

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

    def __call__(self) -> End | None:
        """None where the file cannot be read any more: what was read once is still in use."""
        try:
            there: int | None = not_after(self.path.read_text(encoding="ascii", errors="replace"))
        except (OSError, ValueError):
            there = None
        if self._at_start is None:
            self._at_start = there
        if self._at_start is None:
            return None
        renewed = there is not None and there > self._at_start
        cure = "it is renewed on the disk: restart the hub" if renewed else f"renew {self.path}, then restart the hub"
        return End(what_of(self.which), self._at_start, cure)


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that a broker showed when the hub connected."""

    which: str
    seen: Callable[[], bytes | None]

    @property
    def where(self) -> str:
        """Nowhere on this machine."""
        return ""

    def __call__(self) -> End | None:
        """None before the first connection."""
        der = self.seen()
        if der is None:
            return None
        try:
            return End(what_of(self.which), not_after(ssl.DER_cert_to_PEM_cert(der)), "renew it on the broker")
        except ValueError:
            return None


class Elsewhere(Certificate, Protocol):
    """A certificate that others use, which is looked at again and again: calling it says what was seen last."""

    @property
    def trouble(self) -> str:
        """Why the last look saw nothing; empty where it did."""
        ...

    def look(self, now: int) -> None:
        """Read or ask where it is time to; may take a few seconds."""
        ...


class Certificates:
    """The component ``certificates``."""

    def __init__(self, own: Sequence[Certificate], elsewhere: Sequence[Elsewhere] = ()) -> None:
        self._elsewhere = elsewhere
        self._sources = (*own, *elsewhere)

    def start(self) -> None:
        """Read what is used from now on."""
        for source in self._sources:
            source()

    def look(self, now: int) -> None:
        """See how those of others stand. By the periodic job alone, since servers are asked."""
        for each in self._elsewhere:
            each.look(now)

    def standings(self) -> list[CertificateStanding]:
        """For the hub's own alarms: also those that cannot be seen."""
        return [_standing(source) for source in self._sources]

    def each(self) -> dict[str, Callable[[], CertificateStanding]]:
        """By which one it is: what says how it stands."""
        return {source.which: partial(_standing, source) for source in self._sources}

    def health(self, now: int) -> Health:
        """Degraded from 30 days before one ends; in its last week it says so first. Also where one cannot be seen."""
        line = judge([end for source in self._sources if (end := source()) is not None], now)
        troubles = [each.trouble for each in self._elsewhere if each.trouble]
        if not troubles:
            return line
        return replace(line, status=Status.DEGRADED, reason="; ".join([*filter(None, [line.reason]), *troubles]))


def _standing(source: Certificate) -> CertificateStanding:
    end = source()
    if end is None:
        return CertificateStanding(source.which, None, source.where)
    return CertificateStanding(source.which, end.at, source.where, end.lasts_ms)


def judge(ends: Sequence[End], now: int) -> Health:
    """The soonest first. Pure."""
    ordered = sorted(ends, key=lambda end: end.at)
    soon = [end for end in ordered if how_near(end.at, end.lasts_ms, now) is not Ending.FAR]
    facts: dict[str, str | int | float | None] = {"certificates": len(ordered)}
    if ordered:
        facts |= {"ends_first": ordered[0].what, "ends_first_at": ordered[0].at}
    reason = "; ".join(_sentence(end, now) for end in soon)
    return Health(component="certificates", status=Status.DEGRADED if soon else Status.OK, reason=reason, facts=facts)


def what_of(which: str) -> str:
    """Within a sentence."""
    name = certificate_name(which).en
    return name[0].lower() + name[1:]


def _sentence(end: End, now: int) -> str:
    left = end.at - now
    if left <= 0:
        return f"expired: {end.what} has ended at {to_iso(end.at)}: {end.cure}"
    days = left // DAY
    urgent = "urgent: " if left <= URGENT else ""
    return f"{urgent}{end.what} ends in {days} days, at {to_iso(end.at)}: {end.cure}"
