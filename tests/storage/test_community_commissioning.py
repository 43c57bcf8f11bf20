"""Expected devices and commissioning in a community file: read, refused with reasons, written back unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import Part
from hub.flows.community.picture import FileRefused
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, write_toml
from hub.storage.community_workbook import read_workbook, write_workbook

HEAD = """
[community]
id = "sunny-court"
name = "阳光苑"

[crews.works]
name = "Works"
default = true

[places.b1]
kind = "building"
name = "Building 1"

[places.cellar]
kind = "room"
parent = "b1"
name = "Cellar"

[places.grid-1]
kind = "grid"
name = "Grid"

[facilities.sump-1]
kind = "sump"
name = "Sump 1"
building = "b1"
units = ["pump1"]
"""
WHOLE = f"""{HEAD}
[expected.gw]
serial = 12345678

[expected."eui64-ab12"]
name = {{ zh = "水位", en = "Level" }}
serial = "SN-0001"
identity = "eui64:AB12"
facility = "sump-1"
unit = "pump1"
place = "cellar"
gateway = "gw"
points = ["ain1=level", "high_level"]
interval = "90s"
maker = "Acme"
model = "L1"

[commissioning.all]
from = 2026-11-24T08:30:00+08:00
until = 2026-12-08T08:30:00+08:00
note = "first fit"

[commissioning.pit]
from = 2026-11-24T08:30:00+08:00
facility = "sump-1"

[commissioning.box]
from = 2026-11-24T08:30:00+08:00
gateway = "gw"
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_what_a_file_says(catalogue: Catalogue) -> None:
    picture = parse_toml(WHOLE, catalogue).picture
    line = picture.expected["eui64-ab12"]
    assert (line.scheme, line.scheme_id, line.place, line.gateway) == ("eui64", "AB12", "cellar", "gw")
    assert line.points == {"ain1": "level", "high_level": ""}
    assert picture.expected["gw"].serial == "12345678"
    parts = {name: (span.part, span.of) for name, span in picture.commissioning.items()}
    assert parts == {
        "all": (Part.COMMUNITY, ""),
        "pit": (Part.FACILITY, "sump-1"),
        "box": (Part.GATEWAY, "sunny-court~gw"),
    }


def test_both_kinds_of_file_are_written_back_unchanged(catalogue: Catalogue, tmp_path: Path) -> None:
    picture = parse_toml(WHOLE, catalogue).picture
    assert parse_toml(write_toml(picture, catalogue), catalogue).picture == picture
    path = tmp_path / "sunny-court.xlsx"
    write_workbook(picture, catalogue, path)
    assert read_workbook(path, catalogue).picture == picture


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            '[expected.x]\nfacility = "sump-1"',
            "expected.x.serial: nothing says which device it is; expected serial or identity",
        ),
        ('[expected.x]\nserial = "--"', "is no serial; expected letters and digits"),
        (
            '[expected.x]\nserial = "SN-1"\n[expected.y]\nserial = "sn 1"',
            "is there twice; expected once; also at expected.x",
        ),
        ('[expected.x]\nserial = "1"\npoints = ["level"]', "speaks for no facility"),
        (
            '[expected.x]\nserial = "1"\nfacility = "sump-1"\npoints = ["ain1=levell"]',
            "unknown metric 'levell'; expected perhaps level",
        ),
        ('[expected.x]\nserial = "1"\nfacility = "sump-1"\npoints = ["ain1"]', "unknown metric 'ain1'"),
        ('[expected.x]\nserial = "1"\nfacility = "sump-9"', "no 'sump-9' in facilities; expected perhaps sump-1"),
        ('[expected.x]\nserial = "1"\nplace = "grid-1"', "is a grid; expected a building or a place inside one"),
        ('[expected.x]\nserial = "1"\ngateway = "gv"', "no 'gv' in expected, devices"),
        ('[expected.x]\nserial = "1"\nidentity = "AB12"', "does not fit"),
        ('[expected.x]\nserial = "1"\nfacility = "sump-1"\nunit = "pump9"', "has no unit 'pump9'; expected pump1"),
        ('[commissioning.x]\nnote = "?"', "commissioning.x.from: missing"),
        ("[commissioning.x]\nfrom = 2026-11-24T08:30:00Z\nuntil = 2026-11-24T08:30:00Z", "ends before it begins"),
        ('[commissioning.x]\nfrom = 2026-11-24T08:30:00Z\nfacility = "gym"', "no 'gym' in facilities"),
        (
            '[expected.gw]\nserial = "1"\n[commissioning.x]\nfrom = 2026-11-24T08:30:00Z\nfacility = "sump-1"\ngateway = "gw"',
            "names a facility and a gateway",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(rows: str, told: str, catalogue: Catalogue) -> None:
    with pytest.raises(FileRefused) as refused:
        parse_toml(f"{HEAD}\n{rows}\n", catalogue)
    assert told in "; ".join(str(error) for error in refused.value.errors)
