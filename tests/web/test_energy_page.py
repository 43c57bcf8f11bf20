"""The page of energy and water: rises by day on the zone's clock, unknown days as unknown, the caller's scope."""

from __future__ import annotations

import numpy as np

from hub.clock import DAY, HOUR, from_iso
from hub.domain.places import Binding, Facility, Name
from hub.flows.batch import PointKey
from hub.flows.series import QueryInterrupted, Window
from hub.web.use.amounts import Consumption, consumption, meters_of
from hub.web.use.choice import Spoken
from tests.web.conftest import Browser

FIRST = from_iso("2026-11-20T00:00:00+08:00")
OFFSET = 8 * HOUR


def facility(name: str, kind: str = "pump_room") -> Facility:
    return Facility(community="c", id=name, kind=kind, name=Name(zh="", en=""))


def told(device: str, of: str, *, since: int = 0, until: int | None = None) -> Spoken:
    binding = Binding(community="c", device=device, point="energy", facility=of, valid_from=since, valid_to=until)
    return Spoken(PointKey("c", device, "energy"), binding)


def readings(device: str, *said: tuple[float, float]) -> dict[PointKey, Window]:
    """(days since the first midnight, value)"""
    times, values = zip(*said, strict=True)
    return {
        PointKey("c", device, "energy"): Window(
            time=np.array([FIRST + round(day * DAY) for day in times], np.int64), value=np.array(values)
        )
    }


def of(spoke: dict[str, list[Spoken]], found: dict[PointKey, Window], days: int = 3) -> Consumption:
    meters = meters_of([facility(name) for name in spoke], spoke, FIRST + days * DAY)
    return consumption(meters, found, first=FIRST, days=days, offset_ms=OFFSET)


def test_a_day_is_what_the_counter_rose_since_the_day_before() -> None:
    found = readings("a", (-0.1, 100.0), (0.4, 110.0), (0.9, 130.0), (1.5, 135.0), (2.0, 140.0))
    assert [day.amount for day in of({"f": [told("a", "f")]}, found).days] == [30, 5, 5]


def test_a_silent_day_is_unknown_and_its_amount_comes_with_the_next() -> None:
    found = readings("a", (0.1, 100.0), (0.9, 110.0), (2.5, 150.0)) | readings("b", (0.1, 7.0), (1.1, 8.0), (2.2, 9.0))
    both = of({"f": [told("a", "f")], "g": [told("b", "g")], "h": [told("c", "h")]}, found)
    assert [(day.amount, day.heard) for day in both.days] == [(10, 2), (1, 1), (41, 2)]
    assert [(one.facility.id, one.amount, one.unknown_days) for one in both.facilities] == [
        ("f", 50, 1), ("g", 2, 0), ("h", None, 3),
    ]  # fmt: skip
    assert [(one.amount, one.known, one.facilities) for one in both.kinds] == [(52, 2, 3)]
    alone = of({"f": [told("a", "f")]}, found)
    assert alone.days[1].amount is None
    assert alone.chart is not None
    assert len(alone.chart.gaps) == 1


def test_a_meter_counts_for_a_facility_only_while_it_spoke_for_it() -> None:
    moved = FIRST + DAY
    found = readings("a", (0.1, 0.0), (0.9, 5.0), (1.1, 6.0), (1.9, 500.0)) | readings("b", (1.1, 40.0), (1.9, 43.0))
    spoke = [told("a", "f", until=moved), told("b", "f", since=moved)]
    exchanged = of({"f": spoke}, found, days=2)
    assert [day.amount for day in exchanged.days] == [5, 3]
    assert exchanged.facilities[0].unknown_days == 0
    assert exchanged.meters == 1


def test_nothing_heard_is_no_zero() -> None:
    silent = of({"f": [told("a", "f")]}, {})
    assert (silent.total, silent.chart) == (None, None)


def test_the_page_shows_each_kind_of_meter_with_its_unit(web: Browser) -> None:
    client, _ = web.person("viewer", "zh-CN")
    page = client.get("/figures/energy?range=30d").text
    assert web.hub.series.asked == 1
    assert "kWh 每天" in page
    assert "m³ 每天" in page
    assert page.count('class="bar-of"') >= 60
    registry = web.hub.deps.registrar.current
    web.hub.series.silent.update(device for device, _ in registry.bindings)
    page = client.get("/figures/energy").text
    assert "未知" in page
    assert 'class="bar-of"' not in page


def test_scope_and_filters(web: Browser) -> None:
    registry = web.hub.deps.registrar.current
    client, _ = web.person("steward")
    client.get("/figures/energy")
    asked = web.hub.series.asked_for
    bound = {binding.facility for key in asked for binding in registry.bindings[key.device, key.name]}
    assert bound
    assert {registry.facilities["harmony-garden", one].grid for one in bound} == {"grid-1"}
    client, _ = web.person("stranger")
    assert "No meter" in client.get("/figures/energy").text
    assert client.get("/figures/energy?community=harmony-garden").status_code == 404
    assert web.anonymous(accept="text/html").get("/figures/energy").status_code == 303


def test_a_store_that_is_away_leaves_the_page(web: Browser) -> None:
    client, _ = web.person("viewer")
    web.hub.series.trouble = QueryInterrupted("the question took too long")
    answer = client.get("/figures/energy")
    assert answer.status_code == 200
    assert "the question took too long" in answer.text
    assert "No meter" not in answer.text
