"""What a Zigbee bridge says of its network: the inventory (``bridge/devices``) and the groups (``bridge/groups``).

Both are retained arrays, sent again as a whole at every change; an inventory of some hundred devices has megabytes. Each
entry is read on its own, so that one that is broken costs no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

from devices.contract import UNREADABLE, Announcement, Change, DeviceRef, Problem, State
from devices.formats.json_bytes import show
from devices.formats.points import clean
from devices.formats.zigbee2mqtt_exposes import Plan, Points, points_of

INVENTORY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of an inventory or a list of groups."""
MOST_DEVICES: Final = 2_000
_MOST_GROUPS: Final = 1_000
_MOST_GROUPS_OF_ONE: Final = 16
_MOST_PROBLEMS: Final = 8
_LONGEST_TOPIC: Final = 512

MAINS_SILENCE_S: Final = 10 * 60
BATTERY_SILENCE_S: Final = 1_500 * 60
"""After so long the bridge itself takes a device for gone, where its availability check is switched on."""

_IEEE: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{16})")
_entries = msgspec.json.Decoder(list[msgspec.Raw])


class Entry(msgspec.Struct):
    """One device of the inventory; every field as strange as it came."""

    ieee_address: Any = None
    friendly_name: Any = None
    type: Any = None
    power_source: Any = None
    manufacturer: Any = None
    model_id: Any = None
    software_build_id: Any = None
    description: Any = None
    definition: msgspec.Raw = msgspec.Raw()


class Definition(msgspec.Struct):
    """What the bridge knows of a device's model."""

    vendor: Any = None
    model: Any = None
    exposes: msgspec.Raw = msgspec.Raw()


class Group(msgspec.Struct):
    """One group of the bridge."""

    friendly_name: Any = None
    members: Any = None


_entry = msgspec.json.Decoder(Entry)
_definition = msgspec.json.Decoder(Definition)
_NO_DEFINITION: Final = Definition()
_Exposed = dict[tuple[bytes, bool | None], Points]
"""What was read already, by the text of ``exposes`` and whether the device lives on a battery: a network has few models."""
_group = msgspec.json.Decoder(Group)


class Known(NamedTuple):
    """A device as the inventory has it."""

    ref: DeviceRef
    name: str
    """As it stands in topics."""
    announcement: Announcement
    plan: Plan
    coordinator: bool


class Inventory(NamedTuple):
    """What an inventory says, and what it leaves to be told."""

    known: tuple[Known, ...]
    problems: tuple[Problem, ...]
    whole: bool
    """Every entry was read: who is not here, is gone."""


def ieee_of(address: object) -> str:
    """The address as an identity, ``00158d00018255df``; empty where it is none."""
    found = _IEEE.fullmatch(address) if isinstance(address, str) else None
    return found[1].lower() if found is not None else ""


def entries_of(payload: bytes, what: str) -> list[msgspec.Raw] | Problem:
    """The raw entries of a retained array, or what is wrong with it."""
    if len(payload) > INVENTORY_LIMIT:
        return Problem("too_large", f"{what} of {len(payload)} bytes: at most {INVENTORY_LIMIT} are taken")
    try:
        return _entries.decode(payload)
    except UNREADABLE as error:
        return Problem("not_an_array", f"{what}: {error}: the bridge sends one JSON array")


def read_inventory(payload: bytes, community: str) -> Inventory | Problem:
    """Every device of ``bridge/devices``, the coordinator among them. Never raises."""
    raw = entries_of(payload, "inventory")
    if isinstance(raw, Problem):
        return raw
    problems: list[Problem] = []
    known: dict[str, Known] = {}
    exposed: _Exposed = {}
    for text in raw[:MOST_DEVICES]:
        found = _known(text, community, exposed)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            known[found.ref.id] = found
    if len(raw) > MOST_DEVICES:
        detail = f"{len(raw)} devices in one inventory: at most {MOST_DEVICES} are taken; use a second bridge"
        problems.append(Problem("too_many_devices", detail, whole=False))
    gateway = next((each.ref for each in known.values() if each.coordinator), None)
    return Inventory(
        tuple(_through(each, gateway) for each in known.values()), tuple(problems[:_MOST_PROBLEMS]), not problems
    )


def _through(known: Known, gateway: DeviceRef | None) -> Known:
    if gateway is None or known.coordinator:
        return known
    return known._replace(announcement=msgspec.structs.replace(known.announcement, via=gateway))


def _known(text: msgspec.Raw, community: str, exposed: _Exposed) -> Known | Problem:
    try:
        entry = _entry.decode(text)
    except UNREADABLE as error:
        return Problem("bad_entry", f"an entry of the inventory: {error}: the bridge sends objects", whole=False)
    ieee, name = ieee_of(entry.ieee_address), clean(entry.friendly_name)
    topic = entry.friendly_name if isinstance(entry.friendly_name, str) else ""
    if not 0 < len(topic) <= _LONGEST_TOPIC:
        topic = f"0x{ieee}"
    if not ieee:
        detail = f"ieee_address of {show(name)} is {show(entry.ieee_address)}: 0x and 16 hexadecimal digits are right"
        return Problem("bad_entry", detail, whole=False)
    ref = DeviceRef(community, "ieee", ieee)
    if entry.type == "Coordinator":
        announcement = Announcement(device=ref, name=name, maker=clean(entry.manufacturer), power="mains")
        return Known(ref, topic, announcement, {}, coordinator=True)
    power = _power(entry)
    definition = _definition_of(entry.definition)
    points = _points(definition.exposes, exposed, battery=None if not power else power == "battery")
    announcement = Announcement(
        device=ref,
        name=name or f"0x{ieee}",
        maker=clean(definition.vendor) or clean(entry.manufacturer),
        model=clean(definition.model) or clean(entry.model_id),
        firmware=clean(entry.software_build_id),
        power=power,
        hints=tuple(_hints(name, entry.description)),
        silence_s=MAINS_SILENCE_S if power == "mains" or entry.type == "Router" else BATTERY_SILENCE_S,
        points=points.points,
    )
    return Known(ref, topic, announcement, points.plan, coordinator=False)


