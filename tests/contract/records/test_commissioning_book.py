"""Expected devices, times of commissioning and tests in the records; on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.clock import DAY, ManualClock
from hub.domain.alarms import Alarm, Change, Priority
from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import GoneLive, Part, Span
from hub.domain.expected import Expected
from hub.domain.places import About, DeviceState
from hub.domain.walk import How, Outcome, PointTest
from hub.flows.batch import Announced, DeviceSeen
from hub.flows.commissioning.arrivals import take_arrivals
from hub.flows.commissioning.swapping import change_over
from hub.flows.community.desk import RegistryDesk
from hub.flows.community.picture import Wish
from hub.flows.ports import AlarmEvent
from hub.flows.registry import Registrar, Registry
from hub.storage.books import Books
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, write_toml
from hub.storage.unit import SqlRecords

NOW = 1_800_000_000_000
HOME = "sunny-court"
FILE = """
[community]
id = "sunny-court"
name = { zh = "阳光苑", en = "Sunny Court" }

[crews.works]
name = "Works"
default = true

[places.b1]
kind = "building"
name = "Building 1"

[facilities.sump-1]
kind = "sump"
name = "Sump 1"
building = "b1"

[facilities.sump-2]
kind = "sump"
name = "Sump 2"
building = "b1"

[expected.gw-1]
serial = "GW-0001"

[expected.level-1]
name = { zh = "水位1", en = "Level 1" }
serial = "A8-40:41 0001"
facility = "sump-1"
gateway = "gw-1"
points = ["ain1=level", "high_level"]
maker = "Acme"
interval = "1min"

[expected.level-2]
identity = "eui64:AB12"
facility = "sump-2"
gateway = "gw-1"
points = ["ain1=level", "high_level"]

[commissioning.first]
from = 2027-01-15T00:00:00Z
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def wish(catalogue: Catalogue) -> Wish:
    return parse_toml(FILE, catalogue)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def registrar() -> Registrar:
    return Registrar(Registry())


@pytest.fixture
def desk(
    records: SqlRecords, registrar: Registrar, catalogue: Catalogue, clock: ManualClock, wish: Wish
) -> RegistryDesk:
    desk = RegistryDesk(records=records, registrar=registrar, catalogue=catalogue, clock=clock)
    desk.open()
    desk.import_file(wish)
    return desk


def hear(
    records: SqlRecords, *names: str, scheme: str = "native", at: int = NOW - 50, points: tuple[str, ...] = ()
) -> None:
    seen = [
        DeviceSeen(
            HOME, f"{HOME}~{name if scheme == 'native' else f'{scheme}-{name}'}", scheme, name, "main", at, points
        )
        for name in names
    ]
    records.write(lambda books: books.devices.seen(seen))


def arrive(records: SqlRecords, registrar: Registrar, desk: RegistryDesk, *devices: str) -> list[str]:
    ids = [f"{HOME}~{name}" for name in devices]
    found = records.write(lambda b: take_arrivals(b.commissioning, registrar.current, NOW, devices=ids))
    desk.renew()
    return [match.expected.id for match in found]


def lines(records: SqlRecords) -> dict[str, Expected]:
    return {line.id: line for line in records.read(lambda books: books.commissioning.expected(HOME))}


def test_a_known_serial_adopts_itself_with_place_points_and_metrics(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar
) -> None:
    hear(records, "a840410001", points=("ain1", "battery"))
    assert arrive(records, registrar, desk, "a840410001") == ["level-1"]
    assert arrive(records, registrar, desk, "a840410001") == [], "once"
    assert desk.waiting() == []
    device = registrar.current.devices[f"{HOME}~a840410001"]
    assert (device.state, device.name.en, device.maker, device.expected_interval) == (
        DeviceState.ADOPTED,
        "Level 1",
        "Acme",
        60_000,
    )
    bound = {
        point: (spans[-1].facility, spans[-1].metric_name(), spans[-1].valid_from)
        for (owner, point), spans in registrar.current.bindings.items()
        if owner == device.id
    }
    assert bound == {
        "ain1": ("sump-1", "level", NOW - 50),
        "high_level": ("sump-1", "high_level", NOW - 50),
        "battery": ("sump-1", "battery", NOW - 50),
    }
    line = lines(records)["level-1"]
    assert (line.device, line.arrived_at, line.matched) == (device.id, NOW, "serial")


