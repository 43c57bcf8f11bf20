"""The simulator's languages: for each wire format one module that says in it what a simulated device has to say.

A device speaks the format that belongs to its scheme, or one that is asked for. What a speaker says, the format's own
decoder reads back as the same device, points and values: ``tests/devices/test_speaking.py`` holds every one to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devices import profiles
from devices.simulator.model import SimDevice
from devices.simulator.speaking.by_profile import ProfileSpeaker
from devices.simulator.speaking.speech import Speaker, Stage, UnknownSpeaker

__all__ = ["OF_SCHEME", "PUSHED", "UnknownSpeaker", "format_of", "make", "names"]

_SPEAKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alink": "devices.simulator.speaking.clouds:AlinkSpeaker",
        "chirpstack": "devices.simulator.speaking.chirpstack:ChirpStackSpeaker",
        "edgex": "devices.simulator.speaking.clouds:EdgexSpeaker",
        "homeassistant": "devices.simulator.speaking.homeassistant:HomeAssistantSpeaker",
        "huawei_iotda": "devices.simulator.speaking.clouds:HuaweiSpeaker",
        "influx_line": "devices.simulator.speaking.telegraf:InfluxLineSpeaker",
        "lift_gbt24476": "devices.simulator.speaking.facilities:LiftSpeaker",
        "native": "devices.simulator.speaking.native:NativeSpeaker",
        "people_counter_milesight": "devices.simulator.speaking.facilities:MilesightCounterSpeaker",
        "senml": "devices.simulator.speaking.senml:SenmlSpeaker",
        "shelly": "devices.simulator.speaking.shelly:ShellySpeaker",
        "sparkplug": "devices.simulator.speaking.sparkplug:SparkplugSpeaker",
        "tasmota": "devices.simulator.speaking.tasmota:TasmotaSpeaker",
        "telegraf_json": "devices.simulator.speaking.telegraf:TelegrafJsonSpeaker",
        "thethingsstack": "devices.simulator.speaking.thethingsstack:TheThingsStackSpeaker",
        "tuyalink": "devices.simulator.speaking.clouds:TuyaLinkSpeaker",
        "zigbee2mqtt": "devices.simulator.speaking.zigbee2mqtt:Zigbee2MqttSpeaker",
    }
)
"""Format -> module and class. A class is made with the ``Stage`` and the devices that speak it.

Formats that are not here are profiles, and all spoken alike, from their own data; those that are here say more than that:
what a platform adds by itself, and numbers as texts.
"""

OF_SCHEME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "alink": "alink",
        "edgex": "edgex",
        "eui64": "chirpstack",
        "host": "influx_line",
        "huawei": "huawei_iotda",
        "ieee": "zigbee2mqtt",
        "lift": "lift_gbt24476",
        "mac": "shelly",
        "milesight": "people_counter_milesight",
        "native": "native",
        "parking": "parking_platform",
        "spb": "sparkplug",
        "thingsboard": "thingsboard_gateway",
        "tuya": "tuyalink",
        "urn": "senml",
    }
)
"""Scheme of a device's id -> the format that such a device speaks unless another is asked for."""


PUSHED: Final = ("ctwing", "generic_http", "onenet")
"""Formats that come over HTTP alone: a vendor's cloud pushes them."""


def names(own: Path | None = None) -> tuple[str, ...]:
    """Every format that the simulator speaks; ``own`` is the folder of the user's profiles."""
    return tuple(sorted({*_SPEAKERS, *profiles.names(own)}))


def format_of(device: SimDevice) -> str:
    """What the device speaks by its scheme. UnknownSpeaker names the device where nothing is known for it."""
    found = OF_SCHEME.get(device.scheme)
    if found is None:
        right = f"expected one of {', '.join(sorted(OF_SCHEME))}, or a format for all devices"
        raise UnknownSpeaker(f"device {device.id}: the simulator knows no format for scheme {device.scheme!r}; {right}")
    return found


def make(name: str, stage: Stage, devices: Sequence[SimDevice], own: Path | None = None) -> Speaker:
    """The speaker of a format, for those devices. UnknownSpeaker says which formats there are.

    ``own``: the folder of the user's profiles; BadProfile names the mistakes of one.
    """
    if name not in names(own):
        raise UnknownSpeaker(f"the simulator does not speak {name!r}; it speaks {', '.join(names(own))}")
    where = _SPEAKERS.get(name)
    if where is None:
        return ProfileSpeaker(name, stage, devices, own)
    module, _, kind = where.partition(":")
    speaker: Speaker = getattr(import_module(module), kind)(stage, devices)
    return speaker
