"""Formats that are data: one TOML file says where a maker's JSON keeps device, time and values, and what its keys mean.

``devices/README.md`` shows how to write one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from devices.contract import Format, Limits
from devices.profiles.engine import ProfileFormat
from devices.profiles.reading import BadProfile, find, names, read

__all__ = ["BadProfile", "ProfileFormat", "find", "load", "names"]


def load(
    path: Path, limits: Limits | None = None, options: Mapping[str, str] | None = None, folder: Path | None = None
) -> Format:
    """The format that a profile file describes; ``folder`` has the user's own, which it may extend.

    Raises BadProfile, or UnknownFormat for an option that the profile lacks.
    """
    return ProfileFormat(read(path, folder, options), limits, file=path.name)
