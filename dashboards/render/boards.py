"""A dashboard as Grafana's JSON: panels in their places, links, variables and marks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from dashboards.model import Board, Panel, Section, uid
from dashboards.render.looks import LOOKS
from dashboards.render.parts import Target, chosen_source, data_link, mapping, note_of, properties, thresholds
from dashboards.render.variables import variable_of
from hub.domain.places import Name

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models

LABEL: Final = "community-hub"
"""Grafana's tag of every dashboard that is ours; with the language behind it, of those that belong together."""
COLUMNS: Final = 24


def text_of(board: Board, language: str) -> str:
    """A dashboard as a file: the same bytes for the same definition, and a panel a line, so that changes can be read."""
    made = json_of(board, language)
    panels = ",\n".join(json.dumps(panel, ensure_ascii=False, sort_keys=True) for panel in made.pop("panels"))
    rest = json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True).removesuffix("\n}")
    return f'{rest},\n "panels": [\n{panels}\n ]\n}}\n'


def json_of(board: Board, language: str) -> dict[str, Any]:
    """A dashboard as Grafana takes it."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    made: dict[str, Any] = json.loads(JSONEncoder().encode(_dashboard(board, language)))
    for shown in (*made["links"], *made["annotations"].get("list", ())):
        shown.pop("placement", None)  # the SDK would put them into a menu; they belong at the top
    for variable in made["templating"]["list"]:
        variable.pop("auto", None)  # of interval variables, which there are none of
    return made


def _dashboard(board: Board, language: str) -> models.Dashboard:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    made = (
        sdk.Dashboard(board.title.say(language))
        .uid(uid(board.name, language))
        .description(board.about.say(language))
        .tags([LABEL, f"{LABEL}-{language}", *(f"{label}-{language}" for label in board.labels)])
        .time(board.span, "now")
        .refresh(board.refresh)
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
    )
    for variable in board.variables:
        made = made.with_variable(variable_of(variable, language))
    for note in board.notes:
        made = made.annotation(note_of(note, language))
    for link in _links(language):
        made = made.link(link)
    whole = made.build()
    whole.panels = list(_placed(board.sections, language))
    return whole


def _links(language: str) -> Iterator[Any]:
    """To the other dashboards, to those of the kinds, and to the hub's own pages."""
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models.dashboard import DashboardLinkType

    for title, label in (
        (Name(zh="全部看板", en="Dashboards"), f"{LABEL}-{language}"),
        (Name(zh="设施类型", en="Kinds"), f"facility-kind-{language}"),
    ):
        yield (
            sdk.DashboardLink(title.say(language))
            .type(DashboardLinkType.DASHBOARDS)
            .tags([label])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    pages = (
        (Name(zh="平台", en="Hub"), ""),
        (Name(zh="告警", en="Alarms"), "alarms"),
        (Name(zh="工单", en="Tickets"), "tickets"),
    )
    for title, page in pages:
        yield (
            sdk.DashboardLink(title.say(language))
            .type(DashboardLinkType.LINK)
            .icon("external link")
            .url(f"${{hub}}/{page}")
            .target_blank(True)
        )


# --- where panels stand -----------------------------------------------------------------------------------------


def _placed(sections: Iterable[Section], language: str) -> Iterator[Any]:
    """Rows and panels with ids and places: from left to right, from top to bottom, never one over another."""
    from grafana_foundation_sdk.models import dashboard as models

    number, top = 0, 0
    for section in sections:
        if not section.panels:
            continue
        number += 1
        row = models.RowPanel(
            collapsed=section.folded,
            title=section.title.say(language),
            grid_pos=models.GridPos(h=1, w=COLUMNS, x=0, y=top),
            id_val=number,
            panels=[],
        )
        yield row
        left, top, tallest = 0, top + 1, 0
        for panel in section.panels:
            if left + panel.width > COLUMNS:
                left, top, tallest = 0, top + tallest, 0
            number += 1
            made = _panel(panel, number, models.GridPos(h=panel.height, w=panel.width, x=left, y=top), language)
            left, tallest = left + panel.width, max(tallest, panel.height)
            if section.folded:
                row.panels.append(made)
            else:
                yield made
        top += tallest


def _panel(panel: Panel, number: int, place: models.GridPos, language: str) -> models.Panel:
    made = (
        LOOKS[panel.look]()
        .id(number)
        .grid_pos(place)
        .title(panel.title.say(language))
        .description(panel.about.say(language))
        .datasource(chosen_source())
        .unit(panel.unit.say(language))
        .no_value("–")
    )
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(Target(query, letter, language))
    made = _values(made, panel, language)
    if panel.link:
        made = made.data_links([data_link(panel.link, language)])
    if panel.least_step:
        made = made.interval(panel.least_step)
    if panel.repeat:
        made = made.repeat(panel.repeat).repeat_direction("h").max_per_row(2)
    for change in _newest_by(panel.newest_by) if panel.newest_by else ():
        made = made.with_transformation(change)
    for override in panel.overrides:
        made = made.override_by_regexp(override.pattern, properties(override, language))
    return made.build()  # type: ignore[no-any-return]


def _values(made: Any, panel: Panel, language: str) -> Any:
    """How the panel's values are coloured, worded and bounded."""
    if panel.thresholds:
        made = made.thresholds(thresholds(panel.thresholds))
    if panel.words:
        made = made.mappings([mapping(panel.words, language)])
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    if panel.low is not None:
        made = made.min(panel.low)
    return made.max(panel.high) if panel.high is not None else made


def _newest_by(column: str) -> Iterator[models.DataTransformerConfig]:
    """One row for each value of the column, with its newest time, the longest ago first."""
    from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

    fields = {
        column: {"aggregations": [], "operation": "groupby"},
        "Time": {"aggregations": ["max"], "operation": "aggregate"},
    }
    yield DataTransformerConfig(id_val="groupBy", options={"fields": fields})
    yield DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": "Time (max)"}]})
