"""The house rules of dashboards, kept by reading what is generated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from babel.messages.pofile import read_po

from dashboards.boards import energy, facility
from dashboards.boards.columns import TICKET_STATES
from dashboards.boards.kind import board_name
from dashboards.build import boards, build
from dashboards.model import LANGUAGES, PLAIN
from dashboards.parts import Plan, limits
from dashboards.units import unit_of
from hub.domain.alarms import Priority
from hub.domain.catalogue import Catalogue, FacilityKind
from hub.domain.kpi_places import COUNTS
from hub.domain.metrics import METRICS, Metric, MetricKind, Symbol
from hub.domain.places import Name
from hub.domain.rules import Rule, RuleKind, Side
from hub.domain.series_names import (
    ALARM_EVENT,
    CELL_FIELDS,
    CELL_SUFFIX,
    FACILITY_HOUR,
    HUB_HEALTH,
    KPI_HOUR,
    TAGS,
    TICKET_EVENT,
)
from hub.domain.tickets import TicketState
from hub.domain.verdicts import Condition
from hub.storage.catalogue import load_catalogue
from tests.docs.pages import ROOT

FILES = [
    f"{language}/{board.name}.json" for language in LANGUAGES for board in boards(Plan(catalogue=load_catalogue()))
]
EVENTS = {ALARM_EVENT, TICKET_EVENT, KPI_HOUR, FACILITY_HOUR, HUB_HEALTH}
MEASUREMENTS = {*METRICS, *(f"{name}{CELL_SUFFIX}" for name in METRICS), *EVENTS}
FIELDS = {
    *("value", "text", "quality"),
    *CELL_FIELDS,
    *COUNTS,
    *("n", "active", "action", "title_en", "title_zh", "number", "ticket"),
    *("messages_per_s", "lag_s", "waiting", "hours_left", "room_bytes", "connected", "reachable"),
    *("rise", "newest", "heard", "share", "drawn", "product", "cases", "hours", "failures", "title"),
}
"""Of readings, roll-ups and events; and the names that inner queries give."""
OF_EVENTS = ("grid", "priority", "state", "failure_mode", "kpi", "hub", "name")
OF_GRAFANA = {"timeFilter", "__interval", "__from", "__to", "__field", "__value", "__data", "__url_time_range"}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        if panel["type"] != "row":
            yield panel
        yield from panel.get("panels", ())


def queries(board: dict[str, Any]) -> Iterator[str]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield target["query"]
    for note in board["annotations"].get("list", ()):
        yield note["target"]["query"]


def measurements(query: str) -> Iterator[str]:
    """What stands behind each FROM."""
    for one, several in re.findall(r'FROM (?:"([^"]+)"|/\^\(([^/]*)\)\$/)', query):
        yield from [one] if one else several.replace("\\", "").split("|")


@pytest.mark.parametrize("name", FILES)
def test_every_panel_says_what_it_shows(name: str, made: dict[str, dict[str, Any]]) -> None:
    for panel in panels(made[name]):
        assert panel["title"]
        assert len(panel["description"]) > 8
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "influxdb", "uid": "${ds}"}
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${ds}"
            assert target["rawQuery"]


@pytest.mark.parametrize("name", FILES)
def test_every_query_names_series_that_exist(name: str, made: dict[str, dict[str, Any]]) -> None:
    for query in queries(made[name]):
        found = set(measurements(query)) - {"${metric:raw}"}
        assert found or "${metric:raw}" in query, query
        assert found <= MEASUREMENTS, found - MEASUREMENTS
        words = set(re.findall(r'"([^"]+)"', query)) - found - {"${metric:raw}"}
        assert words <= {*FIELDS, *TAGS, *OF_EVENTS}, words
        assert "$timeFilter" in query


@pytest.mark.parametrize("name", FILES)
def test_panels_do_not_overlap_and_have_numbers_of_their_own(name: str, made: dict[str, dict[str, Any]]) -> None:
    board = made[name]
    numbers = [panel["id"] for row in board["panels"] for panel in (row, *row.get("panels", ()))]
    assert len(set(numbers)) == len(numbers)
    shown = [panel["gridPos"] for panel in board["panels"]]
    for place in shown:
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(shown, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_uids_are_unique_and_short(made: dict[str, dict[str, Any]]) -> None:
    uids = [board["uid"] for board in made.values()]
    assert len(set(uids)) == len(uids)
    assert all(re.fullmatch(r"hub-[a-z0-9-]{1,33}", uid) for uid in uids), "Grafana allows 40 characters"


@pytest.mark.parametrize("name", FILES)
def test_variables_are_defined_and_used(name: str, made: dict[str, dict[str, Any]]) -> None:
    board = made[name]
    defined = {variable["name"] for variable in board["templating"]["list"]}
    text = json.dumps(board)
    used = set(re.findall(r"\$\{(\w+)", text)) | set(re.findall(r"\$(\w+)", text))
    used -= {word for word in used if word.startswith("tag_")} | OF_GRAFANA | {"m"}
    assert used - {"__all"} == defined


@pytest.mark.parametrize("name", FILES)
def test_what_can_be_chosen_narrows_every_panel(name: str, made: dict[str, dict[str, Any]]) -> None:
    chosen = {variable["name"] for variable in made[name]["templating"]["list"]}
    for panel in panels(made[name]):
        for target in panel["targets"]:
            if HUB_HEALTH in measurements(target["query"]):
                continue  # the hub itself belongs to no community; the section's title says so
            for word in chosen & {"community", "grid", "kind", "facility"}:
                assert f"${{{word}:" in target["query"], f"{panel['title']} is not narrowed by {word}"


@pytest.mark.parametrize("name", FILES)
def test_links_lead_somewhere(name: str, made: dict[str, dict[str, Any]]) -> None:
    uids = {board["uid"] for board in made.values()}
    labels = {tag for board in made.values() for tag in board["tags"]}
    text = json.dumps(made[name])
    for uid in re.findall(r"/d/([\w-]+)", text):
        assert uid in uids
        assert uid.endswith(made[name]["uid"][-3:]), "a link stays in its language"
    for link in made[name]["links"]:
        assert set(link["tags"]) <= labels
        assert link["type"] == "dashboards" or link["url"].startswith("${hub}/")
    for panel in panels(made[name]):
        for link in re.findall(r"\$\{hub\}/facilities/[^\"]*", json.dumps(panel)):
            assert link.endswith("?community=${__data.fields.community}"), "two communities may have the same id"
            assert all('"community"' in target["query"].partition(" FROM ")[0] for target in panel["targets"])
    pages = set(re.findall(r"\$\{hub\}/(\w*)", text))
    assert pages <= {"", "alarms", "tickets", "facilities", "devices"}


@pytest.mark.parametrize("name", FILES)
def test_alarms_and_tickets_are_marked_everywhere(name: str, made: dict[str, dict[str, Any]]) -> None:
    marks = made[name]["annotations"]["list"]
    for mark, events in zip(marks, (ALARM_EVENT, TICKET_EVENT), strict=True):
        assert list(measurements(mark["target"]["query"])) == [events]
        assert mark["enable"] == ("kpi" not in name), "a month of marks would hide the figures"


def test_both_languages_show_the_same(made: dict[str, dict[str, Any]]) -> None:
    english = {name.removeprefix("en/") for name in made if name.startswith("en/")}
    chinese = {name.removeprefix("zh-CN/") for name in made if name.startswith("zh-CN/")}
    assert english == chinese
    for name in english:
        one, other = (made[f"{language}/{name}"] for language in LANGUAGES)
        same = [query.replace("title_zh", "title_en") for query in queries(other)]
        assert [query.replace("title_zh", "title_en") for query in queries(one)] == same
        for left, right in zip(panels(one), panels(other), strict=True):
            assert left["gridPos"] == right["gridPos"]
            assert right["description"] != left["description"]
            assert re.search("[一-鿿]", right["description"])
            assert not re.search("[一-鿿]", left["title"] + left["description"])


def test_the_same_definition_gives_the_same_bytes(plan: Plan) -> None:
    assert build(plan) == build(plan)


def test_a_new_kind_and_a_new_metric_appear_by_themselves() -> None:
    radon = Metric(
        name="radon", kind=MetricKind.GAUGE, unit="Bq/m3", symbol=Symbol("Bq/m³", "Bq/m³", "Bq/m³"), low=0, high=9000, decimals=0,
        title=Name(zh="氡", en="Radon"),
    )  # fmt: skip
    cellar = FacilityKind(
        id="wine_cellar",
        name=Name(zh="酒窖", en="Wine cellar"),
        icon="x",
        unit_word=None,
        sensors=("radon",),
        use=("radon",),
    )
    old = load_catalogue()
    catalogue = Catalogue(kinds={**old.kinds, cellar.id: cellar}, failure_modes=old.failure_modes, rules=old.rules)
    made = build(Plan(catalogue=catalogue, metrics=(*METRICS.values(), radon)))
    own = json.loads(made[f"zh-CN/{board_name('wine_cellar')}.json"])
    assert [p["fieldConfig"]["defaults"]["unit"] for p in panels(own) if p["title"] == "氡"] == ["suffix: Bq/m³"]
    assert '"radon_15m\\"' in made["en/use.json"].replace("\\\\", "\\")
    assert "radon" in made["en/facility.json"]
    assert "酒窖 : wine_cellar" in made["zh-CN/overview.json"]


NEW_METRICS = [
    Metric(
        name=f"new_{kind}_{off is None}", kind=kind, unit="1", symbol=Symbol("", "", ""), low=0, high=9, decimals=0,
        title=Name(zh="新", en="New"), off=off, on=off,
    )
    for kind, off in [*((kind, None) for kind in MetricKind), (MetricKind.STATE, Name(zh="否", en="no"))]
]  # fmt: skip


def test_every_metric_of_the_table_is_on_the_facilitys_dashboard() -> None:
    metrics = (*METRICS.values(), *NEW_METRICS)
    board = facility.board(Plan(catalogue=load_catalogue(), metrics=metrics))
    (listed,) = [variable.query for variable in board.variables if variable.name == facility.METRIC]
    shown = [query.text for section in board.sections for panel in section.panels for query in panel.queries]
    assert len([text for text in shown if "${metric:raw}" in text]) == 1
    of_panels = {name.removesuffix(CELL_SUFFIX) for text in shown for name in measurements(text)}
    assert {metric.name for metric in metrics} - of_panels - set(re.findall(r"\w+", listed)) == set()


def test_gauges_of_a_facility_have_their_units_and_limits(made: dict[str, dict[str, Any]]) -> None:
    (panel,) = [panel for panel in panels(made["en/facility.json"]) if panel.get("repeat") == "metric"]
    for metric in METRICS.values():
        if metric.kind is not MetricKind.GAUGE:
            continue
        (told,) = [
            {each["id"]: each["value"] for each in override["properties"]}
            for override in panel["fieldConfig"]["overrides"]
            if re.search(override["matcher"]["options"], f"{metric.name} · hall")
        ]
        assert told["unit"] == unit_of(metric).en
        steps = told["thresholds"]["steps"]
        assert [step["value"] for step in steps] == [None, metric.low, metric.high + 10.0**-metric.decimals]
        assert steps[1]["color"] == PLAIN, "what no rule has judged is not called good"


def test_whatever_is_supplied_is_on_the_dashboard_of_energy_and_water() -> None:
    plan = Plan(catalogue=load_catalogue())
    assert [metric.name for metric in energy.counted(plan)] == [
        *("energy", "energy_exported", "reactive_energy", "volume", "gas_volume", "heat")
    ]
    biogas = replace(METRICS["gas_volume"], name="biogas_volume")
    steam = replace(METRICS["pressure"], name="steam_pressure")
    cold = replace(METRICS["heat_power"], name="cold_power")
    board = energy.board(replace(plan, metrics=(*plan.metrics, biogas, steam, cold)))
    shown = " ".join(query.text for section in board.sections for panel in section.panels for query in panel.queries)
    for name in ("biogas_volume_15m", "steam_pressure", "cold_power"):
        assert f'"{name}"' in shown


def test_grids_are_listed_with_their_facilities(plan: Plan, made: dict[str, dict[str, Any]]) -> None:
    (grid,) = [v for v in made["zh-CN/overview.json"]["templating"]["list"] if v["name"] == "grid"]
    assert [(option["text"], option["value"]) for option in grid["options"]] == [
        ("全部", ".*"),
        ("一网格", f"({'|'.join(plan.grids[0].facilities)})"),
    ]


@pytest.mark.parametrize(("folder", "language"), [("en", "en"), ("zh_CN", "zh-CN")])
def test_ticket_states_are_called_as_on_the_pages(folder: str, language: str) -> None:
    """Where two states share a word on the pages, the dashboards add which of the two it is."""
    with (ROOT / "hub" / "locales" / folder / "LC_MESSAGES" / "hub.po").open("rb") as file:
        words = read_po(file)
    assert [word.value for word in TICKET_STATES] == [*TicketState]
    for word in TICKET_STATES:
        message = words.get(f"ticket_state:{word.value}")
        assert message is not None
        assert re.fullmatch(re.escape(str(message.string)) + "(（.+）)?", word.says.say(language)), word.value
    assert len({word.says.say(language) for word in TICKET_STATES}) == len(TICKET_STATES)


# --- units and limits -------------------------------------------------------------------------------------------


def test_every_unit_is_one_that_grafana_has() -> None:
    from grafana_foundation_sdk.models import units

    known = {value for value in vars(units).values() if isinstance(value, str)}
    for metric in METRICS.values():
        for text in (unit_of(metric).zh, unit_of(metric).en):
            assert text in known or text.startswith("suffix: "), metric.name


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("temperature", "celsius", "celsius"),
        ("occupancy", "suffix: 人", "suffix: people"),
        ("starts_per_hour", "suffix: 次/h", "suffix: /h"),
        ("gas_lel", "suffix: %LEL", "suffix: %LEL"),
        ("flow", "suffix: m³/h", "suffix: m³/h"),
        ("running", "none", "none"),
    ],
)
def test_units_as_people_read_them(name: str, zh: str, en: str) -> None:
    assert unit_of(METRICS[name]) == Name(zh=zh, en=en)


def rule(side: Side, setpoint: float, priority: Priority) -> Rule:
    return Rule(
        id="r", facility_kind="x", failure_mode="y", kind=RuleKind.LIMIT, priority=priority, metric="chlorine",
        side=side, setpoint=setpoint,
    )  # fmt: skip


def test_colours_follow_the_rules() -> None:
    rules = [
        rule(Side.LOW, 0.3, Priority.HIGH),
        rule(Side.HIGH, 1.0, Priority.LOW),
        rule(Side.HIGH, 3.0, Priority.SAFETY),
    ]
    steps = limits(METRICS["chlorine"], rules)
    assert [step.at for step in steps] == [None, 0.0, 0.3, 1.0, 3.0, 20.01]
    doubtful, low, good, high, worst, beyond = [step.colour for step in steps]
    assert doubtful == beyond
    assert low == worst
    assert len({doubtful, low, good, high}) == 4


def test_colours_agree_with_what_the_rules_judge() -> None:
    """Every preset limit: a value that breaks it never has the colour of a good one."""
    from hub.domain.rules import judge

    for preset in load_catalogue().rules.values():
        if preset.kind is not RuleKind.LIMIT:
            continue
        metric = METRICS[preset.metric]
        steps = limits(metric, [preset])
        good = next(s.colour for s in limits(metric) if s.at == metric.low)
        broken = preset.setpoint + (1e-6 if preset.side is Side.HIGH else -1e-6)
        shown = [s.colour for s in steps if s.at is None or s.at <= broken][-1]
        assert judge(preset, broken).condition is Condition.OVER
        assert shown != good, preset.id
