"""Lane positions, gaps, the device inbox and the rows of jobs, on both databases."""

from __future__ import annotations

from hub.domain.places import Community, Device, DeviceState, Facility, Name, Rhythm
from hub.flows.batch import Announced, DeviceSeen, Gap, PointSaid, Position
from hub.flows.ports import LaneMark
from hub.storage.books import Books
from hub.storage.books.registry_rows import community_row, device_from_row, facility_row
from hub.storage.tables import bindings, communities, devices, facilities, points
from hub.storage.unit import SqlRecords


def mark(batch: int, state: bytes | None = None, state_batch: int = 0) -> LaneMark:
    return LaneMark(position=Position("journal-a", batch), time=1_000 + batch, state=state, state_batch=state_batch)


def test_a_lane_that_never_ran_has_no_mark(records: SqlRecords) -> None:
    assert records.read(lambda books: books.lanes.load("alarm")) is None


def test_a_mark_without_state_leaves_the_state_as_it_was(records: SqlRecords) -> None:
    records.write(lambda books: books.lanes.save("alarm", mark(5, b"blob", 5)))
    records.write(lambda books: books.lanes.save("alarm", mark(9)))
    records.write(lambda books: books.lanes.save("series", mark(3)))
    assert records.read(lambda books: books.lanes.load("alarm")) == mark(9, b"blob", 5)
    records.write(lambda books: books.lanes.save("alarm", mark(12, b"other", 11)))
    assert records.read(lambda books: books.lanes.load("alarm")) == mark(12, b"other", 11)
    assert records.read(lambda books: books.lanes.load("series")) == mark(3)


def test_a_gap_is_kept_once_and_its_end_may_move(records: SqlRecords) -> None:
    down = Gap("main", "hub_down", 100, 200, "")
    records.write(lambda books: books.gaps.add([down, Gap("main", "broker_down", 100, 150, "cut")]))
    records.write(lambda books: books.gaps.add([down._replace(ended_at=250), Gap("main", "hub_down", 400, 500, "")]))
    records.write(lambda books: books.gaps.add([]))
    found = records.read(lambda books: books.gaps.latest(10))
    assert sorted(found) == sorted(
        [
            Gap("main", "broker_down", 100, 150, "cut"),
            Gap("main", "hub_down", 100, 250, ""),
            Gap("main", "hub_down", 400, 500, ""),
        ]
    )
    assert found[0].started_at == 400
    assert records.read(lambda books: books.gaps.between(200, 400)) == [Gap("main", "hub_down", 100, 250, "")]


