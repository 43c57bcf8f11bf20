"""Who is out of reach, and because of what. The protocol's word comes first, then the gateway's, then silence itself.

One cause is told once: a device behind a gateway that is away, and gateways that fell together, are explained by what
took them away. Pure; instants are epoch ms by the time of arrival.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.rules import LEAST_SILENCE_MS

WINDOW_MS: Final = 2 * 60_000
"""Gateways that fall silent within so long of one another fell together."""
BELIEVED_AFTER_MS: Final = 30_000
"""A statement that something is offline is believed after this: most reconnect at once."""
LEAST_TOGETHER: Final = 2
"""One gateway alone is no power cut."""
GRACE_MS: Final = 10 * 60_000
"""After the cause has gone, what it explained has at least so long to speak again before its silence is its own."""
LONGEST_WAIT_MS: Final = 10 * 60_000
"""A device's silence waits no longer than this for a word about its gateway."""
SEEN_FIRST: Final = frozenset({"lift", "pump_room", "sump", "fire_water"})
"""Kinds of facility that somebody looks at when power may be lost: people in a car, and pumps that have to run."""


class Uplink(NamedTuple):
    """Something that others speak through, as it was last heard."""

    id: str
    said_offline_at: int | None = None
    """Since when its protocol says that it is away; None: it does not, or has taken it back."""
    heard: int | None = None
    """The last word of it, or of anything behind it."""
    due: int | None = None
    """When its silence is too long; None: nobody knows how often it speaks."""
    back_at: int | None = None
    """Since when it has been heard again."""


class Fall(NamedTuple):
    """An uplink that is away."""

    id: str
    since: int
    known_at: int
    """When that could be believed."""


class Loss(NamedTuple):
    """Most uplinks of a place fell together."""

    since: int
    """When the first of them fell."""
    known_at: int
    """When it was known of enough of them."""
    fallen: frozenset[str]


def fall_of(uplink: Uplink, now: int) -> Fall | None:
    """Whether the uplink is away: its protocol's own statement first, then its silence."""
    if uplink.said_offline_at is not None:
        return Fall(uplink.id, uplink.said_offline_at, uplink.said_offline_at + BELIEVED_AFTER_MS)
    if uplink.heard is not None and uplink.due is not None and now >= uplink.due:
        return Fall(uplink.id, uplink.heard, uplink.due)
    return None


def loss_of(uplinks: Iterable[Uplink], now: int) -> Loss | None:
    """Whether more than half of a place's uplinks, and at least two, fell within ``WINDOW_MS`` and are still away.

    Those that had fallen before count neither way. Where two such windows overlap the one with more of them is told,
    and the earlier one among equals. As uplinks return a loss can only end; it never begins by a return.
    """
    known = tuple(uplinks)
    found = (fall_of(uplink, now) for uplink in known)
    falls = sorted((fall for fall in found if fall is not None and fall.known_at <= now), key=lambda f: (f.since, f.id))
    since = [fall.since for fall in falls]
    first, end = 0, 0
    for begin, at in enumerate(since):
        until = bisect_right(since, at + WINDOW_MS)
        if until - begin > end - first and _is_most(until - begin, len(known) - begin):
            first, end = begin, until
    if first == end:
        return None
    known_at = sorted(fall.known_at for fall in falls[first:end])
    enough = next(count for count in range(1, end - first + 1) if _is_most(count, len(known) - first))
    return Loss(since[first], known_at[enough - 1], frozenset(fall.id for fall in falls[first:end]))


def may_be_more(uplinks: Iterable[Uplink], since: int, now: int) -> bool:
    """Whether what fell at ``since`` could still turn out to be a part of a loss of all these uplinks.

    Not any more once most of them have been heard after the window in which they would have fallen.
    """
    possible, before, count = 0, 0, 0
    for uplink in uplinks:
        count += 1
        fall = fall_of(uplink, now)
        at = uplink.heard if fall is None else fall.since
        if fall is not None and fall.since < since - WINDOW_MS:
            before += 1
        elif at is None or at <= since + WINDOW_MS:
            possible += 1
    return _is_most(possible, count - before)


def _is_most(count: int, of: int) -> bool:
    return count >= LEAST_TOGETHER and 2 * count > of


class Stand(StrEnum):
    """What is to be done about a silence."""

    ITS_OWN = "its_own"
    """It is told."""
    EXPLAINED = "explained"
    """Its cause is told instead."""
    UNDECIDED = "undecided"
    """Looked at again: nobody can say yet."""


def standing(heard: int, limit: int, above: Uplink | None, since: int | None, now: int) -> Stand:
    """What a device's silence means. ``heard``: its last word; ``limit``: after how much silence it is overdue (ms).

    ``above`` is what it speaks through, and ``since`` when that fell; for something that speaks for itself, the uplinks
    of its place as one, and the beginning of their loss. None: nothing to explain it. A device that was overdue before
    the last word of what it speaks through is no part of it.
    """
    if above is None:
        return Stand.ITS_OWN
    if since is not None:
        begun = since if above.heard is None else min(since, above.heard)
        return Stand.EXPLAINED if heard + limit > begun else Stand.ITS_OWN
    if above.back_at is not None and heard < above.back_at and not may_speak(above.back_at, limit, now):
        return Stand.UNDECIDED
    if above.heard is None or above.due is None or above.heard - heard > limit // 2:
        return Stand.ITS_OWN
    return Stand.UNDECIDED if now < min(above.due, heard + limit + LONGEST_WAIT_MS) else Stand.ITS_OWN


def as_one(place: str, uplinks: Sequence[Uplink], *, back_at: int | None = None) -> Uplink | None:
    """The uplinks of a place as if they were one: heard when most of them were, due when most of them are."""
    if len(uplinks) < LEAST_TOGETHER:
        return None
    most = len(uplinks) // 2
    heard = sorted((u.heard for u in uplinks if u.heard is not None), reverse=True)
    due = sorted(u.due for u in uplinks if u.due is not None)
    return Uplink(
        id=place,
        heard=heard[most] if len(heard) > most else None,
        due=due[most] if len(due) > most else None,
        back_at=back_at,
    )


def may_speak(back_at: int | None, limit: int, now: int) -> bool:
    """Whether what a cause explained, and is silent still, is told now that the cause has gone since ``back_at``."""
    return back_at is None or now >= back_at + max(GRACE_MS, limit)


def patience(*, stated: bool) -> int:
    """How much longer (ms), at most, the fall of a gateway with neighbours is held back, for a common cause to be told once.

    Until ``WINDOW_MS`` has passed its neighbours may still fall. Where its own protocol told of it at once, those that
    make no statements are found only by their silence. ``may_be_more`` says when there is nothing to wait for.
    """
    return WINDOW_MS + (LEAST_SILENCE_MS if stated else 0)
