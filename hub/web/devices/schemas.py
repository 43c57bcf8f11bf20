"""Devices, points and adoption as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from hub.domain.device_classes import DEVICE_CLASSES
from hub.domain.leaving import withdrawn_since
from hub.domain.metrics import METRICS
from hub.domain.places import UNTOLD, About, Binding, Device, Name
from hub.flows.community.adoption import Adoption, InboxDevice
from hub.flows.community.desk import Amendment
from hub.flows.community.exchange import Exchange
from hub.web.devices.picture import DeviceView, PointRow
from hub.web.devices.said import Said, short
from hub.web.schemas import Instant, NameOut, Schema, iso

DATES: Final = ("sim_expires", "calibrated_until", "end_of_life")
PlainLine = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"), AfterValidator(str.strip)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class AboutOut(Schema):
    """What the device, or its gateway, has said of it."""

    format: str
    said_at: str | None
    name: str
    firmware: str
    serial: str
    power: str
    hints: dict[str, str]
    aliases: list[str]
    withdrawn: bool
    """Its gateway no longer knows it."""
    withdrawn_at: str | None
    retired_at: str | None
    """When the hub put it out of use because of that, by itself."""
    maker: str
    model: str
    gateway: str | None
    interval_ms: int | None
    """How often it reports, as it says."""
    longest_silence_ms: int | None
    """What it, or its format, promises."""

    @classmethod
    def of(cls, about: About) -> AboutOut | None:
        """None where nothing has been said."""
        if about == UNTOLD:
            return None
        return cls(
            format=about.format,
            said_at=iso(about.said_at),
            name=about.name,
            firmware=about.firmware,
            serial=about.serial,
            power=about.power,
            hints=dict(about.hints),
            aliases=[f"{scheme}:{own}" for scheme, own in about.aliases],
            withdrawn=about.withdrawn,
            withdrawn_at=iso(withdrawn_since(about)),
            retired_at=iso(about.retired_at or None),
            maker=about.maker,
            model=about.model,
            gateway=about.gateway or None,
            interval_ms=about.interval or None,
            longest_silence_ms=about.silence or None,
        )


class DeviceOut(Schema):
    """A sensor, gateway or controller."""

    id: str
    community: str
    scheme: str
    scheme_id: str
    state: str
    name: NameOut
    connection: str
    maker: str
    model: str
    gateway: str | None
    """Maker, model and gateway are as people set them; where they did not, as the device says."""
    expected_interval_ms: int | None
    """As people set it."""
    first_seen: str | None
    heard_at: str | None
    online: bool | None
    about: AboutOut | None
    sim_expires: date | None
    """The last day on which its SIM card works; likewise the others."""
    calibrated_until: date | None
    end_of_life: date | None

    @classmethod
    def of(cls, device: Device, heard_at: int | None, online: bool | None) -> DeviceOut:  # noqa: FBT001 - three-valued
        return cls(
            id=device.id,
            community=device.community,
            scheme=device.scheme,
            scheme_id=device.scheme_id,
            state=device.state,
            name=NameOut.of(device.name),
            connection=device.connection,
            maker=device.its_maker,
            model=device.its_model,
            gateway=device.its_gateway,
            expected_interval_ms=device.expected_interval,
            first_seen=iso(device.first_seen),
            heard_at=iso(heard_at),
            online=online,
            about=AboutOut.of(device.about),
            sim_expires=device.sim_expires,
            calibrated_until=device.calibrated_until,
            end_of_life=device.end_of_life,
        )


class SpanOut(Schema):
    """What a point spoke for, from when to when; ``valid_to`` null: still."""

    facility: str
    unit: str
    metric: str
    factor: float
    offset: float
    inverted: bool
    valid_from: str | None
    """Null: from its first reading on."""
    valid_to: str | None

    @classmethod
    def of(cls, span: Binding) -> SpanOut:
        return cls(
            facility=span.facility,
            unit=span.unit,
            metric=span.metric_name(),
            factor=span.factor,
            offset=span.offset,
            inverted=span.inverted,
            valid_from=iso(span.valid_from or None),
            valid_to=iso(span.valid_to),
        )


class DevicePointOut(Schema):
    """One point of a device, with its last word; ``silent``: that word says nothing about now."""

    name: str
    label: str
    metric: str
    """Empty: the metric table has no such name."""
    ucum: str
    kind: str
    """gauge, total, delta, state or event: of its metric, else as the device says; empty: nothing tells."""
    value: float | None
    text: str
    time: str | None
    quality: int | None
    silent: bool
    interval_ms: int | None
    bindings: list[SpanOut]
    """The newest first."""

    @classmethod
    def of(cls, row: PointRow) -> DevicePointOut:
        reading = row.reading
        return cls(
            name=row.name,
            label=row.label,
            metric=row.metric.name if row.metric is not None else "",
            ucum=row.metric.unit if row.metric is not None else "",
            kind=row.kind,
            value=None if reading is None else reading.value,
            text="" if reading is None else reading.text,
            time=None if reading is None else iso(reading.time),
            quality=None if reading is None else reading.quality,
            silent=reading is None or reading.silent,
            interval_ms=row.interval,
            bindings=[SpanOut.of(span) for span in row.spans],
        )


class DeviceFull(DeviceOut):
    """With its points and their bindings, and the devices that speak through it."""

    learned_interval_ms: int | None
    wrong_clock: bool
    """Its own clock is wrong, as its newest readings show."""
    clock_behind_ms: int | None
    """By how much; negative: ahead; null: it is right, or says times that cannot be believed at all."""
    devices: list[str]
    """Those that speak through it."""
    replaced_by: list[str]
    points: list[DevicePointOut]

    @classmethod
    def whole(cls, view: DeviceView) -> DeviceFull:
        base = DeviceOut.of(view.device, view.heard_at, view.online)
        return cls(
            **{name: getattr(base, name) for name in DeviceOut.model_fields},
            learned_interval_ms=view.interval,
            wrong_clock=view.clock_fault is not None,
            clock_behind_ms=view.clock_fault.behind if view.clock_fault is not None else None,
            devices=[device.id for device in view.children],
            replaced_by=list(view.successors),
            points=[DevicePointOut.of(row) for row in view.points],
        )


class NameIn(Schema):
    """At least one of the two."""

    zh: PlainLine = ""
    en: PlainLine = ""

    @model_validator(mode="after")
    def _said(self) -> NameIn:
        if not (self.zh or self.en):
            raise ValueError("a name in zh, in en, or in both")
        return self


class AmendIn(Schema):
    """What is to change; null takes a day away."""

    name: NameIn | None = None
    sim_expires: date | None = None
    calibrated_until: date | None = None
    end_of_life: date | None = None

    def amendment(self) -> Amendment:
        """For the flow: only what was given."""
        dates: dict[str, date | None] = {key: getattr(self, key) for key in DATES if key in self.model_fields_set}
        name = None if self.name is None else Name(zh=self.name.zh, en=self.name.en)
        return Amendment(name=name, dates=dates)


class ReplaceIn(Schema):
    """``by``: the id of the device that stands there now. ``points``: point of the old one -> point of the new one.

    An empty text lets a point end; those left out are matched by name and by what they measure. ``at``: since when;
    null: from now on.
    """

    by: Annotated[str, Field(min_length=3, max_length=200)]
    points: dict[Annotated[str, Field(max_length=128)], Annotated[str, Field(max_length=128)]] = Field(
        default_factory=dict, max_length=500
    )
    at: Instant | None = None
    keep_calibration: bool | None = None

    def exchange(self, device: str, who: str) -> Exchange:
        """For the flow."""
        return Exchange(
            device=device,
            by=self.by,
            points=dict(self.points),
            at=self.at,
            keep_calibration=self.keep_calibration,
            who=who,
        )


class PointOut(Schema):
    """What a device measures, and what it speaks for now."""

    device: str
    point: str
    community: str
    facility: str | None
    unit: str
    metric: str
    ucum: str


class InboxPointOut(Schema):
    """A point of a device that waits."""

    name: str
    sample: str
    """The first value seen, as text."""
    metric: str
    """What it measures, or seems to; empty: nothing tells."""
    guessed: bool
    """Only its name suggests the metric: it is adopted without one, unless the adoption says it."""
    kind: str
    """gauge, total or state: of its metric, else as the device says; empty: nothing tells."""
    value: float | None
    """What it said last."""
    text: str
    ucum: str
    """The unit of its metric."""
    unit: str
    """The unit that the device says, as it writes it; empty: it says none."""
    label: str
    """What its maker calls it."""
    upkeep: bool
    """How the device is (battery, signal), not what it measures."""
    time: str | None
    """When it was measured; null: the hub has restarted since and knows the first value alone."""

    @classmethod
    def of(cls, told: Said) -> InboxPointOut:
        point = told.point
        return cls(
            name=point.name,
            sample=short(point.sample),
            metric=point.metric,
            guessed=point.guessed,
            kind=METRICS[point.known].kind.value if point.known else point.kind,
            value=told.value,
            text=told.text,
            ucum=METRICS[point.metric].unit if point.metric in METRICS else "",
            unit=point.unit,
            label=point.label,
            upkeep=point.upkeep,
            time=iso(told.at),
        )


class InboxOut(Schema):
    """A device that waits for adoption, with what it seems to be."""

    device: DeviceOut
    points: list[InboxPointOut]
    device_class: Annotated[str | None, Field(json_schema_extra={"enum": [*DEVICE_CLASSES, None]})]
    """What sort of device it seems to be; null: nothing tells."""
    class_title: NameOut | None
    class_reason: str
    suits: list[str]
    """Kinds of facility that it would suit, the likeliest first."""
    guess_facility: str | None
    guess_unit: str
    reason: str
    """Why this facility, or why none."""

    @classmethod
    def of(cls, waiting: InboxDevice, device: DeviceOut, points: Sequence[Said]) -> InboxOut:
        return cls(
            device=device,
            points=[InboxPointOut.of(told) for told in points],
            device_class=waiting.classed.device_class.id if waiting.classed else None,
            class_title=NameOut.of(waiting.classed.device_class.title) if waiting.classed else None,
            class_reason=waiting.classed.reason if waiting.classed else "",
            suits=list(waiting.kinds),
            guess_facility=waiting.facility,
            guess_unit=waiting.unit,
            reason=waiting.reason,
        )


class AdoptIn(Schema):
    """Where it stands. ``points``: point name -> metric, for those whose own name does not tell it.

    Only what stands here is taken of a guess. Values that come in another unit of the same quantity are converted.
    """

    facility: Annotated[str, Field(min_length=1, max_length=63)]
    unit: Annotated[str, Field(max_length=63)] = ""
    points: dict[Annotated[str, Field(max_length=128)], MetricName] = Field(default_factory=dict, max_length=500)

    def adoption(self, device: str, by: str) -> Adoption:
        """For the flow."""
        return Adoption(device=device, facility=self.facility, unit=self.unit, points=dict(self.points), by=by)


class AdoptOne(AdoptIn):
    """One of many."""

    device: Annotated[str, Field(min_length=3, max_length=200)]


class AdoptMany(Schema):
    """All or none."""

    items: Annotated[list[AdoptOne], Field(min_length=1, max_length=500)]


class Adopted(Schema):
    """The devices as they are now."""

    items: list[DeviceOut]
