"""A profile as a wire format: made ready once, then it only reads."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from devices.contract import NO_STATE, UNREADABLE, Decoded, DeviceRef, Limits, Message, Problem, State
from devices.formats.json_bytes import read_json, show
from devices.profiles.building import Builder
from devices.profiles.checks import check
from devices.profiles.columns import Columns
from devices.profiles.gathering import Full, Gather, unknown_keys
from devices.profiles.paths import Here, Step, steps
from devices.profiles.reading import BadProfile
from devices.profiles.rules import Rule
from devices.profiles.shape import Profile, Unpack
from devices.profiles.topics import covers

_UNREAD: Final = object()


class Route(msgspec.Struct, frozen=True):
    """What a topic says: the rules that it fits, each with its names."""

    community: str
    rules: tuple[tuple[Rule, Mapping[str, str]], ...]
    bare: bool


class ProfileFormat:
    """Implements ``devices.contract.Format`` from data."""

    def __init__(self, profile: Profile, limits: Limits | None = None, *, file: str = "") -> None:
        self.name = profile.name
        self.profile = profile
        self._limits = limits if limits is not None else Limits()
        build = Builder()
        learns = profile.learn is not None or any(message.learn is not None for message in profile.message)
        self._rules: list[Rule] = []
        for place, message in enumerate(profile.message):
            with build.at(f"message[{place}]"):
                columns = Columns(
                    {**profile.metrics, **message.metrics} if message.metrics else profile.metrics,
                    profile.suffixes,
                    profile.guess,
                )
                self._rules.append(Rule(build, profile, message, columns, learns=learns))
        self.filters = tuple(profile.filters) or _filters(self._rules)
        check(build, profile, self.filters)
        if build.mistakes:
            raise BadProfile(file or f"{profile.name}.toml", dict.fromkeys(build.mistakes))
        self._unpack = [(unpack, steps(unpack.path)[1]) for unpack in profile.unpack]
        self._nothing = frozenset(profile.nothing)
        roots = build.roots
        passed = (*profile.passed, *(unpack.path.partition(".")[0] for unpack in profile.unpack))
        self._known = None if roots is None else frozenset(roots).union(passed)

    def route(self, topic: str, community: str | None) -> Route | None:
        """The rules whose topic it is. A foreign device belongs to the connection's community."""
        if len(topic) > 1024:
            return None
        rules: list[tuple[Rule, Mapping[str, str]]] = []
        for rule in self._rules:
            names = next((found for pattern in rule.patterns if (found := pattern.match(topic)) is not None), None)
            if names is not None:
                rules.append((rule, names))
        if not rules:
            return None
        return Route(community or "", tuple(rules), any(rule.bare for rule, _ in rules))

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        gather = Gather(self._limits, route.community, state, self._nothing)
        if not message.payload and _withdrawn(route, gather):
            return gather.answer(())
        root = self._root(route, message.payload, gather)
        if root is _UNREAD:
            return gather.answer(())
        fits = False
        refused: list[str] = []
        try:
            for rule, names in route.rules:
                if rule.instead and fits:
                    continue
                found = rule.read(Here(root, root, names), gather)
                fits = fits or found is True
                if found is False:
                    refused += rule.wants
        except Full:
            fits = True
        if refused and not fits:
            found = ", ".join(list(root)[:8]) if isinstance(root, dict) else type(root).__name__
            gather.problem("unknown_message", f"the message has {found[:200]}: expected {' or '.join(refused)[:300]}")
        return gather.answer(unknown_keys(root, self._known) if fits else ())

    def _root(self, route: Route, payload: bytes, gather: Gather) -> Any:
        """The whole message; _UNREAD where it cannot be read."""
        if route.bare:
            return _bare(payload, gather)
        root = read_json(payload, self._limits, _speaker(route, gather))
        if isinstance(root, Problem):
            gather.problems.append(root)
            return _UNREAD
        if not isinstance(root, (dict, list)):
            gather.problem("not_an_object", f"the message is {show(root)}: send one JSON object")
            return _UNREAD
        if self.profile.any_case:
            root = _lower(root)
        for unpack, path in self._unpack:
            _unpacked(root, unpack, path, gather)
        return root


def _filters(rules: list[Rule]) -> tuple[str, ...]:
    """Those of all topics, without such as another one takes in. Pushes (``http/…``) come by no broker."""
    every = dict.fromkeys(pattern.filter() for rule in rules for pattern in rule.patterns if not pattern.pushed)
    return tuple(one for one in every if not any(other != one and covers(other, one) for other in every))


def _speaker(route: Route, gather: Gather) -> DeviceRef | None:
    """The device that the topic names, where it names one."""
    rule, names = route.rules[0]
    rule.speaker(Here(None, None, names), gather)
    return gather.device


def _withdrawn(route: Route, gather: Gather) -> bool:
    """An empty message on a topic of statements takes the statement back."""
    for rule, names in route.rules:
        if rule.makes_statements:
            rule.speaker(Here(None, None, names), gather)
            if gather.device is not None:
                gather.statement(gather.device, None)
    return bool(gather.statements)


def _bare(payload: bytes, gather: Gather) -> Any:
    """One value: JSON, or the text itself."""
    if len(payload) > gather.limits.payload:
        detail = f"payload of {len(payload)} bytes; at most {gather.limits.payload} are taken: send one value a message"
        gather.problem("too_large", detail)
        return _UNREAD
    found = read_json(payload, gather.limits, None)
    if not isinstance(found, Problem):
        return found
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        gather.problem("not_utf8", f"byte {error.start} is not UTF-8: encode the payload as UTF-8")
        return _UNREAD
    if not text:
        gather.problem("empty", "the payload is empty: send one value")
        return _UNREAD
    if text[0] in "{[" or len(text) > gather.limits.text:
        gather.problems.append(found)
        return _UNREAD
    return text


def _lower(value: Any) -> Any:
    """Every key in lower case; of two that become one, the later counts."""
    if isinstance(value, dict):
        return {key.lower(): _lower(part) for key, part in value.items()}
    return [_lower(part) for part in value] if isinstance(value, list) else value


def _unpacked(root: Any, unpack: Unpack, path: tuple[Step, ...], gather: Gather) -> None:
    """Put what the JSON in a text says in the place of the text."""
    for _, word in path[:-1]:
        root = root.get(word) if isinstance(root, dict) else None
    last = path[-1].word
    text = root.get(last) if isinstance(root, dict) else None
    if not isinstance(text, str):
        return
    try:
        packed = binascii.a2b_base64(text.encode()) if unpack.encoding == "base64" else text.encode()
    except UNREADABLE as error:
        found: Any = Problem("not_base64", f"{unpack.path}: {error}: send base64", whole=False)
    else:
        found = read_json(packed, gather.limits, None)
    if isinstance(found, Problem):
        gather.problem(found.reason, f"{unpack.path} holds no JSON: {found.detail}")
        found = None
    root[last] = found
