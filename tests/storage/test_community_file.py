"""Community files, as TOML and as workbook: what is refused and where, and that what is written reads back the same."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from openpyxl import load_workbook

from devices.contract import DeviceRef
from hub.domain.catalogue import Catalogue
from hub.domain.places import Name, PlaceKind, Tree
from hub.domain.rules import RuleKind
from hub.domain.wording import Wording
from hub.errors import ConfigError, NotFound
from hub.flows.community.picture import FileRefused, Picture, RowError, Wish
from hub.flows.community.plan import plan_import
from hub.storage.catalogue import load_catalogue
from hub.storage.community.rows import TABLES, keys_of
from hub.storage.community.sheets import FINDINGS, SHEETS
from hub.storage.community_toml import parse_toml, read_toml, shipped, shipped_file, write_toml
from hub.storage.community_workbook import read_workbook, write_findings, write_workbook
from hub.words import load

WORDS = load()
NOW = 1_800_000_000_000

SMALL = """
[community]
id = "small"
name = { zh = "小院", en = "Small court" }

[parties.owner]
name = "业主"

[crews.engineers]
name = { en = "Engineers" }
default = true
party = "owner"

[crews.engineers.contacts.desk]
name = "Desk"
channel = "email"
address = "desk@small.example"

[places.b1]
kind = "building"
name = "1栋"

[places.g1]
kind = "grid"
name = "网格"

[facilities.shed]
kind = "ebike_shed"
name = "充电棚"
building = "b1"
grid = "g1"
party = "owner"
units = ["port1", { id = "left", name = "左" }]
ledger = { serial = "007", maker = "=SUM(A1)" }

[devices.shed-ports]
facility = "shed"
interval = "90s"
sim_expires = 2027-03-31
calibrated_until = "2026-12-01"
points = ["port1.power", "temperature", { name = "ain1", metric = "current", unit = "left", factor = 0.01, offset = -2.5 }]

[devices.zigbee-0x00ab]
scheme = "zigbee"
scheme_id = "0x00AB"
facility = "shed"
unit = "left"
gateway = "shed-ports"
points = ["smoke", { name = "battery", unit = "" }]

[rules.ebike-shed-shed-hot]
above = 45

[rules.shed-left-overload]
like = "ebike-shed-port-overload"
facility = "shed"
unit = "left"
above = 600
on_delay = "10s"
ticket = false

[rules.shed-odd]
facility_kind = "ebike_shed"
failure_mode = "shed_hot"
metric = "humidity"
below = 5
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def small(catalogue: Catalogue) -> Wish:
    return parse_toml(SMALL, catalogue)


def errors_of(text: str, catalogue: Catalogue) -> tuple[RowError, ...]:
    with pytest.raises(FileRefused) as refused:
        parse_toml(text, catalogue)
    return refused.value.errors


def test_what_a_file_says_is_understood(small: Wish) -> None:
    picture = small.picture
    shed = picture.facilities["shed"]
    assert shed.name == Name(zh="充电棚", en="")
    assert [(unit.id, unit.name.zh) for unit in shed.units] == [("port1", "1号插座"), ("left", "左")]
    assert picture.places["g1"].kind is PlaceKind.GRID
    assert picture.places["g1"].tree is Tree.ADMINISTRATION
    assert picture.crews["engineers"].contacts[0].address == "desk@small.example"
    assert picture.devices["small~shed-ports"].expected_interval == 90_000
    assert picture.devices["small~shed-ports"].sim_expires == date(2027, 3, 31)
    assert picture.devices["small~shed-ports"].calibrated_until == date(2026, 12, 1)
    assert picture.devices["small~zigbee-0x00ab"].scheme_id == "0x00AB"
    assert picture.devices["small~zigbee-0x00ab"].gateway == "small~shed-ports"


@pytest.mark.parametrize("own", ["Plant 1/Line 2", "dev:ow:10e2073a01080063", "a1BwAGV/lift_01"])
def test_a_device_of_any_format_can_be_listed_and_its_file_read_back(own: str, catalogue: Catalogue) -> None:
    name = DeviceRef("small", "spb", own).hub_id.partition("~")[2]
    added = f'[devices."{name}"]\nscheme = "spb"\nscheme_id = "{own}"\nfacility = "shed"\npoints = ["smoke"]\n'
    picture = parse_toml(SMALL + added, catalogue).picture
    assert picture.devices[f"small~{name}"].scheme_id == own
    assert parse_toml(write_toml(picture, catalogue), catalogue).picture.devices == picture.devices


