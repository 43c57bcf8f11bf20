"""The two small languages of profiles: where something stands in a message, and texts made of what stands there.

A *path* is words between dots: ``data.readings``. ``""`` is the thing at hand itself; a leading ``/`` starts at the whole
message instead, each leading ``^`` at the thing that the walk came by before this one. A *walk* also goes through many things: ``[]`` through the items of a list, ``{key}`` through the entries
of an object, each under the name ``key``. In a path that leads to one thing, ``{key}`` is the entry of that name, ``[0]``
an item of a list and ``[#]`` the item with the same place as the one at hand (two lists side by side).

A *template* is text with pieces: ``{device}`` a name from the topic or a walk, ``{.model}`` a path from the thing at hand,
``{/gateway}`` a path from the whole message. A piece that is missing, null or empty leaves the whole text out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

_STEP: Final = re.compile(r"\{(?P<name>\w+)\}|\[(?P<index>\d*|#)\]|(?P<key>[^.\[\]{}]+)")
_WHOLE: Final = 2**63
_SPELLED: Final = re.compile(r"\{(\w+)")
_PIECE: Final = re.compile(r"\{([^{}]*)\}")


class Here:
    """The thing at hand: the whole message, the item, the names on the way to it, its place in a list, what it is part of."""

    __slots__ = ("index", "item", "names", "root", "stop", "up")

    def __init__(self, root: Any, item: Any, names: Mapping[str, str], index: int = 0, up: Here | None = None) -> None:
        self.root = root
        self.item = item
        self.names = names
        self.index = index
        self.up = up
        self.stop: Here | None = None
        """The last thing that the walk stopped at, of a list or under a name; None: this one."""


Get = Callable[[Here], Any]
"""What stands at a path; None where nothing does."""
Say = Callable[[Here], str | None]
"""A template filled in; None where a piece is missing."""
Walk = Callable[[Here], Iterator[Here]]


class BadPath(ValueError):
    """A path or template that cannot be read; the text says what would be right."""


class Odd(Exception):
    """Something on the way of a walk is no object or list."""

    def __init__(self, where: str, found: object, right: str) -> None:
        super().__init__(where)
        self.where = where
        self.found = found
        self.right = right


class Step(NamedTuple):
    """One step: ``key`` into an object; ``name`` of the entry; ``item`` of a list."""

    kind: str
    word: str


def steps(path: str) -> tuple[str, tuple[Step, ...]]:
    """Where the path starts (``/``, ``^``s, or empty: at the thing at hand), and its steps. Raises BadPath."""
    rest = path.removeprefix("/")
    if path.startswith("^"):
        rest = path.lstrip("^").removeprefix(".")
    start = path[: len(path) - len(path.lstrip("/^"))]
    if start not in {"", "/"} and set(start) != {"^"}:
        raise BadPath(f"path {path!r}: start it with / for the whole message, or ^ for the thing before, not both")
    found: list[Step] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise BadPath(
                f"path {path!r}: unexpected {rest[at:]!r}; write words between dots, [], [0], [#] or {{name}}"
            )
        if match["name"] is not None:
            found.append(Step("name", match["name"]))
        elif match["index"] is not None:
            found.append(Step("item", match["index"]))
        else:
            found.append(Step("key", match["key"]))
        at = match.end()
        if at < len(rest) and rest[at] == ".":
            at += 1
            if at == len(rest):
                raise BadPath(f"path {path!r} ends in a dot; leave it out")
        elif at < len(rest) and rest[at] != "[":
            raise BadPath(f"path {path!r}: put a dot before {rest[at:]!r}")
    return start, tuple(found)


def first_key(path: str) -> str:
    """The key that the path begins with, from the thing at hand; empty where it begins otherwise, or cannot be read."""
    try:
        start, found = steps(path)
    except BadPath:
        return ""
    return found[0].word if not start and found and found[0].kind == "key" else ""


def names_in_path(path: str) -> set[str]:
    """The names that a path or walk mentions."""
    return {step.word for step in steps(path)[1] if step.kind == "name"}


def names_in_template(text: str) -> set[str]:
    """The names from the topic or a walk that a template needs. Raises BadPath."""
    found: set[str] = set()
    for piece in _PIECE.findall(text):
        if piece.startswith((".", "/", "^")):
            found |= names_in_path(piece.removeprefix("."))
        elif piece.isidentifier():
            found.add(piece)
        else:
            raise BadPath(
                f"template {text!r}: {{{piece}}} is no piece; write {{name}}, {{.path}}, {{/path}} or {{^.path}}"
            )
    if _PIECE.sub("", text).strip("{}") != _PIECE.sub("", text):
        raise BadPath(f"template {text!r}: braces come in pairs, around a name or a path")
    return found


def names_spelled(text: str) -> set[str]:
    """The words in braces, also of a text that cannot be read: one mistake is told once, not for every use of a name."""
    return set(_SPELLED.findall(text))


def getter(path: str) -> Get:
    """Compile a path to one thing. Raises BadPath where it goes through many."""
    start, found = steps(path)
    if any(step == Step("item", "") for step in found):
        raise BadPath(f"path {path!r} goes through a list; only `each` and `at` may, here name one item: [0] or [#]")
    if not start and not found:
        return lambda here: here.item
    if not start and len(found) == 1 and found[0].kind == "key":
        return _get_key(found[0].word)
    climb = len(start) if start != "/" else 0

    def get(here: Here) -> Any:
        value = here.root if start == "/" else _above(here, climb)
        for kind, word in found:
            if kind == "item":
                place = here.index if word == "#" else int(word)
                value = value[place] if isinstance(value, list) and place < len(value) else None
            elif isinstance(value, dict):
                value = value.get(here.names.get(word) if kind == "name" else word)
            else:
                return None
        return value

    return get


def _above(here: Here, climb: int) -> Any:
    """The item that the walk came by so many stops before."""
    above: Here | None = (here.stop or here) if climb else here
    for _ in range(climb):
        above = above.up if above is not None else None
    return above.item if above is not None else None


def _get_key(word: str) -> Get:
    def get(here: Here) -> Any:
        item = here.item
        return item.get(word) if type(item) is dict else None

    return get


def walker(path: str) -> Walk:
    """Compile a walk: every thing it comes by, in order. A missing thing is none; a wrong kind raises Odd when met."""
    start, found = steps(path)
    if start not in {"", "/"}:
        raise BadPath(f"walk {path!r}: a walk goes down only; start it at the thing at hand, or with /")
    walk: Walk = _stay
    for kind, word in reversed(found):
        if kind == "item" and word:
            raise BadPath(f"walk {path!r}: [{word}] names one item; walks go through all of them: []")
        walk = {"key": _by_key, "name": _by_name, "item": _by_item}[kind](word, walk, path)
    if start:
        return lambda here: walk(Here(here.root, here.root, here.names, here.index))
    return walk


def _stay(here: Here) -> Iterator[Here]:
    yield here


def _by_key(word: str, onward: Walk, path: str) -> Walk:
    def walk(here: Here) -> Iterator[Here]:
        if not isinstance(here.item, dict):
            raise Odd(path, here.item, "an object")
        value = here.item.get(word)
        if value is not None:
            there = Here(here.root, value, here.names, here.index, here.up)
            there.stop = here.stop or here
            yield from onward(there)

    return walk


def _by_name(word: str, onward: Walk, path: str) -> Walk:
    def walk(here: Here) -> Iterator[Here]:
        if not isinstance(here.item, dict):
            raise Odd(path, here.item, "an object")
        for key, value in here.item.items():
            yield from onward(Here(here.root, value, {**here.names, word: key}, here.index, here.stop or here))

    return walk


def _by_item(_: str, onward: Walk, path: str) -> Walk:
    def walk(here: Here) -> Iterator[Here]:
        # One thing where a list is expected is taken as a list of one: makers leave the brackets out for a single item.
        items = here.item if isinstance(here.item, list) else [here.item]
        for place, value in enumerate(items):
            yield from onward(Here(here.root, value, here.names, place, here.stop or here))

    return walk


def as_text(value: object) -> str | None:
    """A scalar as people write it: ``7.0`` is ``7``, true is ``true``; None for null, empty and nested things."""
    kind = type(value)
    if kind is str:
        return value or None  # type: ignore[return-value]  # of that type, as mypy does not see
    if value is True or value is False:
        return "true" if value else "false"
    if kind is int:
        # str() of a number with thousands of digits is slow, and refused by Python.
        return str(value) if -_WHOLE < value < _WHOLE else None  # type: ignore[operator]  # as above
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else str(value)
    return None


def template(text: str) -> Say:
    """Compile a template. Raises BadPath."""
    names_in_template(text)
    parts = [_say_piece(word) if odd else word for odd, word in _alternating(_PIECE.split(text))]
    if len(parts) == 1:
        return _constant(parts[0]) if isinstance(parts[0], str) else parts[0]

    def say(here: Here) -> str | None:
        said = []
        for part in parts:
            word = part if isinstance(part, str) else part(here)
            if word is None:
                return None
            said.append(word)
        return "".join(said)

    return say


def _constant(text: str) -> Say:
    def say(here: Here) -> str:
        return text

    return say


def first_of(texts: str | list[str]) -> Say:
    """The first of several templates that has all its pieces."""
    if isinstance(texts, str):
        return template(texts)
    says = [template(text) for text in texts]

    def say(here: Here) -> str | None:
        for each in says:
            word = each(here)
            if word is not None:
                return word
        return None

    return say


def _alternating(split: list[str]) -> list[tuple[bool, str]]:
    """What ``re.split`` gives back: text, piece, text, piece …; empty texts are left out."""
    pairs = [(place % 2 == 1, word) for place, word in enumerate(split)]
    kept = [(odd, word) for odd, word in pairs if odd or word]
    return kept or [(False, "")]


def _say_piece(piece: str) -> Say:
    if not piece.startswith((".", "/", "^")):
        return lambda here: here.names.get(piece) or None
    get = getter(piece.removeprefix("."))
    word = piece.removeprefix(".")
    if word and first_key(word) == word:  # the everyday piece, without the detour

        def say(here: Here) -> str | None:
            value = here.item.get(word) if type(here.item) is dict else None
            return value if value and type(value) is str else as_text(value)

        return say
    return lambda here: as_text(get(here))
