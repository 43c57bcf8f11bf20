"""Tasmota: ``tele/{topic}/SENSOR`` and its kin, explained by retained discovery under ``tasmota/discovery/{mac}/``.

Source: Tasmota's documentation (*MQTT*, *Commands*, *JSON status responses*). Discovery tells the network address, which is
the device's identity, the topics that it uses and the words that it says. A device without it is ``tasmota:{topic}``, and its
topics are those that it has from its maker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from devices.contract import (
    NO_STATE,
    NOTHING,
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Limits,
    Message,
    Problem,
    Sample,
    State,
    Statement,
)
from devices.formats.json_bytes import read_object, show
from devices.formats.points import clean
from devices.formats.tasmota_discovery import (
    DEFAULT_PREFIXES,
    configured,
    mac_of,
    provisional,
    sensed,
    words_of,
)
from devices.formats.tasmota_reading import Reading, moment

_ROOT: Final = "tasmota/discovery/"
_LEAVES: Final = ("SENSOR", "STATE", "LWT", "INFO1", "RESULT", "STATUS8", "STATUS10", "STATUS11", "POWER")
_OF_TELE: Final = _LEAVES[:4]
_OF_STAT: Final = _LEAVES[4:]
_POWER: Final = re.compile(r"POWER(\d{1,2})?")
_INSIDE: Final = {"STATUS8": "StatusSNS", "STATUS10": "StatusSNS", "STATUS11": "StatusSTS"}
_MOST_TOPICS: Final = 5_000
_MOST_HEARD: Final = 1_000
_LONGEST_WORD: Final = 64


class Route(msgspec.Struct, frozen=True):
    """A leaf under a device's path, or ``config`` and ``sensors`` of discovery; an empty leaf is passed over."""

    community: str
    leaf: str
    path: str = ""
    """With a slash behind it."""
    key: str = ""
    """Where the state has the address of the device that speaks under this path."""
    stranger: DeviceRef | None = None
    """Who it is before discovery has said it."""
    mac: str = ""


