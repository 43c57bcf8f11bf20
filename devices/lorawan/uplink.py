"""What the formats of all LoRaWAN network servers share: identity, uplinks, what a device is.

Identity is ``eui64:{devEui}`` in lower case, so that a device that moves to another server keeps its history.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from devices.contract import (
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Event,
    Limits,
    Problem,
    Quality,
    Sample,
    State,
)
from devices.lorawan.codecs import choose
from devices.lorawan.fields import table_of, tables
from devices.lorawan.gateways import Heard, follow
from devices.lorawan.layout import Trouble
from devices.lorawan.reading import Dated, Reading, plain_numbers
from devices.words import own_value

_MOST_DEVICES: Final = 20_000
"""Devices whose announcement is remembered; beyond them only joins announce."""
_MOST_HINTS: Final = 16
_MOST_TAGS: Final = 32
_MOST_REFUSED: Final = 4
_WORD: Final = 128
"""Characters of a word about a device."""
_MAKER_TAGS: Final = frozenset({"maker", "manufacturer", "vendor", "brand"})
_REMEMBERED: Final = frozenset({"said", "via", "via_at", "away"})
"""Beside the fields of announcements."""
_NO_WORDS: Final[Mapping[str, str | int]] = MappingProxyType({})
_MODEL_TAGS: Final = frozenset({"model", "device_model", "product"})


def bytes_of(text: object) -> bytes | None:
    """The bytes behind base64; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        return None


def position(found: object) -> dict[str, Any]:
    """Latitude, longitude, altitude and accuracy as numbers under their own names; nothing where there is no fix."""
    if not isinstance(found, dict) or not (found.get("latitude") or found.get("longitude")):
        return {}
    numbers = {key: own_value(found.get(key, 0)) for key in ("latitude", "longitude")}
    numbers |= {key: own_value(found[key]) for key in ("altitude", "accuracy") if found.get(key)}
    return {key: value for key, value in numbers.items() if isinstance(value, float)}


class Introduction(NamedTuple):
    """What a network server knows of a device."""

    device: DeviceRef
    name: str
    maker: str
    model: str
    firmware: str
    hints: tuple[tuple[str, str], ...]
    codec: str
    """The installer's word about its bytes, lower case."""
    described: str
    """Maker, model and profile, lower case: what tables are chosen by."""
    checksum: int
    """Of the above; the same as long as the server says the same."""


def introduction(device: DeviceRef, words: tuple[str, str, str, str, str], tags: object) -> Introduction:
    """Sort what a server says into maker, model, the codec's name, and hints of the place.

    ``words``: name, maker, model or profile, firmware, application.
    """
    pairs: list[tuple[str, str]] = []
    if isinstance(tags, dict):
        pairs = [(key[:_WORD], value[:_WORD]) for key, value in tags.items() if type(value) is str]
    return _introduction(device, tuple([word[:_WORD] for word in words]), tuple(pairs[:_MOST_TAGS]))


@lru_cache(maxsize=4096)
def _introduction(device: DeviceRef, words: tuple[str, ...], tags: tuple[tuple[str, str], ...]) -> Introduction:
    """Bounded by its arguments, whose texts are cut; servers say the same with every uplink."""
    name, maker, model, firmware, application = words
    codec, profile = "", model
    hints = [("application", application)] if application else []
    for key, value in sorted(tags):  # a server keeps tags in no order, and another order is no news
        word = key.lower()
        if word == "codec":
            codec = value.lower()
        elif word in _MAKER_TAGS:
            maker = maker or value
        elif word in _MODEL_TAGS:
            model = value or model
        elif value and len(hints) < _MOST_HINTS:
            hints.append((key, value))
    described = " ".join(dict.fromkeys((maker, model, profile))).strip().lower()
    checksum = zlib.crc32(repr((name, maker, model, firmware, hints)).encode())
    return Introduction(device, name, maker, model, firmware, tuple(hints), codec, described, checksum)


class Uplink(msgspec.Struct, frozen=True, gc=False):
    """One uplink, as any server hands it over."""

    time: int | None
    identity: str | None
    heard: Heard
    at: int
    """When it was received, epoch ms."""
    port: int
    frame: bytes | None
    """The device's bytes, where no codec on the server read them; None: nothing that is base64."""
    decoded: dict[str, Any] | None = None
    """What a codec on the server made of them."""
    normalized: list[Any] | None = None
    """The same in the vocabulary of The Things Stack."""
    quality: Quality = "good"


def read_uplink(up: Uplink, who: Introduction, limits: Limits, state: State) -> Decoded:
    """The readings of one uplink, and what is new about the device."""
    now = None
    if up.decoded is not None and up.normalized is None:
        now = plain_numbers(up.decoded, table_of(who.described), limits)
    if now is None:
        return _look_closer(up, who, limits, state)
    if up.heard.signal is not None:
        now.setdefault("signal", up.heard.signal)
    samples = (Sample(who.device, up.time, now, up.identity, up.quality),) if now else ()
    announcements, changes = introduce(who, _NO_WORDS, state, up=up)
    return Decoded(samples, announcements=announcements, changes=changes)


