"""Every query of every dashboard, asked for real: it is understood, it finds something, and a choice narrows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboards.boards.facility import METRIC
from dashboards.build import boards
from dashboards.model import Board, Panel, Source
from dashboards.parts import Plan
from hub.storage.catalogue import load_catalogue
from tests.dashboards.influx import Influx, filled
from tests.dashboards.town import COMMUNITY, END, GRID, START, Town

pytestmark = pytest.mark.servers
NAMES = [board.name for board in boards(Plan(catalogue=load_catalogue()))]


def panels(board: Board) -> Iterator[Panel]:
    for section in board.sections:
        yield from section.panels


def asked(query: str, metric: str = "temperature", **chosen: list[str] | str) -> str:
    text = query.replace("{title}", "title_en")
    return filled(text, start=START, end=END, chosen={METRIC: metric, **chosen})


def is_quiet(board: Board, panel: Panel, query: str) -> bool:
    """Kinds without a fault in the town have no alarms and tickets."""
    return board.name.startswith("kind-") and ("alarm_event" in query or "ticket_event" in query)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_finds_something(name: str, every_board: dict[str, Board], influx: Influx) -> None:
    board = every_board[name]
    for panel in panels(board):
        for query in panel.queries:
            found = influx.ask(asked(query.text))
            if not is_quiet(board, panel, query.text):
                assert any(value is not None for each in found for row in each.rows for value in row[1:]), (
                    f"{panel.title.en}: {query.text}"
                )


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_has_values(name: str, every_board: dict[str, Board], influx: Influx) -> None:
    for variable in every_board[name].variables:
        if variable.source is Source.QUERY:
            found = {str(row[-1]) for each in influx.ask(asked(variable.query)) for row in each.rows}
            unit_less = variable.name == "unit"
            assert found or unit_less, variable.query
            if variable.name == "community":
                assert found == {COMMUNITY}


@pytest.mark.parametrize("name", ["overview", "alarms-tickets", "use", "kpi"])
def test_every_mark_is_found(name: str, every_board: dict[str, Board], influx: Influx) -> None:
    for note in every_board[name].notes:
        (series,) = influx.ask(asked(note.query))
        assert {note.text.en, note.text.zh, *note.tags.split(",")} <= set(series.columns)
        assert series.rows


def test_a_ticket_is_marked_when_it_is_opened_and_when_it_is_resolved(
    every_board: dict[str, Board], influx: Influx
) -> None:
    """Also one that had no crew at first, and was assigned twice."""
    (mark,) = [note for note in every_board["use"].notes if note.title.en == "Tickets"]
    (series,) = influx.ask(asked(mark.query, facility=["pump-room-a"]))
    action = series.columns.index("action")
    assert [row[action] for row in series.rows] == ["open", "verify"]


def test_a_unit_narrows_the_utilisation(every_board: dict[str, Board], influx: Influx) -> None:
    board = every_board["use"]
    units = next(variable for variable in board.variables if variable.name == "unit")
    assert {row[1] for each in influx.ask(asked(units.query, kind=["lift"])) for row in each.rows} == {"u1"}
    something = False
    for panel in panels(board):
        for query in panel.queries:
            found = influx.ask(asked(query.text, unit=["u1"]))
            something |= bool(found)
            assert {each.tags.get("unit", "u1") for each in found} <= {"u1"}
            assert all(each.tags.get("facility", "a").endswith("a") for each in found), "others have no units"
    assert something


def test_a_kind_narrows_the_facilities(every_board: dict[str, Board], influx: Influx) -> None:
    facilities = next(variable for variable in every_board["overview"].variables if variable.name == "facility")
    found = influx.ask(asked(facilities.query, kind=["lift", "gym"]))
    assert {row[1] for each in found for row in each.rows} == {"lift-a", "lift-b", "gym-a", "gym-b"}


def test_a_grid_narrows_the_readings(every_board: dict[str, Board], influx: Influx, town: Town) -> None:
    board = every_board["overview"]
    grid = next(variable for variable in board.variables if variable.name == "grid").choices[1]
    standing = {facility.id for facility in town.facilities.values() if facility.grid == GRID}
    occupancy = next(panel for panel in panels(board) if "occupancy" in panel.queries[0].text)
    found = {each.tags["facility"] for each in influx.ask(asked(occupancy.queries[0].text, grid=grid.value))}
    assert found
    assert found <= standing


def test_a_facility_has_the_gauges_it_has(every_board: dict[str, Board], influx: Influx, town: Town) -> None:
    metric = next(variable for variable in every_board["facility"].variables if variable.name == METRIC)
    found = influx.ask(asked(metric.query, facility=["indoor-air-a"]))
    sensors = town.catalogue.kinds["indoor_air"].sensors
    assert {row[0] for each in found for row in each.rows} == {*sensors, "signal", "battery"}