def _definition_of(text: msgspec.Raw) -> Definition:
    """None of it where the bridge does not support the model (null), or writes something else."""
    try:
        return _definition.decode(text)
    except UNREADABLE:
        return _NO_DEFINITION


def _points(exposes: msgspec.Raw, exposed: _Exposed, *, battery: bool | None) -> Points:
    text = bytes(exposes)
    if (found := exposed.get((text, battery))) is None:
        try:
            features = msgspec.json.decode(text)
        except UNREADABLE:  # it has none
            features = None
        found = exposed[text, battery] = points_of(features, battery=battery)
    return found


def _power(entry: Entry) -> Literal["", "mains", "battery"]:
    """``Mains (single phase)``, ``DC Source``, ``Emergency mains …``, ``Battery``, ``Unknown``."""
    source = entry.power_source.lower() if isinstance(entry.power_source, str) else ""
    if source.startswith("battery"):
        return "battery"
    return "mains" if "mains" in source or source.startswith("dc") else ""


def _hints(name: str, description: object) -> Iterator[tuple[str, str]]:
    """A name like ``lobby/door`` is how people put devices into rooms; the description is a person's own words."""
    folder, _, _ = name.rpartition("/")
    if folder:
        yield "area", folder
    if words := clean(description):
        yield "description", words


# --- what is learned --------------------------------------------------------------------------------------------------


def changes_of(inventory: Inventory, state: State) -> Iterator[Change]:
    """What an inventory teaches beyond what is known: who is called how, and how each is read."""
    names = {known.name: known.ref.id for known in inventory.known if not known.coordinator}
    for known in inventory.known:
        if known.coordinator:
            yield from _change("coordinator", known.ref.id, state)
        else:
            yield from _change(f"device/{known.ref.id}", known.plan, state)
    for name, ieee in names.items():
        yield from _change(f"name/{name}", ieee, state)
    yield from _change("inventory", value=True, state=state)
    for key in [key for key in state if key.startswith("name/") and key.removeprefix("name/") not in names]:
        if inventory.whole or state[key] in names.values():  # renamed, or gone
            yield Change(key, None)
    for ieee in gone(inventory, state):
        yield Change(f"device/{ieee}", None)
        yield Change(f"slow/{ieee}", None, lasting=False)


def gone(inventory: Inventory, state: State) -> list[str]:
    """Addresses of devices that were known and are no longer listed."""
    if not inventory.whole:
        return []
    listed = {known.ref.id for known in inventory.known}
    known = (key.removeprefix("device/") for key in state if key.startswith("device/"))
    return [ieee for ieee in known if ieee not in listed]


def _change(key: str, value: Any, state: State) -> Iterator[Change]:
    if state.get(key) != value:
        yield Change(key, value)


# --- groups -----------------------------------------------------------------------------------------------------------


class Groups(NamedTuple):
    """What ``bridge/groups`` says."""

    members: dict[str, list[str]]
    """Group name -> addresses."""
    problems: tuple[Problem, ...]


def read_groups(payload: bytes) -> Groups | Problem:
    """The bridge's groups. Never raises."""
    raw = entries_of(payload, "list of groups")
    if isinstance(raw, Problem):
        return raw
    groups: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for text in raw[:_MOST_GROUPS]:
        try:
            group = _group.decode(text)
        except UNREADABLE as error:
            problems.append(
                Problem("bad_entry", f"an entry of the groups: {error}: the bridge sends objects", whole=False)
            )
            continue
        if name := clean(group.friendly_name):
            members = group.members[:MOST_DEVICES] if isinstance(group.members, list) else []
            found = (ieee_of(member.get("ieee_address")) for member in members if isinstance(member, dict))
            groups[name] = list(dict.fromkeys(ieee for ieee in found if ieee))
    return Groups(groups, tuple(problems[:_MOST_PROBLEMS]))


def group_changes(groups: Groups, state: State) -> Iterator[Change]:
    """The names of groups, which are no devices."""
    for name in groups.members:
        yield from _change(f"group/{name}", value=True, state=state)
    yield from (
        Change(key, None)
        for key in state
        if key.startswith("group/") and key.removeprefix("group/") not in groups.members and not groups.problems
    )


def group_announcements(groups: Groups, community: str) -> tuple[Announcement, ...]:
    """A group is a hint of where its members are, or what they serve."""
    named: dict[str, list[str]] = {}
    for name, members in groups.members.items():
        for ieee in members:
            named.setdefault(ieee, []).append(name)
    return tuple(
        Announcement(
            device=DeviceRef(community, "ieee", ieee),
            hints=tuple(("group", name) for name in names[:_MOST_GROUPS_OF_ONE]),
        )
        for ieee, names in list(named.items())[:MOST_DEVICES]
    )
