"""What a Tasmota device says of itself: ``tasmota/discovery/{mac}/config`` and ``…/sensors``, both retained.

State, all of it lasting:

* ``device/{mac}``: ``{"tele": path, "stat": path, "online": word, "offline": word, "off": word, "on": word, "relays": […],
  "sleeps": bool}``
* ``at/{path}``: the mac of the device that speaks under this path
* ``channels/{mac}``: sensor -> channel
* ``devices``, ``channels``: how many there are, at most 2,000 of each

The paths come from the full topic ``ft``, in which a person may put prefix and topic in any order.
"""

from __future__ import annotations

import re
from typing import Any, Final

from devices.contract import Announcement, Change, Decoded, DeviceRef, Limits, PointInfo, Problem, State, Statement
from devices.formats.json_bytes import read_object, show
from devices.formats.points import clean, join, plain_id
from devices.formats.tasmota_reading import SHUTTER, Reading, Words, channels_of, relay_point

MOST_DEVICES: Final = 2_000
SILENCE_S: Final = 300
"""The period of telemetry that a device has from its maker."""
_MOST_RELAYS: Final = 32
_MOST_SENSORS: Final = 200
_LONGEST_PATH: Final = 256
_LONGEST_WORD: Final = 64
_PATH: Final = re.compile(r"[^$+#\x00-\x1f][^+#\x00-\x1f]*/")
_NO: Final[tuple[object, ...]] = (None, 0)
_MAC: Final = re.compile(r"[0-9a-f]{12}")

_FACTORY_WORDS: Final = Words()

DEFAULT_PREFIXES: Final = ("tele/", "stat/")


def mac_of(text: object) -> str:
    """A network address as an identity, ``a0b1c2d3e4f5``; empty where it is none."""
    low = text.lower().replace(":", "").replace("-", "") if isinstance(text, str) else ""
    return low if _MAC.fullmatch(low) else ""


def provisional(path: str, community: str) -> DeviceRef:
    """Who speaks under ``tele/{topic}/`` before discovery has said it."""
    return DeviceRef(community, "tasmota", plain_id(path.partition("/")[2].rstrip("/") or path.rstrip("/")))


def configured(mac: str, payload: bytes, limits: Limits, state: State, community: str) -> Decoded:
    """``…/config``: what the device is, which topics it uses, and which words. Never raises."""
    device = DeviceRef(community, "mac", mac)
    if not payload:
        return _withdrawn(device, mac, state)
    found = read_object(payload, limits, device)
    if isinstance(found, Problem):
        return Decoded(problems=(found,))
    paths = [_path(found, mac, index) for index in (2, 1)]
    if not all(paths):
        detail = f"ft {show(found.get('ft'))}, t {show(found.get('t'))}, tp {show(found.get('tp'))}: texts without + and # are right"
        return Decoded(problems=(Problem("bad_topic", detail, device),))
    known = state.get(f"device/{mac}")
    count = state.get("devices") or 0
    if known is None and count >= MOST_DEVICES:
        detail = f"more than {MOST_DEVICES} devices on one connection: spread them over several"
        return Decoded(problems=(Problem("too_many_devices", detail, device),))
    words = found["state"] if isinstance(found.get("state"), list) else []
    relays = found["rl"][:_MOST_RELAYS] if isinstance(found.get("rl"), list) else []
    record = {
        "tele": paths[0],
        "stat": paths[1],
        "online": _word(found.get("onln"), "Online"),
        "offline": _word(found.get("ofln"), "Offline"),
        "off": _word(words[0] if words else None, "OFF"),
        "on": _word(words[1] if len(words) > 1 else None, "ON"),
        "relays": _without_end([relay if type(relay) is int and 1 <= relay <= SHUTTER else 0 for relay in relays]),
        "sleeps": found.get("dslp") not in _NO,
    }
    changes = [Change(f"device/{mac}", record)] if known != record else []
    if known is None:
        changes.append(Change("devices", count + 1))
    changes += _moves(mac, record, known, state)
    heard = state.get(f"heard/{record['tele']}")
    if heard is not None:
        changes.append(Change(f"heard/{record['tele']}", None, lasting=False))
        changes.append(Change("heard", (state.get("heard") or 1) - 1 or None, lasting=False))
    return Decoded(
        announcements=(_announcement(device, found, record),),
        statements=_statements(device, record, known, heard),
        changes=tuple(changes),
    )


