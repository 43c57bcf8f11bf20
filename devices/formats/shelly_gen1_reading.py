"""Reading one message of a Gen1 Shelly: a plain value, or one of the few objects."""

from __future__ import annotations

from typing import Final

from devices.contract import Decoded, Limits, Message, Problem
from devices.formats.json_bytes import read_object, show
from devices.formats.shelly_events import answer, gen1_push
from devices.formats.shelly_fields import DROP, GEN1_INFO, GEN1_LIGHT, GEN1_MOTION, GEN1_THERMOSTAT, Reading
from devices.formats.shelly_gen1 import NEITHER, NUMBER, Topic
from devices.formats.shelly_who import Meeting, mac_of

_MOST_HEADS: Final = 8


def hear(topic: Topic, rest: str, message: Message, meeting: Meeting, limits: Limits) -> Decoded:
    """What the message under ``rest``, the part of its topic behind the device, says."""
    if topic.value.kind != "plain":
        return _object(topic, rest, message, meeting, limits)
    if len(message.payload) > limits.text * 4:
        detail = f"{len(message.payload)} bytes under {show(rest)}: one short value is expected"
        return meeting.answer(problems=(Problem("too_large", detail, meeting.device),))
    try:
        text = message.payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} under {show(rest)} is not UTF-8: text or a number is expected"
        return meeting.answer(problems=(Problem("not_utf8", detail, meeting.device),))
    reading = Reading(meeting.device, limits)
    word = text.lower()
    _plain(topic, word, text, reading)
    fault = topic.value.fault
    if not fault:
        return answer(meeting, reading, {}, None)
    there = word == topic.value.fault_word if topic.value.fault_word else word not in {"0", "false", ""}
    return answer(meeting, reading, {rest: _code(topic, fault) if there else []}, None)


def _plain(topic: Topic, word: str, text: str, reading: Reading) -> None:
    """A plain payload: a word, a number, or a text of the maker's."""
    rule = topic.value.rule
    if rule is DROP or not text or word in {"null", "nan"}:
        return
    if rule.words is not None:
        if word in rule.words:
            reading.put(rule, topic.key, rule.words[word], topic.channel)
        elif word not in NEITHER and not (NUMBER.fullmatch(text) and float(text) in rule.nothing):
            reading.refuse(topic.key, text, f"one of {', '.join(rule.words)}")
    else:
        reading.put(rule, topic.key, float(text) if NUMBER.fullmatch(text) else text, topic.channel)


def _object(topic: Topic, rest: str, message: Message, meeting: Meeting, limits: Limits) -> Decoded:
    found = read_object(message.payload, limits, meeting.device)
    if isinstance(found, Problem):
        return meeting.answer(problems=(found,))
    kind = topic.value.kind
    if kind == "push":  # a retained one is the last one, long ago
        return meeting.answer(events=() if message.retain else gen1_push(meeting.device, topic.channel, found))
    if kind == "info":
        meeting.called_by_mac(mac_of(found.get("mac")))
    faults: dict[str, list[str]] = {}
    reading = Reading(meeting.device, limits)
    if kind == "light":
        reading.fields(found, GEN1_LIGHT, topic.channel)
        if isinstance(found.get("overpower"), bool):
            faults[rest] = _code(topic, "overpower") if found["overpower"] else []
    elif kind == "motion":
        reading.fields(found, GEN1_MOTION, "")
    else:
        reading.fields(found, GEN1_INFO, "", only=True)
        heads = found.get("thermostats")
        for number, head in enumerate(heads[:_MOST_HEADS] if isinstance(heads, list) else ()):
            if isinstance(head, dict):
                reading.fields(head, GEN1_THERMOSTAT, f"thermostat{number}")
    return answer(meeting, reading, faults, None)


def _code(topic: Topic, fault: str) -> list[str]:
    return [f"{topic.channel}.{fault}" if topic.channel else fault]
