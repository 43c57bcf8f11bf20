"""The values of a Zigbee device's message, read by the plan that its definition gave."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from devices.contract import DeviceRef, Limits, Problem
from devices.formats.json_bytes import show
from devices.formats.points import clean, own_name, scale
from devices.formats.zigbee2mqtt_exposes import INSIDE, NUMBER, SWITCH, Plan, convention
from devices.words import own_value

QUIET: Final = frozenset({"last_seen", "elapsed", "update", "update_available", "device", "group_list"})
"""Keys that the bridge itself adds; no readings."""
_MOST_VALUES: Final = 500
"""As many as a definition may have points."""
_MOST_UNKNOWN: Final = 16
_MOST_PROBLEMS: Final = 8


class Reading:
    """One message being read: what it says, and what is wrong with it."""

    def __init__(self, device: DeviceRef, limits: Limits) -> None:
        self.values: dict[str, float | bool | str] = {}
        self.problems: list[Problem] = []
        self.unknown: list[str] = []
        self._device = device
        self._limits = limits

    def read(self, found: dict[str, Any], plan: Plan, *, inside: bool = False) -> None:
        """Take the values of one object, and of the objects inside it that the plan knows."""
        for key, value in found.items():
            if value is None or value == "":
                continue
            step = plan.get(key, plan)  # the plan itself stands for a key that it does not have
            if step is None:
                continue
            if step is plan:
                if not inside:
                    self._unexposed(key, value)
            elif step[0] == NUMBER and (type(value) is float or type(value) is int):
                self._number(key, value, step)
            elif step[0] == SWITCH:
                self._switch(key, value, step)
            elif step[0] == INSIDE:
                self._inside(key, value, step)
            elif step[0] == NUMBER:
                self._wrong("odd_value", key, value, "a number is right")
            else:
                self._word(key, value, step[1])

    def _number(self, key: str, value: float, step: list[Any]) -> None:
        try:
            number = value * step[2] + step[3]
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            self.values[step[1]] = number
        else:
            self._wrong("not_finite", key, value, "a number that a 64-bit float can hold is right")

    def _switch(self, key: str, value: object, step: list[Any]) -> None:
        _, name, on, off = step
        if value == on:
            self.values[name] = True
        elif value == off:
            self.values[name] = False
        elif isinstance(value, (str, bool)) and str(value).lower() in {str(on).lower(), str(off).lower()}:
            self.values[name] = str(value).lower() == str(on).lower()
        else:
            self._wrong("odd_value", key, value, f"{show(on)} or {show(off)} is right")

    def _inside(self, key: str, value: object, step: list[Any]) -> None:
        if isinstance(value, dict):
            self.read(value, step[1], inside=True)
        else:
            self._wrong("odd_value", key, value, "an object is right")

    def _word(self, key: str, value: object, name: str) -> None:
        if isinstance(value, (dict, list)):
            self._wrong("odd_value", key, value, "a word is right")
        elif isinstance(value, str) and (len(value) > self._limits.text or "\0" in value):
            self._wrong("bad_text", key, value, f"at most {self._limits.text} characters without NUL are right")
        elif (own := own_value(value)) is not None:
            self.values[name] = own

    def _unexposed(self, key: str, value: object) -> None:
        """A key that no definition announced: kept by its own name where it is a plain value."""
        if key in QUIET:
            return
        if isinstance(value, (dict, list)) or not clean(key) or not self._room_for(key):
            if len(self.unknown) < _MOST_UNKNOWN:
                self.unknown.append(clean(key, 64))
        elif isinstance(value, str):
            self._word(key, value, own_name(clean(key), "text"))
        elif isinstance(value, bool):
            self.values[own_name(clean(key), "switch")] = value
        else:
            self._number(key, value, _unexposed_number(key))  # type: ignore[arg-type]  # JSON has no other kind

    def _room_for(self, key: str) -> bool:
        return len(key) <= self._limits.name and len(self.values) < _MOST_VALUES

    def _wrong(self, reason: str, key: str, value: object, right: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            detail = f"{show(key)} is {show(value)}: {right}"
            self.problems.append(Problem(reason, detail, self._device, whole=False))


@lru_cache(maxsize=512)
def _unexposed_number(key: str) -> list[Any]:
    found = scale(*convention(key), clean(key))
    return [NUMBER, found.name, found.factor, found.offset]


def attribute_value(text: str) -> object:
    """A value of ``output: attribute``, where each is a text of its own: what it would be in an object."""
    if text in {"true", "false"}:
        return text == "true"
    if text == "null":
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and not text[0].isspace() else text


def moment(last_seen: object) -> int | None:
    """Epoch ms of ``last_seen``: epoch milliseconds, or ISO 8601 with a zone; what has no zone is not guessed at."""
    if isinstance(last_seen, str):
        try:
            parsed = datetime.fromisoformat(last_seen)
            return None if parsed.tzinfo is None else round(parsed.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None
    if isinstance(last_seen, (int, float)) and not isinstance(last_seen, bool) and 0 < last_seen < 1e15:
        return int(last_seen if last_seen >= 1e11 else last_seen * 1000)
    return None