def test_a_points_unit_comes_from_its_name_its_own_word_or_its_device(small: Wish) -> None:
    units = {point: spans[0].unit for point, spans in small.picture.bindings.items()}
    assert units == {
        ("small~shed-ports", "port1.power"): "port1",
        ("small~shed-ports", "temperature"): "",
        ("small~shed-ports", "ain1"): "left",
        ("small~zigbee-0x00ab", "smoke"): "left",
        ("small~zigbee-0x00ab", "battery"): "",
    }
    calibrated = small.picture.bindings["small~shed-ports", "ain1"][0]
    assert (calibrated.metric_name(), calibrated.factor, calibrated.offset) == ("current", 0.01, -2.5)


def test_rules_change_copy_or_add_to_the_presets(small: Wish) -> None:
    rules = {name: change.rule for name, change in small.picture.rules.items()}
    assert rules["ebike-shed-shed-hot"].setpoint == 45
    assert rules["ebike-shed-shed-hot"].deadband == 3
    special = rules["shed-left-overload"]
    assert (special.replaces, special.facility, special.unit, special.setpoint, special.on_delay_ms) == (
        "ebike-shed-port-overload",
        "shed",
        "left",
        600,
        10_000,
    )
    assert not special.raises_ticket
    assert rules["shed-odd"].kind is RuleKind.LIMIT


@pytest.mark.parametrize(
    "case",
    [
        ('kind = "ebike_shed"', 'kind = "ebike_sheds"', "facilities.shed", "kind", "ebike_shed"),
        ('kind = "ebike_shed"', "", "facilities.shed", "kind", "missing"),
        ('grid = "g1"', 'grid = "b1"', "facilities.shed", "grid", "is a building"),
        ('grid = "g1"', 'grid = "g2"', "facilities.shed", "grid", "one of b1, g1"),
        ('party = "owner"\nunits', 'party = "nobody"\nunits', "facilities.shed", "party", "no 'nobody' in parties"),
        ('grid = "g1"', 'grid = "g1"\nfloor = 3', "facilities.shed", "floor", "unknown key"),
        ('grid = "g1"', 'grid = "g1"\nopening = "9 to 5"', "facilities.shed", "opening", "no opening hours"),
        ('grid = "g1"', 'grid = "g1"\ncapacity = 0', "facilities.shed", "capacity", "1 or more"),
        ("default = true", "default = false", "crews", "default", "no default crew"),
        ('interval = "90s"', "interval = 90", "devices.shed-ports", "interval", "is no duration"),
        ('"2026-12-01"', '"next year"', "devices.shed-ports", "calibrated_until", "is no day"),
        ('metric = "current"', 'metric = "curent"', "devices.shed-ports.points[3]", "metric", "perhaps current"),
        ('unit = "left", factor', 'unit = "right", factor', "devices.shed-ports.points[3]", "unit", "no unit 'right'"),
        ("factor = 0.01", "factor = 0", "devices.shed-ports.points[3]", "factor", "every reading the same"),
        ("factor = 0.01", "factor = nan", "devices.shed-ports.points[3]", "factor", "no usable number"),
        ("factor = 0.01", "faktor = 0.01", "devices.shed-ports.points[3]", "faktor", "unknown key"),
        ('"0x00AB"', '"0x00AC"', "devices.zigbee-0x00ab", "scheme_id", "zigbee-0x00ac"),
        ('gateway = "shed-ports"', 'gateway = "shed-port"', "devices.zigbee-0x00ab", "gateway", "perhaps shed-ports"),
        ('points = ["smoke"', 'points = ["smoke", "smoke"', "devices.zigbee-0x00ab.points[2]", "from", "at once"),
        ('points = ["smoke", ', 'points = ["smoke", 7, ', "devices.zigbee-0x00ab.points[2]", "name", "found 7"),
        ("above = 45", "above = 450", "rules.ebike-shed-shed-hot", "above", "no plausible temperature"),
        ("above = 45", "deadband = -1", "rules.ebike-shed-shed-hot", "deadband", "negative"),
        ("above = 600", "above = 600\nbelow = 1", "rules.shed-left-overload", "", "one thing"),
        ('like = "ebike-shed-port-overload"', 'like = "port-overload"', "rules.shed-left-overload", "like", "perhaps"),
        ("below = 5", "", "rules.shed-odd", "id", "is no preset"),
        ('failure_mode = "shed_hot"', 'failure_mode = "hot"', "rules.shed-odd", "failure_mode", "shed_hot"),
        ('kind = "grid"', 'kind = "grid"\nparent = "b1"', "places.g1", "parent", "cannot stand under"),
        ('name = "1栋"', 'name = "1栋\\u0007"', "places.b1", "name", "control characters"),
        ('channel = "email"', 'channel = "pigeon"', "crews.engineers.contacts.desk", "channel", "'email'"),
        ("[parties.owner]", '[parties.owner]\nid = "x"', "parties.owner", "id", "heading"),
        ("[parties.owner]", "[people.owner]", "people", "", "unknown table"),
        ('id = "small"', 'id = "Small Court"', "community", "id", "does not fit"),
        ('id = "small"', 'id = "small"\ntimezone = "Asia/Shangri-La"', "community", "timezone", "no time zone"),
    ],
)
def test_a_wrong_row_is_named_with_key_and_what_would_be_right(
    case: tuple[str, str, str, str, str], catalogue: Catalogue
) -> None:
    found, instead, where, key, said = case
    assert SMALL.count(found) >= 1
    errors = errors_of(SMALL.replace(found, instead, 1), catalogue)
    matching = [error for error in errors if error.where == where and error.key == key]
    assert matching, [str(error) for error in errors]
    assert said in str(matching[0])
    chinese = matching[0].said(WORDS["zh-CN"].gettext)
    for before, after in ((matching[0].reason, chinese.reason), (matching[0].expected, chinese.expected)):
        assert not isinstance(before, Wording) or re.search("[\u4e00-\u9fff]", after), after
    assert isinstance(matching[0].reason, Wording)
    assert matching[0].said(WORDS["en"].gettext) == matching[0]


