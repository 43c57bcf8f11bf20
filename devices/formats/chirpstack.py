"""ChirpStack v4: ``application/{uuid}/device/{devEui}/event/{event}``, JSON or Protocol Buffers (the server's ``json``).

Source: ChirpStack's integration events (chirpstack/api/proto/integration, www.chirpstack.io/docs). Its JSON leaves out
what is zero, false or empty: an absent ``fPort`` is 0, absent ``data`` an empty frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Decoded, DeviceRef, Event, Limits, Message, Problem, Sample, State
from devices.formats.chirpstack_protobuf import event_json, is_protobuf
from devices.formats.json_bytes import NO_PART, read_fields, read_raw, show
from devices.formats.protobuf_wire import TooManyFields, WireError
from devices.lorawan.fields import table_of
from devices.lorawan.gateways import eui_of, heard_by
from devices.lorawan.reading import Reading, iso_moment
from devices.lorawan.uplink import (
    Introduction,
    Uplink,
    bytes_of,
    introduce,
    introduction,
    joined,
    position,
    read_uplink,
)
from devices.words import own_value

_EVENTS: Final = frozenset({"up", "status", "join", "ack", "txack", "log", "location", "integration"})
_OF_DOWNLINKS: Final = frozenset({"ack", "txack"})
"""Answers to what somebody sent to the device: no reading, and nothing of the device's own."""
_CODE_LENGTH: Final = 64
_REMEMBERED: Final = 2_048
"""Bytes of a ``deviceInfo`` that is remembered."""


class Route(msgspec.Struct, frozen=True):
    """What a topic says. ``wrong`` is the sentence about a topic that is not as it should be."""

    device: DeviceRef
    event: str
    wrong: str = ""


class _Event(msgspec.Struct, rename="camel", gc=False):
    """What is read of an event. Fields take anything: what they hold is looked at where it is used."""

    device_info: msgspec.Raw = NO_PART
    time: Any = None
    deduplication_id: Any = None
    f_port: Any = 0
    data: Any = None
    object: Any = None
    rx_info: msgspec.Raw = NO_PART
    location: Any = None
    external_power_source: Any = None
    battery_level_unavailable: Any = None
    battery_level: Any = None
    margin: Any = None
    level: Any = None
    code: Any = None
    description: Any = None


class _Gateway(msgspec.Struct, rename="camel", gc=False):
    """Implements ``devices.lorawan.gateways.Gateway``."""

    rssi: Any = None
    gateway_id: Any = None

    def eui(self) -> str | None:
        return eui_of(self.gateway_id)


_NOBODY: Final = "0" * 16
"""Stands in topics that a bridge made for all devices: the payload says whose event it is."""
_read_event: Final = msgspec.json.Decoder(_Event).decode
_read_gateways: Final = msgspec.json.Decoder(list[_Gateway] | None).decode


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
        found = self._read(route, message.payload)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        about = bytes(found.device_info)  # a server says the same with every event
        who = (_who if len(about) <= _REMEMBERED else _who.__wrapped__)(route.device, about)
        if who is None or route.device.id not in (who.device.id, _NOBODY):
            return Decoded(problems=(_stranger(route, found, who),))
        if route.event == "up":
            return read_uplink(_uplink(found, message.received_at), who, self._limits, state)
        return self._event(route.event, found, who, state)

    def _read(self, route: Route, payload: bytes) -> _Event | Problem:
        """The event, whichever way the server writes it."""
        if len(payload) <= self._limits.payload and is_protobuf(payload):
            try:
                payload = event_json(payload, route.event, self._limits.depth)
            except TooManyFields as error:
                return Problem("too_many_values", f"{error}: let the codec send fewer values", route.device)
            except WireError as error:
                detail = f"{error}: neither JSON nor the Protocol Buffers of ChirpStack's event {route.event}"
                return Problem("not_protobuf", detail, route.device)
        return read_fields(payload, _read_event, self._limits, route.device)

    def _event(self, event: str, found: _Event, who: Introduction, state: State) -> Decoded:
        time = iso_moment(found.time)
        if event == "log":
            return _log(found, who, time, self._limits)
        if event == "join":
            return joined(who, time, _identity(found), state)
        if event == "status":
            return _status(found, who, time, state)
        return self._from_a_service(event, found, who, time)

    def _from_a_service(self, event: str, found: _Event, who: Introduction, time: int | None) -> Decoded:
        """A position, or an object of an integration, of which only known fields are read."""
        if event == "location":
            values = position(found.location)
        else:
            known = found.object if isinstance(found.object, dict) else {}
            values, _ = Reading(self._limits).take(known, table_of(who.described), known_only=True)
        return Decoded(samples=(Sample(who.device, time, values, _identity(found)),) if values else ())


def _stranger(route: Route, found: _Event, who: Introduction | None) -> Problem:
    """Why the event is not the device's in the topic."""
    if who is None:
        info = show(read_raw(found.device_info))
        detail = f"deviceInfo is {info}: an event of ChirpStack v4 has one; is the server older?"
        return Problem("no_device_info", detail, route.device)
    detail = f"deviceInfo is of {who.device.id}, the topic of {route.device.id}: both have to name one device"
    return Problem("bad_identity", detail, route.device)


@lru_cache(maxsize=4096)
def _who(device: DeviceRef, info: bytes) -> Introduction | None:
    """Who speaks, by the bytes of ``deviceInfo``; None where they are no object.

    ``device``: by the topic. Where the payload has another word, the answer has that one.
    """
    found = read_raw(info)
    if not isinstance(found, dict):
        return None
    said = eui_of(found.get("devEui"))
    if said is not None and said != device.id:
        device = DeviceRef(device.community, "eui64", said)
    name, profile, application = (
        _text(found.get(key)) for key in ("deviceName", "deviceProfileName", "applicationName")
    )
    return introduction(device, (name, "", profile, "", application), found.get("tags"))


def _uplink(found: _Event, at: int) -> Uplink:
    decoded, port = found.object, found.f_port
    known = isinstance(decoded, dict)
    return Uplink(
        iso_moment(found.time),
        _identity(found),
        heard_by(found.rx_info, _read_gateways),
        at,
        port if isinstance(port, int) else 0,
        None if known else bytes_of(found.data or ""),
        decoded if known else None,
    )


def _status(found: _Event, who: Introduction, time: int | None, state: State) -> Decoded:
    """Battery and margin that a device answered when the server asked. A level is 0 where it has no battery."""
    mains = found.external_power_source is True
    unknown = found.battery_level_unavailable is True
    level, margin = own_value(found.battery_level), own_value(found.margin)
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


def _log(found: _Event, who: Introduction, time: int | None, limits: Limits) -> Decoded:
    """What the server noted of the device: errors are faults that happened, the rest is for the log."""
    kind = "fault" if found.level == "ERROR" else "log"
    code, text = _text(found.code) or "UNKNOWN", _text(found.description)
    event = Event(who.device, time, kind, code[:_CODE_LENGTH], None, text[: limits.text].replace("\0", ""))
    return Decoded(events=(event,))


def _identity(found: _Event) -> str | None:
    """What tells a repeat from a new event."""
    said = found.deduplication_id
    return said[:64] or None if isinstance(said, str) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
