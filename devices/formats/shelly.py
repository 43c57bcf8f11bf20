"""Shelly: Gen1 (``shellies/{id}/…``, plain values) and Gen2 to Gen4 (``{prefix}/events/rpc``, ``{prefix}/status/…``).

Source: https://shelly-api-docs.shelly.cloud. A topic's prefix can be renamed by its user, so a device is known by the MAC
in ``src``, in ``announce``, in ``sys`` or at the end of its factory-made id, whichever comes. What a prefix turned out to be is
the state: one entry for each, and one with the errors that are up; at most 10,000 entries in all.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Decoded, Limits, Message, Problem, State, Statement
from devices.formats.json_bytes import read_object, show
from devices.formats.shelly_events import answer, faults_of, moment, pushes
from devices.formats.shelly_fields import COMPONENT, COMPONENTS, SILENT, Reading, component_of
from devices.formats.shelly_gen1 import Topic, topic_of
from devices.formats.shelly_gen1_reading import hear
from devices.formats.shelly_who import Meeting, Speaker, mac_of, speaker_of
from devices.formats.topic_filters import apart, filters_of, matches

_GEN1_ROOT: Final = "shellies"


class Route(msgspec.Struct, frozen=True):
    """What a topic is."""

    kind: str
    """``rpc``, ``component``, ``online``, ``announce``, ``value`` or, for what others say to devices, ``passed``."""
    speaker: Speaker
    component: str = ""
    topic: Topic | None = None
    rest: str = ""


class ShellyFormat:
    """Implements ``devices.contract.Format``.

    ``prefix``: the filters that the topic prefixes of Gen2+ devices match, separated by commas; ``+`` is one level of any
    name, as the maker sets it up. Gen1 devices are always under ``shellies``.
    """

    name = "shelly"

    def __init__(self, limits: Limits | None = None, *, prefix: str = "+") -> None:
        self._limits = limits if limits is not None else Limits()
        self._prefixes = filters_of(prefix)
        leaves = ("events/rpc", "status/+", "online", "announce")
        later = (f"{each}/{leaf}" for each in self._prefixes for leaf in leaves)
        gen1 = (f"{_GEN1_ROOT}/announce", f"{_GEN1_ROOT}/+/+/#")
        self.filters: tuple[str, ...] = apart((*gen1, *later))

    def route(self, topic: str, community: str | None) -> Route | None:
        """Topics under ``shellies``, and those that end as a Gen2+ device's do under a prefix of this connection."""
        owner = community or ""
        if topic.startswith(f"{_GEN1_ROOT}/"):
            return _gen1_route(topic, owner)
        prefix, kind, component = _split(topic)
        if not kind or not any(matches(each, prefix) for each in self._prefixes):
            return None
        return Route(kind, speaker_of(prefix, prefix, owner), component)

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.kind == "value":
            meeting = Meeting(route.speaker, state)
            if route.topic is None:
                return meeting.answer(unknown=(route.rest[:64],))
            return hear(route.topic, route.rest, message, meeting, self._limits)
        if route.kind == "online":
            return self._online(route, message, state)
        if route.kind == "passed":
            return NOTHING
        found = read_object(message.payload, self._limits, None)
        if isinstance(found, Problem):
            return Decoded(problems=(found,))
        read = {"rpc": self._rpc, "component": self._component, "announce": _announce}[route.kind]
        return read(route, found, state)

    # --- Gen2 and later ---------------------------------------------------------------------------------------

    def _rpc(self, route: Route, found: dict[str, Any], state: State) -> Decoded:
        src, method, params = found.get("src"), found.get("method"), found.get("params")
        if not isinstance(src, str) or not isinstance(params, dict):
            detail = f"src is {show(src)}, params is {show(params)}: a notification names its device and says something"
            return Decoded(problems=(Problem("no_notification", detail),))
        full = method == "NotifyFullStatus"
        meeting = Meeting(route.speaker, state)
        meeting.called(src)
        if method == "NotifyEvent":
            return meeting.answer(events=pushes(meeting.device, params))
        if not full and method != "NotifyStatus":
            return meeting.answer(unknown=(str(method)[:64],))
        reading = Reading(meeting.device, self._limits)
        for key, value in params.items():
            if key == "ts":
                continue
            component = component_of(key) if isinstance(value, dict) else None
            if component is None:
                reading.passed_over(key)
                continue
            reading.component(component, value)
            if key == "sys":
                meeting.woken_every(value.get("wakeup_period"))
            elif component.kind == "devicepower":
                meeting.powered_by(value.get("external"))
        faults = faults_of(reading, meeting.faults, params if full else ())
        return answer(meeting, reading, faults, moment(params.get("ts")))

    def _component(self, route: Route, found: dict[str, Any], state: State) -> Decoded:
        """The whole status of one component, without a time of its own."""
        meeting = Meeting(route.speaker, state)
        key = route.component
        kind, _, number = key.partition(":")
        mac = mac_of(found.get("mac")) if key == "sys" else ""
        if mac:
            meeting.called_by_mac(mac)
        elif not meeting.certain and number and found.get("id") != int(number):
            detail = f"{show(found)} under …/status/{key}: a Shelly component says its id, {number}"
            return Decoded(problems=(Problem("not_shelly", detail),))
        if kind in SILENT:
            return meeting.answer()
        if key == "sys":
            meeting.woken_every(found.get("wakeup_period"))
        elif kind == "devicepower":
            meeting.powered_by(found.get("external"))
        reading = Reading(meeting.device, self._limits)
        if (component := component_of(key)) is not None:
            reading.component(component, found)
        return answer(meeting, reading, faults_of(reading, meeting.faults, (key,)), None)

    # --- both -------------------------------------------------------------------------------------------------

    def _online(self, route: Route, message: Message, state: State) -> Decoded:
        """The last will. Of a device that sleeps, or that nobody knows yet, it says nothing about how things are."""
        meeting = Meeting(route.speaker, state)
        word = message.payload[:16].strip().lower()
        if not message.payload:
            online = None
        elif word in {b"true", b"false"}:
            online = word == b"true"
        else:
            if not meeting.certain:
                return NOTHING
            detail = f"online is {show(message.payload[:16].decode(errors='replace'))}: true or false is expected"
            return Decoded(problems=(Problem("bad_status", detail, meeting.device),))
        if not meeting.speaks_of_being_online:
            return meeting.answer() if meeting.certain else NOTHING
        return meeting.answer(statements=(Statement(meeting.device, online),))


