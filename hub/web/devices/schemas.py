"""Devices, points and adoption as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from hub.domain.metrics import METRICS
from hub.domain.places import UNTOLD, About, Device
from hub.flows.community.adoption import Adoption, InboxDevice
from hub.web.devices.said import Said, short
from hub.web.schemas import NameOut, Schema, iso

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
    expected_interval_ms: int | None
    first_seen: str | None
    heard_at: str | None
    online: bool | None
    about: AboutOut | None

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
            maker=device.maker,
            model=device.model,
            gateway=device.gateway,
            expected_interval_ms=device.expected_interval,
            first_seen=iso(device.first_seen),
            heard_at=iso(heard_at),
            online=online,
            about=AboutOut.of(device.about),
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
    """Empty: the metric table has no such name."""
    value: float | None
    """What it said last."""
    text: str
    ucum: str
    """The unit that its metric, as guessed, would have."""
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
            value=told.value,
            text=told.text,
            ucum=METRICS[point.metric].unit if point.metric in METRICS else "",
            label=point.label,
            upkeep=point.upkeep,
            time=iso(told.at),
        )


class InboxOut(Schema):
    """A device that waits for adoption, with what it seems to be."""

    device: DeviceOut
    points: list[InboxPointOut]
    guess_facility: str | None
    guess_unit: str
    reason: str

    @classmethod
    def of(cls, waiting: InboxDevice, device: DeviceOut, points: Sequence[Said]) -> InboxOut:
        return cls(
            device=device,
            points=[InboxPointOut.of(told) for told in points],
            guess_facility=waiting.facility,
            guess_unit=waiting.unit,
            reason=waiting.reason,
        )


class AdoptIn(Schema):
    """Where it stands. ``points``: point name -> metric, for those whose own name does not tell it."""

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
