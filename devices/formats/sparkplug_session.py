"""The order of an edge node's messages: what is missing, and when to ask the node to begin anew.

``seq`` is one counter a node over its own messages and those of its devices, 0 to 255 and round again. A hole may still
be filled by a message that was overtaken; after ``PATIENCE_MS`` it is taken for lost, which the next message finds, or
the passing of time where none comes (``overdue``). Pure; a ``Session`` is what is known between two messages, made of plain values.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

PATIENCE_MS: Final = 2_000
"""How long a hole may stay open: what the specification calls the reorder timeout."""
PAUSES_MS: Final = tuple(minutes * 60_000 for minutes in (1, 2, 4, 8, 16))
"""After each request that cured nothing the next one waits longer: a large plant answers with megabytes."""
FORGIVEN_MS: Final = 2 * 3_600_000
"""Without a request for so long, the next one counts as the first."""
_ROUND: Final = 256
_MOST_AHEAD: Final = _ROUND // 2


class Session(TypedDict):
    """What was heard of a node since the hub began to listen. Need not survive a restart."""

    live: bool
    """Its birth was heard live; False: known from a stored birth, or from before a restart."""
    next: int | None
    """The seq that the next message should have; None where none was heard."""
    missing: list[int]
    """Numbers passed over, at most 127 and a half round old."""
    since: int | None
    """Epoch ms of arrival of the message that showed the oldest hole."""
    asks: int
    """Requests for a rebirth of late."""
    asked: int
    """Epoch ms of arrival of the message that led to the last one."""
    where: NotRequired[str]
    """Group and node in their own case, as a command to the node needs them; empty where nobody would hear one."""


def begun(seq: int | None, before: Session | None, *, live: bool) -> Session:
    """The session after a birth of the node, whatever its seq is: chapters of the specification differ on that."""
    asks, asked = (before["asks"], before["asked"]) if before is not None else (0, 0)
    number = None if seq is None else (seq + 1) % _ROUND
    return {"live": live, "next": number, "missing": [], "since": None, "asks": asks, "asked": asked}


def asking(session: Session, at: int) -> Session | None:
    """The session after a request for a rebirth at this moment; None where it is too early for another one."""
    asks, asked = session["asks"], session["asked"]
    if asks and at - asked >= FORGIVEN_MS:
        asks = 0
    if asks and 0 <= at - asked < PAUSES_MS[min(asks, len(PAUSES_MS)) - 1]:
        return None
    return {**session, "asks": asks + 1, "asked": at}


def followed(session: Session | None, seq: int | None, at: int, *, repeated: bool = False) -> tuple[Session, str]:
    """The session after one more message, and why the node should be asked for a rebirth; empty where it need not.

    ``at`` is when the message came, ``repeated`` that the broker marks it as sent before. A reason is given once a hole.
    """
    if session is None:
        session = begun(None, None, live=False)
    expected = session["next"]
    if seq is None or repeated:
        return session, ""
    seq %= _ROUND
    following = (seq + 1) % _ROUND
    if seq == expected and not session["missing"]:  # the usual case
        return {**session, "next": following}, ""
    missing, since = list(session["missing"]), session["since"]
    if expected is None or seq == expected:
        pass
    elif seq in missing:
        missing.remove(seq)
        following = expected
    elif (seq + 1) % _ROUND == expected:
        following = expected  # the last one once more
    else:
        ahead = (seq - expected) % _ROUND
        if ahead < _MOST_AHEAD:
            missing += [(expected + step) % _ROUND for step in range(ahead)]
        else:
            missing.append(expected)  # it began anew without a birth that we heard, or this one was given up long ago
        missing = missing[-_MOST_AHEAD + 1 :]
        since = at if since is None else since
    if not missing:
        return {**session, "next": following, "missing": [], "since": None}, ""
    if since is not None and at - since >= PATIENCE_MS:
        return {**session, "next": following, "missing": [], "since": None}, _told(missing)
    return {**session, "next": following, "missing": missing, "since": since}, ""


def overdue(session: Session, at: int) -> tuple[Session, str] | None:
    """The session after a hole was given up, and why; None while none is open, or it may still be filled."""
    since = session["since"]
    if since is None or at - since < PATIENCE_MS:
        return None
    return {**session, "missing": [], "since": None}, _told(session["missing"])


def session_of(found: Any) -> Session | None:
    """The session as it was kept, or None."""
    return found if isinstance(found, dict) else None  # type: ignore[return-value] # only this module makes them


def _told(missing: list[int]) -> str:
    first = ", ".join(map(str, missing[:5]))
    return f"messages with seq {first}{' …' if len(missing) > 5 else ''} did not come within {PATIENCE_MS / 1000:g} s"
