"""Kinds side by side, the course of alarms, doubtful readings, what a store did not take, and figures that are old."""

from __future__ import annotations

import re

import pytest

from hub.clock import DAY, HOUR, MINUTE, to_iso
from hub.domain.metrics import METRICS
from hub.errors import StoreUnavailable
from hub.flows.series import QueryInterrupted
from hub.flows.unstored import WhyRefused
from hub.storage.influx.refusals import why_refused
from hub.storage.tables import alarms, tickets
from hub.web.figures.side_by_side import MOST_METRICS, cell, columns
from hub.web.picture import views_of
from hub.web.telling import Teller
from hub.words import load
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME
from tests.web.fakes.views import burden

OLD = (NOW - NOW % (15 * MINUTE) - 30 * HOUR, NOW - NOW % (15 * MINUTE) - 28 * HOUR)


@pytest.fixture
def busy(web: Browser) -> Browser:
    burden(web.hub)
    return web


def page(web: Browser, path: str, *, login: str = "manager", language: str = "en", status: int = 200) -> str:
    client = web.anonymous(accept="text/html", authorization=f"Bearer {login}-token", **{"accept-language": language})
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.text.replace("&#39;", "'")


def rows(text: str) -> list[str]:
    """Of all tables, without tags."""
    found = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)</tr>", text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in found]


def row(text: str, of: str) -> str:
    return next(row for row in rows(text) if row.startswith(of))


# --- figures from before late readings came


def test_old_figures_are_marked_in_charts_and_for_programs(web: Browser) -> None:
    assert "Not recomputed" not in page(web, "/facilities/gym?range=7d")
    web.hub.series.old.append(OLD)
    for path in ("/facilities/gym?range=7d", "/figures/energy", "/figures/use", "/figures/kinds/gym"):
        text = page(web, path)
        assert "Not recomputed:" in text
        assert "the server does not give them back" in text
    assert "未能重算：" in page(web, "/figures/use", language="zh-CN")
    for path in ("/facilities/gym?range=7d", "/figures/energy"):
        text = page(web, path)
        marks = re.findall(r'<rect class="old" [^>]*fill="url\(#(old-[^)]+)\)"', text)
        assert marks
        assert sorted(set(marks)) == sorted(re.findall(r'<pattern id="(old-[^"]+)"', text)), (
            "each chart has its own hatch"
        )


def test_a_program_is_told_where_values_are_old(web: Browser) -> None:
    web.hub.series.old.append(OLD)
    question = f"/api/v1/series?facility=gym&metric=occupancy&step=1h&start={to_iso(NOW - 2 * DAY)}&end={to_iso(NOW)}"
    client = web.program("viewer")
    assert client.get(question).json()["not_recomputed"] == [{"start": to_iso(OLD[0]), "end": to_iso(OLD[1])}]
    told = client.get("/api/openapi.json").json()["components"]["schemas"]["SeriesOut"]["properties"]["not_recomputed"]
    assert "late readings" in told["description"]


# --- what a store did not take


def test_refused_lines_are_listed_with_day_point_reason_and_what_to_do(busy: Browser) -> None:
    text = page(busy, "/health/refused", login="admin")
    old, wrong, nobody, cells = rows(text)
    assert re.search(r"14 Oct 2026 Gym air CO₂ 12 Older than the server keeps readings Lengthen the retention", old)
    assert "Give the hub a bucket of its own" in wrong
    assert "field type conflict" in wrong
    assert nobody.startswith("— No point: alarms, tickets or figures 1 The server refuses this line")
    assert "<b>unable to parse</b>" not in text, "an answer is no markup"
    assert re.search(r"22 Nov 2026 .*04:15 – 05:00, 05:30 – 05:45.*query would exceed", cells)
    assert "hub series redrive" in text
    assert "请延长 bucket" in page(busy, "/health/refused", language="zh-CN")


def test_refused_lines_are_for_those_who_may_see_the_community(busy: Browser) -> None:
    assert "No point" not in page(busy, "/health/refused"), "what is of no point is of no community"
    assert len(rows(page(busy, "/health/refused"))) == 3
    assert "Every reading was stored" in page(busy, "/health/refused", login="stranger")
    page(busy, "/health/refused", login="viewer", status=403)


