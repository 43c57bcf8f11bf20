"""The hub's own format: ``community/v1/{community}/{device}/telemetry|event|status``, JSON payloads."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from devices.contract import (
    NO_STATE,
    Decoded,
    DeviceRef,
    Event,
    Flat,
    Limits,
    Message,
    Problem,
    Quick,
    Sample,
    State,
    Statement,
    identity_of,
)
from devices.formats.json_bytes import read_object, show
from devices.problems import MOST_PROBLEMS, few

_ROOT: Final = "community/v1/"
_LEAVES: Final = ("telemetry", "event", "status")
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CODE_LENGTH: Final = 64
_TELEMETRY_KEYS: Final = frozenset({"ts", "seq", "boot", "values"})
_EVENT_KEYS: Final = frozenset({"ts", "seq", "boot", "type", "code", "active", "text"})
_STEADY_NAMES: Final = 32
"""A reader for more names takes too long to make."""
_STEADY_KEPT: Final = 1_000
_quick_telemetry = msgspec.json.Decoder(Quick[Flat])


class Route(msgspec.Struct, frozen=True):
    """What a topic says. ``wrong`` is the sentence about a topic under our root that is not as it should be."""

    device: DeviceRef | None
    leaf: str
    wrong: str = ""


class NativeFormat:
    """Implements ``devices.contract.Format`` and ``QuickFormat``."""

    name = "native"
    filters = tuple(f"{_ROOT}+/+/{leaf}" for leaf in _LEAVES)

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()

    def route(self, topic: str, community: str | None) -> Route | None:
        """The topic names its community itself; one that differs from the connection's is refused."""
        if not topic.startswith(_ROOT):
            return None
        parts = topic.removeprefix(_ROOT).split("/")
        if len(parts) != 3 or parts[2] not in _LEAVES:
            return Route(
                None, "", f"topic {show(topic)} is not {_ROOT}{{community}}/{{device}}/telemetry, event or status"
            )
        owner, device, leaf = parts
        for what, slug in (("community", owner), ("device", device)):
            if not _SLUG.fullmatch(slug):
                right = "lower-case letters, digits and hyphens, at most 63, beginning with a letter or digit"
                return Route(None, "", f"{what} id {show(slug)} in the topic: use {right}")
        if community is not None and owner != community:
            return Route(None, "", f"community {show(owner)} in the topic: this connection belongs to {community!r}")
        return Route(DeviceRef(owner, "native", device), leaf)

    def quick(self, route: Route) -> tuple[DeviceRef, Callable[[bytes], Quick[Flat]]] | None:
        """Telemetry without nested values."""
        if route.device is None or route.leaf != "telemetry":
            return None
        return route.device, _quick_telemetry.decode

    def steady(self, names: tuple[str, ...]) -> Callable[[bytes], Quick[msgspec.Struct]] | None:
        """A few plain names."""
        return _steady_reader(names) if len(names) <= _STEADY_NAMES else None

    def moment(self, text: str) -> int | None:
        """ISO 8601 with zone."""
        try:
            moment = datetime.fromisoformat(text)
            return None if moment.tzinfo is None else round(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.device is None:
            return Decoded(problems=(Problem("bad_topic", route.wrong),))
        if route.leaf == "status":
            return self._status(route.device, message.payload)
        found = read_object(message.payload, self._limits, route.device)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        if route.leaf == "telemetry":
            return self._telemetry(route.device, found)
        return self._event(route.device, found)

    # --- telemetry --------------------------------------------------------------------------------------------

    def _telemetry(self, device: DeviceRef, found: dict[str, Any]) -> Decoded:
        sent = found.get("values")
        if not isinstance(sent, dict):
            what = "no values" if sent is None else f"values is {show(sent)}"
            right = 'send {"values": {"temperature": 21.5}}'
            return Decoded(problems=(Problem("no_values", f"{what}: {right}", device),))
        if len(sent) > self._limits.values:
            detail = f"{len(sent)} values in one message, at most {self._limits.values} are taken: split the message"
            return Decoded(problems=(Problem("too_many_values", detail, device),))
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for name, value in sent.items():
            if value is None:  # no reading, whatever it is called
                continue
            wrong = self._wrong_with(name, value)
            if wrong is not None:
                problems.append(Problem(wrong[0], wrong[1], device, whole=False))
            else:
                values[name] = value if isinstance(value, (str, bool)) else float(value)
        time, identity = self._time(found, device, problems), _identity(found, device, problems)
        samples = (Sample(device, time, values, identity),) if values else ()
        return Decoded(
            samples=samples, problems=few(problems, "values", device), unknown=_unknown(found, _TELEMETRY_KEYS)
        )

    def _wrong_with(self, name: str, value: object) -> tuple[str, str] | None:
        """(reason, sentence) for a value that cannot be a reading."""
        if not name or len(name) > self._limits.name or not name.isprintable():
            right = f"use 1 to {self._limits.name} printable characters"
            return "bad_name", f"value name {show(name)}: {right}"
        if isinstance(value, (dict, list)):
            right = f'send each part under a name of its own, like "{name[:40]}.x"'
            return "nested_value", f"value {show(name)} is {show(value)}: {right}"
        if isinstance(value, str) and len(value) > self._limits.text:
            right = f"at most {self._limits.text} are taken"
            return "text_too_long", f"value {show(name)} has {len(value)} characters, {right}"
        if isinstance(value, str) and "\0" in value:
            return "bad_text", f"value {show(name)} is {show(value)}: leave out the NUL character"
        if isinstance(value, (int, float)) and not _finite(value):
            return "not_finite", f"value {show(name)} is {show(value)}: send a number that a 64-bit float can hold"
        return None

    # --- events -----------------------------------------------------------------------------------------------

    def _event(self, device: DeviceRef, found: dict[str, Any]) -> Decoded:
        kind, code, active, text = (found.get(key) for key in ("type", "code", "active", "text"))
        if isinstance(code, int) and not isinstance(code, bool):
            code = str(code)
        wrong = None
        if not _word(kind):
            wrong = ("bad_type", f'type is {show(kind)}: send a short word, e.g. "type": "fault"')
        elif not _word(code) and (code is not None or kind == "fault"):
            wrong = ("bad_code", f'code is {show(code)}: send 1 to {_CODE_LENGTH} characters, e.g. "code": "E21"')
        elif active is not None and not isinstance(active, bool):
            wrong = ("bad_active", f"active is {show(active)}: send true, false, or leave it out for a momentary event")
        if wrong is not None:
            return Decoded(problems=(Problem(wrong[0], wrong[1], device),))
        problems: list[Problem] = []
        if text is not None and not (isinstance(text, str) and len(text) <= self._limits.text and "\0" not in text):
            detail = f"text is {show(text)}: send a string of at most {self._limits.text} characters, without NUL"
            problems.append(Problem("bad_text", detail, device, whole=False))
        event = Event(
            device=device,
            time=self._time(found, device, problems),
            type=str(kind),
            code=str(code or ""),
            active=active,
            text=text[: self._limits.text].replace("\0", "") if isinstance(text, str) else "",
            identity=_identity(found, device, problems),
        )
        return Decoded(events=(event,), problems=few(problems, "values", device), unknown=_unknown(found, _EVENT_KEYS))

    # --- status -----------------------------------------------------------------------------------------------

    def _status(self, device: DeviceRef, payload: bytes) -> Decoded:
        """Plain words, an object, or nothing at all, which withdraws the statement."""
        word = payload[:64].strip().lower()
        if not payload:
            return Decoded(statements=(Statement(device, None),))
        if word in {b"online", b"offline"} and len(payload) <= 64:
            return Decoded(statements=(Statement(device, word == b"online"),))
        found = read_object(payload, self._limits, device)
        right = 'send {"online": true}, online or offline'
        if isinstance(found, Problem):
            return Decoded(problems=(Problem(found.reason, f"{found.detail}; for status {right}", device),))
        online = found.get("online")
        if not isinstance(online, bool):
            return Decoded(problems=(Problem("bad_status", f"online is {show(online)}: {right}", device),))
        return Decoded(statements=(Statement(device, online),), unknown=_unknown(found, frozenset({"online", "ts"})))

    # --- what telemetry and events share ----------------------------------------------------------------------

    def _time(self, found: dict[str, Any], device: DeviceRef, problems: list[Problem]) -> int | None:
        """Epoch ms as the device says it; None where it says none, or none that can be read."""
        ts = found.get("ts")
        if ts is None:
            return None
        moment = None
        if isinstance(ts, str):
            moment = self.moment(ts)
        elif isinstance(ts, (int, float)) and not isinstance(ts, bool) and _finite(ts):
            moment = int(ts)
        if moment is None:
            right = "send epoch milliseconds or ISO 8601 with zone, e.g. 2026-11-23T09:00:00+08:00"
            problems.append(Problem("bad_time", f"ts is {show(ts)}: {right}", device, whole=False))
        return moment


@lru_cache(_STEADY_KEPT)
def _steady_reader(names: tuple[str, ...]) -> Callable[[bytes], Quick[msgspec.Struct]] | None:
    """Fields instead of a dict: no name is made, hashed or compared with more than the one that is expected next."""
    fields = {f"value_{number}": name for number, name in enumerate(names)}
    try:
        numbers = msgspec.defstruct(
            "Numbers", [(field, float | bool) for field in fields], rename=fields, forbid_unknown_fields=True, gc=False
        )
    except ValueError:  # a name that JSON would write with an escape
        return None
    return msgspec.json.Decoder(Quick[numbers]).decode  # type: ignore[valid-type]  # made just now


def _identity(found: dict[str, Any], device: DeviceRef, problems: list[Problem]) -> str | None:
    """Boot and sequence number in one text."""
    seq, boot = found.get("seq"), found.get("boot")
    if seq is None:
        return None
    if isinstance(seq, bool) or not isinstance(seq, int) or not isinstance(boot, (str, int, type(None))):
        detail = f"seq is {show(seq)}, boot is {show(boot)}: send a whole number and a short string, or leave both out"
        problems.append(Problem("bad_sequence", detail, device, whole=False))
        return None
    return identity_of(boot, seq)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _CODE_LENGTH and value.isprintable()


def _unknown(found: dict[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(key[:_CODE_LENGTH] for key in found.keys() - known)[:MOST_PROBLEMS]
