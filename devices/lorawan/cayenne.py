"""Cayenne Low Power Payload: channel, type, value, big-endian; a generic grammar that many kits and makers speak.

Source: the format's own description (github.com/myDevicesIoT/CayenneLPP, MIT), with the types that its successors added
under the object numbers of the IPSO registry less 3200. Names are those of The Things Stack: ``temperature_3`` is the
temperature of channel 3.
"""

from __future__ import annotations

from typing import Any, Final

from devices.lorawan.layout import Frame, Layout, Trouble, layout

_TYPES: Final[dict[int, tuple[str, Layout]]] = {
    number: (name, layout(text))
    for number, name, text in (
        (0, "digital_in", "value:u8"),
        (1, "digital_out", "value:u8"),
        (2, "analog_in", "value:i16/100"),
        (3, "analog_out", "value:i16/100"),
        (100, "generic", "value:u32"),
        (101, "luminosity", "value:u16"),
        (102, "presence", "value:u8"),
        (103, "temperature", "value:i16/10"),
        (104, "relative_humidity", "value:u8/2"),
        (113, "accelerometer", "x:i16/1000 y:i16/1000 z:i16/1000"),
        (115, "barometric_pressure", "value:u16/10"),
        (116, "voltage", "value:u16/100"),
        (117, "current", "value:u16/1000"),
        (118, "frequency", "value:u32"),
        (120, "percentage", "value:u8"),
        (121, "altitude", "value:i16"),
        (125, "concentration", "value:u16"),
        (128, "power", "value:u16"),
        (130, "distance", "value:u32/1000"),
        (131, "energy", "value:u32/1000"),
        (132, "direction", "value:u16"),
        (133, "unix_time", "value:u32"),
        (134, "gyrometer", "x:i16/100 y:i16/100 z:i16/100"),
        (135, "colour", "r:u8 g:u8 b:u8"),
        (136, "gps", "latitude:i24/10000 longitude:i24/10000 altitude:i24/100"),
        (142, "switch", "value:u8"),
    )
}


def read(payload: bytes) -> Frame:
    """What the frame says; what stands before a type that is not known is kept."""
    values: dict[str, Any] = {}
    at = 0
    while at < len(payload):
        channel, kind = payload[at], payload[at + 1] if at + 1 < len(payload) else None
        if kind not in _TYPES:
            detail = f"type {kind} at byte {at + 1} is not one of Cayenne LPP: set the device's own codec"
            return Frame(values, Trouble("unknown_type", detail))
        name, shape = _TYPES[kind]
        if at + 2 + shape.size > len(payload):
            detail = (
                f"{name} at byte {at} wants {shape.size} bytes, {len(payload) - at - 2} are left: send whole values"
            )
            return Frame(values, Trouble("cut_short", detail))
        parts: dict[str, Any] = {}
        shape.fill(parts, payload, at + 2, "big")
        values[f"{name}_{channel}"] = parts.get("value", parts)
        at += 2 + shape.size
    return Frame(values)