def test_a_device_enters_the_inbox_once_and_is_never_changed_by_being_heard(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~lift-1", "native", "lift-1", "main", 7, ("door", "load"))
    assert records.write(lambda books: books.devices.seen([heard])) == 1
    records.write(
        lambda books: books.connection.execute(devices.update().values(state="adopted", name_en="Lift 1")).rowcount
    )
    again = heard._replace(at=99, names=("door", "speed"))
    assert records.write(lambda books: books.devices.seen([again])) == 0

    def rows(books: Books) -> tuple[object, ...]:
        device = books.connection.execute(devices.select()).one()
        names = books.connection.execute(points.select().order_by(points.c.name)).all()
        return device.state, device.name_en, device.first_seen, [(row.name, row.first_seen) for row in names]

    assert records.read(rows) == ("adopted", "Lift 1", 7, [("door", 7), ("load", 7), ("speed", 99)])


def said(device: str, **more: object) -> Announced:
    nothing = Announced(device, 50, "zigbee2mqtt", "", "", "", "", "", "", "", None, (), (), (), withdrawn=False)
    return nothing._replace(**more)  # type: ignore[arg-type]


def device_of(records: SqlRecords, device: str) -> Device:
    found = records.read(lambda books: books.connection.execute(devices.select().where(devices.c.id == device)).one())
    return device_from_row(found)


def test_what_a_device_says_of_itself_is_noted_and_what_it_leaves_out_stays(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~ieee-1", "ieee", "1", "main", 7, ("leak",))
    records.write(lambda books: books.devices.seen([heard]))
    first = said(
        "garden~ieee-1",
        name="cellar",
        maker="Aqara",
        model="SJCGQ11LM",
        power="battery",
        gateway="garden~bridge",
        interval_s=90_000,
        hints=(("area", "3栋地下室"),),
        points=(
            PointSaid("leak", "leak", "", "Water leak", upkeep=False),
            PointSaid("battery", "battery", "%", "", upkeep=True),
        ),
    )
    records.write(lambda books: books.devices.announced([first, said("garden~never-heard", maker="x")]))
    records.write(
        lambda books: books.devices.announced([said("garden~ieee-1", at=60, firmware="1.2"), first._replace(at=70)])
    )
    device = device_of(records, "garden~ieee-1")
    assert (device.its_maker, device.its_model, device.its_gateway) == ("Aqara", "SJCGQ11LM", "garden~bridge")
    assert (device.maker, device.gateway, device.expected_interval) == ("", None, None), "nobody set them"
    assert (device.rhythm, device.name.zh) == (Rhythm(interval=90_000_000), "cellar")
    assert (device.about.firmware, device.about.power) == ("1.2", "battery")
    assert device.about.hints == (("area", "3栋地下室"),)
    [(_, points_said)] = records.read(lambda books: books.registry.inbox())
    assert [(p.name, p.metric, p.unit, p.label, p.upkeep) for p in points_said] == [
        ("battery", "battery", "%", "", True),
        ("leak", "leak", "", "Water leak", False),
    ]


def test_of_a_format_that_does_not_speak_for_the_device_only_the_points_are_noted(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~ieee-1", "ieee", "1", "main", 7, ())
    records.write(lambda books: books.devices.seen([heard]))
    records.write(lambda books: books.devices.announced([said("garden~ieee-1", name="cellar", withdrawn=True)]))
    before = device_of(records, "garden~ieee-1")
    point = PointSaid("humidity", "humidity", "%", "", upkeep=False)
    word = said("garden~ieee-1", format="homeassistant", name="x", points=(point,), points_only=True)
    assert not records.write(lambda books: books.devices.announced([word]))
    assert device_of(records, "garden~ieee-1") == before
    named = records.read(lambda books: books.connection.execute(points.select()).all())
    assert [(each.name, each.metric) for each in named] == [("humidity", "humidity")]


def test_a_name_suggests_a_metric_until_a_format_says_what_the_point_is(records: SqlRecords) -> None:
    names = ("temp", "Zaehler", "batt")
    guesses = (("temp", "temperature"), ("batt", "battery"))
    heard = DeviceSeen("garden", "garden~plc-1", "native", "plc-1", "main", 7, names, guesses)
    word = said(
        "garden~plc-1",
        points=(
            PointSaid("batt", "", "", "", upkeep=False),
            PointSaid("Zaehler", "", "m³", "", upkeep=False, kind="total"),
        ),
    )

    def proposed() -> list[tuple[str, str, bool, str]]:
        [(_, points_said)] = records.read(lambda books: books.registry.inbox())
        return [(p.name, p.metric, p.guessed, p.kind) for p in sorted(points_said)]

    records.write(lambda books: books.devices.seen([heard]))
    assert proposed() == [("Zaehler", "", False, ""), ("batt", "battery", True, ""), ("temp", "temperature", True, "")]
    records.write(lambda books: books.devices.announced([word]))
    records.write(lambda books: books.devices.seen([heard]))  # after a restart every name is new again
    assert proposed() == [("Zaehler", "", False, "total"), ("batt", "", False, ""), ("temp", "temperature", True, "")]


def test_what_people_decided_about_a_device_stands_against_its_own_word(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~ieee-1", "ieee", "1", "main", 7, ())
    records.write(lambda books: books.devices.seen([heard]))
    decided = {"state": "adopted", "name_zh": "3栋水浸", "name_en": "Leak 3", "model": "M1", "expected_interval": 5}
    records.write(lambda books: books.connection.execute(devices.update().values(decided)).rowcount)
    word = said(
        "garden~ieee-1", name="0x1", maker="Aqara", model="M2", interval_s=9, gateway="garden~b", withdrawn=True
    )
    records.write(lambda books: books.devices.announced([word]))
    device = device_of(records, "garden~ieee-1")
    assert (device.name.zh, device.its_model, device.rhythm) == ("3栋水浸", "M1", Rhythm(interval=5))
    assert (device.its_maker, device.its_gateway, device.about.name) == ("Aqara", "garden~b", "0x1")
    assert device.about.withdrawn
    assert device.state is DeviceState.ADOPTED


def test_a_promise_can_be_taken_back(records: SqlRecords) -> None:
    heard = DeviceSeen("garden", "garden~mac-1", "mac", "1", "main", 7, ())
    records.write(lambda books: books.devices.seen([heard]))
    for silence, allowed in ((300, 300_000), (None, 300_000), (10**12, 400 * 86_400_000), (0, 0)):
        word = said("garden~mac-1", silence_s=silence)
        records.write(lambda books, word=word: books.devices.announced([word]))
        assert device_of(records, "garden~mac-1").rhythm.allowed == allowed


def test_who_comes_back_goes_on_only_where_nobody_else_speaks_for_its_place(records: SqlRecords) -> None:
    one, other = "garden~ieee-1", "garden~ieee-2"
    for name, device in (("1", one), ("2", other)):
        heard = DeviceSeen("garden", device, "ieee", name, "main", 7, ("leak",))
        records.write(lambda books, heard=heard: books.devices.seen([heard]))
    spot = {"community": "garden", "facility": "cellar", "point": "leak"}
    name = Name(zh="地下室", en="Cellar")
    cellar = Facility(community="garden", id="cellar", kind="leak_watch", name=name)

    def in_use(books: Books) -> None:
        books.connection.execute(communities.insert(), [community_row(Community(id="garden", name=name))])
        books.connection.execute(facilities.insert(), [facility_row(cellar)])
        books.connection.execute(devices.update().values(state="adopted"))
        books.connection.execute(bindings.insert(), [{"device": one, "valid_from": 7, **spot}])
        books.devices.announced([said(one, at=60, withdrawn=True)])
        books.devices.retire([one], 90)
        books.connection.execute(bindings.insert(), [{"device": other, "valid_from": 95, **spot}])

    records.write(in_use)
    assert device_of(records, one).state is DeviceState.RETIRED
    records.write(lambda books: books.devices.announced([said(one, at=99)]))
    assert device_of(records, one).state is DeviceState.INBOX, "its place is taken"


def test_a_word_about_a_device_in_use_makes_a_newer_picture_and_one_about_a_waiting_device_none(
    records: SqlRecords,
) -> None:
    def hear(word: Announced) -> tuple[bool, int]:
        renewed = records.write(lambda books: books.devices.announced([word]))
        return renewed, records.read(lambda books: books.registry.version())

    heard = DeviceSeen("garden", "garden~ieee-1", "ieee", "1", "main", 7, ())
    records.write(lambda books: books.devices.seen([heard]))
    assert hear(said("garden~ieee-1", firmware="1.0")) == (False, 1)
    records.write(lambda books: books.connection.execute(devices.update().values(state="adopted")).rowcount)
    assert hear(said("garden~ieee-1", gateway="garden~b")) == (True, 2)
    assert hear(said("garden~ieee-1", at=99, gateway="garden~b")) == (False, 2)


def test_a_waiting_device_that_is_withdrawn_leaves_the_inbox_and_comes_back_with_its_next_word(
    records: SqlRecords,
) -> None:
    heard = DeviceSeen("garden", "garden~ieee-1", "ieee", "1", "main", 7, ("leak",))
    records.write(lambda books: books.devices.seen([heard]))
    records.write(lambda books: books.devices.announced([said("garden~ieee-1", withdrawn=True)]))
    assert records.read(lambda books: books.registry.inbox()) == []
    records.write(lambda books: books.devices.announced([said("garden~ieee-1")]))
    assert [device.id for device, _ in records.read(lambda books: books.registry.inbox())] == ["garden~ieee-1"]


def test_a_tick_is_noted_once_and_leased_to_one(records: SqlRecords) -> None:
    assert records.write(lambda books: [books.jobs.tick("prune", 10), books.jobs.tick("prune", 10)]) == [True, False]
    run = records.write(lambda books: books.jobs.claim(20, lease_ms=100))
    assert (run.job, run.scheduled_for, run.attempt) == ("prune", 10, 1)
    assert records.write(lambda books: books.jobs.claim(119, lease_ms=100)) is None
    again = records.write(lambda books: books.jobs.claim(120, lease_ms=100))
    assert again.attempt == 2
    records.write(lambda books: books.jobs.done(run, now=130))  # the first one comes back too late
    assert records.write(lambda books: books.jobs.claim(500, lease_ms=100)).attempt == 3


def test_done_ticks_are_forgotten_but_the_latest_is_remembered(records: SqlRecords) -> None:
    def all_done(books: Books) -> None:
        for at in (10, 20, 30):
            books.jobs.tick("prune", at)
            run = books.jobs.claim(100, lease_ms=10)
            assert run is not None
            books.jobs.done(run, now=100)

    records.write(all_done)
    assert records.write(lambda books: books.jobs.forget(1_000)) == 2
    assert records.read(lambda books: books.jobs.last("prune")) == 30
    assert records.write(lambda books: books.jobs.claim(1_000, lease_ms=10)) is None