def test_a_gateway_that_comes_later_is_joined_to_what_came_before(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar
) -> None:
    hear(records, "a840410001", points=("ain1",))
    arrive(records, registrar, desk, "a840410001")
    hear(records, "box-9")
    said = Announced(
        device=f"{HOME}~box-9", at=NOW, format="native", name="", maker="", model="", firmware="", serial="gw 0001",
        power="", gateway="", interval_s=None, hints=(), aliases=(), points=(), withdrawn=False,
    )  # fmt: skip
    records.write(lambda books: books.devices.announced([said]))
    assert arrive(records, registrar, desk, "box-9") == ["gw-1"]
    hear(records, "ab12", scheme="eui64", points=("ain1",))
    assert arrive(records, registrar, desk, "eui64-ab12") == ["level-2"]
    gateways = {d.scheme_id: d.gateway for d in registrar.current.devices.values()}
    assert gateways == {"a840410001": f"{HOME}~box-9", "ab12": f"{HOME}~box-9", "box-9": None}


def test_what_waits_takes_its_place_when_the_list_is_imported(
    records: SqlRecords, registrar: Registrar, catalogue: Catalogue, clock: ManualClock, wish: Wish
) -> None:
    desk = RegistryDesk(records=records, registrar=registrar, catalogue=catalogue, clock=clock)
    desk.open()
    hear(records, "a840410001", "stranger", points=("ain1",))
    desk.import_file(wish)
    assert [item.device.scheme_id for item in desk.waiting()] == ["stranger"]


def test_importing_again_keeps_what_has_come_and_a_line_that_leaves_takes_its_device_along(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, wish: Wish, catalogue: Catalogue
) -> None:
    hear(records, "a840410001", points=("ain1",))
    arrive(records, registrar, desk, "a840410001")
    assert desk.import_file(wish).changes == ()
    picture = desk.export(HOME)
    assert picture is not None
    assert desk.import_file(parse_toml(write_toml(picture, catalogue), catalogue)).changes == ()
    smaller = replace(wish, picture=replace(wish.picture, expected={}))
    desk.import_file(smaller)
    assert lines(records) == {}
    assert registrar.current.devices[f"{HOME}~a840410001"].state is DeviceState.RETIRED


def test_a_place_that_is_gone_leaves_the_device_waiting(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, wish: Wish
) -> None:
    gone = replace(wish.picture.facilities["sump-1"], retired_at=NOW)
    desk.import_file(
        replace(wish, picture=replace(wish.picture, facilities={**wish.picture.facilities, "sump-1": gone}))
    )
    hear(records, "a840410001", points=("ain1",))
    assert arrive(records, registrar, desk, "a840410001") == []
    assert len(desk.waiting()) == 1


# --- times of commissioning -------------------------------------------------------------------------------------


def test_the_file_begins_a_commissioning_and_the_page_ends_it_for_good(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, wish: Wish
) -> None:
    (span,) = registrar.current.commissioning[HOME].spans
    assert (span.part, span.holds_at(NOW)) == (Part.COMMUNITY, True)
    records.write(lambda books: books.commissioning.put_span(replace(span, until=NOW, ended_by="ana")))
    desk.renew()
    assert registrar.current.commissioning[HOME].holding(NOW) == ()
    assert desk.import_file(wish).changes == ()


