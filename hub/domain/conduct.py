"""``step``: the one way in which an alarm changes (IEC 62682 rows 1 to 14). Pure; delays are exact to one sample.

Decisions beyond the standard's rows:

* A condition holds from its sample until the next one, so an on-delay also ends by time alone; the instant of raising is
  the start of the condition plus the delay, whether a sample or the clock noticed it.
* Unknown (no data, not a number) breaks both delays, like the band: nobody can say that it lasted without a break.
* A latched alarm whose cause comes back before the reset is a new occurrence and unacknowledged again.
* Under an overlay an alarm is raised, counted and logged but not annunciated. When the overlay ends it is recomputed:
  active means unacknowledged and annunciated, anything else is normal.
* An alarm from late data is a record: nobody has to acknowledge it, and time alone never changes it.
* An alarm raised in commissioning is a record too, but a live one: when its place goes live it is recomputed as at the end of
  an overlay. It is no overlay, because one may be on the alarm at the same time, and end, and must not announce it then.
"""

from __future__ import annotations

from dataclasses import replace

from hub.domain.alarms import (
    Acknowledge,
    Alarm,
    BeginCommissioning,
    Change,
    Elapsed,
    Event,
    GoLive,
    Judged,
    Manner,
    Momentary,
    Overlay,
    Priority,
    Refused,
    Release,
    Reset,
    ReturnToService,
    SetBack,
    Shelve,
    Signal,
    Step,
    Stretched,
    Suppress,
    TakeOutOfService,
    Unshelve,
    Withdraw,
)
from hub.domain.verdicts import Condition

_Outcome = tuple[Alarm, tuple[Event, ...]]


def step(alarm: Alarm, signal: Signal, now: int, manner: Manner) -> Step:
    """The alarm after ``signal`` at ``now``: the sample's own time for Judged and Momentary, else the lane's time.

    A second acknowledge, a repeat of a running overlay's end and the like are no-ops; what an operator may not do comes
    back as ``refused`` with the alarm unchanged.
    """
    refused = _refusal(alarm, signal, now, manner)
    if refused is not None:
        return Step(alarm, (), alarm.recheck_at, refused)
    after, events = _apply(alarm, signal, now, manner)
    if after is not alarm or isinstance(signal, Elapsed):  # a delay may have become longer since the deadline was set
        recheck = _recheck(after, manner)
        if recheck != after.recheck_at:
            after = replace(after, recheck_at=recheck)
    return Step(after, events, after.recheck_at)


def _apply(alarm: Alarm, signal: Signal, now: int, manner: Manner) -> _Outcome:  # noqa: PLR0911 - one line for each kind of signal
    match signal:
        case Judged():
            return _judged(alarm, signal, now, manner)
        case Momentary():
            return _momentary(alarm, signal, now, manner)
        case Elapsed():
            return _elapsed(alarm, now, manner)
        case Stretched():
            return _stretched(alarm, signal), ()
        case SetBack():
            return _set_back(alarm, signal.by), ()
        case Acknowledge():
            return _acknowledge(alarm, signal, now)
        case Reset():
            return _reset(alarm, signal.by, now)
        case BeginCommissioning() | GoLive():
            return _commission(alarm, now, begin=isinstance(signal, BeginCommissioning))
        case Withdraw():
            return _withdraw(alarm, signal, now)
        case _:
            return _overlay(alarm, signal, now, manner)


# --- the condition ----------------------------------------------------------------------------------------------


def _judged(alarm: Alarm, signal: Judged, now: int, manner: Manner) -> _Outcome:
    condition = signal.verdict.condition
    cause_present = alarm.active and not alarm.latched
    differs = condition is Condition.NORMAL if cause_present else condition is Condition.OVER
    if not differs:
        return (alarm, ()) if alarm.pending_since is None else (replace(alarm, pending_since=None, lag=0), ())
    if alarm.pending_since is None:
        alarm = replace(alarm, pending_since=now, lag=signal.lag)
        if condition is Condition.OVER:
            alarm = replace(alarm, value=signal.value, text=signal.text)
    since = now if alarm.pending_since is None else alarm.pending_since
    if now < since + _delay(alarm, manner):
        return alarm, ()
    return _turn(alarm, signal.verdict.reason, since + _delay(alarm, manner), manner)


def _delay(alarm: Alarm, manner: Manner) -> int:
    return manner.off_delay_ms if alarm.active and not alarm.latched else manner.on_delay_ms


def _turn(alarm: Alarm, reason: str, at: int, manner: Manner) -> _Outcome:
    """The delay is over: the condition changes."""
    if alarm.active and not alarm.latched:
        return _return(alarm, reason, at, manner)
    return _raise(alarm, reason, at)


def _raise(alarm: Alarm, reason: str, at: int) -> _Outcome:
    """Rows 1 and 6: a new occurrence of the same alarm."""
    open_ = alarm.overlay is Overlay.NONE and not alarm.late
    told = open_ and not alarm.commissioning
    raised = replace(
        alarm,
        active=True,
        latched=False,
        acked=alarm.late or alarm.commissioning,
        pending_since=None,
        lag=0,
        occurrence=alarm.occurrence + 1,
        repeats=0,
        raised_at=at,
        acked_at=None,
        acked_by=None,
        annunciated_at=at if told else alarm.annunciated_at,
    )
    events: tuple[Event, ...] = (Event(Change.RAISED, reason, at),)
    if open_:
        events += (Event(Change.ANNUNCIATED if told else Change.NOT_TOLD, reason, at),)
    return raised, events


