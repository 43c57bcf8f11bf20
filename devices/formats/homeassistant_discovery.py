"""One message of discovery: what it announces, and what of it is remembered."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

from devices.contract import Announcement, Decoded, DeviceRef, Limits, PointInfo, Problem, Statement
from devices.formats.homeassistant_entities import (
    Entity,
    Point,
    availability_of,
    entities_of,
    points_of,
    written_out,
)
from devices.formats.homeassistant_identity import refs_of
from devices.formats.homeassistant_memory import MOST_CONFIGS, MOST_TOPICS, Memory, claim, online
from devices.formats.homeassistant_words import COMPONENTS, SHORT_DEVICE
from devices.formats.json_bytes import read_object, show
from devices.formats.points import clean, join, slug

_MOST_PROBLEMS: Final = 8
_MOST_ALIASES: Final = 4
_LONGEST_SILENCE_S: Final = 30 * 86_400


class Config(msgspec.Struct, frozen=True):
    """The topic of a message of discovery."""

    id: str
    """All between the prefix and ``/config``."""
    component: str
    node: str
    object: str
    community: str


class _Said:
    """What one message of discovery comes to."""

    def __init__(self) -> None:
        self.points: list[PointInfo] = []
        self.reads: dict[str, list[list[Any]]] = {}
        self.problems: list[Problem] = []
        self.silence: int | None = None

    def wrong(self, reason: str, detail: str, device: DeviceRef) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(reason, detail, device, whole=False))


def discover(config: Config, payload: bytes, limits: Limits, memory: Memory) -> Decoded:
    """Announces the device with the points of this message; never raises."""
    if config.component != "device" and config.component not in COMPONENTS:
        return Decoded()
    found = read_object(payload, limits, None)
    if isinstance(found, Problem):
        return Decoded(problems=(found,))
    found = written_out(found)
    if found.get("migrate_discovery") is True:  # the same entity goes on under the topic of its device
        return Decoded()
    about = written_out(found["device"], SHORT_DEVICE) if isinstance(found.get("device"), dict) else {}
    refs = refs_of(about, config.node or clean(found.get("unique_id")) or config.object, config.community)
    device = refs[0]
    key = f"{device.scheme}:{device.id}"
    gone = _moved(config, key, memory)
    if memory.get(f"config/{config.id}") is None and (memory.get("configs") or 0) >= MOST_CONFIGS:
        detail = f"more than {MOST_CONFIGS} messages of discovery: withdraw those of devices that are gone"
        return Decoded(problems=(Problem("too_many_entities", detail, device),))
    record = memory.device(key)
    before = {owner: name for name, owner in record["names"].items() if owner.partition("#")[0] == config.id}
    names = dict(record["names"])
    said = _Said()
    prefixes = [slug(word) for word in (config.node, device.id, f"0x{device.id}") if word]
    entities = entities_of(found, config.component, prefixes, config.object)
    for entity in entities:
        _add(entity, config, device, names=names, before=before, said=said)
    kept = {point.name for point in said.points}
    names = {name: owner for name, owner in names.items() if owner.partition("#")[0] != config.id or name in kept}
    _remember(config, device, entities, names=names, record=record, said=said, memory=memory)
    statements = _statement(device, record, memory)
    announcements = [*gone, _announcement(about, refs, said, config.community)]
    return Decoded(
        announcements=tuple(announcements),
        problems=tuple(said.problems),
        statements=statements,
        changes=memory.changes(),
    )


def withdraw(config: Config, memory: Memory) -> DeviceRef | None:
    """Takes a message of discovery back; the device of which nothing is left then."""
    key = memory.forget(config.id)
    return _ref(key, config.community) if key is not None else None


def _moved(config: Config, key: str, memory: Memory) -> list[Announcement]:
    """The same entity may be another device's now."""
    known = memory.get(f"config/{config.id}")
    if known is None or known["device"] == key:
        return []
    left = withdraw(config, memory)
    return [Announcement(device=left, withdrawn=True)] if left is not None else []


