"""Topic filters that a connection's option lists: what they may be, and what they match (MQTT 5, section 4.7)."""

from __future__ import annotations

from collections.abc import Iterable

from devices.contract import DeviceRef
from devices.formats.slugs import id_slug


def filters_of(option: str) -> tuple[str, ...]:
    """The filters in an option, separated by commas. ValueError says what is wrong with one; ``#`` alone is refused."""
    found = tuple(dict.fromkeys(each.strip() for each in option.split(",") if each.strip()))
    if not found:
        raise ValueError("no topic filter is given: name at least one, e.g. site/+/telemetry")
    for each in found:
        levels = each.split("/")
        if levels[0] == "#":
            raise ValueError("the filter # is every topic of the broker: name the topics, e.g. site/#")
        if any("#" in level and (level != "#" or place != len(levels) - 1) for place, level in enumerate(levels)):
            raise ValueError(f"topic filter {each!r}: # stands alone, as the last level")
        if any("+" in level and level != "+" for level in levels):
            raise ValueError(f"topic filter {each!r}: + stands for a whole level, it cannot be a part of one")
    return found


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic is one of the filter's; of another filter, whether all of its topics are."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or levels[place] == "#" or level not in {"+", levels[place]}:
            return False
    return len(wanted) == len(levels)


def apart(filters: Iterable[str]) -> tuple[str, ...]:
    """Each filter once, and none whose topics are all another's too: a broker may send a message once for each."""
    found = tuple(dict.fromkeys(filters))
    return tuple(each for each in found if not any(wide != each and matches(wide, each) for wide in found))


def place_of(topic: str, community: str) -> DeviceRef:
    """The topic as a device, where nothing in its messages says who speaks."""
    return DeviceRef(community, "topic", id_slug(topic))