def test_a_refusal_is_said_in_chinese_too(catalogue: Catalogue) -> None:
    text = (
        SMALL.replace('grid = "g1"', 'grid = "g2"')
        .replace("factor = 0.01", "factor = 0")
        .replace('metric = "current"', 'metric = "curent"')
    )
    with pytest.raises(FileRefused) as refused:
        parse_toml(text, catalogue, file="small.toml")
    assert refused.value.language == "zh-CN"
    told = refused.value.text("zh-CN", WORDS["zh-CN"].gettext)
    assert told == (
        "small.toml："
        "\n  facilities.shed.grid：places 中没有 'g2'；应为：b1, g1 之一"
        "\n  devices.shed-ports.points[3].metric：没有指标 'curent'；应为：或许是 current"
        "\n  devices.shed-ports.points[3].factor：系数为 0，所有读数都会一样；应为：其他数字"
    )
    assert str(refused.value).startswith(
        "small.toml: \n  facilities.shed.grid: no 'g2' in places; expected one of b1, g1\n"
    )


def test_the_language_is_the_communitys_even_where_other_rows_are_wrong(catalogue: Catalogue) -> None:
    english = SMALL.replace('id = "small"', 'id = "small"\nlanguage = "en"', 1)
    for wrong in ("[people.x]", '[crews.x]\nname = "X"\nparty = "nobody"'):
        with pytest.raises(FileRefused) as refused:
            parse_toml(f"{english}\n{wrong}\n", catalogue)
        assert refused.value.language == "en"


def test_every_error_is_told_at_once(catalogue: Catalogue) -> None:
    text = SMALL.replace("factor = 0.01", "factor = 0").replace('grid = "g1"', 'grid = "g9"')
    assert {error.where for error in errors_of(text, catalogue)} == {"facilities.shed", "devices.shed-ports.points[3]"}