class TasmotaFormat:
    """Implements ``devices.contract.Format`` and ``LearningFormat``.

    ``zone`` is the time zone that the devices are set to (``Asia/Shanghai``). They give local time without an offset; where no
    zone is given, it does not count.
    """

    name = "tasmota"
    filters: tuple[str, ...] = (f"{_ROOT}+/+", "tele/#", "stat/#")

    def __init__(self, limits: Limits | None = None, *, zone: str = "") -> None:
        self._limits = limits if limits is not None else Limits()
        try:
            self._zone = ZoneInfo(zone) if zone else None
        except (KeyError, ValueError, OSError) as error:
            raise TypeError(f"zone {zone!r}: a time zone such as Asia/Shanghai is right") from error

    # --- topics -----------------------------------------------------------------------------------------------

    def route(self, topic: str, community: str | None) -> Route | None:
        owner = community or ""
        if topic.startswith(_ROOT):
            mac, _, leaf = topic.removeprefix(_ROOT).partition("/")
            if leaf not in {"config", "sensors"}:
                return Route(owner, "")
            return Route(owner, leaf, topic, mac=mac_of(mac))
        if not topic.startswith(DEFAULT_PREFIXES):
            return None
        path, _, leaf = topic.rpartition("/")
        if "/" not in path or not _known(leaf):
            return Route(owner, "")
        return _route(owner, leaf, f"{path}/")

    def topics(self, state: State) -> Iterable[str]:
        """Of devices whose topics do not begin with ``tele/`` and ``stat/``, which are heard anyway."""
        named: list[str] = []
        for key, record in state.items():
            if key.startswith("device/"):
                powers = [f"POWER{number}" for number in range(1, len(record["relays"]) + 1)]
                for path, leaves in ((record["tele"], _OF_TELE), (record["stat"], (*_OF_STAT, *powers))):
                    if not path.startswith((*DEFAULT_PREFIXES, _ROOT)):
                        named += [f"{path}{leaf}" for leaf in leaves]
        return list(dict.fromkeys(named))[:_MOST_TOPICS]

    def route_learned(self, topic: str, community: str | None, state: State) -> Route | None:
        path, _, leaf = topic.rpartition("/")
        if f"at/{path}/" not in state or not _known(leaf):
            return None
        return _route(community or "", leaf, f"{path}/")

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        leaf, payload = route.leaf, message.payload
        if leaf in {"config", "sensors"}:
            return self._discovery(route, payload, state)
        if route.stranger is None or not payload:
            return NOTHING
        mac = state.get(route.key)
        device = DeviceRef(route.community, "mac", mac) if mac is not None else route.stranger
        if leaf == "LWT":
            return self._will(route, device, payload, state)
        reading = Reading(device, words_of(mac or "", state), self._limits)
        if leaf.startswith("POWER"):
            word = payload[:_LONGEST_WORD].decode("utf-8", "replace")
            reading.relay(leaf.removeprefix("POWER"), word)
            return _said(reading, None)
        found = read_object(payload, self._limits, device)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        return self._telemetry(leaf, found, reading)

    # --- messages ---------------------------------------------------------------------------------------------

    def _discovery(self, route: Route, payload: bytes, state: State) -> Decoded:
        if not route.mac:
            detail = f"topic {show(route.path)} is not {_ROOT} with a network address of 12 hexadecimal digits"
            return Decoded(problems=(Problem("bad_topic", detail),))
        read = configured if route.leaf == "config" else sensed
        return read(route.mac, payload, self._limits, state, route.community)

    def _telemetry(self, leaf: str, found: dict[str, Any], reading: Reading) -> Decoded:
        inside = _INSIDE.get(leaf)
        if inside is not None:
            inner = found.get(inside)
            if not isinstance(inner, dict):
                detail = f"{inside} is {show(inner)}: an object is right"
                return Decoded(problems=(Problem("no_values", detail, reading.device),))
            found = inner
        if leaf in {"SENSOR", "STATUS8", "STATUS10"}:
            reading.sensors(found)
        elif leaf in {"STATE", "STATUS11"}:
            reading.state(found)
        elif leaf == "INFO1":
            return _started(reading.device, found)
        else:
            reading.result(found)
        return _said(reading, moment(found.get("Time"), self._zone))

    def _will(self, route: Route, device: DeviceRef, payload: bytes, state: State) -> Decoded:
        """``Online`` and ``Offline``, in the device's own words. A device that sleeps is offline most of the time."""
        word = payload[:_LONGEST_WORD].decode("utf-8", "replace")
        record = state.get(f"device/{device.id}") if device.scheme == "mac" else None
        if record is not None and record["sleeps"]:
            return NOTHING
        online, offline = (record["online"], record["offline"]) if record is not None else ("Online", "Offline")
        changes: tuple[Change, ...] = ()
        if record is None:  # discovery has to know it, who will say whose word this was
            changes = _remembered(route.path, word, state)
        if word not in {online, offline}:
            problems = () if record is None else (_odd_will(word, online, offline, device),)
            return Decoded(problems=problems, changes=changes)
        return Decoded(statements=(Statement(device, word == online),), changes=changes)


def _odd_will(word: str, online: str, offline: str, device: DeviceRef) -> Problem:
    return Problem("bad_status", f"LWT is {show(word)}: {show(online)} or {show(offline)} is right", device)


def _remembered(path: str, word: str, state: State) -> tuple[Change, ...]:
    key, count = f"heard/{path}", state.get("heard") or 0
    if key in state:
        return (Change(key, word, lasting=False),) if state[key] != word else ()
    if count >= _MOST_HEARD:
        return ()
    return Change(key, word, lasting=False), Change("heard", count + 1, lasting=False)


def _started(device: DeviceRef, found: dict[str, Any]) -> Decoded:
    """INFO1, once after a start: the model and the version, also where discovery is switched off."""
    inner = found.get("Info1")
    about = inner if isinstance(inner, dict) else found
    model, version = clean(about.get("Module")), clean(about.get("Version"))
    if not model and not version:
        return NOTHING
    return Decoded(announcements=(Announcement(device=device, maker="Tasmota", model=model, firmware=version),))


def _route(community: str, leaf: str, path: str) -> Route:
    return Route(community, leaf, path, f"at/{path}", provisional(path, community))


def _known(leaf: str) -> bool:
    return leaf in _LEAVES or _POWER.fullmatch(leaf) is not None


def _said(reading: Reading, time: int | None) -> Decoded:
    samples = [Sample(reading.device, time, reading.values)] if reading.values else []
    for mac, values in reading.others.items():
        if values:
            samples.append(Sample(DeviceRef(reading.device.community, "mac", mac), time, values))
    return Decoded(samples=tuple(samples), problems=tuple(reading.problems), unknown=tuple(reading.unknown))
