"""The documentation, read as text: pages, fenced blocks, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "devices").glob("*.md")])
MANUAL = sorted(
    path
    for path in (
        *(ROOT / "docs" / "manual").glob("*.md"),
        *(ROOT / "docs" / "formats").glob("*.md"),
        ROOT / "docs" / "devices.md",
        ROOT / "docs" / "settings.md",
        ROOT / "devices" / "README.md",
    )
    if not path.name.endswith(".zh-CN.md")
)
"""The English pages that property managers, crews, planners, installers and operators read; each has a Chinese one beside it."""
_FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block; ``mark`` is the comment on the line above it."""

    mark: str
    language: str
    text: str


def page(name: str) -> str:
    """A page by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Every fenced block of a page."""
    return [Block(found["mark"] or "", found["language"], found["text"]) for found in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next heading of any level."""
    after = text.split(f"\n{heading}\n", 1)
    assert len(after) == 2, f"no heading {heading!r}"
    return re.split(r"\n#+ ", after[1], maxsplit=1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows of a text, without headings and rulers."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        if number + 1 < len(lines) and lines[number + 1].startswith("|") and set(lines[number + 1]) <= set("|- "):
            continue
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
    return found


def code_words(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)