def test_no_toml_and_no_file_are_refused_by_name(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(ConfigError, match="not valid TOML"):
        parse_toml("[community", catalogue)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path / "nothing.toml", catalogue)
    (tmp_path / "latin.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(ConfigError, match="UTF-8"):
        read_toml(tmp_path / "latin.toml", catalogue)


def stored(wish: Wish) -> Picture:
    return plan_import(None, wish, now=NOW).result


def test_an_export_as_toml_reads_back_the_same(small: Wish, catalogue: Catalogue) -> None:
    again = parse_toml(write_toml(stored(small), catalogue), catalogue)
    assert plan_import(stored(small), again, now=NOW + 1).changes == ()


def test_an_export_as_workbook_reads_back_the_same(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    assert plan_import(stored(small), read_workbook(file, catalogue), now=NOW + 1).changes == ()


def test_dates_of_bindings_survive_both_formats(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    moved = parse_toml(SMALL.replace('"temperature", ', '{ name = "temperature", unit = "left" }, '), catalogue)
    picture = plan_import(stored(small), moved, now=NOW + 123).result
    spans = picture.bindings["small~shed-ports", "temperature"]
    assert [(span.unit, span.valid_from, span.valid_to) for span in spans] == [
        ("", 0, NOW + 123),
        ("left", NOW + 123, None),
    ]
    file = tmp_path / "small.xlsx"
    write_workbook(picture, catalogue, file)
    for again in (parse_toml(write_toml(picture, catalogue), catalogue), read_workbook(file, catalogue)):
        assert plan_import(picture, again, now=NOW + 999).changes == ()


def test_harmony_garden_is_what_the_readme_says(catalogue: Catalogue, tmp_path: Path) -> None:
    registry = shipped("harmony-garden")
    grids = [place for place in registry.places.values() if place.kind is PlaceKind.GRID]
    gateways = {device.gateway for device in registry.devices.values() if device.gateway}
    assert 55 <= len(registry.facilities) <= 70
    assert 290 <= len(registry.devices) <= 320
    assert len(grids) == 4
    assert 28 <= len(gateways) <= 32
    assert "harmony-garden~lift-b3-2-door" in registry.devices
    picture = stored(parse_toml(shipped_file("harmony-garden"), catalogue))
    file = tmp_path / "garden.xlsx"
    write_workbook(picture, catalogue, file)
    for again in (parse_toml(write_toml(picture, catalogue), catalogue), read_workbook(file, catalogue)):
        assert plan_import(picture, again, now=NOW).changes == ()


def test_an_unknown_shipped_community_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="harmony-garden"):
        shipped_file("harmony")


def cell(file: Path, sheet: str, heading: str, row: int) -> tuple[int, int]:
    page = load_workbook(file)[sheet]
    return row, next(cell.column for cell in page[1] if heading in str(cell.value))


def edit(file: Path, sheet: str, heading: str, row: int, value: object) -> None:
    book = load_workbook(file)
    place = cell(file, sheet, heading, row)
    book[sheet].cell(row=place[0], column=place[1]).value = value
    book.save(file)


def test_findings_are_written_back_beside_their_row_and_cleared_again(
    small: Wish, catalogue: Catalogue, tmp_path: Path
) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    edit(file, "设施设备 Facilities", "Grid", 2, "g9")
    with pytest.raises(FileRefused) as refused:
        read_workbook(file, catalogue)
    (error,) = refused.value.errors
    assert (error.table, error.line, error.key) == ("facilities", 2, "grid")
    assert "设施设备 Facilities 第2行 row 2" in str(error)
    assert refused.value.language == "zh-CN"
    chinese = [error.said(WORDS["zh-CN"].gettext) for error in refused.value.errors]
    assert write_findings(file, chinese, language="zh-CN") == 1
    page = load_workbook(file)["设施设备 Facilities"]
    note = str(page.cell(row=2, column=cell(file, "设施设备 Facilities", FINDINGS.en, 2)[1]).value)
    assert note == "网格 Grid: places 中没有 'g9'；应为：b1, g1 之一"
    assert write_findings(file, refused.value.errors, language="en") == 1
    page = load_workbook(file)["设施设备 Facilities"]
    note = str(page.cell(row=2, column=cell(file, "设施设备 Facilities", FINDINGS.en, 2)[1]).value)
    assert note == "网格 Grid: no 'g9' in places; expected one of b1, g1"
    edit(file, "设施设备 Facilities", "Grid", 2, "g1")
    assert plan_import(stored(small), read_workbook(file, catalogue), now=NOW).changes == ()
    assert write_findings(file, (), language="en") == 0
    page = load_workbook(file)["设施设备 Facilities"]
    assert page.cell(row=2, column=cell(file, "设施设备 Facilities", FINDINGS.en, 2)[1]).value is None


def test_people_may_type_yes_numbers_and_blanks(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    edit(file, "班组 Crews", "Default", 2, "是")
    edit(file, "设备台账 Ledger", "Value", 2, 7)
    edit(file, "责任单位 Parties", "Phone", 2, 2155550100)
    picture = read_workbook(file, catalogue).picture
    assert picture.crews["engineers"].is_default
    assert picture.facilities["shed"].ledger["serial"] == "7"
    assert picture.parties["owner"].phone == "2155550100"


@pytest.mark.parametrize("typed", [8404102500000010, date(2026, 1, 2)])
def test_what_a_spreadsheet_has_changed_is_no_serial(
    typed: object, small: Wish, catalogue: Catalogue, tmp_path: Path
) -> None:
    """It keeps 15 digits, and takes 1-2 for a day: what stands on the label is lost by then."""
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    edit(file, "待装终端 Expected devices", "Id", 2, "gw")
    edit(file, "待装终端 Expected devices", "Serial", 2, typed)
    with pytest.raises(FileRefused, match="formatted as text") as refused:
        read_workbook(file, catalogue)
    assert [(error.key, error.line) for error in refused.value.errors] == [("serial", 2)]


def test_a_sheet_takes_serials_as_they_are_typed(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    """Text down the whole column, so that 00012345 keeps its zeros; numbers and days stay what they are."""
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    book = load_workbook(file)
    page, devices = book["待装终端 Expected devices"], book["传感终端 Devices"]
    formats = {
        f"{sheet.title} {heading.value}": sheet.column_dimensions[heading.column_letter].number_format
        for sheet in (page, devices)
        for heading in sheet[1]
    }
    assert formats["待装终端 Expected devices 序列号 Serial"] == "@"
    assert formats["传感终端 Devices 流量卡到期 SIM expires"] == "General"
    assert devices.cell(row=2, column=1).number_format == "@"


def test_several_values_may_stand_between_chinese_commas(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    for heading, value in (
        ("Id", "gw"),
        ("Serial", "SN-1"),
        ("Facility", "shed"),
        ("Points", "a=level，b=leak、c=smoke"),
    ):
        edit(file, "待装终端 Expected devices", heading, 2, value)
    assert read_workbook(file, catalogue).picture.expected["gw"].points == {"a": "level", "b": "leak", "c": "smoke"}


def test_a_column_nobody_knows_and_a_file_that_is_no_workbook_are_refused(
    small: Wish, catalogue: Catalogue, tmp_path: Path
) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    edit(file, "测点 Points", "Factor", 1, "Faktor")
    with pytest.raises(FileRefused, match="unknown column"):
        read_workbook(file, catalogue)
    (tmp_path / "other.xlsx").write_text("hello", encoding="utf-8")
    with pytest.raises(ConfigError, match="is no Excel workbook"):
        read_workbook(tmp_path / "other.xlsx", catalogue)


def test_drop_downs_offer_what_is_known(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    page = load_workbook(file)["测点 Points"]
    lists = {str(v.sqref): v.formula1 for v in page.data_validations.dataValidation}
    assert any("选项 Lists" in formula for formula in lists.values())
    assert any("传感终端 Devices" in formula for formula in lists.values())


def test_a_name_that_looks_like_a_formula_stays_a_name(small: Wish, catalogue: Catalogue, tmp_path: Path) -> None:
    file = tmp_path / "small.xlsx"
    write_workbook(stored(small), catalogue, file)
    assert read_workbook(file, catalogue).picture.facilities["shed"].ledger["maker"] == "=SUM(A1)"


def test_a_sheet_has_a_column_for_every_key() -> None:
    for sheet in SHEETS:
        columns = {column.key for column in sheet.columns}
        keys = set(keys_of(TABLES[sheet.table]))
        if "name_zh" in columns:
            columns = columns - {"name_zh", "name_en"} | {"name"}
        assert columns == keys, sheet.table
