"""Commissioning (调试期): while sensors are being fitted and tested, alarms are recorded and nobody is told. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.alarms import Change, Priority
from hub.domain.tickets import TicketKey

_RANK: Final = {Priority.LOW: 0, Priority.MEDIUM: 1, Priority.HIGH: 2, Priority.SAFETY: 3}


class Part(StrEnum):
    """How much of a community is in commissioning."""

    COMMUNITY = "community"
    GATEWAY = "gateway"
    """A gateway and every device that speaks through it."""
    FACILITY = "facility"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time of commissioning: who began it, when, and when it ends. Epoch ms."""

    id: str
    community: str
    part: Part
    of: str = ""
    """The gateway's hub id or the facility's id; empty for the community."""
    since: int
    until: int | None = None
    """Exclusive; None: until somebody ends it."""
    by: str = ""
    """Who began it; empty: the community file."""
    ended_by: str = ""
    """Who ended it; empty: its own end, or the community file's."""
    note: str = ""

    def holds_at(self, at: int) -> bool:
        """Whether it covers this instant."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneLive:
    """From an instant on a kind of facility is no longer in commissioning, whatever had begun before."""

    community: str
    kind: str
    at: int
    by: str


class Subject(NamedTuple):
    """What an alarm or ticket is about. Everything may be empty."""

    facility: str
    kind: str
    device: str
    gateway: str
    """The device it speaks through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commissioning:
    """All that was said about one community's commissioning."""

    spans: tuple[Span, ...] = ()
    live: tuple[GoneLive, ...] = ()

    def over(self, subject: Subject, at: int) -> Span | None:
        """The span that keeps the subject quiet at an instant; None: people are told.

        Going live ends, for its kind, every span that had begun before; one that begins later (a refit) holds again.
        """
        ended = max((word.at for word in self.live if word.kind == subject.kind and word.at <= at), default=None)
        for span in self.spans:
            if span.holds_at(at) and _covers(span, subject) and (ended is None or span.since > ended):
                return span
        return None

    def holding(self, at: int) -> tuple[Span, ...]:
        """The spans that cover this instant."""
        return tuple(span for span in self.spans if span.holds_at(at))

    def next_change(self, now: int) -> int | None:
        """The next instant after ``now`` at which time alone begins or ends something."""
        instants = [at for span in self.spans for at in (span.since, span.until) if at is not None]
        instants += [word.at for word in self.live]
        return min((at for at in instants if at > now), default=None)


def _covers(span: Span, subject: Subject) -> bool:
    match span.part:
        case Part.COMMUNITY:
            return True
        case Part.GATEWAY:
            return span.of in (subject.device, subject.gateway)
        case Part.FACILITY:
            return bool(subject.facility) and span.of == subject.facility


NOT_COMMISSIONED: Final = Commissioning()


# --- what would have been sent ----------------------------------------------------------------------------------


class Recorded(NamedTuple):
    """One row of the history of an alarm that was recorded in commissioning."""

    at: int
    kind: Change
    """NOT_TOLD for an occurrence; RETURNED or RESET for its end."""
    alarm: str
    rule: str
    key: TicketKey
    facility: str
    priority: Priority


class Unsent(NamedTuple):
    """What one rule at one facility would have sent."""

    facility: str
    rule: str
    alarms: int
    """Occurrences."""
    tellings: int
    """Times at which the crew would have been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A ticket that was never opened, as nobody would have accepted it."""

    priority: Priority
    active: frozenset[str]
    """Alarms."""
    returned: int = 0


def would_have_sent(history: Iterable[Recorded]) -> list[Unsent]:
    """Replay: which of the recorded occurrences would have told somebody. The loudest come first.

    As tickets do it where nobody accepts: told when the fault appears, when its priority rises, and of a fault that keeps
    clearing itself at its 1st, 2nd, 4th, 8th … return.
    """
    cases: dict[TicketKey, _Case] = {}
    alarms: Counter[tuple[str, str]] = Counter()
    told: Counter[tuple[str, str]] = Counter()
    for row in sorted(history, key=lambda row: row.at):
        if row.kind is not Change.NOT_TOLD:
            case = cases.get(row.key)
            if case is not None:
                cases[row.key] = replace(case, active=case.active - {row.alarm})
            continue
        place = row.facility, row.rule
        alarms[place] += 1
        told[place] += _tells(cases, row)
    rows = (Unsent(facility, rule, number, told[facility, rule]) for (facility, rule), number in alarms.items())
    return sorted(rows, key=lambda row: (-row.tellings, -row.alarms, row.facility, row.rule))


def _tells(cases: dict[TicketKey, _Case], row: Recorded) -> bool:
    case = cases.get(row.key)
    if case is None:
        cases[row.key] = _Case(priority=row.priority, active=frozenset({row.alarm}))
        return True
    rises = _RANK[row.priority] > _RANK[case.priority]
    returned = case.returned + (not case.active)
    cases[row.key] = _Case(
        priority=row.priority if rises else case.priority, active=case.active | {row.alarm}, returned=returned
    )
    return rises if case.active else returned & (returned - 1) == 0
