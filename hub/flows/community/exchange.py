"""One device takes the place of another: its points go on under the new one, from a moment on, and nothing is rewritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hub.clock import to_iso
from hub.domain.places import Binding, Device, DeviceState
from hub.errors import IllegalTransition, InvalidInput
from hub.flows.community.adoption import InboxPoint
from hub.flows.community.plan import end

Spans = Mapping[str, tuple[Binding, ...]]
"""Point name -> its bindings, in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A wish: ``device`` has been taken away, and ``by`` stands in its place."""

    device: str
    by: str
    points: Mapping[str, str] = field(default_factory=dict)
    """Point of the old device -> the one that goes on with it; empty: it ends. Those left out are matched."""
    at: int | None = None
    """When; None: now. The new device's readings count for the place from then on."""
    keep_calibration: bool | None = None
    """Factor, offset and inversion go along; None: only to a device of the same maker and model."""
    who: str = ""


class Exchanged(NamedTuple):
    """Both devices and all of their bindings that change, as they are to be."""

    old: Device
    new: Device
    bindings: dict[tuple[str, str], tuple[Binding, ...]]


def is_alike(one: Device, other: Device) -> bool:
    """Whether both are known to be of the same maker and model."""
    return bool(one.its_model) and (one.its_maker, one.its_model) == (other.its_maker, other.its_model)


def running(spans: Spans) -> dict[str, Binding]:
    """The bindings that have not ended."""
    return {point: found[-1] for point, found in spans.items() if found and found[-1].valid_to is None}


def in_its_place(device: Device, spans: Spans) -> tuple[Device, Spans]:
    """As it stands where it is, or was when the hub put it out of use by itself: another one may go on from there."""
    left_at = device.about.retired_at
    if device.state is not DeviceState.RETIRED or not left_at:
        return device, spans
    again = {
        point: (*found[:-1], replace(found[-1], valid_to=None)) if found and found[-1].valid_to == left_at else found
        for point, found in spans.items()
    }
    return replace(device, state=DeviceState.ADOPTED), again


def match(old: Mapping[str, Binding], new: Iterable[InboxPoint]) -> dict[str, str]:
    """Which point of the new device goes on with each of the old one's; empty where none is surely the same.

    The same name first; else the only one left on both sides that measures the same.
    """
    names = {point.name: point.known or point.name.rpartition(".")[2] for point in new}
    found = {point: point for point in old if point in names}
    for point, binding in old.items():
        if point in found:
            continue
        metric = binding.metric_name()
        alike = [name for name, other in names.items() if other == metric and name not in found.values()]
        rivals = [p for p, b in old.items() if p not in names and b.metric_name() == metric]
        found[point] = alike[0] if len(alike) == 1 and rivals == [point] else ""
    return {point: found[point] for point in old}


def exchange(
    asked: Exchange,
    old: tuple[Device, Spans],
    new: tuple[Device, Spans],
    points: Sequence[InboxPoint],
    *,
    now: int,
) -> Exchanged:
    """What the wish makes of both devices. ``points``: all that the new one has been heard to say.

    InvalidInput names the field; IllegalTransition where one of them can take no part in an exchange.
    """
    old = in_its_place(*old)
    gone, come = old[0], new[0]
    _check_devices(gone, come, new[1])
    at = _moment(asked.at, running(old[1]), now)
    ended = running(old[1])
    taken = _taken(asked, ended, points, come)
    alike = is_alike(gone, come)
    keep = alike if asked.keep_calibration is None else asked.keep_calibration
    bindings = {(gone.id, point): end(old[1][point], at) for point in ended}
    for point, name in taken.items():
        if name:
            bindings[come.id, name] = _continued(ended[point], come, name, new[1].get(name, ()), at=at, keep=keep)
    home = Counter((b.facility, b.unit) for b in ended.values()).most_common(1)[0][0]
    for extra in points:
        if extra.name not in taken.values() and extra.known:
            span = Binding(
                community=come.community,
                device=come.id,
                point=extra.name,
                facility=home[0],
                unit=home[1],
                metric="" if extra.known == extra.name.rpartition(".")[2] else extra.known,
            )
            bindings[come.id, extra.name] = _after(new[1].get(extra.name, ()), span, at)
    return Exchanged(
        old=replace(gone, state=DeviceState.RETIRED),
        new=replace(
            come,
            state=DeviceState.ADOPTED,
            name=gone.name,
            expected_interval=come.expected_interval or (gone.expected_interval if alike else None),
        ),
        bindings=bindings,
    )


