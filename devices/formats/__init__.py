"""The wire formats, by the name that a connection lists them under; each is imported when a connection first asks for it.

Beside the formats written here there are those that are data: the files of ``devices/profiles``, and of a user's own folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from devices.contract import Format, Limits

_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "chirpstack": "devices.formats.chirpstack:ChirpStackFormat",
        "homeassistant": "devices.formats.homeassistant:HomeAssistantFormat",
        "influx_line": "devices.formats.influx_line:InfluxLineFormat",
        "native": "devices.formats.native:NativeFormat",
        "senml": "devices.formats.senml:SenmlFormat",
        "shelly": "devices.formats.shelly:ShellyFormat",
        "sparkplug": "devices.formats.sparkplug:SparkplugFormat",
        "tasmota": "devices.formats.tasmota:TasmotaFormat",
        "telegraf_json": "devices.formats.telegraf_json:TelegrafJsonFormat",
        "thethingsstack": "devices.formats.thethingsstack:TheThingsStackFormat",
        "zigbee2mqtt": "devices.formats.zigbee2mqtt:Zigbee2MqttFormat",
    }
)
"""Name -> module and class. A class is made with ``limits`` and the connection's options for it (text -> text)."""


class UnknownFormat(ValueError):
    """No format has this name, or it has no such option; the text says which there are."""


_RANKS: Final[Mapping[str, int]] = MappingProxyType({"native": 0, "homeassistant": 2})
_OF_A_MAKER: Final = 1
_OF_A_PROFILE: Final = 3


def rank(name: str) -> int:
    """Where two formats tell the same point of a device, the lower one speaks: native, a maker's, discovery, a profile."""
    return _RANKS.get(name, _OF_A_MAKER if name in _FORMATS else _OF_A_PROFILE)


def names(profiles: Path | None = None) -> tuple[str, ...]:
    """Every format that a connection can list; ``profiles`` is the folder of the user's own."""
    return tuple(sorted({*_FORMATS, *_profiles().names(profiles)}))


def make(
    name: str, limits: Limits | None = None, options: Mapping[str, str] | None = None, profiles: Path | None = None
) -> Format:
    """The format, as one connection speaks it. UnknownFormat names what is wrong and what there is."""
    where = _FORMATS.get(name)
    if where is None:
        file = _profiles().find(name, profiles)
        if file is None:
            raise UnknownFormat(f"unknown format {name!r}; expected one of {', '.join(names(profiles))}")
        profile: Format = _profiles().load(file, limits, options, profiles)
        return profile
    module, _, kind = where.partition(":")
    try:
        made: Format = getattr(import_module(module), kind)(limits, **(options or {}))
    except (TypeError, ValueError) as error:
        raise UnknownFormat(f"format {name}: {error}") from error
    return made


def _profiles() -> ModuleType:
    return import_module("devices.profiles")