def test_what_was_begun_on_the_page_outlives_an_import(
    desk: RegistryDesk, records: SqlRecords, registrar: Registrar, wish: Wish
) -> None:
    begun = Span(id="c-1", community=HOME, part=Part.FACILITY, of="sump-1", since=NOW, by="ana", note="refit")
    records.write(lambda books: books.commissioning.put_span(begun))
    records.write(lambda b: b.commissioning.go_live(GoneLive(community=HOME, kind="sump", at=NOW, by="ana")))
    desk.import_file(replace(wish, picture=replace(wish.picture, commissioning={})))
    desk.renew()
    said = registrar.current.commissioning[HOME]
    assert begun in said.spans
    assert [word.kind for word in said.live] == ["sump"]
    assert begun in records.read(lambda books: books.commissioning.spans(HOME))


# --- alarms and tests -------------------------------------------------------------------------------------------


def test_the_history_of_recorded_alarms(records: SqlRecords) -> None:
    def make(name: str, community: str = HOME) -> Alarm:
        return Alarm(
            id=name, rule="r", community=community, device=f"{community}~d-{name}", point="p", code="", facility="sump-1",
            unit="", failure_mode="level", priority=Priority.HIGH, commissioning=True,
        )  # fmt: skip

    def work(books: Books) -> None:
        for alarm in (make("a"), make("b"), make("c", "park")):
            books.alarms.save(alarm, ticket=None, now=NOW)
        rows = [
            ("a", 5, Change.NOT_TOLD),
            ("a", 6, Change.RETURNED),
            ("b", 7, Change.RETURNED),
            ("c", 5, Change.NOT_TOLD),
        ]
        rows += [("a", -9 * DAY, Change.NOT_TOLD), ("a", 6, Change.ACKNOWLEDGED)]
        books.alarms.log([AlarmEvent(name, NOW + at, kind, "why", 1) for name, at, kind in rows])

    records.write(work)
    found = records.read(lambda books: books.commissioning.recorded(HOME, NOW - 7 * DAY))
    assert [(row.alarm.id, row.at - NOW, row.kind) for row in found] == [
        ("a", 5, Change.NOT_TOLD),
        ("a", 6, Change.RETURNED),
    ]
    assert found[0].alarm.commissioning


def test_tests_are_kept_as_they_were(records: SqlRecords) -> None:
    told = [
        PointTest(community=HOME, device="d", point="p", at=NOW, by="ana", value=1.5),
        PointTest(
            community=HOME, device="d", point="p", at=NOW + 1, by="bob", outcome=Outcome.OTHER_FIRED, how=How.TRIGGERED,
            text="open", other_device="e", other_point="q",
        ),
    ]  # fmt: skip
    records.write(lambda books: books.commissioning.add_tests([*told, replace(told[0], community="park")]))
    assert records.read(lambda books: books.commissioning.tests(HOME)) == told


def test_two_devices_change_over(desk: RegistryDesk, records: SqlRecords, registrar: Registrar) -> None:
    hear(records, "a840410001", points=("ain1",))
    hear(records, "ab12", scheme="eui64", points=("ain1",))
    arrive(records, registrar, desk, "a840410001", "eui64-ab12")
    one, other = f"{HOME}~a840410001", f"{HOME}~eui64-ab12"
    before = registrar.current
    pair = (before.devices[one], before.devices[other])
    spans = change_over(before, one, other, NOW)
    records.write(lambda books: books.commissioning.swap(pair, spans))
    desk.renew()
    now = registrar.current
    places: dict[tuple[str, int], Any] = {
        (device, at): binding.facility
        for device in (one, other)
        for at in (NOW - 1, NOW)
        if (binding := now.binding(device, "ain1", at)) is not None
    }
    assert places == {
        (one, NOW - 1): "sump-1",
        (one, NOW): "sump-2",
        (other, NOW - 1): "sump-2",
        (other, NOW): "sump-1",
    }
    assert {line.id: line.device for line in lines(records).values() if line.device} == {
        "level-1": other,
        "level-2": one,
    }
    assert now.devices[other].name.en == "Level 1"
    assert now.devices[one].about == About()
