"""How each look of ours is drawn: Grafana's panels, set up once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dashboards.model import Look


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


LOOKS: Final[dict[Look, Callable[[], Any]]] = {
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
