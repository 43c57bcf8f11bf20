"""ELSYS: type byte, value, big-endian; one table for all models (ERS, EMS, ELT …).

Source: the maker's published list of types ("ELSYS payload", elsys.se). Names are those of the maker's own decoder.
Three types are passed over: the position (0x09), the picture of an infrared array (0x13) and debug words (0x3D).
"""

from __future__ import annotations

from typing import Any, Final

from devices.lorawan.layout import Frame, Layout, Trouble, layout

_SETTINGS_PORT: Final = 6
_SETTINGS: Final = 0x3E
"""Settings, up to the end of the frame."""

_TYPES: Final[dict[int, Layout]] = {
    number: layout(text)
    for number, text in {
        0x01: "temperature:i16/10",
        0x02: "humidity:u8",
        0x03: "x:i8 y:i8 z:i8",
        0x04: "light:u16",
        0x05: "motion:u8",
        0x06: "co2:u16",
        0x07: "vdd:u16",
        0x08: "analog1:u16",
        0x09: "-:6",
        0x0A: "pulse1:u16",
        0x0B: "pulse_abs:u32",
        0x0C: "external_temperature:i16/10",
        0x0D: "digital:u8",
        0x0E: "distance:u16",
        0x0F: "acc_motion:u8",
        0x10: "ir_internal_temperature:i16/10 ir_external_temperature:i16/10",
        0x11: "occupancy:u8",
        0x12: "waterleak:u8",
        0x13: "-:65",
        0x14: "pressure:i32/1000",
        0x15: "sound_peak:u8 sound_avg:u8",
        0x16: "pulse2:u16",
        0x17: "pulse_abs2:u32",
        0x18: "analog2:u16",
        0x19: "external_temperature2:i16/10",
        0x1A: "digital2:u8",
        0x1B: "analog_uv:i32",
        0x1C: "tvoc:u16",
        0x3D: "-:4",
    }.items()
}


def read(payload: bytes, port: int) -> Frame:
    """What the frame says; what stands before a type that is not known is kept."""
    values: dict[str, Any] = {}
    if port == _SETTINGS_PORT:
        return Frame(values)
    at = 0
    while at < len(payload):
        kind = payload[at]
        if kind == _SETTINGS:
            break
        shape = _TYPES.get(kind)
        if shape is None:
            detail = f"type 0x{kind:02X} at byte {at} is not in ELSYS's list: is this device of another maker?"
            return Frame(values, Trouble("unknown_type", detail))
        if at + 1 + shape.size > len(payload):
            left = len(payload) - at - 1
            detail = f"type 0x{kind:02X} at byte {at} wants {shape.size} bytes, {left} are left: send whole values"
            return Frame(values, Trouble("cut_short", detail))
        shape.fill(values, payload, at + 1, "big")
        at += 1 + shape.size
    return Frame(values)