def sensed(mac: str, payload: bytes, limits: Limits, state: State, community: str) -> Decoded:
    """``…/sensors``: an example of what SENSOR will say. Never raises."""
    device = DeviceRef(community, "mac", mac)
    if not payload:
        return Decoded()
    found = read_object(payload, limits, device)
    if isinstance(found, Problem):
        return Decoded(problems=(found,))
    sensors = found.get("sn")
    if not isinstance(sensors, dict):
        detail = f"sn is {show(sensors)}: an object of sensors is right"
        return Decoded(problems=(Problem("no_sensors", detail, device),))
    known = state.get(f"channels/{mac}") or {}
    channels = dict(list(channels_of(sensors, known))[:_MOST_SENSORS])
    reading = Reading(device, words_of(mac, state)._replace(channels=channels), limits, announcing=True)
    reading.sensors(sensors)
    kept = channels if len(known) >= _MOST_SENSORS else {**known, **channels}
    changes: tuple[Change, ...] = (Change(f"channels/{mac}", kept),) if kept != known else ()
    if changes and not known:
        count = (state.get("channels") or 0) + 1
        changes = (*changes, Change("channels", count)) if count <= MOST_DEVICES else ()
    return Decoded(announcements=(Announcement(device=device, points=tuple(reading.points)),), changes=changes)


def words_of(mac: str, state: State) -> Words:
    """What the device's messages need of what it has said."""
    record = state.get(f"device/{mac}")
    if record is None:
        return _FACTORY_WORDS
    return Words(record["off"], record["on"], tuple(record["relays"]), state.get(f"channels/{mac}") or {})


def _announcement(device: DeviceRef, found: dict[str, Any], record: dict[str, Any]) -> Announcement:
    labels = found["fn"] if isinstance(found.get("fn"), list) else []
    points: dict[str, PointInfo] = {}
    for index, relay in enumerate(record["relays"]):
        point = relay_point(index, tuple(record["relays"]), numbered=True) if relay else None
        if point is not None:
            name = join(point[1], point[0])
            points[name] = PointInfo(name, point[0], label=clean(labels[index] if index < len(labels) else ""))
    battery = found.get("bat") not in _NO
    topic = clean(found.get("t"))
    return Announcement(
        device=device,
        name=clean(found.get("dn")) or topic,
        maker="Tasmota",
        model=clean(found.get("md")),
        firmware=clean(found.get("sw")),
        power="battery" if battery else "" if record["sleeps"] else "mains",
        silence_s=0 if record["sleeps"] else SILENCE_S,
        points=tuple(points.values()),
        aliases=(DeviceRef(device.community, "tasmota", plain_id(topic)),) if topic else (),
    )


def _statements(
    device: DeviceRef, record: dict[str, Any], known: dict[str, Any] | None, heard: str | None
) -> tuple[Statement, ...]:
    """A will that came before this; and a device that has begun to sleep is no longer held to its word."""
    if record["sleeps"]:
        return (Statement(device, None),) if known is None or not known["sleeps"] else ()
    if heard is None or heard not in {record["online"], record["offline"]}:
        return ()
    return (Statement(device, heard == record["online"]),)


def _moves(mac: str, record: dict[str, Any], known: dict[str, Any] | None, state: State) -> list[Change]:
    paths = {record["tele"], record["stat"]}
    before = {known["tele"], known["stat"]} if known is not None else set()
    changes = [Change(f"at/{path}", mac) for path in sorted(paths) if state.get(f"at/{path}") != mac]
    return changes + [Change(f"at/{path}", None) for path in sorted(before - paths) if state.get(f"at/{path}") == mac]


def _withdrawn(device: DeviceRef, mac: str, state: State) -> Decoded:
    record = state.get(f"device/{mac}")
    if record is None:
        return Decoded()
    changes = [Change(f"device/{mac}", None), Change("devices", (state.get("devices") or 1) - 1 or None)]
    if f"channels/{mac}" in state:
        changes += [Change(f"channels/{mac}", None), Change("channels", (state.get("channels") or 1) - 1 or None)]
    paths = sorted({record["tele"], record["stat"]})
    changes += [Change(f"at/{path}", None) for path in paths if state.get(f"at/{path}") == mac]
    return Decoded(announcements=(Announcement(device=device, withdrawn=True),), changes=tuple(changes))


def _path(found: dict[str, Any], mac: str, prefix: int) -> str:
    """The topic up to its last word, with a slash behind it; empty where it is no exact topic."""
    full, topic, prefixes = found.get("ft"), found.get("t"), found.get("tp")
    if not (isinstance(full, str) and isinstance(topic, str) and isinstance(prefixes, list) and len(prefixes) > prefix):
        return ""
    parts = {"%prefix%": prefixes[prefix], "%topic%": topic, "%hostname%": found.get("hn"), "%id%": mac.upper()}
    for name, value in parts.items():
        if name in full:
            if not isinstance(value, str):
                return ""
            full = full.replace(name, value)
    full = full if full.endswith("/") else f"{full}/"
    return full if len(full) <= _LONGEST_PATH and _PATH.fullmatch(full) else ""


def _word(word: object, otherwise: str) -> str:
    return word[:_LONGEST_WORD] if isinstance(word, str) and word else otherwise


def _without_end(relays: list[int]) -> list[int]:
    """The list is as long as the longest device has relays; zeros behind the last one say nothing."""
    while relays and not relays[-1]:
        relays = relays[:-1]
    return relays
