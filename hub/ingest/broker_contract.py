"""What the hub asks of a broker, line by line, and which lines the brokers that we ship do not keep.

A line is a check against a running broker; the contract tests run all of them against every broker that we ship and
compare what fails with ``KNOWN_LIMITS``, so that a change either way is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from hub.ingest import broker_checks as checks
from hub.ingest.broker_checks import Broken, Candidate

V3: Final = 4
V5: Final = 5


class Line(NamedTuple):
    """One line of the contract."""

    check: Callable[[Candidate], None]
    versions: tuple[int, ...] = (V3, V5)
    alone: bool = False
    """Restarts the broker: nothing else may run beside it."""

    @property
    def name(self) -> str:
        """As in ``KNOWN_LIMITS``."""
        return self.check.__name__

    @property
    def meaning(self) -> str:
        """What the hub asks, in a sentence."""
        return self.check.__doc__ or ""


class Limit(NamedTuple):
    """A line that a broker does not keep, and what was measured."""

    line: str
    fact: str


LINES: Final = (
    Line(checks.queued),
    Line(checks.long_queue),
    Line(checks.redelivery),
    Line(checks.redelivery_marked),
    Line(checks.redelivered_first),
    Line(checks.held_back),
    Line(checks.receive_maximum, (V5,)),
    Line(checks.session_expiry, (V5,)),
    Line(checks.clean_start),
    Line(checks.retained),
    Line(checks.will_on_close),
    Line(checks.no_will_on_goodbye),
    Line(checks.will_on_silence),
    Line(checks.will_on_take_over),
    Line(checks.take_over),
    Line(checks.no_keepalive),
    Line(checks.large),
    Line(checks.dropped_counter),
    Line(checks.password),
    Line(checks.own_topics),
    Line(checks.restart, alone=True),
)


def examine(line: Line, broker: Candidate) -> str | None:
    """The measured fact where the line does not hold, else None."""
    try:
        line.check(broker)
    except Broken as broken:
        return str(broken)
    except OSError as error:
        return f"{line.name}: {error}"
    return None


KNOWN_LIMITS: Final[dict[str, tuple[Limit, ...]]] = {
    "mosquitto": (),
    "iotcore": (
        Limit("redelivery_marked", "sends unacknowledged messages again without the DUP flag"),
        Limit("no_keepalive", "drops a client that switched keep-alive off"),
        Limit("dropped_counter", "closes the connection of whoever asks how many messages it dropped ($SYS)"),
        Limit("own_topics", "a device can publish under another device's name"),
        Limit("restart", "an orderly restart loses sessions, queued and retained messages"),
    ),
}
"""Program -> the lines that it does not keep in the versions of MQTT that the hub speaks to it."""


def known_limits(program: str) -> tuple[str, ...]:
    """Sentences for the banner and for /readyz."""
    return tuple(f"{limit.line}: {limit.fact}" for limit in KNOWN_LIMITS.get(program, ()))