def _add(
    entity: Entity, config: Config, device: DeviceRef, *, names: dict[str, str], before: dict[str, str], said: _Said
) -> None:
    """The points of one entity. A point that had a name keeps it, whoever has gone since."""
    owner = f"{config.id}#{entity.key}"
    for found in points_of(entity):
        if isinstance(found, tuple) and not isinstance(found, Point):
            said.wrong(*found, device)
            continue
        claimant = f"{owner}#{found.step[0]}#{found.info.name}"
        name = claim(names, [before.get(claimant, ""), *_names(found, entity, config, owner)], claimant)
        if not name:
            said.wrong("too_many_points", f"{show(found.info.name)} has no place: at most 500 points a device", device)
            continue
        said.points.append(msgspec.structs.replace(found.info, name=name))
        if found.topic:
            step = [found.step[0], name, *found.step[2:]]
            said.reads.setdefault(found.topic, []).append([found.template, step])
    silence = entity.options.get("expire_after")
    if isinstance(silence, (int, float)) and not isinstance(silence, bool) and 1 <= silence <= _LONGEST_SILENCE_S:
        said.silence = min(int(silence), said.silence or int(silence))


def _names(point: Point, entity: Entity, config: Config, owner: str) -> list[str]:
    """The plain name; where another entity has it, with this one's own words before or behind it."""
    plain = point.info.name
    if point.info.metric or plain == "air_pressure":
        channels = (point.channel, slug(config.node), f"{entity.platform}_{zlib.crc32(owner.encode()):08x}")
        return [plain, *(join(channel, plain) for channel in channels if channel and channel != plain)]
    return [plain, f"{plain}_{entity.platform}"[:128], f"{plain[:110]}_{zlib.crc32(owner.encode()):08x}"]


def _remember(
    config: Config,
    device: DeviceRef,
    entities: list[Entity],
    *,
    names: dict[str, str],
    record: dict[str, Any],
    said: _Said,
    memory: Memory,
) -> None:
    key = f"{device.scheme}:{device.id}"
    known = memory.get(f"config/{config.id}")
    if known is None:
        memory.put("configs", (memory.get("configs") or 0) + 1)
    else:
        memory.drop_states(config.id, [topic for topic in known["topics"] if topic not in said.reads])
    refused = memory.add_states(config.id, device, said.reads)
    memory.put(f"config/{config.id}", {"device": key, "topics": [each for each in said.reads if each not in refused]})
    record["configs"] = list(dict.fromkeys([*record["configs"], config.id]))
    record["names"] = names
    promised = record["silences"].pop(config.id, None)
    if said.silence is not None:
        record["silences"][config.id] = said.silence
    said.silence = min(record["silences"].values(), default=None if promised is None else 0)
    availability: list[Any] | None = None
    for entity in entities:
        found = availability_of(entity.options)
        if found.items and availability is None:
            availability = [config.id, found.mode, found.items]
        for wrong in found.problems:
            said.wrong(*wrong, device)
    if availability is not None or (record["availability"] or [""])[0] == config.id:
        refused += memory.watch(key, record, availability)
    memory.put(f"device/{key}", record)
    if refused:
        detail = f"no place for the topic {show(refused[0])}: at most {MOST_TOPICS} topics are learned on a connection"
        said.wrong("too_many_topics", detail, device)


def _statement(device: DeviceRef, record: dict[str, Any], memory: Memory) -> tuple[Statement, ...]:
    """What topics that others share have already said of this device as well."""
    availability = record["availability"]
    if availability is None:
        return ()
    words = {online(availability, item[0], memory) for item in availability[2]} - {None}
    return (Statement(device, words.pop()),) if len(words) == 1 else ()


def _announcement(about: dict[str, Any], refs: list[DeviceRef], said: _Said, community: str) -> Announcement:
    via, area = clean(about.get("via_device")), clean(about.get("suggested_area"))
    return Announcement(
        device=refs[0],
        name=clean(about.get("name")),
        maker=clean(about.get("manufacturer")),
        model=clean(about.get("model")) or clean(about.get("model_id")),
        firmware=clean(about.get("sw_version")),
        serial=clean(about.get("serial_number")),
        via=refs_of({"identifiers": via}, via, community)[0] if via else None,
        hints=(("area", area),) if area else (),
        silence_s=said.silence,
        points=tuple(said.points),
        aliases=tuple(refs[1 : 1 + _MOST_ALIASES]),
    )


def _ref(key: str, community: str) -> DeviceRef:
    scheme, _, own = key.partition(":")
    return DeviceRef(community, scheme, own)
