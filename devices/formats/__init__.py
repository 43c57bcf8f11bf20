"""The wire formats, by the name that a connection lists them under; each is imported when a connection first asks for it.

A format is found, not registered: the module (or folder) ``x`` here with its worked examples ``x_examples.toml`` beside it is the
format ``x``. Beside those there are formats that are data: the files of ``devices/profiles``, and of a user's own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

from devices.contract import Format, Limits

_EXAMPLES: Final = "_examples.toml"


def _found() -> Mapping[str, str]:
    files = (file for folder in __path__ for file in Path(folder).glob(f"*{_EXAMPLES}"))
    names = (file.name.removesuffix(_EXAMPLES) for file in files)
    return MappingProxyType({name: f"{__name__}.{name}" for name in names})


_FORMATS: Final = _found()
"""The formats that are code: name -> module."""


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
    if name not in _FORMATS:
        file = _profiles().find(name, profiles)
        if file is None:
            raise UnknownFormat(f"unknown format {name!r}; expected one of {', '.join(names(profiles))}")
        profile: Format = _profiles().load(file, limits, options, profiles)
        return profile
    kind = _class_of(name)
    try:
        made: Format = kind(limits, **(options or {}))
    except (TypeError, ValueError) as error:
        raise UnknownFormat(f"format {name}: {error}") from error
    return made


def _class_of(name: str) -> Callable[..., Any]:
    """The class of that ``name`` in the format's module; made with ``limits`` and the connection's options (text -> text)."""
    module = import_module(_FORMATS[name])
    for found in vars(module).values():
        if isinstance(found, type) and found.__module__ == module.__name__ and getattr(found, "name", "") == name:
            return found
    raise UnknownFormat(f'{module.__name__} has worked examples and no class with name = "{name}"')


def _profiles() -> ModuleType:
    return import_module("devices.profiles")
