"""How the bytes of a message are shown: as text where they are text, always as hex. Nothing in them is ever run."""

from __future__ import annotations

from typing import Final, NamedTuple

SHOWN: Final = 4096
_ROW: Final = 16


class HexRow(NamedTuple):
    """Sixteen bytes."""

    offset: str
    hex: str
    text: str


class Shown(NamedTuple):
    """``text`` is None where the bytes are not UTF-8; control characters are replaced by their pictures."""

    size: int
    cut: bool
    text: str | None
    rows: tuple[HexRow, ...]


def show(payload: bytes) -> Shown:
    """The first 4 KiB. Pure."""
    head = payload[:SHOWN]
    rows = tuple(
        HexRow(f"{at:04x}", head[at : at + _ROW].hex(" "), "".join(_printable(b) for b in head[at : at + _ROW]))
        for at in range(0, len(head), _ROW)
    )
    return Shown(len(payload), len(payload) > SHOWN, _text(payload), rows)


def _text(payload: bytes) -> str | None:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "".join(_picture(char) for char in text[:SHOWN])


def _picture(char: str) -> str:
    if char in "\n\t":
        return char
    if ord(char) < 0x20:
        return chr(0x2400 + ord(char))
    return char if char.isprintable() else "\ufffd"


def _printable(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else "·"
