"""The Things Stack v3: ``v3/{application}[@{tenant}]/devices/{device}/{up|join|location/solved|…}``, JSON.

Source: the stack's documentation of its MQTT server and data formats (thethingsindustries.com/docs). What is zero,
false or empty is left out: an absent ``f_port`` or ``f_cnt`` is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Decoded, DeviceRef, Limits, Message, Problem, Sample, State
from devices.formats.json_bytes import read_object, show
from devices.lorawan.reading import iso_moment
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

_READ: Final = ("up", "join", "location/solved")
_NO_MAP: Final[Mapping[str, Any]] = {}


class Route(msgspec.Struct, frozen=True):
    """What a topic says."""

    community: str
    application: str
    """With the tenant, as the topic has it."""
    device: str
    event: str


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
        found = read_object(message.payload, self._limits, None)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        up = _map(found, "uplink_message")
        who = _who(route, found, up)
        if route.event == "up":
            if not up:
                detail = (
                    f"uplink_message is {show(found.get('uplink_message'))}: an uplink of The Things Stack v3 has one"
                )
                return Decoded(problems=(Problem("no_uplink", detail, who.device),))
            return read_uplink(_uplink(found, up), who, self._limits, state)
        if route.event == "join":
            announcements, changes = introduce(who, {}, state, always=True)
            return Decoded(announcements=announcements, changes=changes)
        solved = _map(found, "location_solved")
        values = position(solved.get("location"))
        return Decoded(samples=(Sample(who.device, _time(found), values),) if values else ())


def _who(route: Route, found: dict[str, Any], up: Mapping[str, Any]) -> Introduction:
    """The device by its DevEUI; one without (activated by hand) by its name in the application."""
    ids = _map(found, "end_device_ids")
    eui = eui_of(ids.get("dev_eui"))
    if eui is not None:
        device = DeviceRef(route.community, "eui64", eui)
    else:
        device = DeviceRef(route.community, "tts", f"{route.application}/{route.device}"[:128])
    version = _map(up, "version_ids")
    maker, model, firmware = (_text(version, key) for key in ("brand_id", "model_id", "firmware_version"))
    return introduction(device, (route.device, maker, model, firmware, route.application), up.get("attributes"))


def _uplink(found: dict[str, Any], up: Mapping[str, Any]) -> Uplink:
    decoded, normalized, port = up.get("decoded_payload"), up.get("normalized_payload"), up.get("f_port", 0)
    if isinstance(normalized, dict):
        normalized = [normalized]
    known, count = isinstance(decoded, dict), up.get("f_cnt", 0)
    return Uplink(
        time=_time(up) or _time(found),
        identity=f"{_text(up, 'session_key_id')[:48]}:{count if isinstance(count, int) else 0}"[:64],
        signal=strongest(up.get("rx_metadata")),
        port=port if isinstance(port, int) else 0,
        frame=None if known else bytes_of(up.get("frm_payload") or ""),
        decoded=decoded if known else None,
        normalized=normalized if isinstance(normalized, list) and normalized else None,
        quality="simulated" if found.get("simulated") is True else "good",
    )


def _time(found: Mapping[str, Any]) -> int | None:
    """When the network server, or else the application server, received it."""
    said = found.get("received_at")
    return iso_moment(said) if isinstance(said, str) else None


def _map(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else _NO_MAP


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""
