"""What the alarm lane remembers of every point and device: the latest value, when it was heard, how often it reports.

Bounded by the number of points, saved as a blob with the lane's position, and a pure function of the batches taken:
``absorb`` is all there is, so reading the journal again rebuilds it. Changed by the lane's thread only; other threads
may read single elements.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub.domain.rules import LEAST_SILENCE_MS, UNLEARNED_SILENCE_MS
from hub.flows.batch import SET_BACK, TOLD_AGAIN, Decoded, Mark, PointKey, Readings, Slots, TextReading

NEVER: Final = np.iinfo(np.int64).min
LEARNED_AFTER: Final = 4
"""So many intervals have to be seen before they are believed."""
_BLOB_FORMAT: Final = 1
_ABSENCES: Final = 8
"""So many of the hub's own absences are remembered."""
_POINT_COLUMNS: Final = (
    ("value", np.float64, np.nan),
    ("time", np.int64, NEVER),
    ("arrival", np.int64, NEVER),
    ("mark", np.uint8, 0),
    ("heard", np.int64, NEVER),
    ("fresh_since", np.int64, NEVER),
    ("interval", np.float64, 0.0),
    ("beats", np.int32, 0),
    ("late_time", np.int64, NEVER),
    ("set_silence", np.int64, 0),
    ("set_interval", np.int64, 0),
    ("promised", np.int64, 0),
    ("changed", np.int64, 0),
)
_SAVED: Final = ("value", "time", "arrival", "mark", "heard", "fresh_since", "interval", "beats", "late_time")


