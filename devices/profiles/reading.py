"""Profile files: found, put together, read strictly. Every mistake is named with file, key and what would be right."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from devices.formats import UnknownFormat
from devices.profiles.shape import Profile, Table

SHIPPED: Final = Path(__file__).parent
_EXAMPLES: Final = "_examples"
_TEMPLATE: Final = "template"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OPTION: Final = re.compile(r"<(\w+)>")
_UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(.*)`")
_STEP: Final = re.compile(r"(?<=\.)\w+|\[\d+\]")
_DEEPEST: Final = 4
_MERGED: Final = ("options", "suffixes", "metrics", "codes", "title")
"""Tables of which a profile that extends another keeps what it does not set itself."""


class BadProfile(UnknownFormat):
    """A profile file with mistakes; the text names all that were found, a line each."""

    def __init__(self, file: str, mistakes: Iterable[str]) -> None:
        super().__init__("\n".join(f"profile {file}: {mistake}" for mistake in mistakes))


def names(folder: Path | None = None) -> tuple[str, ...]:
    """Every profile that a connection can list, those of the user's folder included. Opens no file.

    BadProfile: there is no such folder, or a file in it is called as no format can be.
    """
    if folder is not None and not folder.is_dir():
        raise BadProfile(str(folder), ["there is no such folder; name the one that holds your profiles"])
    found = {path.stem for place in _places(folder) for path in place.glob("*.toml")}
    wanted = sorted(name for name in found if not name.endswith(_EXAMPLES) and name != _TEMPLATE)
    for name in wanted:
        if not _NAME.fullmatch(name):
            right = "lower-case letters, digits and _, beginning with a letter, at most 40, are a format's name"
            raise BadProfile(f"{name}.toml", [f"its file cannot be called so: {right}"])
    return tuple(wanted)


def find(name: str, folder: Path | None = None) -> Path | None:
    """The file of a profile; the user's own before the shipped one."""
    if not _NAME.fullmatch(name) or name.endswith(_EXAMPLES):
        return None
    return next((path for place in _places(folder) if (path := place / f"{name}.toml").is_file()), None)


def _places(folder: Path | None) -> tuple[Path, ...]:
    return (SHIPPED,) if folder is None else (folder, SHIPPED)


def read(path: Path, folder: Path | None = None, options: Mapping[str, str] | None = None) -> Profile:
    """The profile in a file, with what it extends and the connection's options put in. Raises BadProfile."""
    document = _document(path, folder, ())
    profile = _put_together(path, document, dict(options or {}))
    if profile.name != path.stem:
        raise BadProfile(path.name, [f"name is {profile.name!r}: a profile is named like its file, {path.stem!r}"])
    return profile


def _document(path: Path, folder: Path | None, seen: tuple[Path, ...]) -> dict[str, Any]:
    """The tables of a file over those of what it extends."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadProfile(path.name, [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadProfile(path.name, [f"is no TOML: {error}"]) from error
    parent = document.get("extends")
    if not isinstance(parent, str) or not parent:
        return document
    # A user's profile may bear the name of the shipped one that it extends.
    found = find(parent, None if parent == path.stem else folder)
    if found is None:
        raise BadProfile(
            path.name, [f"extends {parent!r}, which does not exist: use one of {', '.join(names(folder))}"]
        )
    if found in seen or len(seen) >= _DEEPEST:
        raise BadProfile(
            path.name, [f"extends {parent!r}, which leads back or goes too deep: extend a shipped profile"]
        )
    merged = _document(found, folder, (*seen, path))
    for key, value in document.items():
        both = key in _MERGED and isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = {**merged[key], **value} if both else value
    return merged


def _put_together(path: Path, document: dict[str, Any], options: dict[str, str]) -> Profile:
    declared = document.get("options", {})
    if not isinstance(declared, dict) or not all(isinstance(value, str) for value in declared.values()):
        raise BadProfile(path.name, ["options: give each option's default as a text"])
    unknown = sorted(options.keys() - declared.keys())
    if unknown:
        there = ", ".join(sorted(declared)) or "none"
        raise UnknownFormat(f"format {path.stem}: no option {', '.join(unknown)}; there is: {there}")
    filled = _with_options({**document, "options": {}}, {**declared, **options})
    mistakes: list[str] = []
    while True:
        try:
            profile = msgspec.convert({**filled, "options": declared}, Profile)
        except msgspec.ValidationError as error:
            mistakes.append(_in_words(str(error)))
            if not _taken_out(filled, str(error)):
                raise BadProfile(path.name, mistakes) from error
        else:
            if mistakes:
                raise BadProfile(path.name, mistakes)
            return profile


def _with_options(value: Any, options: Mapping[str, str]) -> Any:
    """Every text with ``<option>`` put in."""
    if isinstance(value, str):
        return _OPTION.sub(lambda match: options.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [_with_options(item, options) for item in value]
    return {key: _with_options(item, options) for key, item in value.items()} if isinstance(value, dict) else value


def _taken_out(document: dict[str, Any], error: str) -> bool:
    """Whether what the error names could be taken out, so that what else is wrong can be looked for."""
    what, _, where = error.partition(" - at ")
    unknown = _UNKNOWN_FIELD.fullmatch(what)
    path = _STEP.findall(where) + ([unknown[1]] if unknown else [])
    at: Any = document
    for step in path[:-1]:
        at = at[int(step[1:-1])] if isinstance(at, list) else at.get(step)
    return bool(path) and isinstance(at, dict) and at.pop(path[-1], None) is not None


def _words_for(table: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Key -> the words that may stand there, of a table and of those made from it."""
    for field in msgspec.structs.fields(table):
        if get_origin(field.type) is Literal:
            yield field.name, ", ".join(word or "''" for word in get_args(field.type))
    for each in table.__subclasses__():
        yield from _words_for(each)


def _in_words(error: str) -> str:
    """``Expected `str`, got `int` - at `$.time.path``` -> ``time.path: expected str, got int``."""
    what, _, where = error.partition(" - at ")
    where = where.strip("`").removeprefix("$").lstrip(".")
    what = what.replace("`", "'")
    plain = what[:1].lower() + what[1:]
    if what.startswith("Invalid enum value") and (right := dict(_words_for(Table)).get(where.rpartition(".")[2])):
        plain += f": one of {right} is right"
    if "unknown field" in what:
        plain += ": leave it out, or see devices/README.md for the keys there are"
    return f"{where or 'top'}: {plain}"
