"""Whatever a profile can read, said: one speaker for all of them, from the same data that the hub reads them by.

What is said is tried on the profile's own reader first, once for each kind of point. What does not come back as it was
meant is left out: that is how it is known what a format has words for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices import formats
from devices.contract import Decoded, Message
from devices.profiles.building import HEXADECIMAL
from devices.profiles.engine import ProfileFormat
from devices.profiles.shape import Active, Faults
from devices.simulator.effects import Report
from devices.simulator.model import SimDevice, SimPoint
from devices.simulator.noise import key_of
from devices.simulator.signals import Value
from devices.simulator.speaking.backwards import spelled, typed
from devices.simulator.speaking.moulds import Ask, Form, Mould, Who, listed, moulds
from devices.simulator.speaking.sheets import Place, Sheet
from devices.simulator.speaking.speech import Fault, Foreign, Said, Stage, UnknownSpeaker, parted
from devices.simulator.speaking.ways import Way, ways
from devices.words import METRICS, UNIT_OF

_MAC_DIGITS: Final = 12


class Tried(NamedTuple):
    """What the reader makes of a way to say a point."""

    heard: str
    """The name that it gets."""
    implied: frozenset[str]
    """Names of the metrics that are understood beside it; a word about the device itself is in every message."""


class Spoken(NamedTuple):
    """A point, as it is said."""

    way: Way
    tried: Tried


class ProfileSpeaker(Foreign):
    """Implements ``devices.simulator.speaking.speech.Speaker`` for a profile."""

    def __init__(self, name: str, stage: Stage, devices: Iterable[SimDevice], own: Path | None = None) -> None:
        """``own``: the folder of the user's profiles."""
        super().__init__(stage, tuple(devices))
        self._reader, self._forms = _script(name, own)
        ref = next(form.device for form in self._forms if form.points)
        self.scheme = ref.scheme
        self._id = min(listed(ref.id), key=lambda template: template.count("{"))
        self._tried: dict[tuple[Any, ...], Tried | None] = {}
        self._spoken: dict[str, Mapping[str, Spoken]] = {}

    def make_up(self, device: SimDevice) -> str:
        """A name made of the device's own; an address where the format has addresses."""
        if self.scheme in HEXADECIMAL:
            return f"{key_of(self.scheme, device.id):016x}"[-_MAC_DIGITS if self.scheme == "mac" else 0 :]
        return spelled(self._id, device.id, {"source": self._reader.name})

    def can_say(self, device: SimDevice, point: SimPoint) -> bool:
        """Whether a way was found."""
        return point.name in self._words(device)

    def renamed(self, device: SimDevice, point: SimPoint) -> str:
        """As it was heard when it was tried."""
        return self._words(device)[point.name].tried.heard

    def topic(self, device: SimDevice) -> str:
        """Where the first of its points is told."""
        said = next((spoken.way.mould for spoken in self._words(device).values()), None)
        mould = said or next((mould for form in self._forms for mould in moulds(form, self._who(device))), None)
        return mould.topic if mould is not None else self._reader.name

    # --- what is said -------------------------------------------------------------------------------------------

    def meet(self, device: SimDevice, report: Report) -> Iterator[Said]:
        """What it is, where the format has a message for that alone."""
        for form in self._forms:
            if form.message.announce is None or form.message.each or form.points or form.status:
                continue
            mould = next(moulds(form, self._who(device)), None)
            said = self._said(device, mould, mould.moment(report.clock)) if mould is not None else None
            if said is not None and (heard := self._heard(said)) is not None and heard.announcements:
                yield said

    def report(self, device: SimDevice, report: Report) -> Iterator[Said]:
        """Everything that can be said of it, in as few messages as the format needs."""
        begun: list[tuple[Mould, Sheet]] = []
        for name, spoken in self._words(device).items():
            way, value = spoken.way, report.values[name]
            others = _beside(device, report, name) if len(way.keys) > 1 else {}
            wishes = way.wishes(value, report.clock, others) if value != "" else {}
            if not wishes or any(
                mould.form is way.mould.form and sheet.topic == way.mould.topic and sheet.put(wishes)
                for mould, sheet in begun
            ):
                continue
            sheet = Sheet(way.mould.topic)
            sheet.put(wishes)
            begun.append((way.mould, sheet))
        for mould, sheet in begun:
            if mould.finish(sheet, device):
                yield Said(sheet.topic, sheet.payload())

    def fault(self, device: SimDevice, fault: Fault) -> Iterator[Said]:
        """It begins or ends, where the format says faults one by one."""
        for form in self._forms:
            for spec in form.faults:
                ends = spec.active is not None or bool(spec.ok)
                if spec.type != "fault" or isinstance(spec.active, bool) or (spec.memory and not spec.ok):
                    continue
                if not fault.active and not ends:
                    continue
                for said in self._faults(device, form, spec, fault):
                    if self._is_fault(said, fault):
                        yield said
                        return

    def _faults(self, device: SimDevice, form: Form, spec: Faults, fault: Fault) -> Iterator[Said]:
        """The ways to say it in one table: with its text, and without."""
        code = Ask(spec.code, fault.code if fault.active or not spec.ok else spec.ok[0])
        for asks in ([code, Ask(spec.text, fault.text)], [code]):
            for mould in moulds(form, self._who(device), at=spec.at, asks=asks, choice=spec):
                wishes = mould.moment(fault.at, spec.time)
                if isinstance(spec.active, Active) and (place := mould.place(spec.active.path)) is not None:
                    wishes[place] = typed((spec.active.on if fault.active else spec.active.off)[0])
                said = self._said(device, mould, wishes)
                if said is not None:
                    yield said

    def presence(self, device: SimDevice, *, online: bool) -> Said | None:
        """The format's own word for being there; retained where it is nothing but that."""
        own = self.own(device).id
        for form in self._forms:
            for spec in form.status:
                words = spec.online if online else spec.offline
                for mould in moulds(form, self._who(device), choice=spec):
                    place = mould.place(spec.path)
                    wishes = {place: typed(words[0])} if words and place is not None else {}
                    said = self._said(device, mould, wishes)
                    heard = self._heard(said) if said is not None else None
                    if (
                        said is not None
                        and heard is not None
                        and any(each.online is online and each.device.id == own for each in heard.statements)
                    ):
                        return said._replace(retain=form.message.payload == "value")
        return None

    # --- inside ---------------------------------------------------------------------------------------------------

    def _who(self, device: SimDevice) -> Who:
        return Who(device, self.own(device).id)

    def _words(self, device: SimDevice) -> Mapping[str, Spoken]:
        """Point -> how it is said.

        Where a key tells several metrics at once, the first of them leads, and the others cannot be said beside it.
        """
        if device.id in self._spoken:
            return self._spoken[device.id]
        every = {p: ways(self._who(device), p, self._forms) for p in device.points if parted(p) is not None}
        good = {
            p: [Spoken(w, tried) for w in found if (tried := self._try(device, p, w))] for p, found in every.items()
        }
        taken: set[str] = set()
        chosen: dict[str, Spoken] = {}
        for point in sorted((p for p in good if good[p]), key=lambda p: good[p][0].way.rank):
            for spoken in good[point]:
                names = {spoken.tried.heard, *spoken.tried.implied}
                if taken.isdisjoint(names):
                    taken |= names
                    chosen[point.name] = spoken
                    break
        self._spoken[device.id] = {p.name: chosen[p.name] for p in device.points if p.name in chosen}
        return self._spoken[device.id]

    def _try(self, device: SimDevice, point: SimPoint, way: Way) -> Tried | None:
        kind = (point.name, device.kind, way.word, id(way.mould.form), id(way.points), way.value)
        if kind not in self._tried:
            self._tried[kind] = self._hear(device, way)
        return self._tried[kind]

    def _hear(self, device: SimDevice, way: Way) -> Tried | None:
        """What the reader makes of it; None where it is not what was meant."""
        own = self.own(device).id
        raw = (
            {f"{way.word.metric}_raw"}
            if self._reader.profile.guess == "states" and way.word.metric in UNIT_OF
            else set()
        )
        names: set[str] = set()
        others: set[str] = set()
        for probe in way.probes():
            said = self._said(device, way.mould, way.wishes(probe, self.stage.start, {}))
            heard = self._heard(said) if said is not None else None
            if heard is None or heard.problems or any(sample.device.id != own for sample in heard.samples):
                return None
            values = {name: value for sample in heard.samples for name, value in sample.values.items()}
            meant = [
                n for n, v in values.items() if n.rpartition(".")[2] in {way.word.metric, *raw} and _same(v, probe)
            ]
            if len(meant) != 1:
                return None
            names.add(meant[0])
            others |= {name for name in values.keys() - {meant[0]} if name.rpartition(".")[2] in METRICS}
        return Tried(names.pop(), frozenset(others)) if len(names) == 1 else None

    def _said(self, device: SimDevice, mould: Mould, wishes: Mapping[Place, Any]) -> Said | None:
        """One message on its own; None where it lacks something."""
        sheet = Sheet(mould.topic)
        whole = sheet.put({**mould.fixed, **wishes}) and mould.finish(sheet, device)
        return Said(sheet.topic, sheet.payload()) if whole else None

    def _heard(self, said: Said) -> Decoded | None:
        route = self._reader.route(said.topic, self.stage.community)
        return self._reader.decode(route, Message(said.topic, said.payload, self.stage.start)) if route else None

    def _is_fault(self, said: Said, fault: Fault) -> bool:
        """Whether it is read as this fault; the end of one that was never told is read as nothing."""
        heard = self._heard(said)
        if heard is None or heard.problems:
            return False
        codes = [(event.code, event.active in {None, fault.active}) for event in heard.events]
        return codes == [(fault.code, True)] or (not fault.active and not codes)


@cache
def _script(name: str, own: Path | None) -> tuple[ProfileFormat, Sequence[Form]]:
    """The profile's reader, and the messages of the devices that it has values of: plain ones before particular ones."""
    reader = formats.make(name, profiles=own)
    if not isinstance(reader, ProfileFormat):
        raise TypeError(f"format {name} is no profile: it needs a speaker of its own")
    every = [Form(reader.profile, message) for message in reader.profile.message]
    scheme = next((form.device.scheme for form in every if form.points), None)
    if scheme is None:
        raise UnknownSpeaker(f"the profile {name} reads no values: there is nothing that the simulator could say in it")
    ours = [form for form in every if form.device.scheme == scheme]
    return reader, sorted(ours, key=lambda form: bool(form.message.when))


def _same(value: object, meant: Value) -> bool:
    """Numbers may have been through another unit."""
    if isinstance(meant, float) and isinstance(value, float):
        return abs(value - meant) < 1e-6
    return type(value) is type(meant) and value == meant


def _beside(device: SimDevice, report: Report, name: str) -> dict[str, Value]:
    """Metric -> what the same part of the device reads."""
    part = name.rpartition(".")[0]
    return {p.metric: report.values[p.name] for p in device.points if p.name.rpartition(".")[0] == part}
