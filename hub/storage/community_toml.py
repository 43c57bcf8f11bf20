"""Community files as TOML: read with row-level errors, written so that reading them back changes nothing."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from hub.domain.catalogue import Catalogue
from hub.errors import ConfigError, NotFound
from hub.flows.community.picture import FileRefused, Picture, RowError, Wish
from hub.flows.registry import Registry
from hub.storage.catalogue import load_catalogue
from hub.storage.community.assembly import assemble
from hub.storage.community.flatten import flatten
from hub.storage.community.registry import registry_of
from hub.storage.community.rows import language_of
from hub.storage.community.toml_rows import toml_rows
from hub.storage.community.toml_text import toml_text


def read_toml(path: Path, catalogue: Catalogue) -> Wish:
    """The wish that a file states. ConfigError where it cannot be read, FileRefused where its rows are wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a community file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return parse_toml(text, catalogue, file=str(path))


def parse_toml(text: str, catalogue: Catalogue, *, file: str = "community.toml") -> Wish:
    """As ``read_toml``, of a text."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from error
    errors: list[RowError] = []
    rows = toml_rows(data, errors)
    if errors:
        raise FileRefused(file, errors, language=language_of(rows))
    return assemble(file, rows, catalogue)


def shipped_file(community: str) -> str:
    """The text of a community that comes with the hub; NotFound names those that do."""
    folder = files("hub") / "communities"
    known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
    if community not in known:
        raise NotFound(f"no community {community!r} is shipped with the hub; there is {', '.join(known)}")
    return (folder / f"{community}.toml").read_text(encoding="utf-8")


def shipped_picture(community: str, catalogue: Catalogue) -> Picture:
    """A shipped community as its file describes it."""
    return parse_toml(shipped_file(community), catalogue, file=f"{community}.toml").picture


def find_picture(name_or_path: str, catalogue: Catalogue) -> Picture:
    """A community file, or a shipped community by its id."""
    path = Path(name_or_path)
    return read_toml(path, catalogue).picture if path.suffix == ".toml" else shipped_picture(name_or_path, catalogue)


def shipped(community: str) -> Registry:
    """A shipped community as a registry of its own."""
    catalogue = load_catalogue()
    return registry_of(shipped_picture(community, catalogue), catalogue=catalogue)


def write_toml(picture: Picture, catalogue: Catalogue) -> str:
    """The picture as a file; reading it back changes nothing."""
    return toml_text(flatten(picture, catalogue))
