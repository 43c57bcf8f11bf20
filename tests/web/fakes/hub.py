"""The app on a believable morning in Harmony Garden: real records in SQLite, small stand-ins for the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from hub.clock import DAY, HOUR, MINUTE, Clock
from hub.domain.alarms import Alarm, Overlay, Priority
from hub.domain.commissioning import Commissioning, GoneLive
from hub.domain.health import Health, Status
from hub.domain.ids import IdMaker
from hub.domain.notices import Notice, NoticeKind
from hub.domain.people import Grant, Role, ScopeKind, Token, User
from hub.domain.places import Device, DeviceState, Name
from hub.domain.tickets import Ticket, TicketKey, TicketKind, TicketState
from hub.domain.wording import Wording
from hub.flows.batch import Gap, PointKey, Position, Refusal
from hub.flows.commissioning.desk import CommissioningDesk, Parts
from hub.flows.commissioning.walk_desk import WalkDesk
from hub.flows.commissioning.walking import Walks
from hub.flows.community.adoption import InboxDevice, InboxPoint
from hub.flows.ports import AlarmEvent, TicketEvent
from hub.flows.registry import Registrar, Registry
from hub.flows.tickets import TicketDesk
from hub.flows.unstored import Unstored
from hub.settings import Settings
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import shipped
from hub.storage.tables import gone_live
from hub.storage.unit import SqlRecords
from hub.web.auth.passwords import digest
from hub.web.deps import WebDeps
from hub.web.stream import Changes
from tests.empty_records import empty_records
from tests.web.fakes.fitting import fit
from tests.web.fakes.parts import FakeAlarms, FakeDevices, FakeInbox, FakeInlet, FakeLive, FakeSeries

HOME = "harmony-garden"
PASSWORD = "correct horse battery"
LOGINS = {
    "admin": Grant(role=Role.ADMIN),
    "manager": Grant(role=Role.MANAGER, scope=ScopeKind.COMMUNITY, scope_id=HOME),
    "desk": Grant(role=Role.DESK, scope=ScopeKind.COMMUNITY, scope_id=HOME),
    "crew": Grant(role=Role.CREW, scope=ScopeKind.COMMUNITY, scope_id=HOME),
    "planner": Grant(role=Role.PLANNER, scope=ScopeKind.COMMUNITY, scope_id=HOME),
    "viewer": Grant(role=Role.VIEWER, scope=ScopeKind.COMMUNITY, scope_id=HOME),
    "steward": Grant(role=Role.VIEWER, scope=ScopeKind.GRID, scope_id=f"{HOME}/grid-1"),
    "stranger": Grant(role=Role.MANAGER, scope=ScopeKind.COMMUNITY, scope_id="other-place"),
}
NAMES = {"admin": "系统管理员", "manager": "周经理", "desk": "值班台 李敏", "crew": "王师傅", "planner": "规划 陈晨"}


_catalogue = cache(load_catalogue)
_community = cache(lambda: shipped(HOME))
_hashed = cache(lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD))
"""A hash says itself what it costs to check: as little as can be, for everybody signs in and few look at how."""


@dataclass(slots=True, kw_only=True)
class FakeHub:
    deps: WebDeps
    records: SqlRecords
    live: FakeLive
    series: FakeSeries
    inbox: FakeInbox
    health: list[Health]
    redriven: list[int]
    unstored: dict[str, Unstored]
    inlet: FakeInlet
    tickets: dict[str, Ticket]
    alarms: dict[str, Alarm]

    def close(self) -> None:
        self.records.close()


def build(folder: Path, clock: Clock, *, settings: Settings | None = None) -> FakeHub:
    catalogue = _catalogue()
    now = clock.now()
    registrar = Registrar(_community())
    records = empty_records(folder / "records.sqlite")
    changes = Changes(epoch=now)
    live, series = FakeLive(registrar, clock), FakeSeries(registrar)
    series.gap = (now - 9 * HOUR, now - 7 * HOUR)
    health = components(now)
    redriven: list[int] = []
    unstored: dict[str, Unstored] = {}
    inbox = FakeInbox(waiting(registrar.current, now))
    inlet = FakeInlet()

    def redrive(items: Sequence[int], *, by: str) -> tuple[int, int]:
        redriven.extend(items)
        return records.write(lambda books: books.quarantine.mark(list(items), "redriven")), 0

    parts = Parts(
        records=records,
        registrar=registrar,
        catalogue=catalogue,
        clock=clock,
        live=live,
        walks=Walks(),
        renew=lambda: renew(records, registrar),
        publish=lambda kind, data: changes.publish(kind, data, clock.now()),
    )
    deps = WebDeps(
        settings=settings or Settings(admin_token="admin-token-of-the-tests"),
        clock=clock,
        records=records,
        registrar=registrar,
        catalogue=catalogue,
        live=live,
        series=series,  # type: ignore[arg-type] # the pages ask for windows alone
        alarms=FakeAlarms(records, clock, changes),
        tickets=TicketDesk(
            records, registrar, clock, publish=lambda kind, data: changes.publish(kind, data, clock.now())
        ),
        inbox=inbox,
        commissioning=CommissioningDesk(parts),
        walk=WalkDesk(parts),
        devices=FakeDevices(registrar, inbox, clock),
        redrive=redrive,
        unstored=lambda communities, _limit: unstored_of(unstored, communities),
        health=lambda _: tuple(health),
        metrics=CollectorRegistry(),
        changes=changes,
        inlet=inlet,
    )
    alarms, tickets = furnish(records, registrar.current, live, now)
    records.write(lambda books: fit(books, registrar.current, HOME, now))
    renew(records, registrar)
    return FakeHub(
        deps=deps,
        records=records,
        live=live,
        series=series,
        inbox=inbox,
        health=health,
        redriven=redriven,
        unstored=unstored,
        inlet=inlet,
        tickets=tickets,
        alarms=alarms,
    )


def unstored_of(stores: Mapping[str, Unstored], communities: Collection[str] | None) -> dict[str, Unstored]:
    def mine(key: PointKey | None) -> bool:
        return communities is None or (key is not None and key.community in communities)

    found = {}
    for name, store in stores.items():
        lines = tuple(line for line in store.lines if mine(line.point))
        cells = tuple(cell for cell in store.cells if mine(cell.point))
        found[name] = replace(store, lines=lines, cells=cells, lines_count=len(lines), cells_count=len(cells))
    return found


def renew(records: SqlRecords, registrar: Registrar) -> None:
    """The shipped community is not in these records: what was said of its commissioning and its devices is."""
    old = registrar.current

    def read(books: Any) -> tuple[Commissioning, dict[str, Device]]:
        rows = books.connection.execute(select(gone_live)).mappings()
        said = Commissioning(spans=tuple(books.commissioning.spans(HOME)), live=tuple(GoneLive(**row) for row in rows))
        return said, {device.id: device for device, _ in books.commissioning.devices(HOME) if device.state == "adopted"}

    said, devices = records.read(read)
    registrar.replace(
        replace(old, version=old.version + 1, commissioning={HOME: said}, devices={**old.devices, **devices})
    )


def components(now: int) -> list[Health]:
    return [
        Health(component="broker", status=Status.OK, facts={"connected": "yes", "beat_age_ms": 2100, "clients": 311}),
        Health(component="journal", status=Status.OK, facts={"used_bytes": 412_000_000, "free_bytes": 81_000_000_000, "hours_left": 940}),
        Health(component="alarm_lane", status=Status.OK, facts={"lag_batches": 0, "lag_ms": 12}),
        Health(component="series_lane", status=Status.DEGRADED, reason="31 batches behind: catching up since 09:41", facts={"lag_batches": 31, "lag_ms": 4200}),
        Health(component="series", status=Status.OK, facts={"readings": 48_211_904, "used_bytes": 733_000_000}),
        Health(component="records", status=Status.OK),
        Health(component="notices", status=Status.OK, facts={"waiting": 0, "oldest_ms": None}),
    ]  # fmt: skip


def waiting(registry: Registry, now: int) -> list[InboxDevice]:
    def device(slug: str, minutes: int) -> Device:
        return Device(
            id=f"{HOME}~{slug}",
            community=HOME,
            scheme="native",
            scheme_id=slug,
            state=DeviceState.INBOX,
            name=Name(zh=slug, en=slug),
            first_seen=now - minutes * MINUTE,
        )

    pumps = next(f for f in registry.facilities.values() if f.kind == "pump_room")
    return [
        InboxDevice(
            device("lora-0a41f2", 12),
            (InboxPoint("pressure", "0.44", "pressure"), InboxPoint("ain3", "812", "")),
            pumps.id,
            "",
            Wording("no other place here has what it measures"),
        ),
        InboxDevice(device("gym-cam-2", 47), (InboxPoint("occupancy", "7", "occupancy"),), None, "", ""),
        InboxDevice(
            device("plc-west", 300),
            (
                *(InboxPoint(f"register_{number:02d}", str(number * 41), "") for number in range(1, 9)),
                InboxPoint("service_mode", "normal", "service_mode"),
                InboxPoint("run_hours", "8112", "run_hours"),
            ),
            None,
            "",
            "",
        ),
    ]


def people(books: Any, now: int, hashed: str) -> None:
    ids = IdMaker()
    for login, grant in LOGINS.items():
        user = User(
            id=ids.make(now),
            login=login,
            name=NAMES.get(login, login),
            password_hash=hashed,
            crew="engineering" if login == "crew" else None,
            created_at=now,
            grants=(grant,),
        )
        books.people.save_user(user)
        token = Token(id=ids.make(now), name=login, token_hash=digest(f"{login}-token"), grant=grant, created_at=now)
        books.people.add_token(token)


def furnish(  # noqa: C901 - a morning is a long list
    records: SqlRecords, registry: Registry, live: FakeLive, now: int
) -> tuple[dict[str, Alarm], dict[str, Ticket]]:
    ids = IdMaker()

    def first(kind: str, number: int = 0) -> str:
        return [f.id for f in registry.facilities.values() if f.kind == kind][number]

    def unit(facility: str) -> str:
        units = registry.facilities[HOME, facility].units
        return units[0].id if units else ""

    def mode(kind: str, number: int = 0) -> str:
        return [m for k, m in registry.failure_modes if k == kind][number]

    def alarm(kind: str, number: int, priority: Priority, minutes: int, **more: Any) -> Alarm:
        facility = first(kind)
        device, point = next((d, p) for (d, p), b in registry.bindings.items() if b[0].facility == facility)
        made = Alarm(
            id=ids.make(now - minutes * MINUTE),
            rule=f"{kind.replace('_', '-')}-{mode(kind, number).replace('_', '-')}",
            community=HOME,
            device=device,
            point=point,
            code="",
            facility=facility,
            unit=unit(facility),
            failure_mode=mode(kind, number),
            priority=priority,
            occurrence=1,
            active=True,
            acked=False,
            raised_at=now - minutes * MINUTE,
        )
        return replace(made, **more)

    alarms = {
        "lift": alarm("lift", 1, Priority.SAFETY, 4, text="E21"),
        "sump": alarm("sump", 0, Priority.HIGH, 26, value=2.84, occurrence=3),
        "pump": alarm("pump_room", 0, Priority.HIGH, 75, acked=True, acked_by="desk", acked_at=now - HOUR, value=0.21),
        "air": alarm("activity_room", 0, Priority.LOW, 140, active=False, cleared_at=now - 20 * MINUTE, value=1480),
        "ev": alarm(
            "ev_charging", 0, Priority.MEDIUM, 300, overlay=Overlay.SHELVED,
            overlay_until=now + 2 * HOUR, overlay_reason="充电桩厂家升级固件",
        ),
        "old": alarm("power_room", 1, Priority.MEDIUM, 3000, active=False, acked=True, acked_by="desk", cleared_at=now - 40 * HOUR),
        "late": alarm("power_room", 0, Priority.MEDIUM, 90_000, late=True, acked=True, active=False, cleared_at=now - 60 * DAY),
    }  # fmt: skip

    def ticket(about: Alarm, number: int, state: TicketState, zh: str, en: str, **more: Any) -> Ticket:
        made = Ticket(
            id=ids.make(about.raised_at or now),
            number=f"HG-2026-{number:06d}",
            key=TicketKey(community=HOME, facility=about.facility, unit=about.unit, failure_mode=about.failure_mode),
            kind=TicketKind.FAULT,
            state=state,
            priority=about.priority,
            title_zh=zh,
            title_en=en,
            crew=registry.crew_for(HOME, about.facility).id,  # type: ignore[union-attr] # the file names a default crew
            reported_at=about.raised_at or now,
            assigned_at=about.raised_at,
        )
        return replace(made, **more)

    tickets = {
        "lift": ticket(alarms["lift"], 118, TicketState.ASSIGNED, "1栋电梯 门机故障 E21", "Lift building 1: door fault E21"),
        "sump": ticket(
            alarms["sump"], 117, TicketState.IN_PROGRESS, "地库集水井 超高液位", "Garage sump: level very high",
            assignee="crew", accepted_at=now - 20 * MINUTE, started_at=now - 12 * MINUTE, reopened=1, occurrences=3,
        ),
        "pump": ticket(
            alarms["pump"], 115, TicketState.ON_HOLD, "低区泵房 出水压力低", "Low-zone pump room: pressure low",
            assignee="crew", accepted_at=now - HOUR, started_at=now - 50 * MINUTE, hold_reason="parts", hold_until=now + DAY,
        ),
        "air": ticket(
            alarms["air"], 112, TicketState.VERIFYING, "活动室 二氧化碳偏高", "Activity room: CO₂ high",
            completed_at=now - 25 * MINUTE, verifying_since=now - 25 * MINUTE, restored_at=now - 20 * MINUTE,
            recheck_at=now + 10 * MINUTE, cause="新风机滤网堵塞", remedy="更换滤网", assignee="crew",
        ),
        "old": ticket(
            alarms["old"], 98, TicketState.CLOSED, "配电房 变压器温度高", "Power room: transformer hot",
            closed_at=now - 30 * HOUR, resolved_at=now - 38 * HOUR, restored_at=now - 40 * HOUR, verified="sensor",
        ),
        "late": ticket(
            alarms["late"], 90, TicketState.CLOSED, "配电房 温度（补传）", "Power room: temperature (late data)",
            late=True, closed_at=now - 59 * DAY, verified="sensor", end_reason="late_data",
        ),
    }  # fmt: skip

    def notice(about: Ticket, kind: NoticeKind, contact: str, minutes: int) -> Notice:
        return Notice(
            id=ids.make(now - minutes * MINUTE),
            dedupe_key=f"{about.id}/{kind}/{contact}",
            community=HOME,
            kind=kind,
            contact=contact,
            channel="email",
            address=f"{contact}@example.org",
            language="zh-CN",
            subject=about.title_zh,
            body="…",
            priority=about.priority,
            ticket=about.id,
            created_at=now - minutes * MINUTE,
            next_at=now - minutes * MINUTE,
        )

    hashed = _hashed()

    def work(books: Any) -> None:
        people(books, now, hashed)
        for made in tickets.values():
            books.tickets.add(made)
            opened = TicketEvent(made.id, made.reported_at, "open", "", "assigned", "hub")
            books.tickets.log([opened])
        for key, made in alarms.items():
            books.alarms.save(made, ticket=tickets[key].id if key in tickets else None, now=now)
            raised = AlarmEvent(made.id, made.raised_at or now, "raised", "over_limit", 1, "", made.value, made.text)
            books.alarms.log([raised])
            if made.overlay is Overlay.SHELVED:
                said = AlarmEvent(made.id, now - HOUR, "shelved", "operator", 1, "desk", None, made.overlay_reason)
                books.alarms.log([said])
        accepted = TicketEvent(
            tickets["sump"].id, now - 20 * MINUTE, "accept", "assigned", "accepted", "desk", "王师傅"
        )
        started = TicketEvent(tickets["sump"].id, now - 12 * MINUTE, "start", "accepted", "in_progress", "crew")
        books.tickets.log([accepted, started])
        told = [
            notice(tickets["lift"], NoticeKind.OPENED, "lift-desk", 4),
            notice(tickets["sump"], NoticeKind.OPENED, "engineering-desk", 26),
        ]
        books.notices.add(told)
        for claimed in books.notices.claim(now, lease_ms=60_000, limit=10):
            if claimed.ticket == tickets["lift"].id:
                books.notices.sent(claimed, now=now, took_ms=310)
            else:
                books.notices.retry(claimed, now=now, took_ms=5000, next_at=now + MINUTE, error="connection timed out")
        books.gaps.add(
            [
                Gap("main", "hub_down", now - 2 * DAY, now - 2 * DAY + 3 * MINUTE, "planned restart"),
                Gap("main", "broker_down", now - 9 * HOUR, now - 7 * HOUR, "connection refused"),
            ]
        )
        books.quarantine.keep(
            Position("journal-1", 4711),
            [
                Refusal(
                    frame=i,
                    reason=reason,
                    detail=detail,
                    device=f"{HOME}~{slug}",
                    community=HOME,
                    whole=whole,
                    connection="main",
                    topic=f"community/v1/{HOME}/{slug}/telemetry",
                    payload=payload,
                    received_at=now - (i + 1) * 7 * MINUTE,
                )
                for i, (slug, reason, detail, whole, payload) in enumerate(
                    (
                        ("sump-3", "not_json", "expected a JSON object, found text at byte 0", True, b"level=2.31;pump=1\r\n"),
                        ("gw-b2", "nested_value", "values.env is an object; expected number, boolean or string", False, b'{"values":{"temperature":21.4,"env":{"rh":55}}}'),
                        ("meter-8", "not_json", "the payload is not UTF-8", True, bytes(range(0, 256, 3))),
                        ("lift-1", "bad_time", "ts is text without zone", False, b'{"ts":"2026-11-23 09:00","values":{"x":"<script>alert(1)</script>"}}'),
                    )
                )
            ],
        )  # fmt: skip

    records.write(work)
    quiet = [f.id for f in registry.facilities.values() if f.kind in {"laundry", "septic"}]
    live.silent_devices.update(d for (d, _), b in registry.bindings.items() if b[0].facility in quiet)
    speakers = sorted({d for (d, _), b in registry.bindings.items() if b[0].facility == first("fire_water")})
    live.silent_devices.update(speakers[1:])
    live.pin(PointKey(HOME, alarms["sump"].device, alarms["sump"].point), 2.84)
    return alarms, tickets