def _split(topic: str) -> tuple[str, str, str]:
    """(prefix, kind, component) of a Gen2+ topic; an empty kind where it is none."""
    head, _, leaf = topic.rpartition("/")
    before, _, middle = head.rpartition("/")
    if leaf == "rpc" and middle == "events" and before:
        return before, "rpc", ""
    if middle == "status" and before and COMPONENT.fullmatch(leaf):
        kind = leaf.partition(":")[0]
        known = ":" in leaf or kind in COMPONENTS or kind in SILENT
        return (before, "component", leaf) if known else ("", "", "")
    if leaf in {"online", "announce"} and head:
        return head, leaf, ""
    return "", "", ""


def _gen1_route(topic: str, owner: str) -> Route | None:
    _, _, behind = topic.partition("/")
    name, _, rest = behind.partition("/")
    if not rest:
        kind = "announce" if name == "announce" else "passed"
        return Route(kind, speaker_of("", "", owner))
    prefix, kind, component = _split(topic)  # users move later devices under shellies, too
    if kind:
        return Route(kind, speaker_of(prefix, prefix.removeprefix(f"{_GEN1_ROOT}/"), owner), component)
    speaker = speaker_of(f"{_GEN1_ROOT}/{name}", name, owner)
    if rest.endswith(("command", "/set", "rpc")):
        return Route("passed", speaker)
    return Route("value", speaker, topic=topic_of(rest), rest=rest)


def _announce(route: Route, found: dict[str, Any], state: State) -> Decoded:
    """Gen1: id, model, mac, fw_ver. Gen2+: the same and name, gen, ver, app."""
    said = found.get("id")
    if not isinstance(said, str) or not 0 < len(said) <= 200:
        detail = f"id is {show(said)}: an announcement names the device's id and mac"
        return Decoded(problems=(Problem("no_id", detail),))
    speaker = route.speaker
    if not speaker.prefix:
        later = isinstance(found.get("gen"), int) and found["gen"] > 1
        prefix = said if later else f"{_GEN1_ROOT}/{said}"
        speaker = speaker_of(prefix, said, speaker.guess.community)
    meeting = Meeting(speaker, state)
    meeting.called_by_mac(mac_of(found.get("mac")))
    meeting.announced(found)
    return meeting.answer()
