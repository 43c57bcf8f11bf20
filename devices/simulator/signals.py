"""Signals: what a healthy sensor reads at a moment, as a pure function of its key and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from devices.simulator import rhythm
from devices.simulator.noise import smooth, uniform
from devices.simulator.rhythm import FLAT, LocalTime, Profile

Value = float | bool | str
MINUTE = 60_000


class Signal(Protocol):
    """One point of a healthy facility."""

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The reading at epoch ms ``at``, which is ``moment`` on the community's clock."""
        ...


@dataclass(frozen=True, slots=True)
class Wave:
    """A gauge that follows a rhythm: ``base + swing * level``, with noise that wanders."""

    base: float
    swing: float = 0.0
    profile: Profile = FLAT
    noise: float = 0.0
    digits: int = 2

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The gauge's reading."""
        swing = self.swing * rhythm.level(self.profile, moment) if self.swing else 0.0
        return round(self.base + swing + self.noise * smooth(key, at, 5 * MINUTE), self.digits)


@dataclass(frozen=True, slots=True)
class Crowd:
    """People or things: up to ``share`` of the capacity (or of ``of``) at the busiest hour; whole numbers."""

    profile: Profile
    share: float = 0.85
    of: int = 20

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """How many there are."""
        full = (capacity or self.of) * self.share * rhythm.level(self.profile, moment)
        return max(0.0, float(round(full * (1 + 0.35 * smooth(key, at, 12 * MINUTE)))))


@dataclass(frozen=True, slots=True)
class Free:
    """What a crowd leaves free of the capacity."""

    crowd: Crowd

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """How many are left."""
        return max(0.0, (capacity or self.crowd.of) - float(self.crowd.at(at, moment, key, capacity)))


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that runs for a share of each cycle: pumps, fans, doors, presence."""

    profile: Profile
    share: float = 0.5
    cycle: int = 10 * MINUTE
    on: Value = True
    off: Value = False

    def running(self, at: int, moment: LocalTime, key: int) -> bool:
        """Whether it runs."""
        bucket, rest = divmod(at + int(uniform(key, -1) * self.cycle), self.cycle)
        length = self.share * rhythm.level(self.profile, moment) * (0.6 + 0.8 * uniform(key, bucket))
        return rest < min(length, 0.97) * self.cycle

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """``on`` or ``off``."""
        return self.on if self.running(at, moment, key) else self.off


@dataclass(frozen=True, slots=True)
class Loaded:
    """A gauge that jumps with a duty: motor current, pump flow. ``noise`` only while it runs."""

    duty: Duty
    on: float
    off: float = 0.0
    noise: float = 0.0

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The gauge's reading."""
        if not self.duty.running(at, moment, key):
            return self.off
        return round(self.on + self.noise * smooth(key, at, MINUTE), 2)


@dataclass(frozen=True, slots=True)
class Total:
    """A counter that never falls: ``per_day`` on an ordinary day, in the shape of the profile."""

    per_day: float
    profile: Profile
    digits: int = 2
    since: int = 20_000
    """The day (since 1970) at which it stood at zero."""

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The counter's reading."""
        scale = self.per_day * (0.7 + 0.6 * uniform(key, 0))
        days = rhythm.elapsed(self.profile, moment) - self.since
        return float(round(max(0.0, days * scale), self.digits)) if self.digits else float(int(max(0.0, days * scale)))


@dataclass(frozen=True, slots=True)
class Steady:
    """A value that stays: contacts at rest, modes, alarms that are not."""

    value: Value

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Stops:
    """A lift's floor: it stands at the last stop, and moves on more often in busy hours."""

    profile: Profile
    cycle: int = 45_000

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """The floor."""
        bucket = at // self.cycle
        while uniform(key, bucket) > rhythm.level(self.profile, moment) and bucket % 40:
            bucket -= 1
        return float(1 + int(uniform(key ^ 0x5F, bucket) * (capacity or 18)))


@dataclass(frozen=True, slots=True)
class Draining:
    """A battery: from full to nearly empty in ``days``, then changed."""

    full: float = 100.0
    empty: float = 35.0
    days: int = 700
    digits: int = 0

    def at(self, at: int, moment: LocalTime, key: int, capacity: int) -> Value:
        """What is left."""
        age = (moment.day + int(uniform(key, 0) * self.days)) % self.days
        return float(round(self.full - (self.full - self.empty) * age / self.days, self.digits))
