"""What Shelly devices tell of: buttons that were pushed, and errors that came up and went."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any, Final

from devices.contract import Change, Decoded, DeviceRef, Event, Sample
from devices.formats.shelly_fields import COMPONENT, Reading, channel_of
from devices.formats.shelly_gen1 import PUSHES
from devices.formats.shelly_who import Meeting

_MOST_SOURCES: Final = 64
_MOST_WORDS: Final = 8
_WORD: Final = re.compile(r"[A-Za-z0-9_:.-]{1,40}")
_EPOCH: Final = 1_000_000_000
"""Seconds; a smaller time counts from the device's start, because its clock is not set yet."""
_BUTTON: Final = frozenset(PUSHES.values()) | {"hold_press", "rotate_left", "rotate_right"}


def moment(ts: object) -> int | None:
    """Epoch ms of the seconds that a notification gives; None where the clock is not set."""
    if isinstance(ts, bool) or not isinstance(ts, (int, float)) or not _EPOCH <= ts < _EPOCH * 100:
        return None
    return round(ts * 1000)


def pushes(device: DeviceRef, params: dict[str, Any]) -> tuple[Event, ...]:
    """Buttons that were pushed; what else a device tells (sleep, updates, settings) is no news of a facility."""
    listed = params.get("events")
    found = []
    for each in listed[:32] if isinstance(listed, list) else ():
        if not isinstance(each, dict):
            continue
        component, event = each.get("component"), each.get("event")
        if not isinstance(component, str) or not isinstance(event, str):
            continue
        if COMPONENT.fullmatch(component) and event in _BUTTON:
            kind, _, number = component.partition(":")
            time = moment(each.get("ts")) or moment(params.get("ts"))
            code = f"{channel_of(kind, number) or kind}.{event}"
            found.append(Event(device, time, "button", code, active=None))
    return tuple(found)


def gen1_push(device: DeviceRef, channel: str, found: dict[str, Any]) -> tuple[Event, ...]:
    """The push that a Gen1 input tells; its count tells a repeat from a second push."""
    event, count = found.get("event"), found.get("event_cnt")
    if not isinstance(event, str) or event not in PUSHES:
        return ()
    identity = f"{channel}:{count}" if isinstance(count, int) and not isinstance(count, bool) else None
    code = f"{channel}.{PUSHES[event]}"
    return (Event(device, None, "button", code, active=None, identity=identity and identity[:64]),)


def faults_of(reading: Reading, before: Mapping[str, list[str]], whole: Container[str]) -> dict[str, list[str]]:
    """The errors that the message speaks of, by the field that lists them, as codes under their channel and phase.

    A field that is not in the answer has not been spoken of: what it said before still holds. A null ends what it said; so
    does being left out of a component whose ``whole`` status this is.
    """
    said: dict[str, list[str]] = {}
    if not (before or reading.errors):
        return said
    for source in before:
        if source.partition(".")[0] in whole:
            said[source] = []
    for component, field, value in reading.errors:
        kind, _, number = component.partition(":")
        phase = field.removesuffix("errors").rstrip("_")[:8]
        channel = "-".join(part for part in (channel_of(kind, number), phase) if part)
        words = [word for word in value[:_MOST_WORDS] if isinstance(word, str)] if isinstance(value, list) else []
        said[f"{component}.{field[:40]}"] = [
            f"{channel}.{word}" if channel else word for word in words if _WORD.fullmatch(word)
        ]
    return said


def fault_events(
    meeting: Meeting, said: Mapping[str, list[str]], time: int | None
) -> tuple[tuple[Event, ...], tuple[Change, ...]]:
    """What has come up and what has gone since the errors were last spoken of."""
    before = meeting.faults
    if not any(said.values()) and not before.keys() & said.keys():
        return (), ()
    if not before and not meeting.has_room:
        return (), ()
    events: list[Event] = []
    after = dict(before)
    for source, codes in said.items():
        old = before.get(source, [])
        if old == codes or (not old and len(after) >= _MOST_SOURCES):
            continue
        events.extend(
            Event(meeting.device, time, "fault", code[:64], active=False) for code in old if code not in codes
        )
        events.extend(Event(meeting.device, time, "fault", code[:64], active=True) for code in codes if code not in old)
        after[source] = codes
        if not codes:
            del after[source]
    return tuple(events), (meeting.remember_faults(after),) if events else ()


def answer(meeting: Meeting, reading: Reading, faults: Mapping[str, list[str]], time: int | None) -> Decoded:
    """The message's readings and the faults that came or went with it."""
    events, changes = fault_events(meeting, faults, time) if faults else ((), ())
    return meeting.answer(
        samples=(Sample(meeting.device, time, reading.values),) if reading.values else (),
        events=events,
        problems=tuple(reading.problems),
        unknown=tuple(reading.unknown),
        changes=changes,
    )
