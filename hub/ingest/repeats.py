"""Which messages have been read already, within the last window of frames."""

from __future__ import annotations

from collections.abc import Hashable


class Repeats:
    """Identities of the last ``window`` frames; whoever reads that many frames anew knows the same ones."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._frames = 0
        self._seen: dict[Hashable, int] = {}

    def seen_before(self, identity: Hashable, frame: int) -> bool:
        """Whether a message with this identity has been read; remembers it. ``frame``: its index in the batch."""
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
        oldest = self._frames - self._window
        while self._seen:
            first = next(iter(self._seen))
            if self._seen[first] >= oldest:
                break
            del self._seen[first]
