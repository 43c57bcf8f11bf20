"""What each shape of fault does to one report of a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from devices.simulator.noise import key_of, uniform
from devices.simulator.scenario import SHAPES, Step
from devices.simulator.signals import Value

GARBAGE: Final = (
    b"\x00\x01\xfe\xff",
    b"{",
    b'{"values": 7}',
    b'{"values": {"temperature": {"raw": 1}}}',
    b'{"ts": "yesterday", "values": {"temperature": 21.0}}',
    b'{"ts": 1, "values": {"temperature": NaN}}',
    "温度=21".encode("gb18030"),
)


@dataclass(slots=True)
class Report:
    """What a device is about to send."""

    device: str
    at: int
    values: dict[str, Value]
    clock: int | None
    """The time the device writes into the message, epoch ms; None: it writes none."""
    copies: int = 1
    fault_age: int = 0
    """How long the fault at hand has been present, ms."""
    junk: bytes | None = None
    """Sent instead of the values."""


Values = Callable[[], dict[str, Value]]
Effect = Callable[[Report, Step, Values], None]
"""(report, step, what the device read when the fault began)"""


def _set(report: Report, step: Step, begun: Values) -> None:
    report.values.update({name: value for name, value in step.values.items() if name in report.values})


def _ramp(report: Report, step: Step, begun: Values) -> None:
    for name, value in begun().items():
        if name in step.values and not isinstance(value, bool | str):
            report.values[name] = round(value + step.per_minute * report.fault_age / 60_000, 3)


def _stuck(report: Report, step: Step, begun: Values) -> None:
    report.values = begun()


def _silent(report: Report, step: Step, begun: Values) -> None:
    report.copies = 0


def _clock(report: Report, step: Step, begun: Values) -> None:
    report.clock = report.at + step.offset_ms


def _no_clock(report: Report, step: Step, begun: Values) -> None:
    report.clock = None


def _duplicate(report: Report, step: Step, begun: Values) -> None:
    report.copies *= 2


def _garbage(report: Report, step: Step, begun: Values) -> None:
    """Every other minute: a device of which nothing at all can be read is silent, and that is another fault."""
    key = key_of(report.device, "garbage")
    if report.fault_age // 60_000 % 2 == 0:
        report.junk = GARBAGE[int(uniform(key ^ 1, report.at // 1000) * len(GARBAGE))]


def _nothing(report: Report, step: Step, begun: Values) -> None:
    """``event`` and ``burst`` change what is sent and when, ``serial`` and ``swapped`` who says it: not what a report holds."""


EFFECTS: Final[dict[str, Effect]] = {
    "set": _set,
    "ramp": _ramp,
    "stuck": _stuck,
    "silent": _silent,
    "event": _nothing,
    "burst": _nothing,
    "clock": _clock,
    "no_clock": _no_clock,
    "duplicate": _duplicate,
    "serial": _nothing,
    "swapped": _nothing,
    "garbage": _garbage,
}
if set(EFFECTS) != set(SHAPES):
    raise RuntimeError("every shape of devices.simulator.scenario.SHAPES needs its effect here, and no other")
