"""The record of an edge node and its devices, and the room there is for them. Pure; records are made of plain values."""

from __future__ import annotations

from typing import Any, Final, TypedDict

from devices.contract import Change, DeviceRef, Problem, State
from devices.formats.sparkplug_topics import node_key, session_key, table_key

ON: Final = "on"
OFF: Final = "off"
KEPT: Final = "kept"
"""Its birth is known from the broker's store, or its node's is not known: aliases hold, and nobody was told that it is there."""

MOST_NODES: Final = 2_000
MOST_DEVICES: Final = 1_000
"""Of one node."""
MOST_METRICS: Final = 20_000
"""Of one node and its devices."""
MOST_IN_ALL: Final = 400_000
"""Metrics of one connection."""
NODES: Final = "nodes"
"""Where the state has {node: metrics}, in the order in which they first came."""
_ROUND: Final = 256


class Node(TypedDict):
    """What is known of a node; lasts."""

    life: str
    bd: int | None
    """``bdSeq`` of its last birth: only a death with the same one is the end of that session."""
    born: int | None
    """Epoch ms that the birth gave itself."""
    metrics: int
    """Its own."""
    devices: dict[str, list[Any]]
    """Device -> [life, metrics]."""
    refused: bool
    """A birth of its own or of a device was more than the hub keeps: another one would be no less."""


def node_of(found: Any) -> Node | None:
    """The record as it was kept, or None."""
    return found if isinstance(found, dict) else None  # type: ignore[return-value] # only this module makes them


def unknown(life: str) -> Node:
    """The record of a node whose birth was not heard."""
    return {"life": life, "bd": None, "born": None, "metrics": 0, "devices": {}, "refused": False}


def with_device(node: Node, part: str, life: str, metrics: int | None = None) -> Node:
    """The record with this device as it is now."""
    known = node["devices"].get(part, [life, 0])
    devices = {**node["devices"], part: [life, known[1] if metrics is None else metrics]}
    return {**node, "devices": devices}


def with_life(node: Node, life: str) -> Node:
    """The record with this life of the node itself."""
    return {**node, "life": life}


def is_ahead(bd: int, known: int) -> bool:
    """Whether a session number is newer than the known one; they go round."""
    return 0 < (bd - known) % _ROUND < _ROUND // 2


def room_for(ref: DeviceRef, node: Node | None, part: str, metrics: int, state: State) -> tuple[Change, ...] | Problem:
    """The changes that keep count of a birth of so many metrics, its predecessor gone; a problem where it has no room.

    ``ref`` is the node; dead nodes make room for new ones.
    """
    counts: dict[str, int] = state.get(NODES) or {}
    devices = node["devices"] if node is not None else {}
    if part and part not in devices and len(devices) >= MOST_DEVICES:
        return Problem(
            "too_many_devices", f"more than {MOST_DEVICES} devices of one node: divide them among nodes", ref
        )
    before = devices[part][1] if part in devices else node["metrics"] if node is not None and not part else 0
    own = counts.get(ref.id, 0) - before + metrics
    if own > MOST_METRICS:
        detail = f"{own} metrics of one node and its devices: at most {MOST_METRICS} are kept"
        return Problem("too_many_metrics", detail, ref)
    forgotten: list[Change] = []
    if ref.id not in counts and len(counts) >= MOST_NODES:
        gone = next((each for each in counts if _is_dead(state, each)), None)
        if gone is None:
            detail = f"more than {MOST_NODES} nodes on one connection: divide them among connections"
            return Problem("too_many_nodes", detail, ref)
        forgotten = _forget(gone, state)
        counts = {each: count for each, count in counts.items() if each != gone}
    if sum(counts.values()) - counts.get(ref.id, 0) + own > MOST_IN_ALL:
        detail = f"more than {MOST_IN_ALL} metrics on one connection: divide the nodes among connections"
        return Problem("too_many_metrics", detail, ref)
    return () if counts.get(ref.id) == own else (*forgotten, Change(NODES, {**counts, ref.id: own}))


def refusal(ref: DeviceRef, node: Node | None, state: State) -> tuple[Change, ...]:
    """Remember that a birth of the node or of one of its devices was too much, so that it is not asked for again."""
    counts: dict[str, int] = state.get(NODES) or {}
    if node is None and len(counts) >= MOST_NODES:
        return ()
    known = node if node is not None else unknown(OFF)
    counted = () if ref.id in counts else (Change(NODES, {**counts, ref.id: 0}),)
    return (*counted, Change(node_key(ref.id), {**known, "refused": True}))


def is_welcome(state: State) -> bool:
    """Whether a node that is not known yet would have room."""
    counts: dict[str, int] = state.get(NODES) or {}
    return len(counts) < MOST_NODES or any(_is_dead(state, each) for each in counts)


def devices_of(node: Node, ref: DeviceRef) -> list[DeviceRef]:
    """All devices that were ever born under the node."""
    return [DeviceRef(ref.community, ref.scheme, f"{ref.id}/{part}") for part in node["devices"]]


def _is_dead(state: State, node_id: str) -> bool:
    node = node_of(state.get(node_key(node_id)))
    return node is None or node["life"] == OFF


def _forget(node_id: str, state: State) -> list[Change]:
    node = node_of(state.get(node_key(node_id)))
    speakers = [node_id, *(f"{node_id}/{part}" for part in (node["devices"] if node is not None else ()))]
    keys = [node_key(node_id), *(table_key(speaker) for speaker in speakers)]
    return [*(Change(key, None) for key in keys), Change(session_key(node_id), None, lasting=False)]
