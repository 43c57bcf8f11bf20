"""Which messages have been read already, within the last window of frames."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping


class Repeats:
    """Identities of the last ``window`` frames; whoever reads that many frames anew knows the same ones.

    Who begins in the middle says with ``recall`` how the frames before are read. That is done when somebody asks for the
    first time, which is seldom: a message that carries its time is never asked about.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._frames = 0
        self._seen: dict[Hashable, int] = {}
        self._past: Callable[[int], Mapping[Hashable, int]] | None = None

    def recall(self, past: Callable[[int], Mapping[Hashable, int]]) -> None:
        """``past(count)``: identities of the last ``count`` frames before the first one, as ``before_now`` gives them."""
        self._past = past

    def before_now(self) -> dict[Hashable, int]:
        """All that is remembered, with its distance to the next frame as a number below zero."""
        return {identity: at - self._frames for identity, at in self._seen.items()}

    def seen_before(self, identity: Hashable, frame: int) -> bool:
        """Whether a message with this identity has been read; remembers it. ``frame``: its index in the batch."""
        if self._past is not None:
            self._seen.update(self._past(self._window - self._frames))
            self._past = None
        now = self._frames + frame
        at = self._seen.get(identity)
        if at is not None and at > now - self._window:
            return True
        self._seen.pop(identity, None)
        self._seen[identity] = now
        return False

    def passed(self, frames: int) -> None:
        """So many frames have been read; what is too old is forgotten."""
        self._frames += frames
        if self._frames >= self._window:
            self._past = None
        oldest = self._frames - self._window
        while self._seen:
            first = next(iter(self._seen))
            if self._seen[first] >= oldest:
                break
            del self._seen[first]