def test_nothing_refused_and_a_list_that_cannot_be_read(web: Browser) -> None:
    assert "Every reading was stored" in page(web, "/health/refused")

    def away(*_: object) -> None:
        raise StoreUnavailable("series positions x cannot be used: disk I/O error")

    object.__setattr__(web.hub.deps, "unstored", away)
    text = page(web, "/health/refused")
    assert "disk I/O error" in text
    assert "Every reading was stored" not in text


def test_the_servers_word_tells_what_to_mend() -> None:
    for status, answer, why in (
        (0, "InfluxDB stores neither infinity nor what is no number", WhyRefused.NOT_FINITE),
        (
            0,
            "older than the server keeps points (48 h): lengthen its retention, then send it again",
            WhyRefused.TOO_OLD,
        ),
        (400, "partial write: points beyond retention policy dropped=1", WhyRefused.TOO_OLD),
        (422, "failure writing points: unprocessable entity: field type conflict", WhyRefused.WRONG_TYPE),
        (400, "unable to parse 'x'", WhyRefused.OTHER),
    ):
        assert why_refused(status, answer) is why


# --- kinds


def test_a_kind_has_its_facilities_side_by_side_those_in_alarm_first(web: Browser) -> None:
    text = page(web, "/figures/kinds/sump")
    registry = web.hub.deps.registrar.current
    assert len(rows(text)) == sum(f.kind == "sump" for f in registry.facilities.values())
    alarm = web.hub.alarms["sump"]
    assert rows(text)[0].startswith(registry.facilities[HOME, alarm.facility].name.en)
    assert re.search(r"Alarm .*2\.84 m.* 1 High 1$", rows(text)[0])
    assert re.search(r"Normal .* 0 0$", rows(text)[-1])
    last = max(f.id for f in registry.facilities.values() if f.kind == "sump")
    web.hub.live.silent_devices.update(d for (d, _), spans in registry.bindings.items() if spans[-1].facility == last)
    second = rows(page(web, "/figures/kinds/sump"))[1]
    assert second.startswith(registry.facilities[HOME, last].name.en), "what is unknown comes next"
    assert "Unknown" in second


def test_several_points_of_a_metric_are_one_cell(web: Browser) -> None:
    hub, registry = web.hub, web.hub.deps.registrar.current
    laundry = next(f for f in registry.facilities.values() if f.kind == "laundry")
    hub.live.silent_devices.clear()
    bound = web.app.state.bound.of(registry, NOW)
    keys = [point.key for point in bound[HOME, laundry.id] if point.binding.metric_name() == "running"]
    for number, key in enumerate(keys):
        hub.live.pin(key, float(number < 2))
    hub.live.silent_devices.add(keys[-1].device)
    say = Teller("en", load()["en"], "Asia/Shanghai", NOW)
    (view,) = views_of([laundry], bound, hub.live, {})
    kind = hub.deps.catalogue.kinds["laundry"]
    assert columns(kind, [view])[0].name == "running"
    assert len(columns(kind, [view])) <= MOST_METRICS
    assert cell(METRICS["running"], view, say) == (f"running 2 / {len(keys) - 1}", len(keys), 1)
    assert cell(METRICS["co2"], view, say) == ("—", 0, 0)
    hub.live.silent_devices.update(key.device for key in keys)
    (view,) = views_of([laundry], bound, hub.live, {})
    silent = cell(METRICS["running"], view, say)
    assert (silent.text, silent.known) == ("Unknown", False)


