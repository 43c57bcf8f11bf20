"""``hub decode``: what the hub would understand of a message or of a capture. Nothing is stored, nothing is sent."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices import formats
from devices.contract import Decoded, Message
from devices.conversation import Conversation
from hub.clock import WallClock, to_iso
from hub.commands.capture import Heard, NotHexadecimal, Unreadable, as_bytes, read
from hub.domain.metrics import metric_of
from hub.errors import InvalidInput
from hub.ingest.spoken import Spoken, limits_of
from hub.ingest.topics import LONGEST_TOPIC
from hub.settings import Connection, Settings

_ANY_BYTES: Final[dict[str, Any]] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": "\n"}
"""How a capture is opened: no byte is refused, and only a line feed ends a line."""
_SHOWN: Final = 100
"""Characters of a topic that is too long."""
_BINARY: Final = frozenset(range(32)) - frozenset(b"\t\n\r")


class Listening(NamedTuple):
    """What is spoken, as far as the command was told."""

    conversations: tuple[Conversation, ...]
    first_only: bool
    """As on a connection: the first format that claims a topic has it. Else every one that does is shown."""
    retained: bool
    content_type: str

    def answers(self, heard: Heard) -> Iterator[tuple[Conversation, Decoded]]:
        """What is said of the message, after which everything it taught is known."""
        if _size(heard.topic) > LONGEST_TOPIC:
            return
        message = self._message(heard.topic, heard.payload)
        for conversation in self.conversations:
            said = conversation.hear(message)
            if said is not None:
                yield conversation, said
                if self.first_only:
                    return

    def worth(self, topic: str, payload: bytes) -> int:
        """How much the message would say, and nothing is learned: see ``hub.commands.capture.Judge``."""
        message, best = self._message(topic, payload), -1
        for conversation in self.conversations:
            route = conversation.route(topic)
            if route is not None:
                best = max(best, _worth(conversation.format.decode(route, message, conversation.state)))
                if self.first_only:
                    break
        return best

    def _message(self, topic: str, payload: bytes) -> Message:
        now = WallClock().now()
        return Message(topic, payload, received_at=now, retain=self.retained, content_type=self.content_type)


def _size(topic: str) -> int:
    """In bytes, as the hub counts."""
    return len(topic.encode("utf-8", "surrogateescape"))


def _worth(said: Decoded) -> int:
    values = sum(len(sample.values) for sample in said.samples)
    much = values + len(said.events) + len(said.statements) + len(said.announcements) + len(said.changes)
    if any(problem.whole for problem in said.problems) or (said.problems and not much):
        return 0
    return 1 + much


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "decode",
        help="show what the hub understands of a message or of a capture",
        description="Reads one message, or a capture as mosquitto_sub -v prints it (topic, a blank, payload), and shows "
        "which format claims it and what it says. Formats that learn (inventories, births) do so from line to line. A "
        "topic with blanks ends where a format understands the rest; JSON may run over lines. Binary payloads need "
        "mosquitto_sub -F '%t hex:%x', and with it nothing is left to be guessed.",
        epilog="example: hub decode zigbee2mqtt/hall '{\"temperature\": 21.5}'    "
        "or: mosquitto_sub -t 'spBv1.0/#' -F '%t hex:%x' | hub decode --connection main --capture -",
    )
    parser.add_argument("topic", nargs="?", help="of one message")
    parser.add_argument("payload", nargs="?", help="of one message; hex:0a0b… for bytes")
    parser.add_argument("--capture", metavar="FILE", help="many messages; - reads standard input")
    parser.add_argument(
        "--connection",
        metavar="NAME",
        help="as on this connection of the settings: its formats, their options, its community",
    )
    parser.add_argument(
        "--format",
        action="append",
        metavar="NAME",
        help=f"only this format, as often as needed (default: every one; {', '.join(formats.names())})",
    )
    parser.add_argument(
        "--profiles", type=Path, metavar="FOLDER", help="your own profiles (default: those of the settings)"
    )
    parser.add_argument(
        "--option",
        action="append",
        metavar="FORMAT.KEY=VALUE",
        help="a format's own setting, as often as needed: zigbee2mqtt.base=z2m",
    )
    parser.add_argument("--community", help="whose devices they are (default: community)")
    parser.add_argument("--content-type", default="", metavar="TYPE", help="as if the messages said it (MQTT 5)")
    parser.add_argument("--retained", action="store_true", help="as if the broker had kept the messages")
    parser.add_argument("--json", action="store_true", help="one JSON object a message, for programs")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """0: of every message some format understood all; 1: of one none did."""
    listening = _listening(chosen, settings)
    wrong = False
    for heard in _messages(chosen, listening):
        if isinstance(heard, Unreadable):
            print(f"line {heard.line}: {heard.why}", file=sys.stderr)
            wrong = True
            continue
        found = list(listening.answers(heard))
        wrong |= all(said.problems for _, said in found)
        for line in _as_json(heard, found) if chosen.json else _as_text(heard, found):
            print(line)
    return int(wrong)


def _listening(chosen: argparse.Namespace, settings: Settings) -> Listening:
    """InvalidInput and ConfigError name a connection, format or option that there is not."""
    profiles, limits = chosen.profiles or settings.ingest.profiles, limits_of(settings.ingest)
    if chosen.connection is not None:
        if chosen.format or chosen.option or chosen.community:
            raise InvalidInput(
                "--connection brings formats, options and community: leave out --format, --option, --community"
            )
        spoken = Spoken.of(_connection(chosen.connection, settings), limits, profiles)
        conversations = tuple(Conversation(each, spoken.community) for each in spoken.formats)
        return Listening(conversations, True, chosen.retained, chosen.content_type)
    try:
        names = chosen.format or formats.names(profiles)
        options = _options(chosen.option or (), names)
        made = tuple(
            Conversation(
                formats.make(name, limits, options.get(name), profiles),
                None if name == "native" else chosen.community or "community",
            )
            for name in names
        )
    except formats.UnknownFormat as error:
        raise InvalidInput(str(error)) from error
    return Listening(made, False, chosen.retained, chosen.content_type)


def _connection(name: str, settings: Settings) -> Connection:
    there = settings.mqtt.all_connections()
    for each in there:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in there) or "none"
    raise InvalidInput(f"the settings have no MQTT connection {name!r}; there is {known}")


def _options(written: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, str]]:
    options: dict[str, dict[str, str]] = {}
    for each in written:
        key, equals, value = each.partition("=")
        name, dot, key = key.partition(".")
        if not (name and dot and key and equals):
            raise InvalidInput(f"--option {each!r}: expected FORMAT.KEY=VALUE, e.g. zigbee2mqtt.base=z2m")
        if name not in names:
            raise InvalidInput(f"--option {each!r}: {name} is not among the formats that are asked: {', '.join(names)}")
        options.setdefault(name, {})[key] = value
    return options


def _messages(chosen: argparse.Namespace, listening: Listening) -> Iterator[Heard | Unreadable]:
    if chosen.capture is None:
        if chosen.topic is None or chosen.payload is None:
            raise InvalidInput("give a topic and a payload, or --capture FILE: hub decode --help shows an example")
        try:
            yield Heard(chosen.topic, as_bytes(chosen.payload))
        except NotHexadecimal as error:
            raise InvalidInput(str(error)) from error
    elif chosen.topic is not None:
        raise InvalidInput("give either a topic and a payload, or --capture FILE")
    elif chosen.capture == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(**_ANY_BYTES)
        yield from read(sys.stdin, listening.worth)
    else:
        try:
            with Path(chosen.capture).open(**_ANY_BYTES) as file:
                yield from read(file, listening.worth)
        except OSError as error:
            raise InvalidInput(f"{chosen.capture} cannot be read: {error.strerror}") from error


def _as_text(heard: Heard, found: list[tuple[Conversation, Decoded]]) -> Iterator[str]:
    size = _size(heard.topic)
    yield heard.topic if size <= LONGEST_TOPIC else f"{heard.topic[:_SHOWN]}..."
    if size > LONGEST_TOPIC:
        yield f"  not understood (topic_too_long): a topic of {size} bytes: at most {LONGEST_TOPIC} are taken"
    elif not found:
        yield "  no format reads this topic"
    for conversation, said in found:
        yield f"  {conversation.format.name}"
        for part in (_announced, _measured, _happened, _left_over):
            yield from (f"    {line}" for line in part(said))
    if heard.line and _BINARY.intersection(heard.payload) and not any(_worth(said) for _, said in found):
        yield "  binary, which a line cannot hold: print it with mosquitto_sub -F '%t hex:%x'"


def _announced(said: Decoded) -> Iterator[str]:
    for about in said.announcements:
        what = " ".join(filter(None, (about.maker, about.model))) or "a device"
        gone = ", withdrawn" if about.withdrawn else ""
        yield f"{about.device.hub_id} is {what}{f' called {about.name}' if about.name else ''}{gone}"
        for point in about.points:
            kind = f" ({point.kind})" if point.kind and not point.metric else ""
            yield f"  {point.name}: {point.metric or 'unknown metric'} {point.unit}".rstrip() + kind


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
        yield f"learned {len(said.changes)} thing{'s' if len(said.changes) > 1 else ''}"


def _shown(name: str, value: float | bool | str) -> str:  # noqa: FBT001 - a reading's value may be yes or no
    metric = metric_of(name)
    if isinstance(value, bool):
        word = metric and (metric.on if value else metric.off)
        return f"{str(value).lower()} ({word.en})" if word else str(value).lower()
    if metric is None:
        return f"{value} (unknown metric)"
    shown = f"{value} {metric.symbol_of('en')}".rstrip()
    if isinstance(value, str) or metric.plausible(value):
        return shown
    return f"{shown} (implausible, kept as uncertain: {metric.low:g} to {metric.high:g} is right)"


def _as_json(heard: Heard, found: list[tuple[Conversation, Decoded]]) -> Iterator[str]:
    import msgspec

    answers: list[dict[str, Any]] = [
        {"format": conversation.format.name, **msgspec.to_builtins(said)} for conversation, said in found
    ]
    yield msgspec.json.encode({"topic": heard.topic, "answers": answers}).decode()
