"""Whatever community there is: its export, read back, changes nothing; in both formats, and once more after changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain.catalogue import Catalogue
from hub.domain.places import TREE_OF, Binding, Community, Device, DeviceState, Facility, Name, Place, PlaceKind, Unit
from hub.flows.community.picture import Party, Picture, Wish
from hub.flows.community.plan import plan_import
from hub.flows.registry import Contact, Crew
from hub.storage.catalogue import load_catalogue
from hub.storage.community_toml import parse_toml, write_toml
from hub.storage.community_workbook import read_workbook, write_workbook

CATALOGUE: Catalogue = load_catalogue()
NOW = 1_800_000_000_000
SLUG = st.from_regex(r"[a-z0-9][a-z0-9-]{0,7}", fullmatch=True)
LINE = st.text("中é😀aZ09 =+-,;:.'\"\\#[]{}%", min_size=1, max_size=8).filter(lambda text: text.strip() == text)
NAME = st.one_of(
    st.builds(Name, zh=LINE, en=LINE),
    st.builds(Name, zh=LINE, en=st.just("")),
    st.builds(Name, zh=st.just(""), en=LINE),
)
NUMBER = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
POINT = st.from_regex(r"[a-z][a-z0-9_]{0,6}(\.[a-z0-9_]{1,6})?", fullmatch=True)
INSTANT = st.integers(min_value=1, max_value=4_000_000_000_000)


@st.composite
def spans(draw: st.DrawFn, facilities: dict[str, Facility], device: str, point: str) -> tuple[Binding, ...]:
    cuts = sorted(draw(st.sets(INSTANT, max_size=3)))
    edges = [draw(st.sampled_from([0, *cuts[:1]])), *cuts[1:]]
    ends: list[int | None] = [*edges[1:], draw(st.sampled_from([None, 4_000_000_000_001]))]
    found = []
    for start, stop in zip(edges, ends, strict=True):
        facility = draw(st.sampled_from(sorted(facilities)))
        found.append(
            Binding(
                community="c",
                device=device,
                point=point,
                facility=facility,
                unit=draw(st.sampled_from(["", *(unit.id for unit in facilities[facility].units)])),
                metric=draw(st.sampled_from(["", "power", "level"]).filter(lambda m: m != point.rpartition(".")[2])),
                factor=draw(NUMBER.filter(bool)),
                offset=draw(NUMBER),
                inverted=draw(st.booleans()),
                valid_from=start,
                valid_to=stop,
            )
        )
    return tuple(found)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    parties = {
        name: Party(id=name, name=draw(NAME), phone=draw(st.just("") | LINE))
        for name in draw(st.sets(SLUG, max_size=2))
    }
    crews = {
        name: Crew(
            community="c",
            id=name,
            name=draw(NAME),
            is_default=number == 0,
            party=draw(st.sampled_from([None, *parties])),
            contacts=(
                Contact(
                    id=f"{name[:4]}-{number}", name=draw(LINE), channel="email", address="a@b.example", language="en"
                ),
            ),
        )
        for number, name in enumerate(sorted(draw(st.sets(SLUG, min_size=1, max_size=2))))
    }
    places = {
        name: Place(community="c", id=name, tree=TREE_OF[kind], kind=kind, parent=None, name=draw(NAME))
        for name, kind in {"b": PlaceKind.BUILDING, "g": PlaceKind.GRID, "r": PlaceKind.ROOM}.items()
    }
    facilities = {
        name: Facility(
            community="c",
            id=name,
            kind=draw(st.sampled_from(sorted(CATALOGUE.kinds))),
            name=draw(NAME),
            building=draw(st.sampled_from([None, "b", "r"])),
            grid=draw(st.sampled_from([None, "g"])),
            capacity=draw(st.none() | st.integers(1, 500)),
            opening=draw(st.sampled_from(["", "Mo-Fr 06:00-22:00; Sa,Su 08:00-12:00,13:00-22:00"])),
            party=draw(st.sampled_from([None, *parties])),
            crew=draw(st.sampled_from([None, *crews])),
            units=tuple(Unit(id=unit, name=draw(NAME)) for unit in sorted(draw(st.sets(SLUG, max_size=2)))),
            ledger=draw(st.dictionaries(st.sampled_from(["serial", "maker"]), LINE)),
        )
        for name in draw(st.sets(SLUG, min_size=1, max_size=3))
    }
    devices = {
        f"c~{name}": Device(
            id=f"c~{name}",
            community="c",
            scheme="native",
            scheme_id=name,
            state=DeviceState.ADOPTED,
            name=draw(NAME),
            maker=draw(st.just("") | LINE),
            expected_interval=draw(st.none() | st.integers(1, 10**9)),
            sim_expires=draw(st.none() | st.dates()),
            end_of_life=draw(st.none() | st.dates()),
        )
        for name in draw(st.sets(SLUG, max_size=3))
    }
    bindings = {
        (device, point): draw(spans(facilities, device, point))
        for device in devices
        for point in draw(st.sets(POINT, max_size=3))
    }
    return Picture(
        community=Community(id="c", name=draw(NAME)),
        parties=parties,
        crews=crews,
        places=places,
        facilities=facilities,
        devices=devices,
        bindings=bindings,
    )


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(pictures(), st.data())
def test_export_then_import_changes_nothing(picture: Picture, data: st.DataObject) -> None:
    again = parse_toml(write_toml(picture, CATALOGUE), CATALOGUE)
    assert plan_import(picture, again, now=NOW).changes == ()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.xlsx"
        write_workbook(picture, CATALOGUE, file)
        assert plan_import(picture, read_workbook(file, CATALOGUE), now=NOW).changes == ()
    kept = data.draw(st.sets(st.sampled_from(sorted(picture.devices)))) if picture.devices else set()
    smaller = Wish(
        picture=Picture(
            community=picture.community,
            crews=picture.crews,
            parties=picture.parties,
            places=picture.places,
            facilities=picture.facilities,
            devices={name: device for name, device in picture.devices.items() if name in kept},
            bindings={point: spans for point, spans in picture.bindings.items() if point[0] in kept},
        )
    )
    after = plan_import(picture, smaller, now=NOW)
    assert after.touched("devices") == picture.devices.keys() - kept
    assert plan_import(after.result, smaller, now=NOW + 1).changes == ()
    export = parse_toml(write_toml(after.result, CATALOGUE), CATALOGUE)
    assert plan_import(after.result, export, now=NOW + 2).changes == ()
