"""What ``hub check`` says of one thing."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One line; ``well`` False where the hub would not start, or something is lost or cannot be told."""

    text: str
    well: bool = True
