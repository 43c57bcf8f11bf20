"""The wire formats, by the name that a connection lists them under; each is imported when a connection first asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from devices.contract import Format, Limits

_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "influx_line": "devices.formats.influx_line:InfluxLineFormat",
        "native": "devices.formats.native:NativeFormat",
        "senml": "devices.formats.senml:SenmlFormat",
        "shelly": "devices.formats.shelly:ShellyFormat",
        "telegraf_json": "devices.formats.telegraf_json:TelegrafJsonFormat",
    }
)
"""Name -> module and class. A class is made with ``limits`` and the connection's options for it (text -> text)."""


class UnknownFormat(ValueError):
    """No format has this name, or it has no such option; the text says which there are."""


def names() -> tuple[str, ...]:
    """Every format that a connection can list."""
    return tuple(sorted(_FORMATS))


def make(name: str, limits: Limits | None = None, options: Mapping[str, str] | None = None) -> Format:
    """The format, as one connection speaks it. UnknownFormat names what is wrong and what there is."""
    where = _FORMATS.get(name)
    if where is None:
        raise UnknownFormat(f"unknown format {name!r}; expected one of {', '.join(names())}")
    module, _, kind = where.partition(":")
    try:
        made: Format = getattr(import_module(module), kind)(limits, **(options or {}))
    except (TypeError, ValueError) as error:
        raise UnknownFormat(f"format {name}: {error}") from error
    return made
