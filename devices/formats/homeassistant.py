"""Home Assistant's MQTT discovery: retained messages that say which topics have which states, for ESPHome and many others.

Source: the page *MQTT discovery* of Home Assistant's documentation. A message of discovery is
``{prefix}/{component}/[{node}/]{object}/config``; the states lie anywhere, so their exact topics are learned. Templates are
never run, but read in a small language of paths (``homeassistant_template``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from devices.contract import (
    NO_STATE,
    Announcement,
    Decoded,
    DeviceRef,
    Limits,
    Message,
    Problem,
    Sample,
    State,
    Statement,
)
from devices.formats.homeassistant_discovery import Config, discover, withdraw
from devices.formats.homeassistant_entities import as_text
from devices.formats.homeassistant_memory import MOST_TOPICS, Memory, heard, online
from devices.formats.homeassistant_template import Missing, Program, template_of
from devices.formats.json_bytes import read_json, show

_IDS: Final = re.compile(r"[A-Za-z0-9_-]+")
_SILENT: Final = frozenset({"", "nan", "none", "null", "unknown", "unavailable"})
"""Words for no reading: ESPHome's ``nan``, Home Assistant's own."""
_MOST_VALUES: Final = 2_000
_LONGEST_TEXT: Final = Limits().text
_MOST_PROBLEMS: Final = 8


class Read(msgspec.Struct, frozen=True):
    """One state on a learned topic."""

    device: DeviceRef
    program: Program
    needs_json: bool
    step: list[Any]


class Route(msgspec.Struct, frozen=True):
    """A message of discovery, or (``config`` None) a topic that one has named."""

    community: str
    config: Config | None
    wrong: str = ""
    topic: str = ""
    reads: tuple[Read, ...] = ()


class HomeAssistantFormat:
    """Implements ``devices.contract.Format`` and ``LearningFormat``. ``prefix`` is the discovery prefix."""

    name = "homeassistant"

    def __init__(self, limits: Limits | None = None, *, prefix: str = "homeassistant") -> None:
        self._limits = limits if limits is not None else Limits()
        self._prefix = prefix.strip("/") + "/"
        if self._prefix == "/" or any(each in prefix for each in "+#"):
            raise TypeError(f"prefix {prefix!r}: a topic without + and # is right, such as homeassistant")
        self.filters: tuple[str, ...] = (f"{self._prefix}+/+/config", f"{self._prefix}+/+/+/config")

    # --- topics -----------------------------------------------------------------------------------------------

    def route(self, topic: str, community: str | None) -> Route | None:
        if not topic.startswith(self._prefix) or not topic.endswith("/config"):
            return None
        parts = topic.removeprefix(self._prefix).split("/")[:-1]
        if len(parts) not in {2, 3}:
            return None
        for part in parts:
            if not _IDS.fullmatch(part):
                return Route(community or "", None, f"{show(part)} in the topic: letters, digits, _ and - are right")
        node = parts[1] if len(parts) == 3 else ""
        return Route(community or "", Config("/".join(parts), parts[0], node, parts[-1], community or ""))

    def topics(self, state: State) -> Iterable[str]:
        named = {key.partition("/")[2] for key in state if key.startswith(("state/", "availability/"))}
        return sorted(topic for topic in named if self.route(topic, None) is None)[:MOST_TOPICS]

    def route_learned(self, topic: str, community: str | None, state: State) -> Route | None:
        states = state.get(f"state/{topic}")
        if states is None and f"availability/{topic}" not in state:
            return None
        reads: list[Read] = []
        for found in (states or {}).values():
            device = DeviceRef(community or "", *found["device"])
            for template, step in found["reads"]:
                understood = template_of(template)
                if not isinstance(understood, str):
                    reads.append(Read(device, understood.program, understood.needs_json, step))
        return Route(community or "", None, "", topic, tuple(reads[:_MOST_VALUES]))

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.wrong:
            return Decoded(problems=(Problem("bad_topic", route.wrong),))
        if route.config is not None:
            return self._config(route.config, message.payload, state)
        return self._said(route, message.payload, state)

    # --- discovery --------------------------------------------------------------------------------------------

    def _config(self, config: Config, payload: bytes, state: State) -> Decoded:
        memory = Memory(state)
        if payload:
            return discover(config, payload, self._limits, memory)
        gone = withdraw(config, memory)
        announcements = (Announcement(device=gone, withdrawn=True),) if gone is not None else ()
        return Decoded(announcements=announcements, changes=memory.changes())

    # --- states -----------------------------------------------------------------------------------------------

    def _said(self, route: Route, payload: bytes, state: State) -> Decoded:
        if len(payload) > self._limits.payload:
            detail = f"payload of {len(payload)} bytes: at most {self._limits.payload} are taken"
            return Decoded(problems=(Problem("too_large", detail),))
        statements: tuple[Statement, ...] = ()
        memory = Memory(state)
        if f"availability/{route.topic}" in state:
            statements = _statements(route, payload, memory)
        if not route.reads or not payload:
            return Decoded(statements=statements, changes=memory.changes())
        samples, problems = self._read(route, payload)
        return Decoded(samples=samples, statements=statements, problems=problems, changes=memory.changes())

    def _read(self, route: Route, payload: bytes) -> tuple[tuple[Sample, ...], tuple[Problem, ...]]:
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as error:
            detail = f"byte {error.start} is not UTF-8: encode the payload as UTF-8"
            return (), (Problem("not_utf8", detail, route.reads[0].device),)
        found: Any = None
        tried = False
        problems: list[Problem] = []
        values: dict[DeviceRef, dict[str, Any]] = {}
        for read in route.reads:
            if read.needs_json:
                if not tried:
                    found, tried = read_json(payload, self._limits, read.device), True
                    if isinstance(found, Problem):
                        detail = f"{show(text)}: JSON is right, as the template of its discovery says"
                        problems.append(Problem("not_json", detail, read.device, whole=len(route.reads) == 1))
                if isinstance(found, Problem):
                    continue
            try:
                given = read.program(text, found)
            except Missing:
                continue
            mine = values.get(read.device)
            if mine is None:
                mine = values[read.device] = {}
            wrong = self._take(given, read.step, mine)
            if wrong and len(problems) < _MOST_PROBLEMS:
                problems.append(Problem("odd_value", wrong, read.device, whole=False))
        samples = tuple(Sample(device, None, mine) for device, mine in values.items() if mine)
        return samples, tuple(problems)

    def _take(self, given: Any, step: list[Any], values: dict[str, Any]) -> str:
        """Puts the value where its step says; a sentence where it is not what the discovery promised."""
        if step[0] == "number" and (type(given) is float or type(given) is int):
            return _number(given, step, values)
        text = given.strip() if isinstance(given, str) else as_text(given)
        if given is None or text.casefold() in _SILENT:
            return ""
        if isinstance(given, (dict, list)):
            return f"{show(step[1])} is {show(given)}: a plain value is right"
        return _TAKERS[step[0]](given, text, step, values)


def _take_switch(given: Any, text: str, step: list[Any], values: dict[str, Any]) -> str:
    _, name, on, off = step
    if text.casefold() not in {on, off}:
        return f"{show(name)} is {show(text)}: {show(on)} or {show(off)} is right"
    values[name] = text.casefold() == on
    return ""


def _take_number(given: Any, text: str, step: list[Any], values: dict[str, Any]) -> str:
    number = None if isinstance(given, bool) else _number_in(text)
    return f"{show(step[1])} is {show(text)}: a number is right" if number is None else _number(number, step, values)


def _take_word(given: Any, text: str, step: list[Any], values: dict[str, Any]) -> str:
    word = step[2].get(text.casefold(), text)
    if len(word) > _LONGEST_TEXT or "\0" in word:
        return f"{show(step[1])} has {len(word)} characters: at most {_LONGEST_TEXT} without NUL are right"
    values[step[1]] = word
    return ""


def _take_any(given: Any, text: str, step: list[Any], values: dict[str, Any]) -> str:
    """Nobody has said what it is: a number where it can be one."""
    if isinstance(given, bool):
        values[step[1]] = given
        return ""
    number = _number_in(text)
    return (
        _take_word(given, text, [*step, {}], values) if number is None else _number(number, [*step, 1.0, 0.0], values)
    )


_TAKERS: Final = {"switch": _take_switch, "number": _take_number, "word": _take_word, "any": _take_any}


def _number(given: float, step: list[Any], values: dict[str, Any]) -> str:
    try:
        number = given * step[2] + step[3]
    except OverflowError:
        number = math.inf
    if math.isfinite(number):
        values[step[1]] = number
        return ""
    return f"{show(step[1])} is {show(given)}: a number that a 64-bit float can hold is right"


def _number_in(text: str) -> float | None:
    """A number written as text. Python's ``1_000`` is none; neither are infinities."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def _statements(route: Route, payload: bytes, memory: Memory) -> tuple[Statement, ...]:
    memory.put(f"heard/{route.topic}", heard(payload))
    found: list[Statement] = []
    for key in memory.get(f"availability/{route.topic}"):
        scheme, _, own = key.partition(":")
        word = online(memory.device(key)["availability"], route.topic, memory)
        if word is not None or not payload:
            found.append(Statement(DeviceRef(route.community, scheme, own), word))
    return tuple(found)
