"""A profile as a wire format: made ready once, then it only reads."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

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
_HOLDERS: Final = (dict, list)
_LONGEST_TOPIC: Final = 1024
_NO_NUMBER: Final = ("nan", "NaN")
"""What senders write where they have no number."""


class Fit(NamedTuple):
    """A rule whose topic it is: the names of the topic's parts, and the device where they tell it."""

    rule: Rule
    names: Mapping[str, str]
    speaker: DeviceRef | None


class Route(msgspec.Struct, frozen=True):
    """What a topic says."""

    community: str
    fits: tuple[Fit, ...]
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
        self._nothing = frozenset((*_NO_NUMBER, *profile.nothing))
        roots = build.roots
        passed = (*profile.passed, *(unpack.path.partition(".")[0] for unpack in profile.unpack))
        self._known = None if roots is None else frozenset(roots).union(passed)

    def route(self, topic: str, community: str | None) -> Route | None:
        """The rules whose topic it is. A foreign device belongs to the connection's community."""
        if len(topic) > _LONGEST_TOPIC:
            return None
        quiet = Gather(self._limits, community or "", NO_STATE, self._nothing)
        fits: list[Fit] = []
        for rule in self._rules:
            found = next((names for pattern in rule.patterns if (names := pattern.match(topic)) is not None), None)
            if found is not None:
                # One object for equal names: rules that walk alike share their walks by it.
                same = next((fit.names for fit in fits if fit.names == found), found)
                fits.append(Fit(rule, same, rule.speaker(same, quiet)))
        return Route(community or "", tuple(fits), any(fit.rule.bare for fit in fits)) if fits else None

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        gather = Gather(self._limits, route.community, state, self._nothing, message.received_at)
        root = self._root(route, message.payload, gather)
        if root is _UNREAD:
            return gather.answer(())
        fits = False
        refused: list[str] = []
        try:
            for rule, names, speaker in route.fits:
                if rule.instead and fits:
                    continue
                told = rule.read(Here(root, root, names), gather, speaker)
                if told:
                    fits = True
                elif told is False and rule.wants:
                    refused.append(" and ".join(rule.wants))
            if refused and not fits:
                found_keys = ", ".join(list(root)[:8]) or "no key" if isinstance(root, dict) else type(root).__name__
                right = ", or ".join(refused)[:300]
                gather.problem("unknown_message", f"the message has {found_keys[:200]}: expected {right}")
        except Full:
            fits = True
        return gather.answer(unknown_keys(root, self._known) if fits else ())

    def _root(self, route: Route, payload: bytes, gather: Gather) -> Any:
        """The whole message; _UNREAD where it cannot be read, or has been understood without."""
        gather.device = route.fits[0].speaker
        if not payload and _withdrawn(route, gather):
            return _UNREAD
        if route.bare:
            return _bare(payload, gather)
        root = read_json(payload, self._limits, gather.device)
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


def _withdrawn(route: Route, gather: Gather) -> bool:
    """An empty message on a topic of statements takes the statement back."""
    for rule, _, speaker in route.fits:
        if rule.makes_statements and speaker is not None:
            gather.statement(speaker, None)
    return bool(gather.statements)


def _bare(payload: bytes, gather: Gather) -> Any:
    """One value: JSON, or the text itself."""
    if len(payload) > gather.limits.payload:
        detail = f"payload of {len(payload)} bytes; at most {gather.limits.payload} are taken: send one value a message"
        gather.problem("too_large", detail)
        return _UNREAD
    found = read_json(payload, gather.limits, gather.device)
    if not isinstance(found, Problem):
        return found
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        gather.problem("not_utf8", f"byte {error.start} is not UTF-8: encode the payload as UTF-8")
        return _UNREAD
    if not text:
        gather.problem("empty_payload", "the payload is empty: send one value")
        return _UNREAD
    if text[0] in "{[" or len(text) > gather.limits.text:
        gather.problems.append(found)
        return _UNREAD
    return text


def _lower(value: Any) -> Any:
    """Every key in lower case; of two that become one, the later counts."""
    if isinstance(value, dict):
        return {key.lower(): _lower(part) if isinstance(part, _HOLDERS) else part for key, part in value.items()}
    if isinstance(value, list):
        return [_lower(part) if isinstance(part, _HOLDERS) else part for part in value]
    return value


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
