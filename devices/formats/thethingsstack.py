"""The Things Stack v3: ``v3/{application}[@{tenant}]/devices/{device}/{up|join|location/solved|…}``, JSON.

Source: the stack's documentation of its MQTT server and data formats (thethingsindustries.com/docs). What is zero,
false or empty is left out: an absent ``f_port`` or ``f_cnt`` is 0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Decoded, DeviceRef, Limits, Message, Problem, Sample, State
from devices.formats.json_bytes import NO_PART, read_fields, read_part, read_raw, show
from devices.lorawan.gateways import eui_of, heard_by
from devices.lorawan.reading import iso_moment
from devices.lorawan.uplink import (
    Introduction,
    Uplink,
    bytes_of,
    introduction,
    joined,
    position,
    read_uplink,
)

_READ: Final = ("up", "join", "location/solved")
_REMEMBERED: Final = 2_048
"""Bytes of what is said of a device that are remembered."""


class Route(msgspec.Struct, frozen=True):
    """What a topic says."""

    community: str
    application: str
    """With the tenant, as the topic has it."""
    device: str
    event: str


class _Up(msgspec.Struct, gc=False):
    """What is read of ``uplink_message``. Fields take anything: what they hold is looked at where it is used."""

    received_at: Any = None
    session_key_id: Any = None
    f_port: Any = 0
    f_cnt: Any = 0
    frm_payload: Any = None
    decoded_payload: Any = None
    normalized_payload: Any = None
    rx_metadata: msgspec.Raw = NO_PART
    version_ids: msgspec.Raw = NO_PART
    attributes: msgspec.Raw = NO_PART


class _Said(msgspec.Struct, gc=False):
    """What is read of a message."""

    end_device_ids: msgspec.Raw = NO_PART
    received_at: Any = None
    simulated: Any = None
    uplink_message: msgspec.Raw = NO_PART
    location_solved: Any = None


class _Ids(msgspec.Struct, gc=False):
    """What the stack calls a gateway. Its own word for it need not be one gateway's alone: ``packetbroker`` is many."""

    eui: Any = None


class _Gateway(msgspec.Struct, gc=False):
    """Implements ``devices.lorawan.gateways.Gateway``."""

    rssi: Any = None
    gateway_ids: _Ids | None = None

    def eui(self) -> str | None:
        return None if self.gateway_ids is None else eui_of(self.gateway_ids.eui)


_NO_UPLINK: Final = _Up()
_read_gateways: Final = msgspec.json.Decoder(list[_Gateway] | None).decode
_read_said: Final = msgspec.json.Decoder(_Said).decode
_read_up: Final = msgspec.json.Decoder(_Up).decode


class TheThingsStackFormat:
    """Implements ``devices.contract.Format``. ``prefix``: what a bridge puts before the server's own topics."""

    name = "thethingsstack"

    def __init__(self, limits: Limits | None = None, *, prefix: str = "") -> None:
        self._limits = limits if limits is not None else Limits()
        self._root = f"{prefix.strip('/')}/v3/" if prefix.strip("/") else "v3/"
        self.filters: tuple[str, ...] = tuple(f"{self._root}+/devices/+/{event}" for event in _READ)

    def route(self, topic: str, community: str | None) -> Route | None:
        """The application, the device's name there, and the event."""
        if not topic.startswith(self._root):
            return None
        parts = topic.removeprefix(self._root).split("/", 3)
        if len(parts) != 4 or parts[1] != "devices" or not parts[0] or not parts[2]:
            return None
        return Route(community or "", parts[0], parts[2], parts[3])

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.event not in _READ:
            return NOTHING
        found = read_fields(message.payload, _read_said, self._limits, None)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        up = read_part(found.uplink_message, _read_up)
        who = _who(route, found, _NO_UPLINK if up is None else up)
        if who is None or (up is None and route.event == "up"):
            return Decoded(problems=(_stranger(route, found) if who is None else _no_uplink(found, who),))
        if up is not None and route.event == "up":
            return read_uplink(_uplink(found, up, message.received_at), who, self._limits, state)
        if route.event == "join":
            return joined(who, iso_moment(found.received_at), None, state)
        solved = found.location_solved
        values = position(solved.get("location") if isinstance(solved, dict) else None)
        return Decoded(samples=(Sample(who.device, iso_moment(found.received_at), values),) if values else ())


def _stranger(route: Route, found: _Said) -> Problem:
    ids = show(read_raw(found.end_device_ids))
    detail = f"end_device_ids is {ids}, the topic of {show(route.device)}: both have to name one device"
    return Problem("bad_identity", detail)


def _no_uplink(found: _Said, who: Introduction) -> Problem:
    said = show(read_raw(found.uplink_message))
    return Problem("no_uplink", f"uplink_message is {said}: an uplink of The Things Stack v3 has one", who.device)


def _who(route: Route, found: _Said, up: _Up) -> Introduction | None:
    """Who speaks, by the bytes of what is said of the device; a server says the same with every uplink."""
    ids, version, attributes = bytes(found.end_device_ids), bytes(up.version_ids), bytes(up.attributes)
    short = len(ids) + len(version) + len(attributes) <= _REMEMBERED
    return (_remembered if short else _remembered.__wrapped__)(route, ids, version, attributes)


@lru_cache(maxsize=4096)
def _remembered(route: Route, ids: bytes, version: bytes, attributes: bytes) -> Introduction | None:
    """The device by its DevEUI; one without (activated by hand) by its name in the application.

    None where the message names another device than its topic.
    """
    said = _map(ids)
    if said.get("device_id") not in (None, route.device):
        return None
    eui = eui_of(said.get("dev_eui"))
    if eui is not None:
        device = DeviceRef(route.community, "eui64", eui)
    else:
        device = DeviceRef(route.community, "tts", f"{route.application}/{route.device}"[:128])
    kind = _map(version)
    maker, model, firmware = (_text(kind.get(key)) for key in ("brand_id", "model_id", "firmware_version"))
    return introduction(device, (route.device, maker, model, firmware, route.application), _map(attributes))


def _uplink(found: _Said, up: _Up, at: int) -> Uplink:
    normalized = up.normalized_payload
    if isinstance(normalized, dict):
        normalized = [normalized]
    known, count = isinstance(up.decoded_payload, dict), up.f_cnt
    return Uplink(
        time=iso_moment(up.received_at) or iso_moment(found.received_at),
        identity=f"{_text(up.session_key_id)[:48]}:{count if isinstance(count, int) else 0}"[:64],
        heard=heard_by(up.rx_metadata, _read_gateways),
        at=at,
        port=up.f_port if isinstance(up.f_port, int) else 0,
        frame=None if known else bytes_of(up.frm_payload or ""),
        decoded=up.decoded_payload if known else None,
        normalized=normalized if isinstance(normalized, list) and normalized else None,
        quality="simulated" if found.simulated is True else "good",
    )


def _map(part: bytes) -> dict[str, Any]:
    found = read_raw(part)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
