"""The registry in the records: imports, dated changes, adoption from the inbox, retirement; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hub.clock import ManualClock
from hub.domain.catalogue import Catalogue
from hub.domain.expected import Expected
from hub.domain.places import DeviceState, Facility, Name
from hub.errors import IllegalTransition, InvalidInput, NotFound, Stale
from hub.flows.batch import Announced, DeviceSeen
from hub.flows.community.adoption import Adoption
from hub.flows.community.desk import Amendment, RegistryDesk
from hub.flows.community.exchange import Exchange
from hub.flows.community.picture import Wish
from hub.flows.community.plan import ImportPlan, plan_import
from hub.flows.registry import Registrar, Registry
from hub.storage.books import Books
from hub.storage.books.registry_rows import expected_row
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, shipped_file, write_toml
from hub.storage.tables import expected_devices, facility_places
from hub.storage.unit import SqlRecords

NOW = 1_800_000_000_000
GARDEN = "harmony-garden"
CORNER = {"gym", "lift-b3-1", "lift-b3-2", "pump-room-high", "pump-room-low", "lv-east", "lv-west"}
DOOR = "harmony-garden~lift-b3-2-door"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def garden(catalogue: Catalogue) -> Wish:
    """A corner of Harmony Garden: enough to move, retire and adopt in."""
    whole = parse_toml(shipped_file(GARDEN), catalogue)
    picture = whole.picture
    bindings = {point: spans for point, spans in picture.bindings.items() if spans[0].facility in CORNER}
    devices = {device for device, _ in bindings}
    return Wish(
        picture=replace(
            picture,
            facilities={name: facility for name, facility in picture.facilities.items() if name in CORNER},
            devices={name: device for name, device in picture.devices.items() if name in devices},
            bindings=bindings,
        ),
        undated=whole.undated & bindings.keys(),
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def registrar() -> Registrar:
    return Registrar(Registry())


@pytest.fixture
def desk(records: SqlRecords, registrar: Registrar, catalogue: Catalogue, clock: ManualClock) -> RegistryDesk:
    desk = RegistryDesk(records=records, registrar=registrar, catalogue=catalogue, clock=clock)
    desk.open()
    return desk


def with_facility(wish: Wish, facility: Facility) -> Wish:
    picture = wish.picture
    return replace(wish, picture=replace(picture, facilities={**picture.facilities, facility.id: facility}))


def test_an_import_is_idempotent_and_a_dry_run_writes_nothing(
    desk: RegistryDesk, registrar: Registrar, garden: Wish
) -> None:
    dry = desk.import_file(garden, dry_run=True)
    assert dry.counts()["added"] > 200
    assert registrar.current.communities == {}
    assert desk.import_file(garden).counts() == dry.counts()
    version = registrar.current.version
    assert desk.import_file(garden).changes == ()
    assert registrar.current.version == version
    assert len(registrar.current.facilities) == len(garden.picture.facilities)


def test_what_is_stored_exports_to_a_file_that_changes_nothing(
    desk: RegistryDesk, garden: Wish, catalogue: Catalogue
) -> None:
    desk.import_file(garden)
    picture = desk.export(GARDEN)
    assert picture is not None
    assert desk.import_file(parse_toml(write_toml(picture, catalogue), catalogue)).changes == ()
    assert desk.export("nowhere") is None


def test_moving_a_point_begins_a_new_span_and_leaves_the_past(
    desk: RegistryDesk, registrar: Registrar, garden: Wish, clock: ManualClock
) -> None:
    desk.import_file(garden)
    clock.advance(5_000)
    bindings = dict(garden.picture.bindings)
    point = (DOOR, "door_open")
    bindings[point] = (replace(bindings[point][0], facility="lift-b3-1"),)
    moved = replace(garden, picture=replace(garden.picture, bindings=bindings))
    plan = desk.import_file(moved)
    assert [str(change) for change in plan.changes] == [
        f"changed points {DOOR}/door_open: facility 'lift-b3-2' -> 'lift-b3-1', valid_from 0 -> {NOW + 5_000}"
    ]
    now = registrar.current
    before, after = now.binding(*point, NOW + 4_999), now.binding(*point, NOW + 5_000)
    assert before is not None
    assert after is not None
    assert (before.facility, after.facility) == ("lift-b3-2", "lift-b3-1")
    assert desk.import_file(moved).changes == ()


def test_what_leaves_the_file_is_retired_and_can_come_back(
    desk: RegistryDesk, registrar: Registrar, garden: Wish, clock: ManualClock
) -> None:
    desk.import_file(garden)
    clock.advance(1_000)
    picture = garden.picture
    gone = {name for name in picture.devices if "~gym" in name}
    smaller = replace(
        garden,
        picture=replace(
            picture,
            facilities={name: f for name, f in picture.facilities.items() if name != "gym"},
            devices={name: d for name, d in picture.devices.items() if name not in gone},
            bindings={point: b for point, b in picture.bindings.items() if point[0] not in gone},
        ),
    )
    plan = desk.import_file(smaller)
    assert {change.action.value for change in plan.changes} == {"retired"}
    current = registrar.current
    assert (GARDEN, "gym") not in current.facilities
    assert current.retired[GARDEN, "gym"].retired_at == NOW + 1_000
    assert all(current.devices[name].state is DeviceState.RETIRED for name in gone)
    assert current.binding("harmony-garden~gym-air", "co2", NOW) is not None
    assert current.binding("harmony-garden~gym-air", "co2", NOW + 1_000) is None
    assert desk.import_file(smaller).changes == ()
    clock.advance(1_000)
    desk.import_file(garden)
    assert (GARDEN, "gym") in registrar.current.facilities
    assert registrar.current.binding("harmony-garden~gym-air", "co2", NOW + 1_500) is None
    assert registrar.current.binding("harmony-garden~gym-air", "co2", NOW + 2_000) is not None


def test_a_facility_that_changes_its_grid_keeps_where_it_was(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, garden: Wish, clock: ManualClock
) -> None:
    desk.import_file(garden)
    clock.advance(7)
    gym = replace(garden.picture.facilities["gym"], grid="grid-1")
    desk.import_file(with_facility(garden, gym))
    assert registrar.current.facilities[GARDEN, "gym"].grid == "grid-1"

    def spans(books: Books) -> list[tuple[object, ...]]:
        c = facility_places.c
        query = facility_places.select().where(c.facility == "gym", c.tree == "administration").order_by(c.valid_from)
        return [(row.place, row.valid_from, row.valid_to) for row in books.connection.execute(query)]

    assert records.read(spans) == [("grid-4", 0, NOW + 7), ("grid-1", NOW + 7, None)]


def test_the_default_crew_can_change_hands(desk: RegistryDesk, registrar: Registrar, garden: Wish) -> None:
    desk.import_file(garden)
    crews = {
        name: replace(crew, is_default=name == "fire-crew", contacts=crew.contacts)
        for name, crew in garden.picture.crews.items()
    }
    desk.import_file(replace(garden, picture=replace(garden.picture, crews=crews)))
    crew = registrar.current.crew_for(GARDEN, "gym-without-crew")
    assert crew is not None
    assert crew.id == "fire-crew"
    assert crew.contacts == garden.picture.crews["fire-crew"].contacts


def test_rules_of_the_community_take_the_place_of_presets(
    desk: RegistryDesk, registrar: Registrar, garden: Wish
) -> None:
    desk.import_file(garden)
    registry = registrar.current
    setpoints = {}
    for device in ("pump-room-high-pressure", "pump-room-low-pressure"):
        binding = registry.binding(f"{GARDEN}~{device}", "outlet_pressure", NOW)
        assert binding is not None
        setpoints[device] = {r.id: r.setpoint for r in registry.rules_for_point(binding) if "overpressure" in r.id}
    assert setpoints == {
        "pump-room-high-pressure": {"pump-room-high-overpressure": 1.2},
        "pump-room-low-pressure": {"pump-room-overpressure": 1.0},
    }


def seen(name: str, at: int, *points: str) -> DeviceSeen:
    return DeviceSeen(GARDEN, f"{GARDEN}~{name}", "native", name, "main", at, points)


def test_a_device_from_the_inbox_speaks_from_its_first_message_on(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, garden: Wish
) -> None:
    desk.import_file(garden)
    records.write(
        lambda books: books.devices.seen([seen("gym-bike2-spare", NOW - 9_000, "bike2.power", "co2", "ain1")])
    )
    (waiting,) = desk.waiting()
    assert waiting.facility == "gym"
    assert {point.name: point.metric for point in waiting.points} == {"ain1": "", "bike2.power": "power", "co2": "co2"}
    (device,) = desk.adopt([Adoption(device=waiting.device.id, facility="gym", points={"ain1": "humidity"})])
    assert device.state is DeviceState.ADOPTED
    assert desk.waiting() == []
    found = {name: registrar.current.binding(device.id, name, NOW - 9_000) for name in ("bike2.power", "co2", "ain1")}
    assert {name: (b.unit, b.metric_name()) for name, b in found.items() if b is not None} == {
        "bike2.power": ("bike2", "power"),
        "co2": ("", "co2"),
        "ain1": ("", "humidity"),
    }
    assert registrar.current.binding(device.id, "co2", NOW - 9_001) is None


def test_adoption_is_all_or_none_and_names_what_is_wrong(desk: RegistryDesk, records: SqlRecords, garden: Wish) -> None:
    desk.import_file(garden)
    records.write(lambda books: books.devices.seen([seen("new-1", NOW, "co2"), seen("new-2", NOW, "co2")]))
    good = Adoption(device=f"{GARDEN}~new-1", facility="gym")
    for wrong, pointer in [
        (Adoption(device=f"{GARDEN}~new-2", facility="gum"), "/facility"),
        (Adoption(device=f"{GARDEN}~new-2", facility="gym", unit="bike9"), "/unit"),
        (Adoption(device=f"{GARDEN}~new-2", facility="gym", points={"co2": "carbon"}), "/points/co2"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            desk.adopt([good, wrong])
        assert refused.value.pointer == pointer
    with pytest.raises(NotFound):
        desk.adopt([good, Adoption(device=DOOR, facility="gym")])
    with pytest.raises(Stale):
        desk.adopt([good, good])
    assert len(desk.waiting()) == 2


def test_a_file_may_adopt_what_waits_in_the_inbox(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, garden: Wish
) -> None:
    records.write(lambda books: books.devices.seen([seen("lift-b3-2-door", NOW - 50, "door_open")]))
    desk.import_file(garden)
    assert desk.waiting() == []
    assert registrar.current.devices[DOOR].first_seen == NOW - 50
    assert desk.import_file(garden).changes == ()


def test_a_retired_device_speaks_no_more(
    desk: RegistryDesk, registrar: Registrar, garden: Wish, clock: ManualClock
) -> None:
    desk.import_file(garden)
    clock.advance(10)
    assert desk.retire_device(DOOR)
    assert not desk.retire_device(DOOR)
    assert not desk.retire_device("harmony-garden~nobody")
    assert registrar.current.binding(DOOR, "door_open", NOW + 9) is not None
    assert registrar.current.binding(DOOR, "door_open", NOW + 10) is None


def test_a_device_gets_another_name_and_days_and_everything_else_stays(
    desk: RegistryDesk, registrar: Registrar, garden: Wish
) -> None:
    desk.import_file(garden)
    before = registrar.current
    dates = {"sim_expires": date(2027, 3, 31), "end_of_life": None}
    changed = desk.amend(DOOR, Amendment(name=Name(zh="新门机", en="New door"), dates=dates), by="wang")
    after = registrar.current.devices[DOOR]
    assert after == changed
    assert replace(after, name=before.devices[DOOR].name, sim_expires=None) == before.devices[DOOR]
    assert registrar.current.bindings == before.bindings
    with pytest.raises(Stale):
        desk.amend(DOOR, Amendment(name=Name(zh="x", en="x")), by="wang", seen=before.devices[DOOR])
    with pytest.raises(NotFound):
        desk.amend("harmony-garden~none", Amendment(), by="wang")
    assert desk.import_file(garden).touched("devices") == {DOOR}, "the file says what it says"


def test_another_device_goes_on_with_the_points_of_one(
    desk: RegistryDesk, registrar: Registrar, records: SqlRecords, garden: Wish, clock: ManualClock
) -> None:
    desk.import_file(garden)
    spare = "harmony-garden~spare-1"
    heard = DeviceSeen(GARDEN, spare, "native", "spare-1", "main", NOW, ("door_open", "door_cycles", "battery"))
    records.write(lambda books: books.devices.seen([heard]))
    clock.advance(60_000)
    new = desk.exchange(Exchange(device=DOOR, by=spare, who="wang"))
    registry, at = registrar.current, NOW + 60_000
    assert (new.id, new.state, new.name) == (spare, DeviceState.ADOPTED, registry.devices[DOOR].name)
    assert registry.devices[DOOR].state is DeviceState.RETIRED
    for point in ("door_open", "door_cycles"):
        assert registry.bindings[DOOR, point][-1].valid_to == at
        assert registry.bindings[spare, point][-1].valid_from == at
        before, after = registry.binding(DOOR, point, at - 1), registry.binding(spare, point, at)
        assert before is not None
        assert after is not None
        assert (before.facility, before.unit) == (after.facility, after.unit)
    assert registry.bindings[spare, "battery"][-1].facility == "lift-b3-2"
    assert desk.device(DOOR).device.state is DeviceState.RETIRED
    with pytest.raises(IllegalTransition, match="only a device in use"):
        desk.exchange(Exchange(device=DOOR, by=spare))
    log = records.read(lambda books: books.people.audit(limit=10))
    assert [(entry.by, entry.action, entry.object) for entry in log] == [("wang", "device_replaced", f"device:{DOOR}")]


def test_what_replaces_an_expected_device_has_its_line_of_the_list(
    desk: RegistryDesk, records: SqlRecords, clock: ManualClock, garden: Wish
) -> None:
    """Else the list would ask for the old one for ever, and the acceptance sheet would never be whole."""
    desk.import_file(garden)
    spare = f"{GARDEN}~spare-1"
    line = Expected(id="door", community=GARDEN, name=Name(zh="门", en="Door"), serial="D-17", device=DOOR)
    records.write(lambda books: books.connection.execute(expected_devices.insert(), [expected_row(line)]))
    heard = DeviceSeen(GARDEN, spare, "native", "spare-1", "main", NOW, ("door_open", "door_cycles", "battery"))
    records.write(lambda books: books.devices.seen([heard]))
    clock.advance(60_000)
    desk.exchange(Exchange(device=DOOR, by=spare, who="wang"))
    (came,) = records.read(lambda books: books.commissioning.expected(GARDEN))
    assert (came.device, came.matched) == (spare, "wang")


def test_retiring_says_who_and_is_refused_the_second_time(
    desk: RegistryDesk, registrar: Registrar, garden: Wish
) -> None:
    desk.import_file(garden)
    seen = desk.device(DOOR).device
    assert desk.retire(DOOR, by="wang", seen=seen).state is DeviceState.RETIRED
    assert registrar.current.devices[DOOR].state is DeviceState.RETIRED
    with pytest.raises(IllegalTransition):
        desk.retire(DOOR, by="wang")
    with pytest.raises(Stale):
        desk.retire(DOOR, by="wang", seen=seen)


def test_a_newer_stored_picture_is_read_when_asked_for(
    desk: RegistryDesk, registrar: Registrar, records: SqlRecords, garden: Wish
) -> None:
    desk.import_file(garden)
    before = registrar.current
    desk.renew()
    assert registrar.current is before
    word = Announced(DOOR, NOW, "z", *[""] * 6, "harmony-garden~gw-new", None, (), (), (), withdrawn=True)
    records.write(lambda books: books.devices.announced([word]))
    desk.renew()
    assert registrar.current.version == before.version + 1
    assert registrar.current.devices[DOOR].about.withdrawn


def test_each_change_raises_the_version(records: SqlRecords, garden: Wish, catalogue: Catalogue) -> None:
    def bring_in(books: Books) -> ImportPlan:
        plan = plan_import(books.registry.picture(GARDEN, catalogue), garden, now=NOW)
        books.registry.apply(plan)
        return plan

    assert records.read(lambda books: books.registry.version()) == 1
    records.write(bring_in)
    assert records.read(lambda books: books.registry.version()) == 2
    records.write(bring_in)
    assert records.read(lambda books: books.registry.version()) == 2


def test_the_newer_picture_is_handed_on_after_it_is_in_place(
    records: SqlRecords, registrar: Registrar, catalogue: Catalogue, clock: ManualClock, garden: Wish
) -> None:
    told: list[Registry] = []

    def listen(registry: Registry) -> None:
        assert registrar.current is registry
        told.append(registry)

    desk = RegistryDesk(records=records, registrar=registrar, catalogue=catalogue, clock=clock, handed_on=listen)
    desk.open()
    desk.import_file(garden)
    desk.import_file(garden)
    assert [registry.version for registry in told] == [1, 2]


def test_an_empty_store_has_an_empty_picture(desk: RegistryDesk, registrar: Registrar) -> None:
    assert registrar.current.version == 1
    assert registrar.current.communities == {}
    assert desk.check() == []
