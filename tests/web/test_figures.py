"""Figures of maintenance: of what a caller may see, unknown where nothing can be said, and the same for programs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hub.clock import DAY, HOUR, MINUTE, to_iso
from hub.domain.kpi import KPIS
from hub.domain.people import Role
from hub.storage.tables import alarms, tickets
from hub.web.figures.pages import first_day
from hub.web.telling import Teller
from hub.words import load
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

API = f"/api/v1/kpi?community={HOME}&start={to_iso(NOW - 30 * DAY)}&end={to_iso(NOW)}"


def figures(web: Browser, login: str = "manager", more: str = "") -> dict[tuple[str | None, str], tuple[Any, int]]:
    answer = web.program(login).get(API + more)
    assert answer.status_code == 200, answer.text
    return {(item["of"], item["kpi"]): (item["value"], item["n"]) for item in answer.json()["items"]}


def page(web: Browser, query: str = "", *, login: str = "manager", language: str = "en") -> str:
    client = web.anonymous(authorization=f"Bearer {login}-token", **{"accept-language": language})
    answer = client.get(f"/figures{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def cards(text: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd><b>([^<]+)</b>", text))


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_sees_tickets_finds_the_page(morning: Browser, role: Role) -> None:
    text = page(morning, login=role.value)
    assert '<a href="/figures" aria-current="page">' in text
    assert re.findall(r'href="(/figures[a-z/]*)"', text.split('<nav class="tabs all"')[1])[:3] == [
        "/figures",
        "/figures/energy",
        "/figures/use",
    ]


def test_what_the_records_say(morning: Browser) -> None:
    """The sump's ticket was reported 26 minutes ago and accepted 20 minutes ago; one from late data counts nowhere."""
    told = cards(page(morning))
    assert told["Tickets opened"] == "5"
    assert told["Mean time to accept"] == "6 minutes"
    assert told["Mean time to restore (MTTR)"] == "unknown"
    assert told["Completed but not fixed"] == "unknown"
    assert set(told) == {kpi.title.en for kpi in KPIS.values()}


def test_each_figure_has_its_formula_in_both_languages(morning: Browser) -> None:
    for language in ("en", "zh-CN"):
        text = page(morning, language=language).replace("&#39;", "'")
        assert [kpi.id for kpi in KPIS.values() if kpi.formula.say(language) not in text] == []


def test_before_the_records_begin_nothing_is_zero(morning: Browser) -> None:
    text = page(morning, "?period=90d")
    assert "what was before is unknown" in text
    opened = text.split("<strong>Tickets opened</strong>")[1].split("</figure>")[0]
    assert opened.count('class="bar-of"') == 3
    assert opened.count('class="gap"') == 87
    assert opened.count("<tr>") == 4


def test_no_record_at_all_is_said(web: Browser) -> None:
    web.hub.records.write(lambda books: [books.connection.execute(table.delete()) for table in (tickets, alarms)])
    text = page(web, language="zh-CN")
    assert "尚无相关记录" in text
    assert "<dt>" not in text
    assert {value for value, _ in figures(web, more="&by=kind").values()} == {None}


def test_a_grid_steward_has_the_figures_of_the_own_grid_alone(morning: Browser) -> None:
    registry = morning.hub.deps.registrar.current
    mine = [f for f in registry.facilities.values() if f.grid == "grid-1"]
    kept = [t for t in morning.hub.tickets.values() if not t.late and t.key.facility in {f.id for f in mine}]
    found = figures(morning, "steward", "&by=kind")
    assert found[None, "tickets_opened"] == (len(kept), len(kept))
    assert found[None, "availability"][1] == len(mine) < figures(morning)[None, "availability"][1]
    assert {of for of, _ in found} == {None, *(f.kind for f in mine)}
    assert found == {**figures(morning, more="&grid=grid-1&by=kind")}
    assert cards(page(morning, login="steward"))["Tickets opened"] == str(len(kept))


def test_another_community_does_not_exist(morning: Browser) -> None:
    assert morning.program("stranger").get(API).status_code == 404
    for query in ("", f"?community={HOME}"):
        assert morning.program("stranger").get(f"/figures{query}").status_code == 404
    assert morning.program("manager").get("/figures?community=<b>").status_code == 404


def test_kinds_and_crews_add_up_to_the_whole(morning: Browser) -> None:
    for by in ("kind", "crew"):
        found = figures(morning, more=f"&by={by}")
        opened = [value for (of, kpi), (value, _) in found.items() if of and kpi == "tickets_opened"]
        assert sum(opened) == found[None, "tickets_opened"][0] == 5
        assert len(opened) > 1
    assert found["engineering", "availability"] == (None, 0)


def test_a_kind_and_a_crew_narrow_it(morning: Browser) -> None:
    assert figures(morning, more="&kind=lift")[None, "tickets_opened"] == (1, 1)
    assert figures(morning, more="&kind=no-such")[None, "tickets_opened"] == (None, 0)
    assert figures(morning, more="&crew=no-such")[None, "tickets_opened"] == (None, 0)
    told = cards(page(morning, "?crew=water-crew&kind=sump"))
    assert told["Tickets opened"] == "1"
    assert "Availability" not in told


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        (f"&start={to_iso(NOW - 93 * DAY)}", "query/start"),
        (f"&end={to_iso(NOW - 31 * DAY)}", "query/end"),
        (f"&start={to_iso(NOW + HOUR)}&end={to_iso(NOW + 2 * HOUR)}", "query/end"),
        ("&by=person", "query/by"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(morning: Browser, more: str, pointer: str) -> None:
    answer = morning.program("manager").get(API + more)
    assert answer.status_code == 422
    assert [error["pointer"].lstrip("/") for error in answer.json()["errors"]] == [pointer]


def test_a_span_begins_at_midnight_of_the_community() -> None:
    """It is Monday, 23 November, in Shanghai."""
    midnight = NOW - 10 * HOUR - 27 * MINUTE
    for days, monday in ((0, midnight), (6, midnight), (-1, midnight - 7 * DAY)):
        say = Teller("en", load()["en"], "Asia/Shanghai", NOW + days * DAY)
        assert first_day("week", say) == monday
        assert first_day("30d", say) == midnight + (days - 29) * DAY