def _return(alarm: Alarm, reason: str, at: int, manner: Manner) -> _Outcome:
    """Rows 3 and 4; a latched class keeps the alarm until row 8; a one-shot shelving ends with the return (row 10)."""
    gone = replace(alarm, pending_since=None, lag=0, cleared_at=at)
    if manner.latched:
        return replace(gone, latched=True), (Event(Change.CAUSE_GONE, reason, at),)
    gone = replace(gone, active=False, acked=alarm.acked or manner.acknowledges_itself)
    events: tuple[Event, ...] = (Event(Change.RETURNED, reason, at),)
    if gone.overlay is Overlay.SHELVED and gone.one_shot:
        gone, ended = _uncover(gone, Event(Change.UNSHELVED, "one_shot_ended", at))
        events += ended
    return gone, events


def _momentary(alarm: Alarm, signal: Momentary, now: int, manner: Manner) -> _Outcome:
    """Raised and gone at once; a repeat of the same moment is a duplicate."""
    if alarm.raised_at is not None and now <= alarm.raised_at:
        return alarm, ()
    alarm, raised = _raise(replace(alarm, text=signal.text), "device_says_fault", now)
    alarm, returned = _return(alarm, "momentary", now, manner)
    return alarm, raised + returned


# --- time alone -------------------------------------------------------------------------------------------------


def _elapsed(alarm: Alarm, now: int, manner: Manner) -> _Outcome:
    if alarm.late:
        return alarm, ()
    events: tuple[Event, ...] = ()
    if alarm.pending_since is not None and now >= alarm.pending_since + _delay(alarm, manner) + alarm.lag:
        alarm, turned = _turn(alarm, "delay_elapsed", alarm.pending_since + _delay(alarm, manner), manner)
        events += turned
    if alarm.overlay_until is not None and now >= alarm.overlay_until:
        alarm, ended = _uncover(alarm, Event(Change.UNSHELVED, "time_up", now))
        events += ended
    again = _realarm_at(alarm, manner)
    if again is not None and now >= again:
        alarm = replace(alarm, acked=False, repeats=alarm.repeats + 1, annunciated_at=now)
        events += (Event(Change.ANNUNCIATED, "realarm", now),)
    return alarm, events


def _realarm_at(alarm: Alarm, manner: Manner) -> int | None:
    """Row 7: only while active, acknowledged and uncovered, and only so often."""
    if (
        manner.realarm_ms is None
        or not (alarm.active and alarm.acked)
        or alarm.late
        or alarm.commissioning
        or alarm.overlay is not Overlay.NONE
        or alarm.repeats >= manner.realarm_limit
        or alarm.acked_at is None
    ):
        return None
    return alarm.acked_at + manner.realarm_ms


def _recheck(alarm: Alarm, manner: Manner) -> int | None:
    if alarm.late:
        return None
    pending = None if alarm.pending_since is None else alarm.pending_since + _delay(alarm, manner) + alarm.lag
    instants = (pending, alarm.overlay_until, _realarm_at(alarm, manner))
    return min((instant for instant in instants if instant is not None), default=None)


def _stretched(alarm: Alarm, gap: Stretched) -> Alarm:
    """The gap is in the time of arrival, in which the delay began ``lag`` after its sample was measured."""
    if alarm.pending_since is None or alarm.late:
        return alarm
    lost = gap.ended_at - max(gap.started_at, alarm.pending_since + alarm.lag)
    return alarm if lost <= 0 else replace(alarm, pending_since=alarm.pending_since + lost)


def _set_back(alarm: Alarm, by: int) -> Alarm:
    """What the device measured was when it says it was; only the arrival of its word has another time now."""
    return alarm if alarm.pending_since is None or alarm.late else replace(alarm, lag=alarm.lag - by)


# --- operators and logic ----------------------------------------------------------------------------------------


def _acknowledge(alarm: Alarm, signal: Acknowledge, now: int) -> _Outcome:
    """Rows 2 and 5. Never clears; an occurrence that began after ``now`` is not meant; a second one is a no-op."""
    if alarm.acked or alarm.raised_at is None or alarm.raised_at > now:
        return alarm, ()
    seen = replace(alarm, acked=True, acked_at=now, acked_by=signal.by)
    return seen, (Event(Change.ACKNOWLEDGED, "operator", now, signal.by, signal.comment),)


def _reset(alarm: Alarm, by: str, now: int) -> _Outcome:
    """Row 8."""
    ended = replace(alarm, active=False, latched=False, acked=True, pending_since=None, lag=0)
    return ended, (Event(Change.RESET, "operator", now, by),)


