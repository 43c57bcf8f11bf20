"""Scenarios: scripted faults laid over what healthy devices say, as named files that tests and benchmarks share."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Final

from devices.simulator.signals import Value

SHAPES: Final = {
    "set": "values take what `values` says",
    "ramp": "the point's value moves by `per_minute` a minute from what it was",
    "stuck": "the device repeats what it read when the fault began",
    "silent": "the device says nothing; with a gateway, nothing behind it either, and the broker tells its last will; "
    "from the start on and without end: it is dead, and was never connected",
    "event": "a fault event `code` with active true at the start and false at the end",
    "burst": "the device reports every `every_ms` instead of its interval",
    "clock": "the device's clock is off by `offset_ms`",
    "no_clock": "the device sends no time",
    "duplicate": "every message is sent twice",
    "serial": "the device has the serial (or other id) `serial`, whatever the list says",
    "swapped": "two devices hang in each other's place: what happens at one place is said by the other device",
    "garbage": "payloads nobody can read, of several kinds, among the good ones",
}


class ScenarioError(ValueError):
    """A scenario file that cannot be played: names the file, the step, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One fault: which devices, when, and what happens to them. Times are ms from the scenario's start."""

    shape: str
    devices: tuple[str, ...]
    """Patterns of device ids, or ``building:b3`` for all of a building, ``gateway:gw-b1`` for all behind a gateway."""
    start: int
    end: int | None
    values: dict[str, Value]
    per_minute: float = 0.0
    code: str = ""
    text: str = ""
    offset_ms: int = 0
    every_ms: int = 1000
    serial: str = ""
    each_ms: int = 0
    """The devices take turns, in the community's order: each begins this much later than the one before; 0: all at once."""

    def runs_at(self, since_start: int) -> bool:
        """Whether the fault is present this long after the scenario's start."""
        return self.start <= since_start and (self.end is None or since_start < self.end)

    def touches(self, device: str, gateway: str, building: str) -> bool:
        """Whether the step is about this device."""
        return any(_matches(pattern, device, gateway, building) for pattern in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named play of faults."""

    name: str
    about_zh: str
    about_en: str
    steps: tuple[Step, ...]
    expect: tuple[str, ...]
    """``facility/failure_mode`` of the tickets that must come, no others; the tests read this."""
    community: str = ""
    """The shipped community that it is made for; empty: any."""


def _matches(pattern: str, device: str, gateway: str, building: str) -> bool:
    head, colon, tail = pattern.partition(":")
    if not colon:
        return fnmatchcase(device, pattern)
    return fnmatchcase(gateway if head == "gateway" else building, tail)


def names() -> list[str]:
    """The scenarios that come with the simulator."""
    folder = resources.files("devices.simulator") / "scenarios"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name_or_path: str) -> Scenario:
    """A shipped scenario by name, or a file by path."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        try:
            return parse(path.read_text(encoding="utf-8"), str(path), path.stem)
        except OSError as error:
            raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    if name_or_path not in names():
        raise ScenarioError(f"no scenario {name_or_path!r}: there are {', '.join(names())}, or give a .toml file")
    file = resources.files("devices.simulator") / "scenarios" / f"{name_or_path}.toml"
    return parse(file.read_text(encoding="utf-8"), f"{name_or_path}.toml", name_or_path)


def parse(text: str, where: str, name: str) -> Scenario:
    """Read a scenario file; ScenarioError names the step and what would be right."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{where}: not valid TOML: {error}") from error
    unknown = set(data) - _HEAD
    if unknown:
        raise ScenarioError(f"{where}: unknown key {min(unknown)}; a scenario has {', '.join(sorted(_HEAD))}")
    return Scenario(
        name=name,
        about_zh=data.get("about_zh", ""),
        about_en=data.get("about_en", ""),
        steps=tuple(_step(raw, f"{where}, step {number}") for number, raw in enumerate(data.get("step", ()), 1)),
        expect=tuple(data.get("expect", ())),
        community=data.get("community", ""),
    )


_HEAD: Final = frozenset({"about_zh", "about_en", "community", "expect", "step"})
_KEYS: Final = frozenset(
    [
        "shape",
        "devices",
        "start_s",
        "for_s",
        "values",
        "per_minute",
        "code",
        "text",
        "offset_s",
        "every_ms",
        "serial",
        "each_s",
    ],
)


def _step(raw: dict[str, Any], where: str) -> Step:
    unknown = set(raw) - _KEYS
    if unknown:
        raise ScenarioError(f"{where}: unknown key {min(unknown)}; a step has {', '.join(sorted(_KEYS))}")
    if raw.get("shape") not in SHAPES:
        raise ScenarioError(f"{where}: shape {raw.get('shape')!r} is none of {', '.join(SHAPES)}")
    if not raw.get("devices"):
        raise ScenarioError(f'{where}: names no devices; write devices = ["lift-b3-2-*"]')
    if (raw["shape"] == "serial") != bool(raw.get("serial")):
        raise ScenarioError(f'{where}: shape serial needs serial = "a8…", and no other shape has it')
    start = round(raw.get("start_s", 0) * 1000)
    return Step(
        shape=raw["shape"],
        devices=tuple(raw["devices"]),
        start=start,
        end=start + round(raw["for_s"] * 1000) if "for_s" in raw else None,
        values=dict(raw.get("values", {})),
        per_minute=float(raw.get("per_minute", 0.0)),
        code=raw.get("code", ""),
        text=raw.get("text", ""),
        offset_ms=round(raw.get("offset_s", 0) * 1000),
        every_ms=int(raw.get("every_ms", 1000)),
        serial=raw.get("serial", ""),
        each_ms=round(raw.get("each_s", 0) * 1000),
    )