def _check_devices(old: Device, new: Device, spans: Spans) -> None:
    if old.id == new.id:
        raise InvalidInput(f"{old.id} cannot replace itself", pointer="/by", expected="another device")
    if old.community != new.community:
        raise InvalidInput(
            f"{new.id} belongs to {new.community}", pointer="/by", expected=f"a device of {old.community}"
        )
    if old.state is not DeviceState.ADOPTED:
        raise IllegalTransition(f"{old.id} is {old.state.value}: only a device in use can be replaced")
    if new.state is DeviceState.RETIRED:
        raise IllegalTransition(
            f"{new.id} is retired: choose one that waits in the inbox, or one in use without a place"
        )
    if busy := running(spans):
        binding = next(iter(busy.values()))
        raise IllegalTransition(f"{new.id} speaks for {binding.facility} already: choose one that has no place yet")


def _moment(at: int | None, ended: Mapping[str, Binding], now: int) -> int:
    if at is None:
        return now
    if at > now:
        raise InvalidInput(f"{to_iso(at)} is still to come", pointer="/at", expected="a time that has passed, or none")
    begun = max((binding.valid_from for binding in ended.values()), default=0)
    if at <= begun:
        raise InvalidInput(
            f"at {to_iso(at)} the old device did not speak for its place yet",
            pointer="/at",
            expected=f"a time after {to_iso(begun)}",
        )
    return at


def _taken(asked: Exchange, ended: Mapping[str, Binding], points: Sequence[InboxPoint], new: Device) -> dict[str, str]:
    if not ended:
        raise IllegalTransition(f"{asked.device} speaks for no facility: retire it, and adopt the other one")
    names = [point.name for point in points]
    for point, name in asked.points.items():
        if point not in ended:
            raise InvalidInput(
                f"{asked.device} has no point {point!r} that speaks for a facility",
                pointer=f"/points/{point}",
                expected=", ".join(ended),
            )
        if name and name not in names:
            raise InvalidInput(
                f"{new.id} has not been heard to say {name!r}",
                pointer=f"/points/{point}",
                expected=", ".join(names) or "a point that it has sent",
            )
    taken = {**match(ended, points), **asked.points}
    for point, name in taken.items():
        if not name and point not in asked.points:
            raise InvalidInput(
                f"nothing that {new.id} says is surely {point!r}",
                pointer=f"/points/{point}",
                expected=f"one of {', '.join(names)}, or empty to let it end" if names else "empty to let it end",
            )
    twice = [name for name, count in Counter(name for name in taken.values() if name).items() if count > 1]
    if twice:
        raise InvalidInput(f"{twice[0]!r} would go on with two points", pointer="/points", expected="each at most once")
    if not any(taken.values()):
        raise InvalidInput(
            f"no point of {asked.device} would go on", pointer="/points", expected="at least one; else retire it"
        )
    return taken


def _continued(
    before: Binding, device: Device, name: str, past: tuple[Binding, ...], *, at: int, keep: bool
) -> tuple[Binding, ...]:
    metric = before.metric_name()
    span = replace(
        before,
        device=device.id,
        point=name,
        metric="" if metric == name.rpartition(".")[2] else metric,
    )
    return _after(past, span if keep else replace(span, factor=1.0, offset=0.0, inverted=False), at)


def _after(past: tuple[Binding, ...], span: Binding, at: int) -> tuple[Binding, ...]:
    start = max([at, *(each.valid_to for each in past if each.valid_to is not None)])
    return (*past, replace(span, valid_from=start, valid_to=None))
