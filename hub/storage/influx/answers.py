"""What a server's answer to a write means. Pure: no status ever means that data may be thrown away."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

_DROPPED: Final = re.compile(r"partial write:.*\bdropped=(\d+)", re.DOTALL)
_LATER: Final = {408, 425, 429}
_LENGTH: Final = 500


class Verdict(StrEnum):
    """What to do after an answer."""

    STORED = "stored"
    DATA = "data"
    """Some line may be at fault: bisect, and ask with a line that is known to be good before believing it."""
    TOO_LARGE = "too_large"
    """Halve the request."""
    DOOR = "door"
    """Token, rights, bucket or address: a person has to mend it; nothing goes on before that."""
    LATER = "later"
    """Overload, failure, or an outcome nobody knows: the same lines again."""


class Answer(NamedTuple):
    """Status 0: there was none; whether the lines are stored is not known."""

    status: int
    text: str = ""
    retry_after_s: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """By the status alone; 204 is the only yes, for a proxy's page comes with 200 as well."""
        match self.status:
            case 204:
                return Verdict.STORED
            case 400 | 422:
                return Verdict.DATA
            case 413:
                return Verdict.TOO_LARGE
            case status if 400 <= status < 500 and status not in _LATER:
                return Verdict.DOOR
            case _:
                return Verdict.LATER

    @property
    def dropped(self) -> int | None:
        """How many points the server says it left out while it stored the others."""
        found = _DROPPED.search(self.text)
        return int(found[1]) if found else None

    def __str__(self) -> str:
        said = self.text.strip()[:_LENGTH]
        return f"{self.status}: {said}" if self.status else said


_ADVICE: Final = {
    401: "its token or password is not accepted: set HUB_SERIES__URL to one that is",
    403: "the token or user may not write there: give it the right to read and write",
    404: "organisation, bucket or database is not there: create it, or correct HUB_SERIES__URL",
}


def advice(answer: Answer) -> str:
    """What would be right, where a person has to act."""
    return _ADVICE.get(answer.status, "is this an InfluxDB? Look at the address in HUB_SERIES__URL and at any proxy")
