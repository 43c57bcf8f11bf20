"""All dashboards from one plan: names and texts of the files, in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from dashboards.boards import energy, events, facility, health, kind, kpi, overview, use
from dashboards.model import LANGUAGES, Board
from dashboards.parts import Plan

GENERATED: Final = Path(__file__).parent / "generated"
"""The committed files, made from the shipped catalogue and community."""
EXTRA: Final = "dashboards"


def boards(plan: Plan) -> Iterator[Board]:
    """Every dashboard, in the order of importance."""
    for module in (overview, facility, use, events, kpi, energy, health):
        yield module.board(plan)
    yield from kind.boards(plan)


def build(plan: Plan) -> dict[str, str]:
    """File name (``en/overview.json``) -> text. ModuleNotFoundError without the extra ``dashboards``."""
    from dashboards.render.boards import text_of

    return {
        f"{language}/{board.name}.json": text_of(board, language) for language in LANGUAGES for board in boards(plan)
    }


class Difference(NamedTuple):
    """What a folder of generated files has otherwise than it should."""

    missing: tuple[str, ...]
    stale: tuple[str, ...]
    foreign: tuple[str, ...]
    """Files that nothing makes any more."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale or self.foreign)


BOARDS: Final = "*/*.json"
"""Which files of a folder are ours."""


def compare(made: Mapping[str, str], folder: Path, ours: str = BOARDS) -> Difference:
    """The folder against what was made."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.glob(ours)} if folder.exists() else {}
    return Difference(
        missing=tuple(sorted(set(made) - set(there))),
        stale=tuple(
            sorted(name for name in set(made) & set(there) if there[name].read_text(encoding="utf-8") != made[name])
        ),
        foreign=tuple(sorted(set(there) - set(made))),
    )


def write(made: Mapping[str, str], folder: Path, ours: str = BOARDS) -> Difference:
    """Make the folder as it should be; what it was otherwise."""
    found = compare(made, folder, ours)
    for name in (*found.missing, *found.stale):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name], encoding="utf-8")
    for name in found.foreign:
        (folder / name).unlink()
    return found
