"""From our dashboards to Grafana's JSON. The only module that knows Grafana's SDK, which is imported at first use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from dashboards.model import (
    Board,
    Look,
    Note,
    Override,
    Panel,
    Query,
    Section,
    Source,
    Threshold,
    Variable,
    Word,
    uid,
)
from hub.domain.places import Name

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as models

LABEL: Final = "community-hub"
"""Grafana's tag of every dashboard that is ours; with the language behind it, of those that belong together."""
COLUMNS: Final = 24
_EVERYTHING: Final = "$__all"
_INFLUX: Final = "influxdb"
_THROUGH: Final = "${__url_time_range}&${community:queryparam}&var-ds=${ds}"
"""What a link to another dashboard takes along."""


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
        made = made.with_variable(_variable(variable, language))
    for note in board.notes:
        made = made.annotation(_note(note, language))
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
        _LOOKS[panel.look]()
        .id(number)
        .grid_pos(place)
        .title(panel.title.say(language))
        .description(panel.about.say(language))
        .datasource(_data_source())
        .unit(panel.unit.say(language))
        .no_value("–")
    )
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(_Target(query, letter, language))
    made = _values(made, panel, language)
    if panel.link:
        made = made.data_links([_data_link(panel.link, language)])
    if panel.least_step:
        made = made.interval(panel.least_step)
    if panel.repeat:
        made = made.repeat(panel.repeat).repeat_direction("h").max_per_row(2)
    for change in _newest_by(panel.newest_by) if panel.newest_by else ():
        made = made.with_transformation(change)
    for override in panel.overrides:
        made = made.override_by_regexp(override.pattern, _properties(override, language))
    return made.build()  # type: ignore[no-any-return]


def _values(made: Any, panel: Panel, language: str) -> Any:
    """How the panel's values are coloured, worded and bounded."""
    if panel.thresholds:
        made = made.thresholds(_thresholds(panel.thresholds))
    if panel.words:
        made = made.mappings([_mapping(panel.words, language)])
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


# --- looks ------------------------------------------------------------------------------------------------------


def _course() -> Any:
    from grafana_foundation_sdk.builders import common, timeseries
    from grafana_foundation_sdk.models import common as enums

    return (
        timeseries.Panel()
        .draw_style(enums.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(8)
        .show_points(enums.VisibilityMode.AUTO)
        .span_nulls(False)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(enums.GraphThresholdsStyleMode.DASHED))
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(enums.TooltipDisplayMode.MULTI).sort(enums.SortOrder.DESCENDING))
    )


def _bars() -> Any:
    from grafana_foundation_sdk.builders import common, timeseries
    from grafana_foundation_sdk.models import common as enums

    return (
        timeseries.Panel()
        .draw_style(enums.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .stacking(common.StackingConfig().mode(enums.StackingMode.NORMAL).group("A"))
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(enums.TooltipDisplayMode.MULTI).sort(enums.SortOrder.DESCENDING))
    )


def _number() -> Any:
    from grafana_foundation_sdk.builders import stat
    from grafana_foundation_sdk.models import common as enums

    return (
        stat.Panel()
        .reduce_options(_reduced("lastNotNull"))
        .graph_mode(enums.BigValueGraphMode.NONE)
        .color_mode(enums.BigValueColorMode.VALUE)
    )


