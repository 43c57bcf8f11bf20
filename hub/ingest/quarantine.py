"""What an operator does with quarantined frames: look at them, and send them through again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from hub.clock import Clock
from hub.errors import NotFound, StoreUnavailable
from hub.flows.batch import Position
from hub.flows.lists import Page, QuarantineCount, QuarantineFilter, QuarantineItem
from hub.flows.ports import Records
from hub.ingest.batches import BatchDecoder
from hub.ingest.control import Redriven, redrive_frame
from hub.ingest.frames import RETAIN, Intake

MOST_WAITING: Final = 1_000
"""Sent through at a time by themselves."""
_PATIENCE: Final = 10.0
_AT_ONCE: Final = 50
"""Frames that are in memory together: each may have the greatest payload."""


class _Nobody:
    """Redriven frames come from the hub itself: nobody waits for an acknowledgement."""

    def acknowledge(self, generation: int, packet_ids: Sequence[int]) -> None:
        """Nothing to do."""


class RedriveResult(NamedTuple):
    """How many frames are on their way again, and how many are still not understood and stay."""

    understood: int
    refused: int


class QuarantineDesk:
    """``records`` opens books whose ``quarantine`` is a QuarantineLists.

    ``trial`` makes a decoder with slots of its own: a frame that it still refuses stays where it is. What it
    understands goes into the journal as a control frame that arrives now and carries the moment at which the frame
    was first received. So the series lane stores it at its event time, while the alarm lane sees how late it is.
    """

    def __init__(
        self, records: Records[Any], intake: Intake, clock: Clock, *, trial: Callable[[], BatchDecoder]
    ) -> None:
        self._records = records
        self._intake = intake
        self._clock = clock
        self._trial = trial

    def page(self, what: QuarantineFilter, *, limit: int = 100, cursor: str | None = None) -> Page[QuarantineItem]:
        """The list, newest first."""
        found: Page[QuarantineItem] = self._records.read(
            lambda books: books.quarantine.page(what, limit=limit, cursor=cursor)
        )
        return found

    def counts(self) -> tuple[QuarantineCount, ...]:
        """Per device and reason: kept, and beyond the limits only counted."""
        found: tuple[QuarantineCount, ...] = self._records.read(lambda books: books.quarantine.counts())
        return found

    def show(self, item: int) -> QuarantineItem:
        """One of them, with its bytes. NotFound where there is none such."""
        found: QuarantineItem | None = self._records.read(lambda books: books.quarantine.get(item))
        if found is None:
            raise _none_such(item)
        return found

    def redrive(self, items: Sequence[int]) -> RedriveResult:
        """Through the decoders again. Items that are not kept any more are passed over.

        They are marked once their frames are durable; killed in between, they can be sent again without harm, since
        the last write of a reading wins. StoreUnavailable while the journal takes nothing.
        """
        return self._redrive(items, self._trial())

    def redrive_waiting(self, connection: str, reasons: Collection[str], since: int) -> RedriveResult:
        """What a connection said since then, and was kept for one of these reasons: at most 1,000, in their order."""
        items = self._records.read(lambda books: books.quarantine.waiting(connection, reasons, since, MOST_WAITING))
        if not items:
            return RedriveResult(0, 0)
        understood, refused, trial = 0, 0, self._trial()
        for begin in range(0, len(items), _AT_ONCE):
            done = self._redrive(items[begin : begin + _AT_ONCE], trial)
            understood, refused = understood + done.understood, refused + done.refused
        return RedriveResult(understood, refused)

    def _redrive(self, items: Sequence[int], trial: BatchDecoder) -> RedriveResult:
        found: list[QuarantineItem] = self._records.read(lambda books: books.quarantine.several(items))
        missing = set(items).difference(item.id for item in found)
        if missing:
            raise _none_such(min(missing))
        kept = [item for item in found if item.state == "kept"]
        understood = [item for item in kept if self._is_understood(item, trial)]
        if understood:
            one_each = {(item.journal, item.batch, item.frame): item for item in understood}
            now = self._clock.now()
            self._intake.put([redrive_frame(_redriven(item), now) for item in one_each.values()], _Nobody(), 0)
            if not self._intake.flush(_PATIENCE):
                raise StoreUnavailable("the journal takes nothing just now: try again when /readyz says it is well")
            ids = [item.id for item in understood]
            self._records.write(lambda books: books.quarantine.mark(ids, "redriven"))
        return RedriveResult(len(understood), len(kept) - len(understood))

    def _is_understood(self, item: QuarantineItem, trial: BatchDecoder) -> bool:
        frame = redrive_frame(_redriven(item), self._clock.now())
        decoded = trial.decode(Position("", 0), [frame], frame.received_at)
        return not any(refusal.whole for refusal in decoded.refusals)


def _none_such(item: int) -> NotFound:
    return NotFound(f"no quarantined message {item}: `hub quarantine list` shows those that are kept")


def _redriven(item: QuarantineItem) -> Redriven:
    topic = item.topic.encode("utf-8", "surrogateescape")
    flags = RETAIN if item.retained else 0
    return Redriven(item.connection, topic, item.payload, flags, item.received_at, item.content_type)


def payload_text(payload: bytes, limit: int = 4_000) -> str:
    """For a terminal: text where it is text, else hexadecimal; never a control character."""
    text = payload[:limit].decode("utf-8", "replace")
    plain = sum(character.isprintable() or character in "\n\t" for character in text)
    if text and plain >= 0.9 * len(text):
        return "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)
    return payload[: limit // 3].hex(" ")