def test_kinds_filters_scope_and_trouble(web: Browser) -> None:
    registry = web.hub.deps.registrar.current
    text = page(web, "/figures/kinds")
    assert re.search(r"12 1 Alarm 11 Normal 1 1$", row(text, "Lift"))
    assert len(rows(text)) == len({f.kind for f in registry.facilities.values()})
    sent = web.program("manager").get(f"/figures/kinds?community={HOME}&kind=lift&building=b2&range=30d")
    assert sent.headers["location"] == f"/figures/kinds/lift?community={HOME}&kind=&building=b2&grid=&range=30d"
    assert len(rows(page(web, sent.headers["location"]))) == 2
    mine = {f.name.en for f in registry.facilities.values() if f.grid == "grid-1" and f.kind == "lift"}
    assert len(rows(page(web, "/figures/kinds/lift", login="steward"))) == len(mine)
    assert "No facility matches" in page(web, "/figures/kinds/lift", login="stranger")
    page(web, "/figures/kinds/no-such", status=404)
    page(web, f"/figures/kinds/lift?community={HOME}", login="stranger", status=404)
    assert "9 % 2 % unknown" in row(page(web, "/figures/kinds/laundry"), "Laundry")
    web.hub.series.trouble = QueryInterrupted("the question took too long")
    text = page(web, "/figures/kinds/laundry")
    assert "the question took too long" in text
    assert rows(text), "what is live stays"


# --- alarms


def test_the_course_of_alarms(busy: Browser) -> None:
    text = page(busy, "/figures/alarms?range=7d")
    heads = re.sub(r"<[^>]+>", "", text.split('class="figures"')[1].split("</p>")[0])
    assert "54 alarms raised" in heads
    assert "most in ten minutes 12" in heads
    assert "time in flood 40 minutes" in heads
    assert "flood: more than 10" in text
    lift = busy.hub.deps.catalogue.kinds["lift"].name.en
    assert f"{lift} 13 1" in row(text, "Car moving with door open")
    assert re.search(rf"{lift} 13 24 %", row(text, lift))
    active = [found for found in rows(text) if "now" in found or "–" in found]
    assert re.search(r"Phase lost Power room 1 · .* Medium 2 days 2 hours 1 .*– now", active[0])
    assert "The records begin at" in text
    assert "60 days" not in text, "what late data told is not counted"


def test_filters_and_scope_of_the_course_of_alarms(busy: Browser) -> None:
    assert "13 alarms raised" in re.sub(r"<[^>]+>", "", page(busy, "/figures/alarms?kind=lift&range=30d"))
    assert "No alarm in this span" in page(busy, "/figures/alarms?kind=gym")
    registry = busy.hub.deps.registrar.current
    mine = {f.id for f in registry.facilities.values() if f.grid == "grid-1"}
    shown = set(re.findall(r'href="/facilities/([^"?]+)', page(busy, "/figures/alarms", login="steward")))
    assert shown <= mine
    page(busy, f"/figures/alarms?community={HOME}", login="stranger", status=404)
    page(busy, "/figures/alarms?range=1y", status=422)


def test_more_alarms_than_are_read_are_said(busy: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.figures.alarms.MOST_TURNS", 4)
    assert "More happened than is read at once" in page(busy, "/figures/alarms")


def test_no_record_is_not_no_alarm(web: Browser) -> None:
    web.hub.records.write(lambda books: [books.connection.execute(table.delete()) for table in (tickets, alarms)])
    text = page(web, "/figures/alarms")
    assert "Nothing is recorded of this" in text
    assert "alarms raised" not in text


# --- quality


def test_doubtful_readings_those_of_now_first(busy: Browser) -> None:
    text = page(busy, "/figures/quality")
    first, second = rows(text)[:2]
    assert re.search(r"^Gym .* uncertain 900 ", first)
    assert re.search(r"^Gym .* simulated 0 ", second)
    assert "2 of" in re.sub(r"<[^>]+>", "", text)
    assert {found.split()[0] for found in rows(page(busy, "/figures/quality?kind=pool"))} == {"Swimming"}
    assert "Every reading is good" in page(busy, "/figures/quality?kind=lift")
    assert "No sensor speaks for these facilities" in page(busy, "/figures/quality", login="stranger")
    page(busy, f"/figures/quality?community={HOME}", login="stranger", status=404)


def test_a_store_that_is_away_leaves_what_is_live(busy: Browser) -> None:
    busy.hub.series.trouble = QueryInterrupted("the question took too long")
    text = page(busy, "/figures/quality")
    assert "the question took too long" in text
    assert len(rows(text)) == 2
    busy.hub.live.quality.clear()
    assert "Every reading is good" not in page(busy, "/figures/quality"), "nobody can tell"
