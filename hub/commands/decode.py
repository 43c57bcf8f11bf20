"""``hub decode``: what the hub would understand of a message or of a capture. Nothing is stored, nothing is sent."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from devices import formats
from devices.contract import Decoded, Message
from devices.conversation import Conversation
from hub.clock import WallClock, to_iso
from hub.domain.metrics import metric_of
from hub.errors import InvalidInput
from hub.settings import Settings

_HEX: Final = "hex:"


class Heard(NamedTuple):
    """One line of a capture."""

    topic: str
    payload: bytes


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "decode",
        help="show what the hub understands of a message or of a capture",
        description="Reads one message, or a capture as mosquitto_sub -v prints it (topic, a blank, payload), and shows "
        "which format claims it and what it says. Formats that learn (inventories, births) do so from line to line.",
        epilog="example: hub decode zigbee2mqtt/hall '{\"temperature\": 21.5}'    "
        "or: mosquitto_sub -v -t '#' | hub decode --capture -",
    )
    parser.add_argument("topic", nargs="?", help="of one message")
    parser.add_argument("payload", nargs="?", help="of one message; hex:0a0b… for bytes")
    parser.add_argument("--capture", metavar="FILE", help="many messages, one a line; - reads standard input")
    parser.add_argument(
        "--format",
        action="append",
        metavar="NAME",
        help=f"only this format, as often as needed (default: every one; {', '.join(formats.names())})",
    )
    parser.add_argument(
        "--profiles", type=Path, metavar="FOLDER", help="your own profiles (default: those of the settings)"
    )
    parser.add_argument("--community", default="community", help="whose devices they are (default: community)")
    parser.add_argument("--retained", action="store_true", help="as if the broker had kept the messages")
    parser.add_argument("--json", action="store_true", help="one JSON object a message, for programs")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """0: everything was understood; 1: something was not."""
    profiles = chosen.profiles or settings.ingest.profiles
    try:
        conversations = [
            Conversation(formats.make(name, profiles=profiles), None if name == "native" else chosen.community)
            for name in (chosen.format or formats.names(profiles))
        ]
    except formats.UnknownFormat as error:
        raise InvalidInput(str(error)) from error
    wrong = False
    for heard in _messages(chosen):
        found = list(_answers(conversations, heard, retained=chosen.retained))
        wrong |= not found or any(said.problems for _, said in found)
        for line in _as_json(heard, found) if chosen.json else _as_text(heard, found):
            print(line)
    return int(wrong)


def _messages(chosen: argparse.Namespace) -> Iterator[Heard]:
    if chosen.capture is None:
        if chosen.topic is None or chosen.payload is None:
            raise InvalidInput("give a topic and a payload, or --capture FILE: hub decode --help shows an example")
        yield Heard(chosen.topic, _bytes(chosen.payload))
    elif chosen.topic is not None:
        raise InvalidInput("give either a topic and a payload, or --capture FILE")
    elif chosen.capture == "-":
        yield from _lines(sys.stdin)
    else:
        try:
            with Path(chosen.capture).open(encoding="utf-8", errors="surrogateescape") as file:
                yield from _lines(file)
        except OSError as error:
            raise InvalidInput(f"{chosen.capture} cannot be read: {error.strerror}") from error


def _lines(file: TextIO) -> Iterator[Heard]:
    for line in file:
        topic, _, payload = line.rstrip("\n").partition(" ")
        if topic:
            yield Heard(topic, _bytes(payload))


def _bytes(payload: str) -> bytes:
    if payload.startswith(_HEX):
        try:
            return bytes.fromhex(payload.removeprefix(_HEX))
        except ValueError as error:
            raise InvalidInput(f"{payload[:40]!r} is not hexadecimal: write hex:0a0b0c") from error
    return payload.encode("utf-8", "surrogateescape")


def _answers(
    conversations: Iterable[Conversation], heard: Heard, *, retained: bool
) -> Iterator[tuple[Conversation, Decoded]]:
    """Of every format that claims the topic; on a connection the first in its list of formats would have it."""
    message = Message(heard.topic, heard.payload, received_at=WallClock().now(), retain=retained)
    for conversation in conversations:
        said = conversation.hear(message)
        if said is not None:
            yield conversation, said


def _as_text(heard: Heard, found: list[tuple[Conversation, Decoded]]) -> Iterator[str]:
    yield heard.topic
    if not found:
        yield "  no format reads this topic"
    for conversation, said in found:
        yield f"  {conversation.format.name}"
        for part in (_announced, _measured, _happened, _left_over):
            yield from (f"    {line}" for line in part(said))


def _announced(said: Decoded) -> Iterator[str]:
    for about in said.announcements:
        what = " ".join(filter(None, (about.maker, about.model))) or "a device"
        gone = ", withdrawn" if about.withdrawn else ""
        yield f"{about.device.hub_id} is {what}{f' called {about.name}' if about.name else ''}{gone}"
        for point in about.points:
            yield f"  {point.name}: {point.metric or 'unknown metric'} {point.unit}".rstrip()


def _measured(said: Decoded) -> Iterator[str]:
    for sample in said.samples:
        when = "" if sample.time is None else f" at {to_iso(sample.time)}"
        doubt = "" if sample.quality == "good" else f", {sample.quality}"
        yield f"{sample.device.hub_id}{when}{doubt}"
        for name, value in sample.values.items():
            yield f"  {name} = {_shown(name, value)}"


def _happened(said: Decoded) -> Iterator[str]:
    for event in said.events:
        state = {None: "", True: " begins", False: " ends"}[event.active]
        yield f"{event.device.hub_id} {event.type} {event.code}{state} {event.text}".rstrip()
    for statement in said.statements:
        word = {None: "says nothing of being reachable", True: "is online", False: "is offline"}[statement.online]
        yield f"{statement.device.hub_id} {word}"


def _left_over(said: Decoded) -> Iterator[str]:
    for request in said.requests:
        yield f"would send to {request.topic}: {request.why}"
    for problem in said.problems:
        yield f"not understood ({problem.reason}): {problem.detail}"
    if said.unknown:
        yield f"passed over: {', '.join(said.unknown)}"
    if said.changes and not (said.samples or said.announcements):
        yield f"learned {len(said.changes)} things"


def _shown(name: str, value: float | bool | str) -> str:  # noqa: FBT001 - a reading's value may be yes or no
    metric = metric_of(name)
    if isinstance(value, bool):
        word = metric and (metric.on if value else metric.off)
        return f"{str(value).lower()} ({word.en})" if word else str(value).lower()
    if metric is None:
        return f"{value} (unknown metric)"
    return f"{value} {metric.symbol_of('en')}".rstrip()


def _as_json(heard: Heard, found: list[tuple[Conversation, Decoded]]) -> Iterator[str]:
    import msgspec

    answers: list[dict[str, Any]] = [
        {"format": conversation.format.name, **msgspec.to_builtins(said)} for conversation, said in found
    ]
    yield msgspec.json.encode({"topic": heard.topic, "answers": answers}).decode()
