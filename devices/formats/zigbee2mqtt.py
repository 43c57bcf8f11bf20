"""Zigbee2MQTT: ``{base}/{friendly name}`` with JSON, explained by the retained inventory ``{base}/bridge/devices``.

Source: Zigbee2MQTT's pages on MQTT topics, exposes and availability. A friendly name is an address that people change; the
device is its IEEE address, which only the inventory tells. What comes before the inventory is a Problem
``unknown_device``: the hub keeps such a message and reads it again later.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from devices.contract import (
    NO_STATE,
    NOTHING,
    Announcement,
    Change,
    Decoded,
    DeviceRef,
    Event,
    Limits,
    Message,
    Problem,
    Sample,
    State,
    Statement,
)
from devices.formats.json_bytes import read_object, show
from devices.formats.points import clean
from devices.formats.zigbee2mqtt_inventory import (
    changes_of,
    gone,
    group_announcements,
    group_changes,
    ieee_of,
    read_groups,
    read_inventory,
)
from devices.formats.zigbee2mqtt_reading import QUIET, Reading, attribute_value, moment

_BRIDGE: Final = "bridge/"
_BRIDGE_LEAVES: Final = frozenset({"devices", "groups", "state", "event"})
_AVAILABILITY: Final = "/availability"
_COMMAND: Final = re.compile(r".*/(?:set|get)(?:/.*)?")
"""What others say to a device."""
_EVENTS: Final = {"device_joined": "join", "device_leave": "leave"}
_A_GROUP: Final = "group"
_WORDS: Final[tuple[object, ...]] = ("online", "offline")
_SLOW: Final = ("battery", "battery_voltage", "battery_low")
"""What a device reports once in hours or days, and its bridge with every message."""
_SLOW_AGAIN_MS: Final = 24 * 60 * 60 * 1000
_SMALL: Final = 64
_MOST_LEVELS: Final = 16


class Route(msgspec.Struct, frozen=True):
    """What a topic says: a leaf of the bridge (``quiet`` for the rest of it), or a ``thing`` by its name."""

    community: str
    kind: str
    name: str = ""
    key: str = ""
    """Where the state has the device of this name."""


class Zigbee2MqttFormat:
    """Implements ``devices.contract.Format``. ``base`` is the bridge's base topic."""

    name = "zigbee2mqtt"

    def __init__(self, limits: Limits | None = None, *, base: str = "zigbee2mqtt") -> None:
        self._limits = limits if limits is not None else Limits()
        self._base = base.strip("/") + "/"
        if self._base == "/" or any(each in base for each in "+#"):
            raise TypeError(f"base topic {base!r}: a topic without + and # is right, such as zigbee2mqtt")
        self.filters: tuple[str, ...] = (f"{self._base}#",)

    def route(self, topic: str, community: str | None) -> Route | None:
        """Names may contain slashes, so which part of a topic is a name shows only beside the inventory."""
        if not topic.startswith(self._base):
            return None
        rest, owner = topic.removeprefix(self._base), community or ""
        if rest.startswith(_BRIDGE):
            leaf = rest.removeprefix(_BRIDGE)
            return Route(owner, leaf if leaf in _BRIDGE_LEAVES else "quiet")
        return Route(owner, "thing" if rest else "quiet", rest, f"name/{rest}")

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.kind == "thing":
            return self._thing(route, message, state)
        if route.kind == "devices":
            return self._inventory(route, message.payload, state)
        if route.kind == "groups":
            return self._groups(route, message.payload, state)
        if route.kind == "state":
            return self._bridge(route, message.payload, state)
        return self._event(route, message, state) if route.kind == "event" else NOTHING

    # --- what a device says -----------------------------------------------------------------------------------

    def _thing(self, route: Route, message: Message, state: State) -> Decoded:
        payload, ieee = message.payload, state.get(route.key)
        if ieee is not None and payload.startswith((b"{", b"[", b" ", b"\n")):
            return self._state(_ref(route, ieee), message, state)
        if route.name.endswith(_AVAILABILITY):
            return self._availability(route, payload, state)
        if not payload or f"group/{route.name}" in state:
            return NOTHING  # taken back after a renaming; and what a group says, its members say themselves
        return self._part(route, ieee, message, state)

    def _part(self, route: Route, ieee: str | None, message: Message, state: State) -> Decoded:
        """A topic under a device's or a group's name, or a stranger's."""
        owner, attribute = _attribute(route.name, state)
        if owner == _A_GROUP or _COMMAND.fullmatch(f"/{attribute or route.name}"):
            return NOTHING
        if owner:
            return self._attribute(_ref(route, owner), attribute, message.payload, state)
        if ieee is not None:
            return self._state(_ref(route, ieee), message, state)
        return Decoded(problems=(self._stranger(route.name, state),))

    def _stranger(self, name: str, state: State) -> Problem:
        where = f"{self._base}bridge/devices"
        if "inventory" not in state:
            found = f"{show(name)} spoke before the inventory {where}"
            return Problem("unknown_device", f"{found}: it is read again when that has come, which is retained")
        found = f"no device in {where} is called {show(name)}"
        return Problem("unknown_device", f"{found}: it is read again when the inventory lists it")

    def _state(self, device: DeviceRef, message: Message, state: State) -> Decoded:
        """All that the bridge knows of the device (``cache_state``): what of it is old, nobody says."""
        found = read_object(message.payload, self._limits, device)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        reading = Reading(device, self._limits)
        reading.read(found, state.get(f"device/{device.id}") or {})
        changes = () if message.retain else _without_old(reading, f"slow/{device.id}", message.received_at, state)
        return _said(device, moment(found.get("last_seen")), reading, changes)

    def _attribute(self, device: DeviceRef, attribute: str, payload: bytes, state: State) -> Decoded:
        """``output: attribute``: one value as plain text; parts of an object are joined by a hyphen, ``color-x``."""
        if attribute in QUIET:
            return NOTHING
        try:
            value = attribute_value(payload[: self._limits.text * 4 + 1].decode("utf-8"))
        except UnicodeDecodeError as error:
            detail = f"byte {error.start} of {show(attribute)} is not UTF-8: plain text is right"
            return Decoded(problems=(Problem("not_utf8", detail, device),))
        plan = state.get(f"device/{device.id}") or {}
        found: dict[str, Any] = {attribute: value}
        whole, _, part = attribute.partition("-")
        if attribute not in plan and part and whole in plan:
            found = {whole: {part: value}}
        reading = Reading(device, self._limits)
        reading.read(found, plan)
        return _said(device, None, reading)

    def _availability(self, route: Route, payload: bytes, state: State) -> Decoded:
        name = route.name.removesuffix(_AVAILABILITY)
        ieee = state.get(f"name/{name}")
        if ieee is None:
            if f"group/{name}" in state or not payload:
                return NOTHING
            return Decoded(problems=(self._stranger(name, state),))
        device = _ref(route, ieee)
        word = self._word(payload, device)
        if isinstance(word, Problem):
            return Decoded(problems=(word,))
        return Decoded(statements=(Statement(device, word),))

    def _word(self, payload: bytes, device: DeviceRef | None) -> bool | Problem | None:
        """``{"state": "online"}`` since version 2, the plain word before; nothing at all withdraws."""
        if not payload:
            return None
        word: object = payload[:_SMALL].strip().decode("utf-8", "replace").lower()
        if payload.lstrip()[:1] == b"{":
            found = read_object(payload, self._limits, device)
            if isinstance(found, Problem):
                return found
            word = found.get("state")
        if word not in _WORDS or len(payload) > self._limits.payload:
            return Problem("bad_state", f"state is {show(word)}: online or offline is right", device)
        return word == "online"

    # --- what the bridge says ---------------------------------------------------------------------------------

    def _inventory(self, route: Route, payload: bytes, state: State) -> Decoded:
        if not payload:
            return NOTHING
        inventory = read_inventory(payload, route.community)
        if isinstance(inventory, Problem):
            return Decoded(problems=(inventory,))
        withdrawn = (
            Announcement(device=DeviceRef(route.community, "ieee", ieee), withdrawn=True)
            for ieee in gone(inventory, state)
        )
        statements: tuple[Statement, ...] = ()
        coordinator = next((known.ref for known in inventory.known if known.coordinator), None)
        if coordinator is not None and state.get("coordinator") != coordinator.id and "bridge" in state:
            statements = (Statement(coordinator, state["bridge"]),)  # said before anybody knew whose word it was
        return Decoded(
            announcements=(*(known.announcement for known in inventory.known), *withdrawn),
            changes=tuple(changes_of(inventory, state)),
            statements=statements,
            problems=inventory.problems,
        )

    def _groups(self, route: Route, payload: bytes, state: State) -> Decoded:
        if not payload:
            return NOTHING
        groups = read_groups(payload)
        if isinstance(groups, Problem):
            return Decoded(problems=(groups,))
        return Decoded(
            announcements=group_announcements(groups, route.community),
            changes=tuple(group_changes(groups, state)),
            problems=groups.problems,
        )

    def _bridge(self, route: Route, payload: bytes, state: State) -> Decoded:
        """The bridge's own word, which is the coordinator's: without it nobody knows how its devices are."""
        word = self._word(payload, None)
        if isinstance(word, Problem):
            return Decoded(problems=(word,))
        said: list[Statement] = []
        if (coordinator := state.get("coordinator")) is not None:
            said.append(Statement(_ref(route, coordinator), word))
        if word is False:
            devices = (key.removeprefix("device/") for key in state if key.startswith("device/"))
            said.extend(Statement(_ref(route, ieee), None) for ieee in devices)
        return Decoded(statements=tuple(said), changes=(Change("bridge", word, lasting=False),))

    def _event(self, route: Route, message: Message, state: State) -> Decoded:
        """Joins and leaves; what else the bridge tells there, the inventory says better."""
        found = read_object(message.payload, self._limits, None)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        kind, data = str(found.get("type")), found.get("data")
        what = _EVENTS.get(kind)
        if what is None:
            return NOTHING
        ieee = ieee_of(data.get("ieee_address")) if isinstance(data, dict) else ""
        if not isinstance(data, dict) or not ieee:
            detail = f"{kind} of {show(data)}: an object with ieee_address, 0x and 16 hexadecimal digits, is right"
            return Decoded(problems=(Problem("bad_entry", detail),))
        device = _ref(route, ieee)
        name = clean(data.get("friendly_name"))
        event = Event(device, None, what, kind, None, name)
        if what == "leave":
            return Decoded(events=(event,))
        gateway = state.get("coordinator")
        via = _ref(route, gateway) if gateway is not None else None
        return Decoded(events=(event,), announcements=(Announcement(device=device, name=name, via=via),))


