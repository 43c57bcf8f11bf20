"""Commissioning as JSON."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.domain.commissioning import Part, Span, Unsent
from hub.domain.walk import PointTest, Walker
from hub.flows.commissioning.desk import KindState
from hub.flows.commissioning.hitches import Hitch, HitchKind
from hub.flows.commissioning.lines import DeviceLine, PointLine
from hub.flows.commissioning.overview import Counts, Overview, Room
from hub.web.schemas import Instant, NameOut, Schema, iso

HubId = Annotated[str, Field(min_length=3, max_length=200)]


class CountsOut(Schema):
    """How many are expected, seen, tested."""

    expected: int
    seen: int
    tested: int

    @classmethod
    def of(cls, counts: Counts) -> CountsOut:
        return cls(expected=counts.expected, seen=counts.seen, tested=counts.tested)


class HitchOut(Schema):
    """One thing to put right; which fields are filled depends on the kind."""

    kind: HitchKind
    line: str
    device: str
    point: str
    other: str
    other_point: str
    text: str
    number: int | None
    """Slips of the pen, devices behind a gateway, or ms by which a clock is behind."""
    at: str | None
    by: str

    @classmethod
    def of(cls, hitch: Hitch) -> HitchOut:
        return cls(
            kind=hitch.kind,
            line=hitch.line,
            device=hitch.device,
            point=hitch.point,
            other=hitch.other,
            other_point=hitch.other_point,
            text=hitch.text,
            number=hitch.number,
            at=iso(hitch.at),
            by=hitch.by,
        )


class OverviewOut(Schema):
    """How far a community is."""

    community: str
    sensors: CountsOut
    gateways: CountsOut
    hitches: list[HitchOut]

    @classmethod
    def of(cls, shown: Overview) -> OverviewOut:
        return cls(
            community=shown.community,
            sensors=CountsOut.of(shown.counts()),
            gateways=CountsOut.of(shown.counts(gateways=True)),
            hitches=[HitchOut.of(hitch) for hitch in shown.hitches],
        )


class TestOut(Schema):
    """What a test of a point said."""

    device: str
    point: str
    outcome: str
    how: str
    value: float | None
    text: str
    by: str
    at: str | None
    other_device: str
    other_point: str

    @classmethod
    def of(cls, test: PointTest) -> TestOut:
        return cls(
            device=test.device,
            point=test.point,
            outcome=test.outcome,
            how=test.how,
            value=test.value,
            text=test.text,
            by=test.by,
            at=iso(test.at),
            other_device=test.other_device,
            other_point=test.other_point,
        )


class PointTestOut(Schema):
    """A point with its test. ``passed`` null: untested; ``doubt``: another sensor spoke instead."""

    device: str
    point: str
    metric: str
    to_test: bool
    value: float | None
    text: str
    passed: TestOut | None
    doubt: TestOut | None

    @classmethod
    def of(cls, point: PointLine) -> PointTestOut:
        reading, standing = point.reading, point.standing
        known = reading is not None and not reading.silent
        return cls(
            device=point.device,
            point=point.point,
            metric=point.metric,
            to_test=point.to_test,
            value=reading.value if known and reading is not None else None,
            text=reading.text if known and reading is not None else "",
            passed=TestOut.of(standing.passed) if standing.passed else None,
            doubt=TestOut.of(standing.doubt) if standing.doubt else None,
        )


class LineOut(Schema):
    """A device that is to be there. ``device`` empty: nothing has come for this line."""

    id: str
    name: NameOut
    listed: bool
    device: str
    serial: str
    gateway: str
    is_gateway: bool
    facility: str
    unit: str
    place: str
    seen: bool
    seen_at: str | None
    silent: bool
    tested: bool
    battery: float | None
    signal: float | None
    points: list[PointTestOut]

    @classmethod
    def of(cls, line: DeviceLine) -> LineOut:
        return cls(
            id=line.id,
            name=NameOut.of(line.name),
            listed=line.listed,
            device=line.device,
            serial=line.serial,
            gateway=line.gateway,
            is_gateway=line.is_gateway,
            facility=line.facility,
            unit=line.unit,
            place=line.place,
            seen=line.seen,
            seen_at=iso(line.seen_at),
            silent=line.silent,
            tested=line.tested,
            battery=line.battery,
            signal=line.signal,
            points=[PointTestOut.of(point) for point in line.points],
        )


class SpanOut(Schema):
    """A time in which alarms are recorded and nobody is told."""

    id: str
    community: str
    part: Part
    of: str
    since: str | None
    until: str | None
    by: str
    ended_by: str
    note: str
    holds: bool
    """Now."""

    @classmethod
    def of_span(cls, span: Span, now: int) -> SpanOut:
        return cls(
            id=span.id,
            community=span.community,
            part=span.part,
            of=span.of,
            since=iso(span.since),
            until=iso(span.until),
            by=span.by,
            ended_by=span.ended_by,
            note=span.note,
            holds=span.holds_at(now),
        )


class SpanIn(Schema):
    """``of``: a facility's id or a gateway's hub id; empty with the community. ``until`` null: 90 days."""

    part: Part
    of: Annotated[str, Field(max_length=200)] = ""
    until: Instant | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class KindOut(Schema):
    """A kind of facility on its way to live."""

    kind: str
    facilities: int
    commissioned: int
    """In commissioning now."""
    live_at: str | None

    @classmethod
    def of(cls, state: KindState) -> KindOut:
        return cls(
            kind=state.kind, facilities=state.facilities, commissioned=state.commissioned, live_at=iso(state.live_at)
        )


class UnsentOut(Schema):
    """What one rule at one facility would have sent in the last seven days."""

    facility: str
    rule: str
    alarms: int
    tellings: int
    """Times at which the crew would have been told."""

    @classmethod
    def of(cls, row: Unsent) -> UnsentOut:
        return cls(facility=row.facility, rule=row.rule, alarms=row.alarms, tellings=row.tellings)


class LiveOut(Schema):
    """How many facilities went live."""

    facilities: int


class MatchIn(Schema):
    """A waiting device is the one of that line."""

    line: Annotated[str, Field(min_length=1, max_length=128)]
    device: HubId


class SwapIn(Schema):
    """Two devices that hang in each other's place."""

    one: HubId
    other: HubId


class HereIn(Schema):
    """In which room somebody stands: the place's id, or empty for sensors without one."""

    place: Annotated[str, Field(max_length=63)]


class PointIn(Schema):
    """A point in use."""

    device: HubId
    point: Annotated[str, Field(min_length=1, max_length=128)]


class WalkerOut(Schema):
    """Somebody who walks."""

    by: str
    place: str
    expects: PointIn | None
    seen_at: str | None

    @classmethod
    def of(cls, walker: Walker) -> WalkerOut:
        expects = PointIn(device=walker.expects[0], point=walker.expects[1]) if walker.expects else None
        return cls(by=walker.by, place=walker.place, expects=expects, seen_at=iso(walker.seen_at))


class RoomOut(Schema):
    """Sensors of one place."""

    place: str
    points: list[PointTestOut]
    untested: int

    @classmethod
    def of(cls, room: Room) -> RoomOut:
        return cls(
            place=room.place, points=[PointTestOut.of(point) for point in room.points], untested=len(room.untested)
        )


class WalkOut(Schema):
    """Who walks where, and what is still untested in which room."""

    walkers: list[WalkerOut]
    rooms: list[RoomOut]
