"""A message that a vendor's cloud pushes, and what the hub answers: the words between web and inlet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request to ``/ingest/{source}``, as far as the hub looks at it."""

    source: str
    secret: str = ""
    """From the path; empty where there is none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """As it was sent, but short and printable."""
        return "".join(filter(str.isprintable, self.headers.get("content-type", "")))[:100]


class Answer(NamedTuple):
    """``status`` 200: the message is durable (or was already). Anything else names a reason."""

    status: int
    slug: str = ""
    detail: str = ""
    retry_after_s: int | None = None
    text: str = ""
    """The body of a good answer."""


class Inlet(Protocol):
    """Where pushes go. Called from any thread."""

    def look(self, delivery: Delivery) -> Answer | None:
        """What can be refused before the body is read; None: read it. Returns at once."""
        ...

    def take(self, delivery: Delivery) -> Answer:
        """Judge, journal, and wait for the commit, for the time of one answer at most."""
        ...

    def greet(self, delivery: Delivery) -> Answer:
        """A GET: the handshake of clouds that check an address before they push to it."""
        ...

    def declined(self, source: str, answer: Answer) -> None:
        """The web turned a body away by itself: count it."""
        ...
