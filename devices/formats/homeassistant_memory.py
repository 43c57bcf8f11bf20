"""What discovery has taught: which topic has which states of which device, and how a device says that it is there.

State, all of it lasting but what was heard last:

* ``config/{id}``: ``{"device": key, "topics": [topic, …]}``; the id is what stands between prefix and ``/config``
* ``state/{topic}``: ``{config id: {"device": [scheme, id], "reads": [[template, step], …]}}``
* ``device/{scheme}:{id}``: ``{"configs": [id, …], "names": {point: owner}, "availability": [owner, mode, items], "silences": {id: s}}``
* ``availability/{topic}``: ``[device key, …]``
* ``heard/{topic}``: the last payload on an availability topic (not lasting: such topics are retained)
* ``topics``, ``configs``: how many there are

Bounded by 5,000 topics and 10,000 messages of discovery, each with at most 500 entities and topics of at most 512 characters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from devices.contract import UNREADABLE, Change, DeviceRef, State
from devices.formats.homeassistant_entities import as_text
from devices.formats.homeassistant_template import Missing, template_of

MOST_TOPICS: Final = 5_000
MOST_CONFIGS: Final = 10_000
_MOST_NAMES: Final = 500
_MOST_SHARING: Final = 2_000
_LONGEST_HEARD: Final = 512


class Memory:
    """The state with the changes that one message makes to it. Values that are read from it are not changed in place."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._new: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value as it will be; None where there is none."""
        return self._new[key] if key in self._new else self._state.get(key)

    def put(self, key: str, value: Any) -> None:
        """``None`` forgets."""
        self._new[key] = value

    def changes(self) -> tuple[Change, ...]:
        """What differs from before."""
        return tuple(
            Change(key, value, lasting=not key.startswith("heard/"))
            for key, value in self._new.items()
            if self._state.get(key) != value
        )

    # --- topics -----------------------------------------------------------------------------------------------

    def add_states(self, config: str, device: DeviceRef, reads: dict[str, list[list[Any]]]) -> list[str]:
        """Remembers a message's states by their topics; the topics for which there is no place."""
        refused: list[str] = []
        for topic, found in reads.items():
            key = f"state/{topic}"
            there = self.get(key)
            if there is None and not self._room(1):
                refused.append(topic)
                continue
            self.put(key, {**(there or {}), config: {"device": [device.scheme, device.id], "reads": found}})
        return refused

    def drop_states(self, config: str, topics: Iterable[str]) -> None:
        for topic in topics:
            left = {each: found for each, found in (self.get(f"state/{topic}") or {}).items() if each != config}
            if not left and self.get(f"state/{topic}") is not None:
                self._room(-1)
            self.put(f"state/{topic}", left or None)

    def _room(self, more: int) -> bool:
        there = (self.get("topics") or 0) + more
        if there > MOST_TOPICS:
            return False
        self.put("topics", there or None)
        return True

    # --- devices ----------------------------------------------------------------------------------------------

    def device(self, key: str) -> dict[str, Any]:
        """The record of a device; a new one for a stranger."""
        new: dict[str, Any] = {"configs": [], "names": {}, "availability": None}
        known = dict(self.get(f"device/{key}") or new)
        return known | {"silences": dict(known.get("silences", {}))}

    def watch(self, key: str, record: dict[str, Any], availability: list[Any] | None) -> list[str]:
        """Remembers how a device says that it is there; the topics for which there is no place."""
        before = record["availability"]
        if before is not None and availability is not None and before[0] != availability[0]:
            return []  # the entity that spoke first speaks for the device
        if before == availability:
            return []
        for topic in _topics(before):
            self._unwatch(topic, key)
        refused: list[str] = []
        for topic in _topics(availability):
            watching = self.get(f"availability/{topic}")
            if (watching is None and not self._room(1)) or len(watching or ()) >= _MOST_SHARING:
                refused.append(topic)
            else:
                self.put(f"availability/{topic}", [*(watching or ()), key])
        record["availability"] = availability
        return refused

    def _unwatch(self, topic: str, key: str) -> None:
        watching = self.get(f"availability/{topic}")
        if watching is None:
            return
        left = [each for each in watching if each != key]
        self.put(f"availability/{topic}", left or None)
        if not left:
            self._room(-1)
            self.put(f"heard/{topic}", None)

    def forget(self, config: str) -> str | None:
        """Takes back what a message of discovery said. The key of a device of which nothing is left, else None."""
        known = self.get(f"config/{config}")
        if known is None:
            return None
        key = known["device"]
        self.drop_states(config, known["topics"])
        self.put(f"config/{config}", None)
        self.put("configs", (self.get("configs") or 1) - 1 or None)
        record = self.device(key)
        record["configs"] = [each for each in record["configs"] if each != config]
        record["names"] = {name: owner for name, owner in record["names"].items() if owner.partition("#")[0] != config}
        record["silences"].pop(config, None)
        if record["availability"] is not None and (record["availability"][0] == config or not record["configs"]):
            self.watch(key, record, None)
        self.put(f"device/{key}", record if record["configs"] else None)
        return None if record["configs"] else str(key)


def claim(names: dict[str, str], wanted: Iterable[str], owner: str) -> str:
    """The first of the wanted names that is this owner's or nobody's; empty where a device has no place for more."""
    for name in wanted:
        if name and names.get(name, owner) == owner and (name in names or len(names) < _MOST_NAMES):
            names[name] = owner
            return name
    return ""


def online(availability: list[Any] | None, latest: str, memory: Memory) -> bool | None:
    """Whether a device can be reached, after a message on the topic ``latest``; None where that is not certain."""
    if availability is None:
        return None
    _, mode, items = availability
    words = [_word(item, memory.get(f"heard/{item[0]}")) for item in items if mode != "latest" or item[0] == latest]
    if mode == "any":
        return True if True in words else False if words and None not in words else None
    return False if False in words else True if words and None not in words else None


def _word(item: list[str], heard: str | None) -> bool | None:
    if heard is None:
        return None
    _, template, on, off = item
    understood = template_of(template)
    if isinstance(understood, str):
        return None
    try:
        found = msgspec.json.decode(heard) if understood.needs_json else None
        word = as_text(understood.program(heard, found))
    except (Missing, *UNREADABLE):
        return None
    return True if word == on else False if word == off else None


def heard(payload: bytes) -> str | None:
    """The payload of an availability topic as it is remembered; None for one that says nothing."""
    return payload[:_LONGEST_HEARD].decode("utf-8", "replace").strip() or None


def _topics(availability: list[Any] | None) -> list[str]:
    return list(dict.fromkeys(item[0] for item in availability[2])) if availability is not None else []
