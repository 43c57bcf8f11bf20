"""The ticket's arrows and guards, and what a fault does to it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from hub.domain.alarms import Priority
from hub.domain.ticket_actions import (
    DAY_MS,
    HOLD_REASONS,
    REOPEN_WINDOW_MS,
    TEXT_LIMIT,
    Actor,
    Denied,
    Details,
    Evidence,
    act,
    allowed,
    check,
    close,
    refusal,
    resolve,
    resume,
)
from hub.domain.ticket_plan import FaultOccurred, Plan, ReturnedToNormal, Why, plan
from hub.domain.tickets import ARROWS, ENDED, Action, Ticket, TicketKey, TicketKind, TicketState, is_arrow
from hub.domain.verification import Finding, Proof, Source, prove, verify_limit, verify_time

NOW = 1_000_000_000
KEY = TicketKey(community="c", facility="f", unit="", failure_mode="m")
CREW, LEAD = Actor(login="chen", role="crew"), Actor(login="wang", role="manager")
SAYS = Details(
    reason="parts",
    comment="as told",
    crew="works",
    party="property",
    hold_until=NOW + 1,
    cause="belt",
    remedy="belt",
    duplicate_of="other",
    refer_to="water company",
)


def ticket(state: TicketState = TicketState.ASSIGNED, **more: Any) -> Ticket:
    values: dict[str, Any] = {
        "id": "t",
        "number": "HG-2026-000001",
        "key": KEY,
        "kind": TicketKind.FAULT,
        "state": state,
        "priority": Priority.MEDIUM,
        "title_zh": "t",
        "title_en": "t",
        "crew": "works",
        "reported_at": NOW - 100,
    }
    return Ticket(**values | more)


@pytest.mark.parametrize("state", TicketState)
@pytest.mark.parametrize("action", [a for a in Action if a is not Action.COMMENT])
def test_only_the_listed_arrows_exist(state: TicketState, action: Action) -> None:
    start = ticket(state, waiting="inspection", resolved_at=NOW, closed_at=NOW)
    refused = refusal(start, action, LEAD, SAYS, NOW)
    if refused is None:
        after = act(start, action, LEAD, SAYS, NOW)
        assert is_arrow(action, state, after.state)
    else:
        assert refused.why is Denied.NO_SUCH_ARROW
        assert state not in ARROWS.get(action, {}) or action in {
            Action.CHECK,
            Action.SELF_CLEAR,
            Action.UNACCEPT,
            Action.END_LATE,
        }


def test_ended_states_have_no_way_out_but_a_reopen_from_closed() -> None:
    for state in ENDED:
        ways = {action for action, arrows in ARROWS.items() if state in arrows}
        assert ways == ({Action.REOPEN} if state is TicketState.CLOSED else set())
        assert allowed(ticket(state), "viewer") == (Action.COMMENT,)


@pytest.mark.parametrize(
    ("start", "action", "actor", "details", "evidence", "why", "pointer"),
    [
        (ticket(), Action.ACCEPT, Actor(login="x", role="viewer"), SAYS, Evidence(), Denied.ROLE, ""),
        (ticket(TicketState.IN_PROGRESS), Action.HOLD, CREW, replace(SAYS, reason="tired"), Evidence(), Denied.UNKNOWN_VALUE, "/reason"),
        (ticket(TicketState.IN_PROGRESS), Action.HOLD, CREW, replace(SAYS, hold_until=NOW), Evidence(), Denied.END_NOT_AHEAD, "/hold_until"),
        (ticket(TicketState.IN_PROGRESS), Action.HOLD, CREW, Details(reason="parts"), Evidence(), Denied.MISSING, "/hold_until"),
        (ticket(TicketState.IN_PROGRESS), Action.COMPLETE, CREW, Details(cause="x"), Evidence(), Denied.MISSING, "/remedy"),
        (ticket(TicketState.IN_PROGRESS), Action.COMPLETE, CREW, Details(cause="x" * (TEXT_LIMIT + 1), remedy="y"), Evidence(), Denied.TOO_LONG, "/cause"),
        (ticket(TicketState.REPORTED), Action.TRIAGE, LEAD, Details(), Evidence(), Denied.MISSING, "/party"),
        (ticket(TicketState.TRIAGED), Action.ASSIGN, LEAD, Details(), Evidence(), Denied.MISSING, "/crew"),
        (ticket(TicketState.TRIAGED), Action.REFER, LEAD, Details(reason="x"), Evidence(), Denied.MISSING, "/refer_to"),
        (ticket(TicketState.TRIAGED), Action.DUPLICATE, LEAD, Details(duplicate_of="t"), Evidence(), Denied.ITSELF, "/duplicate_of"),
        (ticket(TicketState.VERIFYING), Action.VERIFY, LEAD, SAYS, Evidence(), Denied.SENSOR_DECIDES, ""),
        (ticket(TicketState.VERIFYING, waiting="data", completed_by="chen"), Action.VERIFY, CREW, SAYS, Evidence(), Denied.SAME_PERSON, ""),
        (ticket(TicketState.VERIFYING, waiting="data", completed_by="chen"), Action.VERIFY, Actor(login="desk", role="desk", on_behalf_of="chen"), SAYS, Evidence(), Denied.SAME_PERSON, ""),
        (ticket(TicketState.VERIFYING, waiting="data"), Action.VERIFY, LEAD, SAYS, Evidence(alarm_active=True), Denied.STILL_ACTIVE, ""),
        (ticket(TicketState.VERIFYING), Action.OVERRIDE, LEAD, Details(), Evidence(), Denied.MISSING, "/reason"),
        (ticket(TicketState.VERIFYING), Action.OVERRIDE, CREW, SAYS, Evidence(), Denied.ROLE, ""),
        (ticket(TicketState.VERIFYING), Action.OVERRIDE, LEAD, SAYS, Evidence(alarm_active=True), Denied.STILL_ACTIVE, ""),
        (ticket(), Action.CANCEL, LEAD, SAYS, Evidence(alarm_active=True), Denied.STILL_ACTIVE, ""),
        (ticket(TicketState.CLOSED, resolved_at=NOW - REOPEN_WINDOW_MS), Action.REOPEN, LEAD, SAYS, Evidence(), Denied.WINDOW_OVER, ""),
        (ticket(), Action.ATTACH, LEAD, SAYS, Evidence(), Denied.NO_SUCH_ARROW, ""),
    ],
)  # fmt: skip
def test_guards(
    *, start: Ticket, action: Action, actor: Actor, details: Details, evidence: Evidence, why: Denied, pointer: str
) -> None:
    refused = refusal(start, action, actor, details, NOW, evidence=evidence)
    assert refused is not None
    assert (refused.why, refused.pointer) == (why, pointer)


def test_nothing_is_offered_that_an_active_alarm_forbids() -> None:
    active = Evidence(alarm_active=True)
    for state in TicketState:
        calm, offered = allowed(ticket(state), "admin"), allowed(ticket(state), "admin", evidence=active)
        assert set(calm) - set(offered) == set(calm) & {Action.CANCEL, Action.VERIFY, Action.OVERRIDE}
    assert Action.CANCEL in allowed(ticket(), "admin")
    assert Action.CANCEL not in allowed(ticket(), "admin", evidence=active)


def test_a_sensorless_ticket_may_be_verified_by_another_person() -> None:
    start = ticket(TicketState.VERIFYING, sensor_born=False, completed_by="chen")
    assert refusal(start, Action.VERIFY, LEAD, SAYS, NOW) is None
    assert act(start, Action.VERIFY, LEAD, SAYS, NOW).verified == "inspection"
    assert act(start, Action.OVERRIDE, LEAD, SAYS, NOW).verified == "override"


def test_the_desk_acts_for_a_named_person() -> None:
    accepted = act(ticket(), Action.ACCEPT, Actor(login="desk", role="desk", on_behalf_of="chen"), SAYS, NOW)
    assert (accepted.assignee, accepted.accepted_at) == ("chen", NOW)


def test_a_reopen_is_counted_keeps_stamps_and_goes_to_who_had_accepted() -> None:
    done = ticket(TicketState.RESOLVED, accepted_at=1, completed_at=2, resolved_at=3, verified="sensor")
    again = act(done, Action.REOPEN, LEAD, SAYS, NOW)
    assert (again.state, again.reopened, again.completed_at, again.verified) == (TicketState.IN_PROGRESS, 1, 2, "")
    nobody = act(replace(done, accepted_at=None), Action.REOPEN, LEAD, SAYS, NOW)
    assert nobody.state is TicketState.ASSIGNED


# --- faults -----------------------------------------------------------------------------------------------------

FAULT = FaultOccurred(priority=Priority.HIGH)


def what(result: Plan) -> tuple[Action | None, Why]:
    return result.action, result.why


def test_what_a_fault_does() -> None:
    closed = ticket(TicketState.CLOSED, resolved_at=NOW - DAY_MS, accepted_at=1)
    assert what(plan(FAULT, None, None, NOW)) == (Action.OPEN, Why.FIRST)
    assert what(plan(replace(FAULT, annunciated=False), None, None, NOW)) == (None, Why.COVERED)
    assert what(plan(FAULT, None, closed, NOW)) == (Action.REOPEN, Why.RECURRED_IN_WINDOW)
    assert what(plan(FAULT, None, closed, NOW + REOPEN_WINDOW_MS)) == (Action.OPEN, Why.RECURRED_AFTER_WINDOW)
    assert what(plan(replace(FAULT, late=True), None, closed, NOW)) == (Action.OPEN, Why.RECURRED_AFTER_WINDOW)
    for state in (TicketState.DUPLICATE, TicketState.REFERRED, TicketState.REJECTED, TicketState.CANCELLED):
        linked = plan(FAULT, None, ticket(state, closed_at=NOW), NOW)
        assert what(linked) == (Action.OPEN, Why.RECURRED_AFTER_WINDOW)
        assert linked.previous is not None
    attached = plan(FAULT, ticket(TicketState.ON_HOLD), None, NOW)
    assert what(attached) == (Action.ATTACH, Why.PRIORITY_RAISED)
    low = plan(replace(FAULT, priority=Priority.LOW), ticket(TicketState.ON_HOLD), None, NOW)
    assert what(low) == (Action.ATTACH, Why.AGAIN_WHILE_OPEN)
    assert low.ticket is not None
    assert (low.ticket.priority, low.ticket.occurrences) == (Priority.MEDIUM, 2)
    failed = plan(FAULT, ticket(TicketState.VERIFYING, accepted_at=1), None, NOW)
    assert what(failed) == (Action.FAIL, Why.FAILED_VERIFICATION)
    assert failed.ticket is not None
    assert (failed.ticket.state, failed.ticket.reopened) == (TicketState.IN_PROGRESS, 1)
    assert what(plan(FAULT, ticket(TicketState.RESOLVED), None, NOW)) == (Action.REOPEN, Why.RECURRED_IN_WINDOW)
    covered = replace(FAULT, annunciated=False)
    assert what(plan(covered, ticket(TicketState.RESOLVED), None, NOW)) == (None, Why.COVERED)


def test_what_a_return_to_normal_does() -> None:
    back = ReturnedToNormal(at=NOW - 5)
    assert what(plan(back, None, None, NOW)) == (None, Why.NO_TICKET)
    cleared = plan(back, ticket(), None, NOW)
    assert what(cleared) == (Action.SELF_CLEAR, Why.CLEARED_BEFORE_ACCEPTED)
    assert cleared.ticket is not None
    assert (cleared.ticket.state, cleared.ticket.restored_at) == (TicketState.VERIFYING, NOW - 5)
    working = plan(back, ticket(TicketState.IN_PROGRESS), None, NOW)
    assert what(working) == (Action.ATTACH, Why.RESTORED)
    proof = plan(back, ticket(TicketState.VERIFYING), None, NOW)
    assert proof.ticket is not None
    assert proof.ticket.recheck_at == NOW
    late = plan(back, ticket(late=True), None, NOW)
    assert what(late) == (Action.END_LATE, Why.LATE_DATA)


# --- proof ------------------------------------------------------------------------------------------------------

GOOD = Source(active=False, inactive_since=100, fresh_since=100, off_delay_ms=10, interval_ms=5)


def test_the_time_to_verify_is_the_longest_of_three() -> None:
    assert verify_time([GOOD], 0) == 25
    assert verify_time([replace(GOOD, off_delay_ms=20)], 0) == 40
    assert verify_time([GOOD], 60) == 60


@pytest.mark.parametrize(
    ("sources", "now", "finding"),
    [
        ([GOOD], 159, Finding.NOT_YET),
        ([GOOD], 160, Finding.PROVEN),
        ([replace(GOOD, fresh_since=130)], 189, Finding.NOT_YET),
        ([replace(GOOD, fresh_since=None)], 10_000, Finding.DATA_MISSING),
        ([replace(GOOD, fresh_since=None)], 100 + verify_limit(60), Finding.LIMIT_PASSED),
        ([GOOD, replace(GOOD, active=True)], 159, Finding.NOT_YET),
        ([GOOD, replace(GOOD, active=True)], 160, Finding.NOT_FIXED),
        ([], 150, Finding.NOTHING_MEASURES),
        ([], 100 + verify_limit(60), Finding.LIMIT_PASSED),
    ],
)
def test_proof(sources: list[Source], now: int, finding: Finding) -> None:
    found: Proof = prove(sources, preset_ms=60, verifying_since=100, now=now)
    assert found.finding is finding
    if finding is Finding.NOT_YET:
        assert found.recheck_at is not None
        assert found.recheck_at > now


# --- walks ------------------------------------------------------------------------------------------------------


def hubs_own(current: Ticket, chance: random.Random, now: int) -> tuple[Action, Ticket] | None:
    """One of the hub's own moves, where it has one."""
    if current.state is TicketState.COMPLETED:
        return Action.CHECK, check(current, now)
    if current.state is TicketState.ON_HOLD and chance.random() < 0.3:
        return Action.RESUME, resume(current)
    if current.state is TicketState.RESOLVED and chance.random() < 0.2:
        return Action.CLOSE, close(current, now)
    if current.state is TicketState.VERIFYING and chance.random() < 0.3:
        return Action.VERIFY, resolve(current, "sensor", now)
    event: FaultOccurred | ReturnedToNormal = FAULT if chance.random() < 0.5 else ReturnedToNormal(at=now)
    ended = current.state in ENDED
    result = plan(event, None if ended else current, current if ended else None, now)
    if result.action is None or result.ticket is None:
        return None
    return result.action, result.ticket


