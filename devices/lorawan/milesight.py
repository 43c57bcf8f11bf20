"""Milesight: channel, type, value, little-endian, port 85; which channel is what depends on the model.

``milesight.toml`` has the channels. The object has the maker's names; values of earlier moments stand in ``history``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from devices.lorawan.layout import Frame, Layout, Trouble, layout

_ANSWERS: Final = frozenset({0xF8, 0xF9, 0xFE, 0xFF})
"""Channels of answers to settings: what follows one that is not in the table has no known length."""


class Channel(NamedTuple):
    """What one channel and type stand for."""

    shape: Layout
    history: bool


class Model(NamedTuple):
    """One model, with all its channels: (channel, type) as one number -> what it is."""

    name: str
    channels: Mapping[int, Channel]


@cache
def models() -> Mapping[str, Model]:
    """Every model by its name in lower case, and under the empty name what all have in common; read once."""
    text = (resources.files("devices.lorawan") / "milesight.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    common = _channels(document["common"], history=False)
    made = {"": Model("", common)}
    for family in document["family"]:
        own = _channels(family["channels"], history=False) | _channels(family.get("history", {}), history=True)
        made |= {name: Model(name, common | own) for name in family["models"]}
    return made


def _channels(lines: Mapping[str, str], *, history: bool) -> dict[int, Channel]:
    return {int(tag.replace(" ", ""), 16): Channel(layout(line), history) for tag, line in lines.items()}


@cache
def _names() -> re.Pattern[str]:
    longest_first = sorted((name for name in models() if name), key=len, reverse=True)
    return re.compile(rf"(?<![a-z0-9])({'|'.join(re.escape(name) for name in longest_first)})(?![a-z0-9])")


def find(text: str) -> Model:
    """The model that a text in lower case names, or what all models have in common."""
    found = _names().search(text) or _names().search(text.replace(" ", "-").replace("_", "-"))
    return models()[found[1] if found is not None else ""]


def read(payload: bytes, model: Model) -> Frame:
    """What the frame says; what stands before a channel that the model does not have is kept."""
    values: dict[str, Any] = {}
    earlier: list[dict[str, Any]] = []
    trouble = None
    at = 0
    while at < len(payload):
        tag = int.from_bytes(payload[at : at + 2], "big")
        channel = model.channels.get(tag) if at + 2 <= len(payload) else None
        if channel is None or at + 2 + channel.shape.size > len(payload):
            trouble = _why(payload, at, channel, model)
            break
        if channel.history:
            earlier.append({})
            channel.shape.fill(earlier[-1], payload, at + 2, "little")
        else:
            fresh: dict[str, Any] = {}
            channel.shape.fill(fresh, payload, at + 2, "little")
            values |= fresh
        at += 2 + channel.shape.size
    if earlier:
        values["history"] = earlier
    return Frame(values, trouble)


def _why(payload: bytes, at: int, channel: Channel | None, model: Model) -> Trouble | None:
    """Why reading ends at this byte; None where an answer to a setting follows, which is nobody's reading."""
    tag = payload[at : at + 2].hex(" ")
    if channel is not None:
        left = len(payload) - at - 2
        return Trouble(
            "cut_short", f"{tag} at byte {at} wants {channel.shape.size} bytes, {left} are left: send whole values"
        )
    if len(payload) - at < 2:
        return Trouble("cut_short", f"byte {at} is a channel without a type: send whole values")
    if payload[at] in _ANSWERS:
        return None
    if not model.name:
        detail = f"{tag} at byte {at} depends on the model: name it in the codec, e.g. milesight am307"
        return Trouble("model_missing", detail)
    return Trouble(
        "unknown_channel", f"{tag} at byte {at} is not in the table of {model.name}: is this the right model?"
    )