def _ref(route: Route, ieee: str) -> DeviceRef:
    return DeviceRef(route.community, "ieee", ieee)


def _attribute(name: str, state: State) -> tuple[str, str]:
    """The address and the attribute of ``{name}/{attribute}``, the longest known name first; empty where none is known.

    A group has no address: its own name stands there, which no address is.
    """
    at = name.rfind("/")
    for _ in range(_MOST_LEVELS):
        if at <= 0:
            break
        owner = name[:at]
        ieee = state.get(f"name/{owner}") or (f"group/{owner}" in state and _A_GROUP)
        if ieee:
            return ieee, name[at + 1 :]
        at = name.rfind("/", 0, at)
    return "", ""


def _without_old(reading: Reading, key: str, now: int, state: State) -> tuple[Change, ...]:
    """Take out what of the battery is as it was told within a day: the bridge says it again with every message.

    A message that says nothing else is the battery's own. Once a day it stays, for the course of the weeks.
    """
    values = reading.values
    told: dict[str, list[Any]] = state.get(key) or {}
    news: dict[str, list[Any]] = {}
    for name in _SLOW:
        if name in values:
            value, before = values[name], told.get(name)
            if before is None or before[0] != value or not 0 <= now - before[1] < _SLOW_AGAIN_MS:
                news[name] = [value, now]
            elif len(values) > 1:
                del values[name]
    return (Change(key, {**told, **news}, lasting=False),) if news else ()


def _said(device: DeviceRef, time: int | None, reading: Reading, changes: tuple[Change, ...] = ()) -> Decoded:
    return Decoded(
        samples=(Sample(device, time, reading.values),) if reading.values else (),
        problems=tuple(reading.problems),
        unknown=tuple(reading.unknown),
        changes=changes,
    )
