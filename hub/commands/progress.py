"""How far long work has come: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from typing import IO, Final

from hub.control import Progress, Word

WIDTH: Final = 30
LINES: Final = 10
"""A log gets about so many lines for the whole of it."""


class Teller:
    """Tells a person what a command says on the way. One for each command; ``end`` finishes a bar that stopped half-way."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._bar = self._stream.isatty()
        self._open = False
        self._told: tuple[str, int] = ("", -1)

    def __call__(self, word: Word) -> None:
        """A line, or how far it has come."""
        if isinstance(word, Progress):
            self._progress(word)
            return
        self.end()
        print(word, file=self._stream, flush=True)

    def end(self) -> None:
        """No more of this bar."""
        if self._open:
            print(file=self._stream, flush=True)
            self._open = False

    def _progress(self, at: Progress) -> None:
        share = min(at.done / at.total, 1.0) if at.total else 1.0
        if self._bar:
            filled = round(share * WIDTH)
            bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}  {at.what}"
            print(f"\r{bar}", end="", file=self._stream, flush=True)
            self._open = True
            if share >= 1.0:
                self.end()
        elif self._told != (at.what, step := int(share * LINES)):
            self._told = (at.what, step)
            print(f"{at.what}: {at.done} of {at.total} ({share:.0%})", file=self._stream, flush=True)