def _ranking() -> Any:
    from grafana_foundation_sdk.builders import bargauge
    from grafana_foundation_sdk.models import common as enums

    return (
        bargauge.Panel()
        .reduce_options(_reduced("lastNotNull"))
        .orientation(enums.VizOrientation.HORIZONTAL)
        .display_mode(enums.BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
    )


def _states() -> Any:
    from grafana_foundation_sdk.builders import statetimeline
    from grafana_foundation_sdk.models import common as enums

    return (
        statetimeline.Panel()
        .show_value(enums.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(_legend())
    )


def _checks() -> Any:
    from grafana_foundation_sdk.builders import statushistory
    from grafana_foundation_sdk.models import common as enums

    return (
        statushistory.Panel().show_value(enums.VisibilityMode.NEVER).row_height(0.9).fill_opacity(90).legend(_legend())
    )


def _heat() -> Any:
    from grafana_foundation_sdk.builders import heatmap
    from grafana_foundation_sdk.models import common as enums

    return heatmap.Panel().calculate(True).show_value(enums.VisibilityMode.NEVER).cell_gap(1).show_legend()


def _table() -> Any:
    from grafana_foundation_sdk.builders import table

    return table.Panel().show_header(True).filterable(True)


_LOOKS: Final[dict[Look, Callable[[], Any]]] = {
    Look.COURSE: _course,
    Look.BARS: _bars,
    Look.NUMBER: _number,
    Look.RANKING: _ranking,
    Look.STATES: _states,
    Look.CHECKS: _checks,
    Look.HEAT: _heat,
    Look.TABLE: _table,
}


def _legend() -> Any:
    from grafana_foundation_sdk.builders import common
    from grafana_foundation_sdk.models import common as enums

    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(enums.LegendDisplayMode.LIST)
        .placement(enums.LegendPlacement.BOTTOM)
        .calcs([])
    )


def _reduced(how: str) -> Any:
    from grafana_foundation_sdk.builders import common

    return common.ReduceDataOptions().values(False).calcs([how]).fields("")


# --- parts of panels --------------------------------------------------------------------------------------------


def _data_source() -> Any:
    from grafana_foundation_sdk.models.common import DataSourceRef

    return DataSourceRef(type_val=_INFLUX, uid="${ds}")


class _Target:
    """A query as Grafana's InfluxDB data source takes it; the SDK has no builder for it."""

    def __init__(self, query: Query, letter: str, language: str) -> None:
        self._made = {
            "refId": letter,
            "datasource": {"type": _INFLUX, "uid": "${ds}"},
            "query": _in_language(query.text, language),
            "rawQuery": True,
            "resultFormat": "table" if query.table else "time_series",
        }
        if query.alias:
            self._made["alias"] = query.alias

    def build(self) -> Any:
        """As the SDK's builders do."""
        return self

    def to_json(self) -> dict[str, object]:
        """As the SDK's models do."""
        return dict(self._made)


class _NoteTarget(_Target):
    """A query whose rows are marks."""

    def __init__(self, note: Note, language: str) -> None:
        super().__init__(Query(text=note.query, table=True), "Note", language)
        self._made |= {"fromAnnotations": True, "textColumn": note.text.say(language), "tagsColumn": note.tags}


def _note(note: Note, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk

    return (
        sdk.AnnotationQuery()
        .name(note.title.say(language))
        .datasource(_data_source())
        .enable(note.shown)
        .icon_color(note.colour)
        .target(cast(Any, _NoteTarget(note, language)))
    )


def _in_language(query: str, language: str) -> str:
    return query.replace("{title}", Name(zh="title_zh", en="title_en").say(language))


def _mapping(words: Iterable[Word], language: str) -> models.ValueMap:
    from grafana_foundation_sdk.models import dashboard as models

    return models.ValueMap(
        options={
            word.value: models.ValueMappingResult(text=word.says.say(language), color=word.colour or None, index=index)
            for index, word in enumerate(words)
        }
    )


def _thresholds(steps: Iterable[Threshold]) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    made = [models.Threshold(value=each.at, color=each.colour) for each in steps]
    return sdk.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _properties(override: Override, language: str) -> list[models.DynamicConfigValue]:
    from grafana_foundation_sdk.models import dashboard as models

    found: list[tuple[str, object]] = []
    if override.title is not None:
        found.append(("displayName", override.title.say(language)))
    if override.unit is not None:
        found.append(("unit", override.unit.say(language)))
    if override.decimals is not None:
        found.append(("decimals", override.decimals))
    if override.words:
        found.append(("mappings", [_mapping(override.words, language).to_json()]))
    if override.thresholds:
        found.append(("thresholds", _thresholds(override.thresholds).build().to_json()))
    if override.link:
        found.append(("links", [_data_link(override.link, language).build().to_json()]))
    if override.hidden:
        found.append(("custom.hidden", True))
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in found]


def _data_link(link: str, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk

    title, address = Name(zh="打开", en="Open").say(language), link
    if link.startswith("board:"):
        board, _, query = link.removeprefix("board:").partition("?")
        address = f"/d/{uid(board, language)}?{query}&{_THROUGH}"
    return sdk.DashboardLink(title).url(address).target_blank(not link.startswith("board:"))


# --- variables --------------------------------------------------------------------------------------------------


def _variable(variable: Variable, language: str) -> Any:
    return _SOURCES[variable.source](variable, language)


def _of_data_sources(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    chosen = models.VariableOption(selected=False, text=LABEL, value=LABEL)
    return (
        sdk.DatasourceVariable(variable.name).label(variable.title.say(language)).type(variable.query).current(chosen)
    )


def _of_query(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    made = (
        sdk.QueryVariable(variable.name)
        .label(variable.title.say(language))
        .datasource(_data_source())
        .query(variable.query)
        .definition(variable.query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.NATURAL_ASC)
    )
    return _several(made, language) if variable.many else made


def _of_list(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk
    from grafana_foundation_sdk.models import dashboard as models

    options = [
        models.VariableOption(
            selected=choice.value == variable.current, text=choice.says.say(language), value=choice.value
        )
        for choice in variable.choices
    ]
    listed = ", ".join(f"{_listed(str(option.text))} : {_listed(str(option.value))}" for option in options)
    made = sdk.CustomVariable(variable.name).label(variable.title.say(language)).values(listed).options(options)
    if variable.many:
        return _several(made, language)
    return made.current(next(option for option in options if option.value == variable.current))


def _listed(text: str) -> str:
    """A part of a list that is written in one line."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(" : ", " – ")


def _of_constant(variable: Variable, language: str) -> Any:
    from grafana_foundation_sdk.builders import dashboard as sdk

    return sdk.ConstantVariable(variable.name).label(variable.title.say(language)).value(variable.query)


def _several(made: Any, language: str) -> Any:
    from grafana_foundation_sdk.models import dashboard as models

    everything = Name(zh="全部", en="All").say(language)
    chosen = models.VariableOption(selected=True, text=[everything], value=[_EVERYTHING])
    return made.multi(True).include_all(True).all_value(".*").current(chosen)


_SOURCES: Final[dict[Source, Callable[[Variable, str], Any]]] = {
    Source.DATA_SOURCE: _of_data_sources,
    Source.QUERY: _of_query,
    Source.LIST: _of_list,
    Source.CONSTANT: _of_constant,
}
