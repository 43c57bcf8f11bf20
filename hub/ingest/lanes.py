"""Lanes: whoever follows the journal batch by batch, and the thread that drives one of them."""

from __future__ import annotations

from typing import Protocol

from hub.flows.batch import Decoded, Position


class Lane(Protocol):
    """Depends on nothing but (position -> next batch)."""

    @property
    def name(self) -> str: ...

    def position(self) -> Position | None:
        """The last batch whose effects are committed; None before the first one."""
        ...

    def take(self, batch: Decoded) -> None:
        """Commit the batch's effects together with ``batch.position``.

        StoreUnavailable: nothing was committed, the runner waits and brings the same batch again. Any other exception:
        nothing was committed, the runner looks for the frame that cannot be taken. It then brings the batch in parts:
        those before the last carry the position *before* the batch (store it like any other), and the last one
        carries the batch's own position and the refusals of the frames that were left out.
        """
        ...

    def tick(self, now: int) -> None:
        """Judge deadlines at the lane's time ``now``, which never runs backwards."""
        ...

    def next_deadline(self) -> int | None:
        """When ``tick`` is wanted without a message, epoch ms; None while nothing is pending."""
        ...
