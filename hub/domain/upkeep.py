"""What devices themselves will need: batteries, SIM cards, calibration, replacement. Pure; days are the community's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import median
from typing import Final, NamedTuple

from hub.domain.places import Device

HORIZON_DAYS: Final = 60
"""What is due within so many days is on the list: one round in two months."""
LONGEST_HORIZON_DAYS: Final = 366
BATTERY_METRICS: Final = ("battery", "battery_voltage", "battery_low")
LOW_PERCENT: Final = 20.0
"""A battery with less is changed on the next round."""
WATCHED_BELOW_PERCENT: Final = 70.0
"""A fuller battery lasts beyond any horizon, whatever its last weeks looked like."""
LOW_SHARE: Final = 0.87
"""Of its nominal voltage: a cell below has little left (3.0 V -> 2.6 V, 3.6 V -> 3.1 V, 12 V -> 10.4 V)."""
NOMINAL_VOLTS: Final = (1.5, 3.0, 3.6, 4.5, 6.0, 9.0, 12.0, 24.0, 48.0)
TREND_DAYS: Final = 90
"""A trend rests on the days since, and never on fewer than ``LEAST_TREND_DAYS``."""
LEAST_TREND_DAYS: Final = 7
_CHANGED_PERCENT: Final = 15.0
"""A rise by so much is a new battery: what was before says nothing about it."""


class Need(StrEnum):
    """What somebody has to do."""

    BATTERY = "battery"
    SIM = "sim"
    CALIBRATION = "calibration"
    END_OF_LIFE = "end_of_life"


class Why(StrEnum):
    """How the hub knows."""

    LOW = "low"
    """The battery says so itself."""
    FALLING = "falling"
    """At the pace of its last weeks it will be low by then."""
    DATE = "date"
    """The registry has the day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """One thing that one device needs. ``due`` is the last day that is still in time."""

    device: str
    need: Need
    why: Why
    due: date
    metric: str = ""
    value: float | None = None
    """Of a battery, as it was last heard."""


class Level(NamedTuple):
    """What a battery said on one day, at its lowest."""

    day: date
    value: float


def dated(device: Device, today: date, *, days: int = HORIZON_DAYS) -> list[Chore]:
    """What the registry's days ask for within ``days``, and what they asked for before."""
    dates = (
        (Need.SIM, device.sim_expires),
        (Need.CALIBRATION, device.calibrated_until),
        (Need.END_OF_LIFE, device.end_of_life),
    )
    return [
        Chore(device=device.id, need=need, why=Why.DATE, due=due)
        for need, due in dates
        if due is not None and due <= today + timedelta(days=days)
    ]


def battery(
    device: str, metric: str, now: float | None, levels: Sequence[Level], today: date, *, days: int = HORIZON_DAYS
) -> Chore | None:
    """Whether the battery is low, or falls so fast that it will be within ``days``.

    ``now``: its last word (None: nobody knows); ``levels``: the days before, in order. What a full one of these volts
    would say is taken from the highest that it said.
    """
    value = now if now is not None else (levels[-1].value if levels else None)
    if value is None or metric not in BATTERY_METRICS:
        return None
    if metric == "battery_low":
        return Chore(device=device, need=Need.BATTERY, why=Why.LOW, due=today, metric=metric) if value else None
    low = LOW_PERCENT if metric == "battery" else low_volts([value, *(level.value for level in levels)])
    if value <= low:
        return Chore(device=device, need=Need.BATTERY, why=Why.LOW, due=today, metric=metric, value=value)
    if not worth_watching(metric, value):
        return None
    due = _low_on(_since_change(levels, metric), value, low, today)
    if due is None or due > today + timedelta(days=days):
        return None
    return Chore(device=device, need=Need.BATTERY, why=Why.FALLING, due=due, metric=metric, value=value)


def worth_watching(metric: str, value: float) -> bool:
    """Whether the course of the last weeks could say anything about the horizon."""
    return metric == "battery_voltage" or (metric == "battery" and value <= WATCHED_BELOW_PERCENT)


def low_volts(values: Iterable[float]) -> float:
    """The voltage at which a battery is low, by the nominal one that is nearest to the highest seen."""
    highest = max(values)
    if highest <= 0:
        return highest
    nominal = min(NOMINAL_VOLTS, key=lambda volts: max(volts / highest, highest / volts))
    return LOW_SHARE * nominal


def _since_change(levels: Sequence[Level], metric: str) -> Sequence[Level]:
    """The days since the battery was last changed."""
    begin = 0
    for index in range(1, len(levels)):
        rise = levels[index].value - levels[index - 1].value
        limit = _CHANGED_PERCENT if metric == "battery" else 0.1 * levels[index - 1].value
        if rise >= limit:
            begin = index
    return levels[begin:]


def _low_on(levels: Sequence[Level], value: float, low: float, today: date) -> date | None:
    """When it will be low at the median pace between any two of its days; None: it does not fall, or too few days."""
    recent = [level for level in levels if level.day > today - timedelta(days=TREND_DAYS)]
    if not recent or (recent[-1].day - recent[0].day).days < LEAST_TREND_DAYS:
        return None
    paces = [
        (later.value - earlier.value) / (later.day - earlier.day).days
        for index, earlier in enumerate(recent)
        for later in recent[index + 1 :]
        if later.day > earlier.day
    ]
    pace = median(paces)
    if pace >= 0:
        return None
    left = (value - low) / -pace
    return today + timedelta(days=int(left)) if left < LONGEST_HORIZON_DAYS else None
