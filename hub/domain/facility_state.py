"""What can honestly be said about a facility as a whole. Unknown is neither idle nor healthy."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class FacilityState(StrEnum):
    """From the worst to the best; the first that is true is said."""

    ALARM = "alarm"
    """An alarm is active that no parent cause explains."""
    UNKNOWN = "unknown"
    """Nothing is heard from it, or nothing of what its limit and state rules judge: a fault would go unseen."""
    PARTLY_UNKNOWN = "partly_unknown"
    """Some of what its rules watch is silent: what is heard is in order, the rest nobody can tell."""
    NORMAL = "normal"
    """Everything that its rules watch is heard, and in order."""


class Voice(NamedTuple):
    """One point that speaks for the facility."""

    known: bool
    """Its last word still holds."""
    judged: bool
    """A limit or state rule reads it."""
    watched: bool
    """Any rule does; also one that only notices its silence."""


def facility_state(voices: Iterable[Voice], *, alarmed: bool, lost: bool = False) -> FacilityState:
    """Where no rule judges (or watches) any point, every point counts as if one did.

    ``lost``: it stands where power or uplink are lost, so that its last words prove nothing.
    """
    if alarmed:
        return FacilityState.ALARM
    if lost:
        return FacilityState.UNKNOWN
    said = tuple(voices)
    judged = [voice for voice in said if voice.judged] or said
    watched = [voice for voice in said if voice.watched or voice.judged] or said
    if not any(voice.known for voice in judged):
        return FacilityState.UNKNOWN
    if not all(voice.known for voice in watched):
        return FacilityState.PARTLY_UNKNOWN
    return FacilityState.NORMAL
