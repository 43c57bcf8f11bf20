"""Sparkplug topics: ``spBv1.0/{group}/{type}/{edge node}[/{device}]``, births kept by the broker, and hosts' states.

Group, node and device ids are any UTF-8 without ``+ / #`` and unique whatever their case, so that an identity is made of
the folded ids; what people read keeps its case.
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.contract import DeviceRef
from devices.formats.json_bytes import show
from devices.formats.sparkplug_host import OLD_STATE, STATE

ROOT: Final = "spBv1.0/"
STORED: Final = "$sparkplug/certificates/"
"""Where a Sparkplug-aware broker keeps the last births, retained."""
NODE_KINDS: Final = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
DEVICE_KINDS: Final = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})
BIRTHS: Final = frozenset({"NBIRTH", "DBIRTH"})
DATA: Final = frozenset({"NDATA", "DDATA"})
FILTERS: Final = (
    *(f"{ROOT}+/{kind}/+" for kind in ("NBIRTH", "NDATA", "NDEATH")),
    *(f"{ROOT}+/{kind}/+/+" for kind in ("DBIRTH", "DDATA", "DDEATH")),
    f"{STORED}{ROOT}+/NBIRTH/+",
    f"{STORED}{ROOT}+/DBIRTH/+/+",
    f"{STATE}+",
    f"{OLD_STATE}+",
)
"""No commands: what other hosts ask of the nodes says nothing about them."""
_ID_LENGTH: Final = 128


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a topic says. ``wrong`` is the sentence about one that is not as it should be."""

    kind: str
    community: str = ""
    node: DeviceRef | None = None
    speaker: DeviceRef | None = None
    """The device, or the node where it speaks for itself."""
    part: str = ""
    """The device's part of its identity; empty for the node."""
    group: str = ""
    edge: str = ""
    shown: str = ""
    """What the speaker is called, in its own case."""
    stored: bool = False
    """A birth that the broker kept."""
    wrong: str = ""
    node_key: str = ""
    """Where the state has the node's record; of the speaker's table and of the session likewise."""
    table_key: str = ""
    session_key: str = ""


def read_topic(topic: str, community: str) -> Route | None:
    """What the topic is, or None where it is none of Sparkplug's."""
    if topic.startswith(STATE) or (topic.startswith(OLD_STATE) and topic.count("/") == 1):
        return Route(kind="STATE", community=community)
    stored = topic.startswith(STORED)
    path = topic.removeprefix(STORED) if stored else topic
    if not path.startswith(ROOT):
        return None
    group, kind, edge, device = (*path.split("/")[1:], "", "", "", "")[:4]
    parts = path.count("/")
    right = (
        f"use {ROOT}{{group}}/NBIRTH|NDATA|NDEATH/{{node}} or {ROOT}{{group}}/DBIRTH|DDATA|DDEATH/{{node}}/{{device}}"
    )
    if not (kind in NODE_KINDS and parts == 3) and not (kind in DEVICE_KINDS and parts == 4):
        return Route(kind="", wrong=f"topic {show(topic)} is none of Sparkplug: {right}")
    if stored and kind not in BIRTHS:
        return Route(kind="", wrong=f"topic {show(topic)} is no birth: nothing else is kept there")
    for what, word in (("group", group), ("node", edge), *((("device", device),) if parts == 4 else ())):
        if not word or len(word) > _ID_LENGTH or not word.isprintable():
            wrong = f"{what} id {show(word)} in the topic: use 1 to {_ID_LENGTH} printable characters"
            return Route(kind="", wrong=wrong)
    node = DeviceRef(community, "spb", f"{group}/{edge}".casefold())
    part = device.casefold()
    speaker = DeviceRef(community, "spb", f"{node.id}/{part}") if part else node
    return Route(
        kind=kind,
        community=community,
        node=node,
        speaker=speaker,
        part=part,
        group=group,
        edge=edge,
        shown=device or edge,
        stored=stored,
        node_key=node_key(node.id),
        table_key=table_key(speaker.id),
        session_key=session_key(node.id),
    )


def node_key(node: str) -> str:
    """Where the state has the record of the node with this identity."""
    return f"node {node}"


def table_key(speaker: str) -> str:
    """Where the state has what the birth of this node or device taught."""
    return f"table {speaker}"


def session_key(node: str) -> str:
    """Where the state has the order of this node's messages."""
    return f"session {node}"
