"""The manual's page of dashboards names the figures, with their formulas, that there are."""

from __future__ import annotations

import pytest

from hub.domain.kpi import KPIS
from hub.domain.kpi_places import COUNTS
from hub.domain.series_names import ALARM_EVENT, FACILITY_HOUR, HUB_HEALTH, KPI_HOUR, TICKET_EVENT
from tests.docs.pages import code_words, page, rows, section


@pytest.mark.parametrize(
    ("name", "heading", "language"),
    [("dashboards.md", "## The figures", "en"), ("dashboards.zh-CN.md", "## 指标与公式", "zh-CN")],
)
def test_every_figure_stands_there_with_its_formula(name: str, heading: str, language: str) -> None:
    told = {code_words(row[0])[0]: row[1] for row in rows(section(page(f"docs/manual/{name}"), heading))}
    sign = "：" if language == "zh-CN" else ": "
    assert told == {k.id: f"{k.title.say(language)}{sign}{k.formula.say(language)}" for k in KPIS.values()}


def test_every_measurement_beside_readings_is_described() -> None:
    found = rows(section(page("docs/manual/dashboards.md"), "## What they read"))
    assert [code_words(row[0])[0] for row in found] == [ALARM_EVENT, TICKET_EVENT, KPI_HOUR, FACILITY_HOUR, HUB_HEALTH]
    assert code_words(found[-2][3]) == list(COUNTS)
