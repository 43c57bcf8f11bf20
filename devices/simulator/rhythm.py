"""The daily rhythms of a residential community, by the hour of the community's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

Profile = tuple[float, ...]
"""24 shares of full use, one an hour from midnight."""

FLAT: Final[Profile] = (1.0,) * 24
HOME: Final[Profile] = (
    *(0.15, 0.08, 0.06, 0.05, 0.08, 0.2, 0.55, 0.95, 0.85, 0.5, 0.4, 0.5),
    *(0.55, 0.4, 0.35, 0.4, 0.55, 0.8, 1.0, 0.95, 0.85, 0.7, 0.5, 0.3),
)
"""Lifts, water, doors: people leave in the morning and come home in the evening."""
EVENING: Final[Profile] = (
    *(0.02, 0.0, 0.0, 0.0, 0.0, 0.02, 0.15, 0.25, 0.2, 0.2, 0.22, 0.2),
    *(0.15, 0.15, 0.2, 0.25, 0.35, 0.5, 0.8, 1.0, 0.95, 0.6, 0.15, 0.04),
)
"""Gym, pool, activity rooms."""
NIGHT: Final[Profile] = (
    *(0.95, 0.95, 0.9, 0.85, 0.8, 0.7, 0.5, 0.25, 0.15, 0.12, 0.12, 0.15),
    *(0.2, 0.2, 0.18, 0.2, 0.3, 0.45, 0.65, 0.8, 0.9, 0.95, 1.0, 1.0),
)
"""Cars parked and charging, e-bikes in the shed."""
DARK: Final[Profile] = (*(1.0,) * 6, 0.4, *(0.0,) * 11, 0.5, *(1.0,) * 5)
"""Lighting."""
DAYTIME: Final[Profile] = (
    *(0.0, 0.0, 0.0, 0.0, 0.0, 0.05, 0.2, 0.45, 0.8, 1.0, 1.0, 0.85),
    *(0.6, 0.7, 0.95, 1.0, 0.85, 0.6, 0.35, 0.25, 0.15, 0.05, 0.0, 0.0),
)
"""Offices, day care, deliveries."""
WARMTH: Final[Profile] = (
    *(0.2, 0.15, 0.1, 0.05, 0.0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.85),
    *(0.95, 1.0, 1.0, 0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.4, 0.3, 0.25),
)
"""What the sun does to rooms and roofs."""

WEEK: Final = (1.0, 0.98, 1.0, 1.02, 1.1, 1.25, 1.2)
"""Monday to Sunday: homes are fuller at the weekend."""


class LocalTime(NamedTuple):
    """A moment on the community's clock."""

    day: int
    """Whole local days since 1970-01-01."""
    weekday: int
    """0 is Monday."""
    into_day: int
    """Milliseconds since local midnight."""


@lru_cache(maxsize=4096)
def _offset(hour: int, zone: str) -> int:
    """UTC offset of the zone at this hour since the epoch, in ms."""
    moment = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZoneInfo(zone))
    delta = moment.utcoffset()
    assert delta is not None  # noqa: S101 - an aware datetime has an offset
    return round(delta.total_seconds() * 1000)


def local(at: int, zone: str) -> LocalTime:
    """Where the community's clock stands at this instant (epoch ms)."""
    day, into_day = divmod(at + _offset(at // HOUR, zone), DAY)
    return LocalTime(day, (day + 3) % 7, into_day)


def level(profile: Profile, moment: LocalTime) -> float:
    """The profile between its hours, without steps, weighted by the day of the week."""
    hour, rest = divmod(moment.into_day, HOUR)
    here, there = profile[hour % 24], profile[(hour + 1) % 24]
    return (here + (there - here) * rest / HOUR) * min(1.0, WEEK[moment.weekday])


@lru_cache(maxsize=64)
def _cumulative(profile: Profile) -> tuple[float, ...]:
    return (0.0, *accumulate(profile))


def elapsed(profile: Profile, moment: LocalTime) -> float:
    """Day-equivalents of the profile since 1970: grows by ``WEEK[weekday]`` a day, never falls. For counters."""
    sums = _cumulative(profile)
    hour, rest = divmod(moment.into_day, HOUR)
    today = (sums[hour] + profile[hour % 24] * rest / HOUR) / sums[24]
    weeks, weekday = divmod(moment.day + 3, 7)
    return weeks * sum(WEEK) + sum(WEEK[:weekday]) + WEEK[weekday] * today