def _withdraw(alarm: Alarm, signal: Withdraw, now: int) -> _Outcome:
    if alarm.is_plain:
        return alarm, ()
    ended = replace(
        alarm,
        active=False,
        latched=False,
        acked=True,
        pending_since=None,
        lag=0,
        overlay=Overlay.NONE,
        overlay_until=None,
        overlay_reason="",
        one_shot=False,
    )
    return ended, (Event(Change.WITHDRAWN, signal.reason, now),)


def _overlay(alarm: Alarm, signal: Signal, now: int, manner: Manner) -> _Outcome:  # noqa: PLR0911 - one line for each row
    """Rows 9 to 13."""
    match signal:
        case Shelve():
            until = now + manner.shelve_max_ms if signal.until is None else signal.until
            covered = _cover(alarm, Overlay.SHELVED, signal.reason, until=until, one_shot=signal.one_shot)
            return covered, (Event(Change.SHELVED, "operator", now, signal.by, signal.reason),)
        case Suppress() if alarm.overlay in {Overlay.NONE, Overlay.SHELVED}:
            covered = _cover(alarm, Overlay.SUPPRESSED, signal.reason)
            return covered, (Event(Change.SUPPRESSED, signal.reason, now),)
        case TakeOutOfService():
            covered = _cover(alarm, Overlay.OUT_OF_SERVICE, signal.ticket)
            return covered, (Event(Change.OUT_OF_SERVICE, signal.ticket, now, signal.by, signal.reason),)
        case Unshelve():
            return _uncover(alarm, Event(Change.UNSHELVED, "operator", now, signal.by))
        case Release() if alarm.overlay is Overlay.SUPPRESSED:
            return _uncover(alarm, Event(Change.RELEASED, "cause_gone", now))
        case ReturnToService():
            return _uncover(alarm, Event(Change.IN_SERVICE, "maintenance_over", now, signal.by))
        case _:
            return alarm, ()


def _cover(alarm: Alarm, overlay: Overlay, reason: str, *, until: int | None = None, one_shot: bool = False) -> Alarm:
    return replace(alarm, overlay=overlay, overlay_reason=reason, overlay_until=until, one_shot=one_shot)


def _uncover(alarm: Alarm, ended: Event) -> _Outcome:
    """Row 11: recomputed from the live condition."""
    open_ = replace(alarm, overlay=Overlay.NONE, overlay_until=None, overlay_reason="", one_shot=False)
    if not open_.active:
        return replace(open_, acked=True), (ended,)
    if open_.commissioning:
        return replace(open_, acked=True), (ended, Event(Change.NOT_TOLD, "overlay_ended", ended.at))
    return _told(open_, "overlay_ended", ended)


def _told(alarm: Alarm, why: str, ended: Event) -> _Outcome:
    """What kept an active alarm quiet is over."""
    told = replace(alarm, acked=False, acked_at=None, acked_by=None, annunciated_at=ended.at)
    return told, (ended, Event(Change.ANNUNCIATED, why, ended.at))


def _commission(alarm: Alarm, now: int, *, begin: bool) -> _Outcome:
    """An overlay that is on it stays, and keeps it quiet after the commissioning as before."""
    if alarm.late or alarm.commissioning == begin:
        return alarm, ()
    if begin:
        quiet = replace(alarm, commissioning=True, acked=True)
        return quiet, (Event(Change.COMMISSIONING, "commissioning_began", now),)
    live, word = replace(alarm, commissioning=False), Event(Change.LIVE, "commissioning_over", now)
    if live.active and live.overlay is Overlay.NONE:
        return _told(live, "commissioning_over", word)
    return live, (word,)


def _refusal(alarm: Alarm, signal: Signal, now: int, manner: Manner) -> Refused | None:  # noqa: PLR0911 - one line for each wish
    match signal:
        case Reset() if not manner.latched and not alarm.latched:
            return Refused.NOT_LATCHED
        case Reset() if not alarm.latched:
            return Refused.CAUSE_PRESENT if alarm.active else Refused.NOT_LATCHED
        case Shelve():
            return _shelve_refusal(alarm, signal, now, manner)
        case Unshelve() if alarm.overlay is not Overlay.SHELVED:
            return Refused.NOT_SHELVED
        case Suppress() | TakeOutOfService() if alarm.priority is Priority.SAFETY:
            return Refused.SAFETY
        case TakeOutOfService() if not signal.reason.strip():
            return Refused.REASON_MISSING
        case TakeOutOfService() if not signal.ticket:
            return Refused.TICKET_MISSING
        case ReturnToService() if alarm.overlay is not Overlay.OUT_OF_SERVICE:
            return Refused.NOT_OUT_OF_SERVICE
        case _:
            return None


def _shelve_refusal(alarm: Alarm, signal: Shelve, now: int, manner: Manner) -> Refused | None:
    if alarm.priority is Priority.SAFETY:
        return Refused.SAFETY
    if alarm.overlay not in {Overlay.NONE, Overlay.SHELVED}:
        return Refused.ALREADY_COVERED
    if not signal.reason.strip():
        return Refused.REASON_MISSING
    if signal.until is None:
        return None
    if signal.until <= now:
        return Refused.END_NOT_AHEAD
    return Refused.END_TOO_FAR if signal.until > now + manner.shelve_max_ms else None