def _look_closer(up: Uplink, who: Introduction, limits: Limits, state: State) -> Decoded:
    """The same of an uplink with anything but plain numbers in it."""
    reading = Reading(limits)
    troubles: list[Trouble] = []
    now: dict[str, Any] = {}
    time: int | None = None
    if up.normalized is not None:
        now = _normalized(reading, up, troubles)
    if up.decoded is not None:
        values, time = reading.take(up.decoded, table_of(who.described))
        now = {**values, **now} if now else values
    elif up.frame is None:
        right = "the server should send the bytes of the device so"
        troubles.append(Trouble("bad_data", f"the frame is not base64: {right}"))
    elif up.frame and up.port and not now:
        now, time = _frame(reading, up, who, troubles)
    if up.heard.signal is not None:
        now.setdefault("signal", up.heard.signal)
    samples = (Sample(who.device, up.time if time is None else time, now, up.identity, up.quality),) if now else ()
    if reading.dated:
        then = [Sample(who.device, each.time, each.values, None, up.quality, each.told_again) for each in reading.dated]
        samples = (*samples, *then)
    announcements, changes = introduce(who, reading.about, state, up=up)
    wrong = troubles or reading.refused or reading.endless or reading.left_out
    return Decoded(
        samples=samples,
        problems=_problems(reading, troubles, who.device, limits) if wrong else (),
        unknown=tuple(reading.unknown),
        announcements=announcements,
        changes=changes,
    )


def _normalized(reading: Reading, up: Uplink, troubles: list[Trouble]) -> dict[str, Any]:
    """Measurements without a time are of now; those with one are of their own moment."""
    now: dict[str, Any] = {}
    for each in up.normalized or ():
        if not isinstance(each, dict):
            detail = f"a measurement is {str(each)[:40]!r}: the server should send objects"
            troubles.append(Trouble("bad_normalized", detail))
            break
        values, time = reading.take(each, tables().normalized, known_only=bool(up.decoded))
        if time is None:
            now |= values
        elif values:
            reading.dated.append(Dated(time, values, told_again=False))
    return now


def _frame(
    reading: Reading, up: Uplink, who: Introduction, troubles: list[Trouble]
) -> tuple[dict[str, Any], int | None]:
    """The device's own bytes, where no codec on the server read them."""
    codec, payload = choose(who.codec, who.described), up.frame or b""
    if isinstance(codec, Trouble):
        troubles.append(Trouble(codec.reason, f"{len(payload)} bytes on port {up.port}: {codec.detail}"))
        return {}, None
    frame = codec.read(payload, up.port)
    if frame.trouble is not None:
        troubles.append(frame.trouble)
    values, time = reading.take(frame.values, table_of(f"{codec.maker} {who.codec} {who.described}"))
    return values, time


def _problems(reading: Reading, troubles: list[Trouble], device: DeviceRef, limits: Limits) -> tuple[Problem, ...]:
    """What could not be read; the rest was."""
    right = f"use 1 to {limits.name} printable characters"
    finite = "NaN, infinite or too large: let the codec leave it out"
    said = [
        *troubles,
        *(Trouble("bad_name", f"field {name[:40]!r}: {right}") for name in reading.refused[:_MOST_REFUSED]),
        *(Trouble("not_finite", f"field {key[:40]!r}: {finite}") for key in reading.endless[:_MOST_REFUSED]),
    ]
    if reading.left_out:
        detail = f"{reading.left_out} values more than one message may have: send fewer"
        said.append(Trouble("too_many_values", detail))
    return tuple(Problem(reason, detail, device, whole=False) for reason, detail in said)


def introduce(
    who: Introduction,
    about: Mapping[str, str | int],
    state: State,
    *,
    up: Uplink | None = None,
    always: bool = False,
) -> tuple[tuple[Announcement, ...], tuple[Change, ...]]:
    """An announcement where something of the device is new, and what to remember so that it is not said again.

    What is remembered: ``{"said": checksum of the introduction, field: value, …}`` and its gateway (see ``gateways``) per
    device, of at most ``_MOST_DEVICES`` devices. ``up``: the uplink that came with it.
    """
    known = state.get(who.device.id)
    fresh = known is None or known["said"] != who.checksum
    moved: Mapping[str, Any] = _NO_WORDS
    if up is not None and (known is None or known.get("via") != up.heard.best or "away" in known):
        moved = follow(known or _NO_WORDS, up.heard, up.at)
    if not (fresh or about or always or moved):
        return (), ()
    news = {key: value for key, value in about.items() if known is None or known.get(key) != value}
    full = known is None and len(state) >= _MOST_DEVICES
    announced = bool(fresh or news or always or "via" in moved)
    if not (announced or moved) or (full and not always):
        return (), ()
    told = {**(known or {}), **about, **moved, "said": who.checksum}
    if told.get("away", 0) is None:
        del told["away"]
    changes = () if full else (Change(who.device.id, told, lasting=announced),)
    if not announced:
        return (), changes
    words: dict[str, Any] = news
    if fresh or always:
        words = {"name": who.name, "maker": who.maker, "model": who.model, "firmware": who.firmware, "hints": who.hints}
        words |= {key: value for key, value in told.items() if key not in _REMEMBERED}
    if "via" in told and (fresh or always or "via" in moved):
        words["via"] = DeviceRef(who.device.community, "eui64", told["via"])
    return (Announcement(device=who.device, **words),), changes


def joined(who: Introduction, time: int | None, identity: str | None, state: State) -> Decoded:
    """A device joined the network: it happened, and the device is introduced each time."""
    announcements, changes = introduce(who, {}, state, always=True)
    event = Event(who.device, time, "join", "join", None, who.name, identity)
    return Decoded(events=(event,), announcements=announcements, changes=changes)