class Memory:
    """Columns by slot (and by device index). ``counter`` goes up with every batch; ``changed`` says when a slot was."""

    value: NDArray[np.float64]
    time: NDArray[np.int64]
    """Event time of the latest value; out-of-order and late readings never change it."""
    arrival: NDArray[np.int64]
    mark: NDArray[np.uint8]
    heard: NDArray[np.int64]
    """When the point was last heard, by arrival; pushed on by gaps in which nobody could be heard."""
    fresh_since: NDArray[np.int64]
    """Since when there has been no silence longer than allowed."""
    interval: NDArray[np.float64]
    """Learned: an upper running estimate that one outlier can't move far (ms)."""
    beats: NDArray[np.int32]
    late_time: NDArray[np.int64]
    set_silence: NDArray[np.int64]
    """From the rules; 0: learned. Not saved: the registry says it."""
    set_interval: NDArray[np.int64]
    """How often the device reports, as people set it or as it says; 0: learned. Not saved."""
    promised: NDArray[np.int64]
    """The longest silence that the device as a whole promises, where no rule says another one; 0: none. Not saved."""
    changed: NDArray[np.int64]

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.texts: dict[int, str] = {}
        self.devices: list[str] = []
        self.device_index: dict[str, int] = {}
        self.slots_of: list[list[int]] = []
        self.owner = np.zeros(0, np.int64)
        """Device index by slot."""
        self.device_heard = np.zeros(0, np.int64)
        self.offline: dict[str, bool] = {}
        """What devices (or their last wills) said last about being reachable."""
        self.stated_at: dict[str, int] = {}
        """Since when that has been so, by arrival."""
        self.absences: list[tuple[int, int]] = []
        """The latest times in which nobody could be heard, oldest first."""
        self.counter = 0
        self.size = 0
        for name, kind, empty in _POINT_COLUMNS:
            setattr(self, name, np.full(0, empty, kind))

    def grow(self) -> None:
        """Make room for slots given since."""
        size = len(self.slots)
        if size <= self.size:
            return
        more = size - self.size
        for name, kind, empty in _POINT_COLUMNS:
            setattr(self, name, np.append(getattr(self, name), np.full(more, empty, kind)))
        owners = [self.device(key.device) for key in self.slots.keys[self.size : size]]
        self.owner = np.append(self.owner, np.array(owners, np.int64))
        for slot, owner in zip(range(self.size, size), owners, strict=True):
            self.slots_of[owner].append(slot)
        self.size = size

    def device(self, hub_id: str) -> int:
        """The device's index, given on first sight."""
        found = self.device_index.get(hub_id)
        if found is None:
            found = self.device_index[hub_id] = len(self.devices)
            self.devices.append(hub_id)
            self.slots_of.append([])
            self.device_heard = np.append(self.device_heard, np.int64(NEVER))
        return found

    # --- taking in ----------------------------------------------------------------------------------------------

    def absorb(self, batch: Decoded, values: NDArray[np.float64], late: NDArray[np.bool_], *, lateness: int) -> None:
        """Remember a batch: its calibrated ``values`` and which of its readings are ``late``. No effect but this."""
        self.grow()
        self.counter += 1
        for gap in batch.gaps:
            if gap.kind != SET_BACK:
                self.stretch(gap.started_at, gap.ended_at)
        if batch.set_back:
            self.set_back(batch.set_back)
        if len(batch.readings):
            self._hear(batch.readings)
            self._keep_latest(batch.readings, values, late)
        for text in batch.texts:
            self._keep_text(text, lateness)
        for event in batch.events:
            if not event.mark & TOLD_AGAIN:
                self.hear_device(event.device, event.arrival)
        for word in batch.availability:
            self._state(word.device, online=word.online, at=word.arrival)

    def stretch(self, started_at: int, ended_at: int) -> None:
        """Nobody could be heard in between: silence and proof do not count that time."""
        self.absences = [*self.absences, (started_at, ended_at)][-_ABSENCES:]
        for column in (self.heard, self.fresh_since, self.device_heard):
            known = (column != NEVER) & (column < ended_at)
            column[known] += ended_at - np.maximum(column[known], started_at)
        self.stated_at = {
            hub_id: at if at >= ended_at else at + ended_at - max(at, started_at)
            for hub_id, at in self.stated_at.items()
        }

    def set_back(self, by: int) -> None:
        """The machine's clock was: what was noted by the old time was as long ago as before.

        So is the event time of a reading that was stamped on arrival; else no later one would be newer for as long.
        """
        for column in (self.heard, self.fresh_since, self.device_heard, self.arrival):
            column[column != NEVER] -= by
        self.stated_at = {hub_id: at - by for hub_id, at in self.stated_at.items()}
        self.absences = [(started_at - by, ended_at - by) for started_at, ended_at in self.absences]
        stamped = (self.mark & (Mark.ARRIVAL_TIME | Mark.CLOCK_PROBLEM)) != 0
        self.time[stamped & (self.time != NEVER)] -= by

    def hear_device(self, hub_id: str, at: int) -> None:
        """A device has said something, about none of its points."""
        index = self.device(hub_id)
        self.device_heard[index] = max(self.device_heard[index], at)
        if self.offline.get(hub_id):
            self._state(hub_id, online=True, at=at)

    def watch_from(self, slot: int, now: int) -> None:
        """A point that should report and has never been heard: its silence counts from now."""
        if self.heard[slot] == NEVER:
            self.heard[slot] = now

    def _state(self, hub_id: str, *, online: bool | None, at: int) -> None:
        self.device(hub_id)
        if online is None:
            self.offline.pop(hub_id, None)
            self.stated_at.pop(hub_id, None)
        elif self.offline.get(hub_id) is not (not online):
            self.offline[hub_id] = not online
            self.stated_at[hub_id] = at

    def _hear(self, readings: Readings) -> None:
        slot, arrival = readings.slot, readings.arrival
        if readings.mark.any():
            own = (readings.mark & TOLD_AGAIN) == 0
            slot, arrival = slot[own], arrival[own]
            if not len(slot):
                return
        touched, at = self._last_of(slot, arrival)
        before = self.heard[touched]
        known = (before != NEVER) & (self.fresh_since[touched] != NEVER)
        delta = np.where(known, at - before, 0)
        lost = ~known | (delta > self.limits(touched))
        self.fresh_since[touched[lost]] = at[lost]
        self._learn(touched, delta, known)
        self.heard[touched] = np.maximum(before, at)
        self._hear_owners(touched, at)

    def _last_of(
        self, slot: NDArray[np.int64], arrival: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Each slot of the batch once, with its last arrival (a repeated index keeps the last one assigned)."""
        if len(slot) * 4 < self.size:
            touched = np.unique(slot).astype(np.intp)
            place = np.searchsorted(touched, slot)
            at = np.zeros(len(touched), np.int64)
            at[place] = arrival
            return touched, at
        full = np.full(self.size, NEVER, np.int64)
        full[slot] = arrival
        touched = np.flatnonzero(full != NEVER)
        return touched, full[touched]

    def _learn(self, touched: NDArray[np.intp], delta: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
        """Rise by half at most, fall by a fiftieth: the estimate stays near the upper end of what is usual."""
        known = known & (delta > 0)
        beats, old = self.beats[touched], self.interval[touched]
        young = np.maximum(old, delta)
        grown = np.where(delta > old, np.minimum(old * 1.5, delta), np.maximum(old * 0.98, delta))
        new = np.where(beats < LEARNED_AFTER, young, grown)
        self.interval[touched] = np.where(known, np.maximum(new, LEAST_SILENCE_MS / 60), old)
        self.beats[touched] = np.where(known, beats + 1, beats)

    def _hear_owners(self, touched: NDArray[np.intp], at: NDArray[np.int64]) -> None:
        owners = self.owner[touched]
        before = self.device_heard.copy()
        np.maximum.at(self.device_heard, owners, at)
        back = np.unique(owners[at - before[owners] > LEAST_SILENCE_MS])
        for owner in back.tolist():
            self._device_is_back(owner, int(self.device_heard[owner]), int(before[owner]))
        if self.offline:
            self._back_online(owners)

    def _back_online(self, owners: NDArray[np.int64]) -> None:
        """Who sends readings is reachable, whatever its last statement was."""
        off = [hub_id for hub_id, offline in self.offline.items() if offline]
        spoke = np.isin([self.device_index[hub_id] for hub_id in off], owners)
        for hub_id, heard in zip(off, spoke.tolist(), strict=True):
            if heard:
                self._state(hub_id, online=True, at=int(self.device_heard[self.device_index[hub_id]]))

    def _device_is_back(self, owner: int, at: int, before: int) -> None:
        """After a silence of the whole device each of its points has its full interval again."""
        mine = np.array(self.slots_of[owner], np.intp)
        if before != NEVER and len(mine) and at - before > int(self.device_limits(mine).min()):
            silent = mine[self.heard[mine] != NEVER]
            self.fresh_since[silent] = at
            self.heard[silent] = at

    def _keep_latest(self, readings: Readings, values: NDArray[np.float64], late: NDArray[np.bool_]) -> None:
        slot, time = readings.slot, readings.time
        arrival, mark = readings.arrival, readings.mark
        if late.any():
            np.maximum.at(self.late_time, slot[late], time[late])
            soon = ~late
            slot, time, values, arrival, mark = slot[soon], time[soon], values[soon], arrival[soon], mark[soon]
        np.maximum.at(self.time, slot, time)
        newest = time == self.time[slot]
        if not newest.all():
            slot, values, arrival, mark = slot[newest], values[newest], arrival[newest], mark[newest]
        self.value[slot] = values
        self.arrival[slot] = arrival
        self.mark[slot] = mark
        self.changed[slot] = self.counter

    def _keep_text(self, text: TextReading, lateness: int) -> None:
        slot = text.slot
        if not text.mark & TOLD_AGAIN:
            self._learn_one(slot, text.arrival)
        if text.arrival - text.time > lateness:
            self.late_time[slot] = max(self.late_time[slot], text.time)
        elif text.time >= self.time[slot]:
            self.time[slot], self.arrival[slot], self.mark[slot] = text.time, text.arrival, text.mark
            self.texts[slot] = text.text
            self.changed[slot] = self.counter

    def _learn_one(self, slot: int, arrival: int) -> None:
        one = np.array([slot], np.int64)
        self._hear(
            Readings(
                slot=one,
                time=np.array([arrival], np.int64),
                value=np.zeros(1),
                arrival=np.array([arrival], np.int64),
                mark=np.zeros(1, np.uint8),
                frame=np.zeros(1, np.int64),
            )
        )

    # --- asking -------------------------------------------------------------------------------------------------

    def limits(self, slots: NDArray[np.intp]) -> NDArray[np.int64]:
        """After how much silence of its own each point counts as lost while its device speaks (ms)."""
        expected = self.set_interval[slots]
        learned = np.where(self.beats[slots] >= LEARNED_AFTER, self.interval[slots].astype(np.int64), 0)
        base = np.where(expected > 0, expected, learned)
        least = np.maximum(self.promised[slots], LEAST_SILENCE_MS)
        found = np.maximum(np.where(base > 0, 3 * base, UNLEARNED_SILENCE_MS), least)
        return np.where(self.set_silence[slots] > 0, self.set_silence[slots], found)

    def device_limits(self, slots: NDArray[np.intp]) -> NDArray[np.int64]:
        """The same while its device says nothing at all: what it promises counts as it stands."""
        promised = self.promised[slots]
        return np.where(promised > 0, np.maximum(promised, LEAST_SILENCE_MS), self.limits(slots))

    def due(self, slots: NDArray[np.intp]) -> NDArray[np.int64]:
        """When each point that has been heard counts as lost: by its own silence, or by that of its device."""
        own = self.heard[slots] + self.limits(slots)
        of_device = np.maximum(self.heard[slots], self.device_heard[self.owner[slots]]) + self.device_limits(slots)
        return np.where(self.promised[slots] > 0, np.minimum(own, of_device), own)

    def was_away(self, at: int) -> bool:
        """Whether what was measured then had to wait until somebody could hear it again."""
        return any(started_at <= at < ended_at for started_at, ended_at in self.absences)

    def by_the_clock(self, at: int) -> int:
        """What ``stretch`` has moved on (``heard``, ``device_heard``, ``stated_at``) as the instant that it was."""
        for started_at, ended_at in reversed(self.absences):
            if at - (ended_at - started_at) < started_at:
                at -= ended_at - started_at
        return at

    def heard_at(self, device: str) -> int | None:
        """When the device was last heard, by arrival, epoch ms."""
        index = self.device_index.get(device)
        at = NEVER if index is None else int(self.device_heard[index])
        return None if at == NEVER else at

    def reporting_interval(self, slot: int) -> int | None:
        """How often the point reports, as stated or as learned; None: not known yet."""
        if self.set_interval[slot] > 0:
            return int(self.set_interval[slot])
        return int(self.interval[slot]) if self.beats[slot] >= LEARNED_AFTER else None

    def known_limit(self, slots: list[int]) -> int | None:
        """After how much silence their device is lost, by what is stated or learned; None: nothing is known yet."""
        if not slots:
            return None
        asked = np.array(slots, np.intp)
        known = (self.set_silence[asked] > 0) | (self.set_interval[asked] > 0) | (self.promised[asked] > 0)
        known |= self.beats[asked] >= LEARNED_AFTER
        return int(self.device_limits(asked[known]).min()) if known.any() else None

    def fresh_of(self, slots: list[int]) -> int | None:
        """Since when the point heard last has been heard without too long a silence; None: none was ever heard."""
        heard = [slot for slot in slots if self.fresh_since[slot] != NEVER]
        return int(self.fresh_since[max(heard, key=lambda slot: int(self.heard[slot]))]) if heard else None

    # --- saving -------------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """The whole memory as bytes, without slots (they mean nothing outside the process)."""
        return msgspec.msgpack.encode(
            {
                "format": _BLOB_FORMAT,
                "keys": [tuple(key) for key in self.slots.keys[: self.size]],
                "columns": {name: getattr(self, name).tobytes() for name in _SAVED},
                "texts": self.texts,
                "devices": self.devices,
                "device_heard": self.device_heard.tobytes(),
                "offline": self.offline,
                "stated_at": self.stated_at,
                "absences": self.absences,
            }
        )

    def load(self, blob: bytes) -> None:
        """Take over what ``dump`` wrote, into an empty memory. A blob of another format is passed over."""
        saved: dict[str, Any] = msgspec.msgpack.decode(blob, strict=False)
        if saved.get("format") != _BLOB_FORMAT:
            return
        slots = np.array([self.slots.slot(PointKey(*key)) for key in saved["keys"]], np.intp)
        self.grow()
        for name, kind, _ in _POINT_COLUMNS:
            if name in _SAVED:
                getattr(self, name)[slots] = np.frombuffer(saved["columns"][name], kind)
        self.texts = {int(slots[old]): text for old, text in saved["texts"].items()}
        heard = np.frombuffer(saved["device_heard"], np.int64)
        for hub_id, at in zip(saved["devices"], heard.tolist(), strict=True):
            index = self.device(hub_id)  # first: it makes room for a device of which no point is known
            self.device_heard[index] = at
        self.offline = dict(saved["offline"])
        self.stated_at = dict(saved.get("stated_at", {}))
        self.absences = [(started_at, ended_at) for started_at, ended_at in saved.get("absences", ())]
