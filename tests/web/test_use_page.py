"""The page of use: shares by the formulas it names, unknown time as such, one bounded question, the caller's scope."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hub.clock import DAY, HOUR, MINUTE
from hub.domain.health import Health, Status
from hub.domain.metrics import METRICS
from hub.domain.places import Binding, Facility, Name
from hub.flows.batch import PointKey
from hub.flows.registry import Registry
from hub.flows.series import QueryInterrupted, SeriesPlace, WeekHours
from hub.storage.catalogue import load_catalogue
from hub.web.use.choice import Spoken, fitting, spoken
from hub.web.use.heat import draw_hours
from hub.web.use.shares import Source, Use, source_of, together, uses
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

WEEK = 7 * DAY


def facility(kind: str = "gym", capacity: int | None = None) -> Facility:
    return Facility(community="c", id="f", kind=kind, name=Name(zh="", en=""), capacity=capacity)


def told(device: str, point: str, unit: str = "", *, since: int = 0, until: int | None = None) -> Spoken:
    binding = Binding(
        community="c", device=device, point=point, facility="f", unit=unit, valid_from=since, valid_to=until
    )
    return Spoken(PointKey("c", device, point), binding)


def table(*rows: tuple[str, float, int]) -> WeekHours:
    """(unit, mean at all hours, known ms of each hour of the week)"""
    return WeekHours(
        places=[SeriesPlace("c", "f", unit, "") for unit, _, _ in rows],
        mean=np.array([np.full((7, 24), mean if known else np.nan) for _, mean, known in rows]).reshape(-1, 7, 24),
        known_ms=np.array([np.full((7, 24), known, np.int64) for _, _, known in rows]).reshape(-1, 7, 24),
    )


def only(found: WeekHours, source: Source | None) -> Use:
    assert source is not None
    (use,) = uses(found, [source], WEEK)
    return use


def source(kind: str, *spoke: Spoken, capacity: int | None = None) -> Source | None:
    return source_of(facility(kind, capacity), load_catalogue().kinds[kind], spoke, WEEK)


def test_a_switch_is_time_on_by_time_known_over_all_units() -> None:
    washers = source("laundry", told("a", "m1.running", "m1"), told("b", "m2.running", "m2"))
    use = only(table(("m1", 0.5, HOUR), ("m2", 0.2, HOUR // 2), ("elsewhere", 1.0, HOUR)), washers)
    assert use.share == pytest.approx(0.4)
    assert use.unknown == pytest.approx(0.25)
    assert use.hours[3, 4] == pytest.approx(0.4)


def test_heads_are_counted_by_the_capacity_and_known_where_every_unit_is() -> None:
    halls = told("a", "north.occupancy", "north"), told("b", "south.occupancy", "south")
    counted = source("gym", *halls, capacity=40)
    use = only(table(("north", 6, HOUR), ("south", 4, HOUR)), counted)
    assert (use.share, use.unknown) == (pytest.approx(0.25), 0)
    use = only(table(("north", 6, HOUR)), counted)
    assert (use.share, use.unknown) == (None, 0.5)
    assert np.isnan(use.hours).all()
    assert source("gym", *halls) is None, "without a capacity a head count is no share"


def test_free_boxes_are_what_is_not_used() -> None:
    assert only(table(("", 30, HOUR)), source("parcel_locker", told("a", "free_boxes"), capacity=120)).share == 0.75


def test_nothing_known_is_unknown_and_never_idle() -> None:
    room = source("activity_room", told("a", "presence"))
    for found in (table(), table(("", 0.0, 0))):
        use = only(found, room)
        assert (use.share, use.unknown, use.busiest, use.parts) == (None, 1.0, None, (0.0, 0.0))
    idle = only(table(("", 0.0, HOUR)), room)
    assert (idle.share, idle.unknown, idle.busiest) == (0.0, 0.0, None)


def test_a_sensor_replaced_since_counts_for_its_time_and_only_once() -> None:
    registry = Registry(
        bindings={
            ("old", "presence"): (told("old", "presence", until=3 * DAY).binding,),
            ("new", "presence"): (told("new", "presence", since=3 * DAY).binding,),
            ("gone", "presence"): (told("gone", "presence", until=-DAY).binding,),
        }
    )
    spoke = spoken(registry, [facility("activity_room")], start=0, end=WEEK)["f"]
    room = source("activity_room", *spoke)
    assert room is not None
    assert {key.device for key in room.points} == {"old", "new"}
    assert only(table(("", 0.1, HOUR)), room).unknown == 0
    renamed = source("gym", told("a", "x.occupancy", "x", until=DAY), told("b", "y.occupancy", "y"), capacity=10)
    assert only(table(("x", 5, HOUR), ("y", 5, HOUR)), renamed).share == 0.5


def test_the_hours_of_all_are_their_mean_where_something_is_known() -> None:
    room = source("activity_room", told("a", "presence"))
    busy, silent = only(table(("", 0.6, HOUR)), room), only(table(), room)
    busy.hours[0, 0], silent.hours[0, 1] = np.nan, 0.2
    found = together([busy, silent])
    assert np.isnan(found[0, 0])
    assert (found[0, 1], found[6, 23]) == (pytest.approx(0.4), pytest.approx(0.6))


def test_the_map_hatches_what_is_unknown_and_shows_what_is_idle() -> None:
    hours = np.zeros((7, 24))
    hours[0, 0], hours[6, 23] = np.nan, 0.3
    drawn = draw_hours(hours)
    unknown, idle, darkest = drawn.cells[0], drawn.cells[1], drawn.cells[-1]
    assert (unknown.share, unknown.opacity) == (None, None)
    assert idle.opacity is not None
    assert idle.opacity > 0
    assert (drawn.top, darkest.weekday, darkest.hour) == (0.5, 6, 23)
    assert draw_hours(hours * 5).cells[-1].opacity == 1


def test_a_question_is_bounded_and_one_that_is_too_large_does_not_keep_the_others_out() -> None:
    def wants(count: int) -> Source:
        keys = tuple(PointKey("c", "d", str(number)) for number in range(count))
        return Source(facility(), METRICS["presence"], keys, ("",), 1)

    assert [len(one.points) for one in fitting([wants(6), wants(50), wants(4), wants(1)], 10)] == [6, 4]


def rows(page: str) -> dict[str, str]:
    """Facility -> its row."""
    return {row.split('"')[0].split("?")[0]: row for row in page.split('<th scope="row"><a href="/facilities/')[1:]}


def test_the_page_names_share_unknown_time_and_formula(web: Browser) -> None:
    client, _ = web.person("viewer")
    page = client.get("/figures/use").text
    assert web.hub.series.asked == 1
    gym = rows(page)["gym"]
    assert "Head count ÷ capacity 40" in gym
    assert re.search(r"<b>\d+ %</b>", gym)
    assert "2 %</td>" in gym, "three of 168 hours are unknown"
    assert page.count('fill="url(#unknown)"') == 3
    assert "Wed 02:00: unknown" in page
    assert "Time “running” ÷ time known" not in gym, "one formula for each facility"
    client.get("/figures/use?kind=activity_room")
    assert {key.name.rpartition(".")[2] for key in web.hub.series.asked_for} == {"presence"}


def test_a_facility_that_was_not_heard_is_unknown(web: Browser) -> None:
    registry = web.hub.deps.registrar.current
    web.hub.series.silent.update(d for (d, _), b in registry.bindings.items() if b[0].facility == "gym")
    client, _ = web.person("viewer")
    page = client.get("/figures/use").text
    assert '<b>unknown</b></td><td class="num">100 %' in rows(page)["gym"]
    assert list(rows(page))[-1] == "gym", "what is unknown comes last"
    assert "Nothing is known" in client.get("/figures/use?kind=gym").text


def test_the_scope_is_that_of_the_list_of_facilities(web: Browser) -> None:
    registry = web.hub.deps.registrar.current
    for login in ("steward", "stranger"):
        client, _ = web.person(login)
        shown = set(rows(client.get("/figures/use").text))
        mine = {f.id for f in registry.facilities.values() if login == "steward" and f.grid == "grid-1"}
        assert shown <= mine
        assert bool(shown) == bool(mine)
    assert "No facility tells its use" in client.get("/figures/use").text
    assert client.get(f"/figures/use?community={HOME}").status_code == 404
    assert web.anonymous(accept="text/html").get("/figures/use").status_code == 303


def test_filters_and_spans(web: Browser) -> None:
    client, _ = web.person("planner", "zh-CN")
    registry = web.hub.deps.registrar.current
    shown = rows(client.get(f"/figures/use?community={HOME}&kind=ev_charging&range=90d").text)
    assert {registry.facilities[HOME, one].kind for one in shown} == {"ev_charging"}
    shown = rows(client.get("/figures/use?grid=grid-2&building=b4").text)
    places = {(facility.grid, facility.building) for one in shown if (facility := registry.facilities[HOME, one])}
    assert places == {("grid-2", "b4")}
    page = client.get("/figures/use?kind=fire_door").text
    assert "没有设施能反映使用情况" in page
    assert "处设施没有能反映利用率的测点" in page
    assert client.get("/figures/use?range=400d").status_code == 422


def test_a_store_that_is_away_leaves_the_page(web: Browser) -> None:
    client, _ = web.person("viewer")
    web.hub.series.trouble = QueryInterrupted("the question took too long")
    answer = client.get("/figures/use")
    assert answer.status_code == 200
    assert "the question took too long" in answer.text
    assert 'name="kind"' in answer.text
    assert "No facility tells its use" not in answer.text
    facts = {"waiting_since": NOW - 5 * MINUTE, "lag_batches": 7}
    web.hub.health.append(Health(component="lane series", status=Status.DEGRADED, reason="waits", facts=facts))
    assert "7 batches wait" in client.get("/figures/use").text


def test_too_many_points_for_one_question_are_told(web: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.use.pages.fitting", lambda wanted: fitting(wanted, 12))
    client, _ = web.person("viewer")
    page = client.get("/figures/use").text
    assert len(web.hub.series.asked_for) <= 12
    assert "with too many sensors for one question" in page
