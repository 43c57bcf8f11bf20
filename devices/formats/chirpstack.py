"""ChirpStack v4: ``application/{uuid}/device/{devEui}/event/{event}``, JSON (the server's setting ``json = true``).

Source: ChirpStack's integration events (chirpstack/api/proto/integration, www.chirpstack.io/docs). Its JSON leaves out
what is zero, false or empty: an absent ``fPort`` is 0, absent ``data`` an empty frame.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Decoded, DeviceRef, Event, Limits, Message, Problem, Sample, State
from devices.formats.json_bytes import read_object, show
from devices.lorawan.fields import table_of
from devices.lorawan.reading import Reading, iso_moment
from devices.lorawan.uplink import (
    Introduction,
    Uplink,
    bytes_of,
    eui_of,
    introduce,
    introduction,
    position,
    read_uplink,
    strongest,
)
from devices.words import own_value

_EVENTS: Final = frozenset({"up", "status", "join", "ack", "txack", "log", "location", "integration"})
_OF_DOWNLINKS: Final = frozenset({"ack", "txack"})
"""Answers to what somebody sent to the device: no reading, and nothing of the device's own."""
_CODE_LENGTH: Final = 64


class Route(msgspec.Struct, frozen=True):
    """What a topic says. ``wrong`` is the sentence about a topic that is not as it should be."""

    device: DeviceRef
    event: str
    wrong: str = ""


class ChirpStackFormat:
    """Implements ``devices.contract.Format``. ``prefix``: what a bridge puts before the server's own topics."""

    name = "chirpstack"

    def __init__(self, limits: Limits | None = None, *, prefix: str = "") -> None:
        self._limits = limits if limits is not None else Limits()
        self._root = f"{prefix.strip('/')}/application/" if prefix.strip("/") else "application/"
        self.filters: tuple[str, ...] = (f"{self._root}+/device/+/event/+",)

    def route(self, topic: str, community: str | None) -> Route | None:
        """The device and the event; topics of commands are not this format's."""
        if not topic.startswith(self._root):
            return None
        parts = topic.removeprefix(self._root).split("/")
        if len(parts) != 5 or parts[1] != "device" or parts[3] != "event":
            return None
        eui, event = eui_of(parts[2]), parts[4]
        device = DeviceRef(community or "", "eui64", eui or "")
        if eui is None:
            right = "the sixteen hexadecimal digits of a DevEUI"
            return Route(device, event, f"device {show(parts[2])} in the topic: {right} stand there by default")
        if event not in _EVENTS:
            return Route(
                device, event, f"event {show(event)} in the topic: expected one of {', '.join(sorted(_EVENTS))}"
            )
        return Route(device, event)

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one event. Never raises."""
        if route.wrong:
            return Decoded(problems=(Problem("bad_topic", route.wrong, route.device if route.device.id else None),))
        if route.event in _OF_DOWNLINKS:
            return NOTHING
        found = read_object(message.payload, self._limits, route.device)
        if isinstance(found, Problem):
            hint = "; ChirpStack sends JSON with json = true under [integration.mqtt]"
            return Decoded(problems=(Problem(found.reason, found.detail + hint, route.device),))
        info = found.get("deviceInfo")
        if not isinstance(info, dict):
            detail = f"deviceInfo is {show(info)}: an event of ChirpStack v4 has one; is the server older?"
            return Decoded(problems=(Problem("no_device_info", detail, route.device),))
        who = _who(route, info)
        time = iso_moment(found["time"]) if isinstance(found.get("time"), str) else None
        return self._event(route.event, found, who, time, state)

    def _event(self, event: str, found: dict[str, Any], who: Introduction, time: int | None, state: State) -> Decoded:
        if event == "up":
            return read_uplink(_uplink(found, time), who, self._limits, state)
        if event == "log":
            return _log(found, who, time, self._limits)
        if event == "join":
            announcements, changes = introduce(who, {}, state, always=True)
            return Decoded(announcements=announcements, changes=changes)
        if event == "status":
            return _status(found, who, time, state)
        return self._from_a_service(event, found, who, time)

    def _from_a_service(self, event: str, found: dict[str, Any], who: Introduction, time: int | None) -> Decoded:
        """A position, or an object of an integration, of which only known fields are read."""
        identity = _identity(found)
        if event == "location":
            values = position(found.get("location"))
        else:
            inner = found.get("object")
            known = inner if isinstance(inner, dict) else {}
            values, _ = Reading(self._limits).take(known, table_of(who.described), known_only=True)
        return Decoded(samples=(Sample(who.device, time, values, identity),) if values else ())


def _who(route: Route, info: dict[str, Any]) -> Introduction:
    """The device, by the payload's own word where it has one."""
    eui = info.get("devEui")
    device = route.device
    if eui != device.id:
        said = eui_of(eui)
        device = DeviceRef(device.community, "eui64", said) if said is not None else device
    words = (_text(info, "deviceName"), "", _text(info, "deviceProfileName"), "", _text(info, "applicationName"))
    return introduction(device, words, info.get("tags"))


def _uplink(found: dict[str, Any], time: int | None) -> Uplink:
    decoded, port = found.get("object"), found.get("fPort", 0)
    known = isinstance(decoded, dict)
    return Uplink(
        time=time,
        identity=_identity(found),
        signal=strongest(found.get("rxInfo")),
        port=port if isinstance(port, int) else 0,
        frame=None if known else bytes_of(found.get("data") or ""),
        decoded=decoded if known else None,
    )


def _status(found: dict[str, Any], who: Introduction, time: int | None, state: State) -> Decoded:
    """Battery and margin that a device answered when the server asked. A level is 0 where it has no battery."""
    mains = found.get("externalPowerSource") is True
    unknown = found.get("batteryLevelUnavailable") is True
    level, margin = own_value(found.get("batteryLevel")), own_value(found.get("margin"))
    values: dict[str, Any] = {}
    if isinstance(level, float) and level > 0 and not mains and not unknown:
        values["battery"] = level
    if isinstance(margin, float):
        values["margin"] = margin
    about: dict[str, str | int] = {}
    if mains or "battery" in values:
        about["power"] = "mains" if mains else "battery"
    announcements, changes = introduce(who, about, state)
    samples = (Sample(who.device, time, values, _identity(found)),) if values else ()
    return Decoded(samples=samples, announcements=announcements, changes=changes)


def _log(found: dict[str, Any], who: Introduction, time: int | None, limits: Limits) -> Decoded:
    """What the server noted of the device: errors are faults that happened, the rest is for the log."""
    kind = "fault" if found.get("level") == "ERROR" else "log"
    code, text = _text(found, "code") or "UNKNOWN", _text(found, "description")
    event = Event(who.device, time, kind, code[:_CODE_LENGTH], None, text[: limits.text].replace("\0", ""))
    return Decoded(events=(event,))


def _identity(found: dict[str, Any]) -> str | None:
    return _text(found, "deduplicationId")[:64] or None


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""
