"""Many lines to one server: halved until only what is really refused is left, and never blamed without a proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from hub.errors import StoreRefuses, StoreUnavailable
from hub.storage.influx.answers import Answer, Verdict, advice

LINES: Final = 5_000
"""Lines of one request: about half a megabyte, far from every server's limit."""
Post = Callable[[str], Answer]


class Rejected(NamedTuple):
    """A line the server does not take while it takes others."""

    line: str
    status: int
    answer: str


class Refused(StoreUnavailable):
    """The server takes nothing at present. ``answer`` is what it said last."""

    def __init__(self, reason: str, answer: Answer) -> None:
        super().__init__(reason)
        self.answer = answer


class Barred(Refused, StoreRefuses):
    """Not before a person has mended token, rights, bucket or address."""


def deliver(lines: Sequence[str], post: Post, *, canary: str, where: str) -> list[Rejected]:
    """Store all lines but those that are returned. Refused: some may be stored; send all of them again."""
    rejected: list[Rejected] = []
    proved = False
    waiting = [lines[at : at + LINES] for at in range(0, len(lines), LINES)][::-1]
    while waiting:
        part = waiting.pop()
        answer = post("\n".join(part))
        match answer.verdict:
            case Verdict.STORED:
                continue
            case Verdict.DOOR:
                raise Barred(f"series store {where} refuses everything: {answer}; {advice(answer)}", answer)
            case Verdict.LATER:
                raise Refused(f"series store {where} cannot be written: {answer}", answer)
            case _ if len(part) > 1 and not (answer.verdict is Verdict.DATA and answer.dropped == len(part)):
                waiting += reversed(_parts(part))
                continue
        if not proved:
            proved = True
            _prove(post, canary, where, answer)
        rejected += [Rejected(line, answer.status, answer.text) for line in part]
    return rejected


def _prove(post: Post, canary: str, where: str, blamed: Answer) -> None:
    """A server whose disk is full may answer as if the lines were wrong."""
    answer = post(canary)
    if answer.verdict is not Verdict.STORED:
        raise Refused(
            f"series store {where} cannot be written: {blamed}; and it refuses a line that is known to be good ({answer})",
            answer,
        )


def _parts(lines: Sequence[str]) -> list[Sequence[str]]:
    """By measurement first, for a field's type is fought about within one; else in halves."""
    by_measurement: dict[str, list[str]] = {}
    for line in lines:
        by_measurement.setdefault(line.partition(",")[0], []).append(line)
    if len(by_measurement) > 1:
        return list(by_measurement.values())
    half = len(lines) // 2
    return [lines[:half], lines[half:]]