@pytest.mark.parametrize("steps", [100_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_no_illegal_transition_in_a_random_walk(steps: int) -> None:
    chance = random.Random(20261123)  # noqa: S311 - a walk, not a secret
    actors = [CREW, LEAD, Actor(login="desk", role="desk"), Actor(login="v", role="viewer")]
    current, now, moves = ticket(TicketState.REPORTED), NOW, 0
    for _ in range(steps):
        now += chance.choice([1, 1_000, 60_000, DAY_MS])
        before, action = current, chance.choice(list(Action))
        details = replace(SAYS, hold_until=now + 1, reason=chance.choice(HOLD_REASONS))
        evidence = Evidence(alarm_active=chance.random() < 0.3)
        actor = chance.choice(actors)
        if chance.random() < 0.4:
            own = hubs_own(current, chance, now)
            if own is None:
                continue
            action, current = own
        elif refusal(current, action, actor, details, now, evidence=evidence) is None:
            current = act(current, action, actor, details, now)
        else:
            continue
        moves += 1
        if current.state is not before.state:
            assert is_arrow(action, before.state, current.state), (action, before.state, current.state)
        assert current.reopened >= before.reopened
        assert current.occurrences >= before.occurrences
        if current.state is TicketState.RESOLVED:
            assert current.verified in {"sensor", "inspection", "override"}
        if current.state in ENDED and (current.state is not TicketState.CLOSED or chance.random() < 0.3):
            current = ticket(TicketState.REPORTED, reported_at=now, waiting=chance.choice(["", "data"]))
    assert moves > steps / 20
