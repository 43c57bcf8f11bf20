"""The alarm of IEC 62682: every row, every pair of state and signal, and delays exact to one sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.alarms import (
    Acknowledge,
    Alarm,
    AlarmState,
    Change,
    Elapsed,
    Event,
    Judged,
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
from hub.domain.conduct import step
from hub.domain.rules import Rule, RuleKind
from hub.domain.verdicts import ABOVE, IN_DEADBAND, NO_DATA, WITHIN

HOUR = 3_600_000


def rule(**more: Any) -> Rule:
    values: dict[str, Any] = {
        "id": "r",
        "facility_kind": "lift",
        "failure_mode": "m",
        "kind": RuleKind.LIMIT,
        "priority": Priority.HIGH,
    }
    return Rule(**values | more)


PLAIN = rule()
LATCHED = rule(latched=True)


def alarm(**more: Any) -> Alarm:
    values: dict[str, Any] = {
        "id": "a",
        "rule": "r",
        "community": "c",
        "device": "d",
        "point": "p",
        "code": "",
        "facility": "f",
        "unit": "",
        "failure_mode": "m",
        "priority": Priority.HIGH,
    }
    return Alarm(**values | more)


NORMAL = alarm()
UNACK = alarm(active=True, acked=False, occurrence=1, raised_at=100)
ACKED = alarm(active=True, acked=True, occurrence=1, raised_at=100, acked_at=150)
RTN = alarm(active=False, acked=False, occurrence=1, raised_at=100, cleared_at=200)
HELD = replace(UNACK, latched=True, cleared_at=200)
STATES = {"normal": NORMAL, "unack": UNACK, "acked": ACKED, "rtn": RTN, "held": HELD}

OVER, GOOD = Judged(verdict=ABOVE, value=9.0), Judged(verdict=WITHIN)
BAND, UNKNOWN = Judged(verdict=IN_DEADBAND), Judged(verdict=NO_DATA)
SEEN = Acknowledge(by="ana")
SHELVE = Shelve(by="ana", reason="painting", until=1_000)


def kinds(result: Step) -> list[Change]:
    return [event.kind for event in result.events]


def run(start: Alarm, *signals: tuple[Signal, int], manner: Rule = PLAIN) -> Step:
    result = Step(start, (), None)
    for signal, now in signals:
        result = step(result.alarm, signal, now, manner)
    return result


ROWS: list[tuple[str, Signal, AlarmState, list[Change]]] = [
    ("normal", OVER, AlarmState.UNACKNOWLEDGED, [Change.RAISED, Change.ANNUNCIATED]),
    ("normal", GOOD, AlarmState.NORMAL, []),
    ("normal", BAND, AlarmState.NORMAL, []),
    ("normal", UNKNOWN, AlarmState.NORMAL, []),
    ("normal", SEEN, AlarmState.NORMAL, []),
    ("normal", Elapsed(), AlarmState.NORMAL, []),
    ("unack", OVER, AlarmState.UNACKNOWLEDGED, []),
    ("unack", GOOD, AlarmState.RTN_UNACKNOWLEDGED, [Change.RETURNED]),
    ("unack", BAND, AlarmState.UNACKNOWLEDGED, []),
    ("unack", UNKNOWN, AlarmState.UNACKNOWLEDGED, []),
    ("unack", SEEN, AlarmState.ACKNOWLEDGED, [Change.ACKNOWLEDGED]),
    ("unack", Elapsed(), AlarmState.UNACKNOWLEDGED, []),
    ("acked", OVER, AlarmState.ACKNOWLEDGED, []),
    ("acked", GOOD, AlarmState.NORMAL, [Change.RETURNED]),
    ("acked", BAND, AlarmState.ACKNOWLEDGED, []),
    ("acked", UNKNOWN, AlarmState.ACKNOWLEDGED, []),
    ("acked", SEEN, AlarmState.ACKNOWLEDGED, []),
    ("acked", Elapsed(), AlarmState.ACKNOWLEDGED, []),
    ("rtn", OVER, AlarmState.UNACKNOWLEDGED, [Change.RAISED, Change.ANNUNCIATED]),
    ("rtn", GOOD, AlarmState.RTN_UNACKNOWLEDGED, []),
    ("rtn", BAND, AlarmState.RTN_UNACKNOWLEDGED, []),
    ("rtn", UNKNOWN, AlarmState.RTN_UNACKNOWLEDGED, []),
    ("rtn", SEEN, AlarmState.NORMAL, [Change.ACKNOWLEDGED]),
    ("rtn", Elapsed(), AlarmState.RTN_UNACKNOWLEDGED, []),
    ("held", OVER, AlarmState.UNACKNOWLEDGED, [Change.RAISED, Change.ANNUNCIATED]),
    ("held", GOOD, AlarmState.UNACKNOWLEDGED, []),
    ("held", BAND, AlarmState.UNACKNOWLEDGED, []),
    ("held", UNKNOWN, AlarmState.UNACKNOWLEDGED, []),
    ("held", SEEN, AlarmState.ACKNOWLEDGED, [Change.ACKNOWLEDGED]),
    ("held", Reset(by="ana"), AlarmState.NORMAL, [Change.RESET]),
]


@pytest.mark.parametrize(("state", "signal", "after", "events"), ROWS, ids=range(len(ROWS)))
def test_every_state_and_signal(state: str, signal: Signal, after: AlarmState, events: list[Change]) -> None:
    result = step(STATES[state], signal, 300, LATCHED if state == "held" else PLAIN)
    assert (result.alarm.state, kinds(result)) == (after, events)


@pytest.mark.parametrize("state", STATES)
def test_every_state_keeps_its_memories_under_every_overlay(state: str) -> None:
    manner = LATCHED if state == "held" else PLAIN
    for signal, overlay in (
        (SHELVE, Overlay.SHELVED),
        (Suppress(reason="parent"), Overlay.SUPPRESSED),
        (TakeOutOfService(by="ana", ticket="t", reason="new drive"), Overlay.OUT_OF_SERVICE),
    ):
        result = step(STATES[state], signal, 300, manner)
        assert result.alarm.overlay is overlay
        assert (result.alarm.active, result.alarm.acked) == (STATES[state].active, STATES[state].acked)
        assert not {Change.ANNUNCIATED, Change.RAISED} & set(kinds(result))


def test_acknowledge_affects_only_what_began_before_it() -> None:
    assert step(UNACK, SEEN, 99, PLAIN).alarm is UNACK
    assert step(UNACK, SEEN, 100, PLAIN).alarm.acked_by == "ana"


def test_a_second_acknowledge_is_a_no_op() -> None:
    first = step(UNACK, SEEN, 300, PLAIN).alarm
    assert step(first, Acknowledge(by="bob"), 400, PLAIN) == (first, (), None, None)


def test_a_new_occurrence_of_the_same_alarm_is_counted() -> None:
    again = step(RTN, OVER, 300, PLAIN).alarm
    assert (again.id, again.occurrence, again.raised_at, again.acked_by) == ("a", 2, 300, None)


def test_a_latched_alarm_is_ended_by_reset_alone_and_not_while_its_cause_is_present() -> None:
    raised = step(NORMAL, OVER, 100, LATCHED).alarm
    assert step(raised, Reset(by="ana"), 150, LATCHED).refused is Refused.CAUSE_PRESENT
    gone = step(raised, GOOD, 200, LATCHED)
    assert kinds(gone) == [Change.CAUSE_GONE]
    assert gone.alarm.active
    assert gone.alarm.latched
    assert step(gone.alarm, Reset(by="ana"), 300, LATCHED).alarm.state is AlarmState.NORMAL
    assert step(UNACK, Reset(by="ana"), 300, PLAIN).refused is Refused.NOT_LATCHED


def test_realarm_only_while_active_and_only_so_often() -> None:
    manner = rule(realarm_ms=1_000, realarm_limit=2)
    seen = step(UNACK, SEEN, 300, manner)
    assert seen.recheck_at == 1_300
    assert step(seen.alarm, Elapsed(), 1_299, manner).events == ()
    now, current = 1_300, seen.alarm
    for repeat in (1, 2):
        told = step(current, Elapsed(), now, manner)
        assert kinds(told) == [Change.ANNUNCIATED]
        assert (told.alarm.repeats, told.alarm.state) == (repeat, AlarmState.UNACKNOWLEDGED)
        current = step(told.alarm, SEEN, now, manner).alarm
        now += 1_000
    assert current.recheck_at is None
    assert step(current, GOOD, now, manner).recheck_at is None


def test_a_shelved_alarm_is_judged_and_counted_but_not_annunciated_until_the_time_is_up() -> None:
    shelved = step(NORMAL, SHELVE, 100, PLAIN)
    assert shelved.recheck_at == 1_000
    raised = step(shelved.alarm, OVER, 500, PLAIN)
    assert kinds(raised) == [Change.RAISED]
    assert raised.alarm.occurrence == 1
    ended = step(raised.alarm, Elapsed(), 1_000, PLAIN)
    assert kinds(ended) == [Change.UNSHELVED, Change.ANNUNCIATED]
    assert ended.alarm.state is AlarmState.UNACKNOWLEDGED


def test_a_return_under_the_shelf_reaches_whoever_listens_and_ends_a_one_shot() -> None:
    shelf = Shelve(by="ana", reason="known", until=None, one_shot=True)
    shelved = step(UNACK, shelf, 200, PLAIN)
    assert shelved.recheck_at == 200 + PLAIN.shelve_max_ms
    ended = step(shelved.alarm, GOOD, 300, PLAIN)
    assert kinds(ended) == [Change.RETURNED, Change.UNSHELVED]
    assert ended.alarm.state is AlarmState.NORMAL
    assert ended.alarm.overlay is Overlay.NONE


def test_suppression_and_maintenance_end_with_a_new_look_at_the_condition() -> None:
    for cover, uncover, told in (
        (Suppress(reason="parent"), Release(), Change.RELEASED),
        (TakeOutOfService(by="ana", ticket="t", reason="new drive"), ReturnToService(by="ana"), Change.IN_SERVICE),
    ):
        covered = step(ACKED, cover, 300, PLAIN).alarm
        back = step(covered, uncover, 400, PLAIN)
        assert kinds(back) == [told, Change.ANNUNCIATED]
        assert back.alarm.state is AlarmState.UNACKNOWLEDGED
        quiet = step(replace(covered, active=False, acked=False), uncover, 400, PLAIN)
        assert (kinds(quiet), quiet.alarm.state) == ([told], AlarmState.NORMAL)


def test_the_history_says_who_took_it_out_of_service_why_and_under_which_ticket() -> None:
    signal = TakeOutOfService(by="ana", ticket="t", reason="new drive")
    result = step(ACKED, signal, 300, PLAIN)
    assert (result.alarm.overlay_reason, result.alarm.overlay_until) == ("t", None)
    assert result.events == (Event(Change.OUT_OF_SERVICE, "t", 300, "ana", "new drive"),)


@pytest.mark.parametrize(
    ("start", "signal", "why"),
    [
        (NORMAL, Shelve(by="a", reason=" ", until=1_000), Refused.REASON_MISSING),
        (NORMAL, Shelve(by="a", reason="x", until=300), Refused.END_NOT_AHEAD),
        (NORMAL, Shelve(by="a", reason="x", until=301 + 8 * HOUR), Refused.END_TOO_FAR),
        (replace(NORMAL, priority=Priority.SAFETY), SHELVE, Refused.SAFETY),
        (replace(NORMAL, priority=Priority.SAFETY), Suppress(reason="x"), Refused.SAFETY),
        (replace(NORMAL, overlay=Overlay.SUPPRESSED), SHELVE, Refused.ALREADY_COVERED),
        (NORMAL, Unshelve(by="a"), Refused.NOT_SHELVED),
        (NORMAL, TakeOutOfService(by="a", ticket="", reason="x"), Refused.TICKET_MISSING),
        (NORMAL, TakeOutOfService(by="a", ticket="t", reason=" "), Refused.REASON_MISSING),
        (replace(NORMAL, priority=Priority.SAFETY), TakeOutOfService(by="a", ticket="t", reason="x"), Refused.SAFETY),
        (NORMAL, ReturnToService(by="a"), Refused.NOT_OUT_OF_SERVICE),
    ],
)
def test_refusals_leave_the_alarm_alone(start: Alarm, signal: Signal, why: Refused) -> None:
    assert step(start, signal, 300, PLAIN) == (start, (), None, why)


def test_a_momentary_event_is_raised_and_gone_and_its_repeat_is_a_duplicate() -> None:
    once = step(NORMAL, Momentary(text="bump"), 300, PLAIN)
    assert kinds(once) == [Change.RAISED, Change.ANNUNCIATED, Change.RETURNED]
    assert step(once.alarm, Momentary(text="bump"), 300, PLAIN).alarm is once.alarm
    assert step(once.alarm, Momentary(text="bump"), 301, PLAIN).alarm.occurrence == 2


def test_an_alarm_from_late_data_needs_nobody_and_no_clock() -> None:
    manner = rule(on_delay_ms=10)
    late = step(alarm(late=True), OVER, 100, manner)
    assert late.recheck_at is None
    assert step(late.alarm, Elapsed(), 10**12, manner).alarm is late.alarm
    raised = step(late.alarm, OVER, 110, manner)
    assert kinds(raised) == [Change.RAISED]
    assert step(raised.alarm, GOOD, 120, manner).alarm.state is AlarmState.NORMAL


def test_a_withdrawn_alarm_is_normal_and_says_why() -> None:
    gone = step(replace(UNACK, overlay=Overlay.SHELVED, overlay_until=9), Withdraw(reason="rule_gone"), 300, PLAIN)
    assert gone.alarm.is_plain
    assert gone.events[0].reason == "rule_gone"
    assert gone.recheck_at is None


# --- delays -----------------------------------------------------------------------------------------------------


def test_delays_are_exact_to_one_sample() -> None:
    manner = rule(on_delay_ms=10, off_delay_ms=20)
    assert run(NORMAL, (OVER, 0), (OVER, 9), manner=manner).alarm.state is AlarmState.NORMAL
    assert run(NORMAL, (OVER, 0), (OVER, 10), manner=manner).alarm.raised_at == 10
    up = run(NORMAL, (OVER, 0), (OVER, 10), (GOOD, 30), (GOOD, 49), manner=manner)
    assert up.alarm.active
    assert up.recheck_at == 50
    assert step(up.alarm, GOOD, 50, manner).alarm.cleared_at == 50


@pytest.mark.parametrize("breaker", [BAND, UNKNOWN])
def test_the_band_and_the_unknown_break_both_delays_and_leave_the_condition(breaker: Signal) -> None:
    manner = rule(on_delay_ms=10, off_delay_ms=10)
    assert not run(NORMAL, (OVER, 0), (breaker, 5), (OVER, 10), (OVER, 19), manner=manner).alarm.active
    assert run(NORMAL, (OVER, 0), (breaker, 5), (OVER, 10), (OVER, 20), manner=manner).alarm.active
    assert run(UNACK, (GOOD, 0), (breaker, 5), (GOOD, 10), (GOOD, 19), manner=manner).alarm.active
    assert not run(UNACK, (GOOD, 0), (breaker, 5), (GOOD, 10), (GOOD, 20), manner=manner).alarm.active


def test_a_deadline_runs_at_the_time_of_arrival() -> None:
    manner = rule(on_delay_ms=10)
    behind = step(NORMAL, replace(OVER, lag=300), 1_000, manner)
    assert behind.recheck_at == 1_310
    assert step(behind.alarm, Elapsed(), 1_309, manner).events == ()
    assert step(behind.alarm, Elapsed(), 1_310, manner).alarm.raised_at == 1_010


def test_time_in_which_nobody_could_be_heard_counts_towards_no_delay() -> None:
    manner = rule(on_delay_ms=10)
    pending = step(NORMAL, OVER, 100, manner).alarm
    assert step(pending, Stretched(started_at=104, ended_at=204), 204, manner).recheck_at == 210
    assert step(pending, Stretched(started_at=50, ended_at=100), 204, manner).alarm is pending


def test_a_clock_that_is_set_back_has_a_running_delay_end_so_much_earlier() -> None:
    manner = rule(on_delay_ms=10)
    pending = step(NORMAL, OVER, 100, manner).alarm
    assert step(pending, SetBack(by=60), 44, manner).recheck_at == 50
    late = replace(pending, late=True)
    assert step(late, SetBack(by=60), 44, manner).alarm is late
    assert step(NORMAL, SetBack(by=60), 44, manner).alarm is NORMAL


@st.composite
def samples(draw: st.DrawFn) -> list[tuple[str, int]]:
    now, found = 0, []
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.integers(1, 15))
        found.append((draw(st.sampled_from(["over", "good", "band", "unknown"])), now))
    return found


def oracle(story: list[tuple[str, int]], on: int, off: int) -> list[tuple[str, int]]:
    """Millisecond by millisecond: the condition holds from its sample to the next one."""
    changes: list[tuple[str, int]] = []
    active, since, said = False, None, ""
    at = {now: word for word, now in story}
    for now in range(story[-1][1] + 1):
        for word in (said, at.get(now, said)):
            if word != said or word != ("good" if active else "over"):
                said, since = word, None
            if word == ("good" if active else "over"):
                since = now if since is None else since
                if now - since >= (off if active else on):
                    changes.append(("returned" if active else "raised", now))
                    active, since = not active, None
    return changes


@settings(max_examples=200, deadline=None)
@given(samples(), st.integers(0, 30), st.integers(0, 30))
def test_delays_equal_an_oracle_that_counts_milliseconds(story: list[tuple[str, int]], on: int, off: int) -> None:
    manner = rule(on_delay_ms=on, off_delay_ms=off)
    words = {"over": OVER, "good": GOOD, "band": BAND, "unknown": UNKNOWN}
    current, seen = NORMAL, []
    for word, now in story:
        while current.recheck_at is not None and current.recheck_at <= now:
            result = step(current, Elapsed(), current.recheck_at, manner)
            seen += [(e.kind.value, e.at) for e in result.events]
            current = result.alarm
        result = step(current, words[word], now, manner)
        seen += [(e.kind.value, e.at) for e in result.events]
        current = result.alarm
    assert [change for change in seen if change[0] != "annunciated"] == oracle(story, on, off)


SIGNALS: list[Signal] = [
    OVER,
    GOOD,
    BAND,
    UNKNOWN,
    Elapsed(),
    SEEN,
    Shelve(by="a", reason="x", until=None),
    Shelve(by="a", reason="x", until=None, one_shot=True),
    Unshelve(by="a"),
    Reset(by="a"),
    Suppress(reason="x"),
    Release(),
    TakeOutOfService(by="a", ticket="t", reason="x"),
    ReturnToService(by="a"),
    Momentary(),
]


@settings(max_examples=150, deadline=None)
@given(
    walk=st.lists(st.tuples(st.sampled_from(SIGNALS), st.integers(0, 50)), max_size=60),
    latched=st.booleans(),
    delay=st.sampled_from([0, 20]),
    realarm=st.sampled_from([None, 40]),
)
def test_random_walks_keep_the_rules(
    walk: list[tuple[Signal, int]], *, latched: bool, delay: int, realarm: int | None
) -> None:
    manner = rule(latched=latched, on_delay_ms=delay, off_delay_ms=delay, realarm_ms=realarm, shelve_max_ms=300)
    current, now = NORMAL, 1
    for signal, wait in walk:
        now += wait
        result = step(current, signal, now, manner)
        after, told = result.alarm, kinds(result)
        assert after.occurrence - current.occurrence == told.count(Change.RAISED)
        assert after.recheck_at == result.recheck_at
        if signal in (UNKNOWN, BAND, SEEN):
            assert after.active == current.active
        if after.latched:
            assert after.active
        if Change.ANNUNCIATED in told:
            assert after.overlay is Overlay.NONE
        if isinstance(signal, (Judged, Elapsed)) and not manner.latched and current.active and not after.active:
            assert Change.RETURNED in told
        if current.overlay is not Overlay.NONE and current.overlay is after.overlay:
            assert Change.ANNUNCIATED not in told
        assert current.acked_by is None or after.acked_by is None or after.acked_at is not None
        current = after
