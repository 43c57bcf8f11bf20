"""The round of upkeep: what is due, building by building, on the page and for programs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from hub.flows.batch import PointKey
from hub.flows.series import QueryInterrupted, Window
from tests.web.conftest import Browser
from tests.web.fakes.hub import HOME

DOOR = f"{HOME}~lift-b3-2-door"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_page_in_both_languages(morning: Browser, language: str) -> None:
    answer = morning.anonymous(
        authorization="Bearer manager-token", accept="text/html", **{"accept-language": language}
    ).get("/devices/upkeep?days=366&need=battery")
    assert answer.status_code == 200, answer.text[-2000:]
    assert not re.search(r">\s*[a-z_]+:[a-z_0-9]+\s*<", answer.text), (
        "a key of a vocabulary is shown instead of its word"
    )


def due(web: Browser, query: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    answer = web.program("manager").get(f"/api/v1/devices/upkeep{query}").json()
    return {(item["device"].partition("~")[2], item["need"]): item for item in answer["items"]}


def test_the_round_lists_what_is_due_building_by_building(web: Browser) -> None:
    web.put(DOOR, sim_expires=date(2026, 12, 1), calibrated_until=date(2026, 11, 1), end_of_life=date(2030, 1, 1))
    pit = f"{HOME}~lift-b3-2-pit"
    web.hub.live.pin(PointKey(HOME, pit, "battery"), 12.0)
    found = due(web)
    sim, late, low = (
        found["lift-b3-2-door", "sim"],
        found["lift-b3-2-door", "calibration"],
        found["lift-b3-2-pit", "battery"],
    )
    assert (sim["building"], sim["due"], sim["overdue"], sim["why"]) == ("b3", "2026-12-01", False, "date")
    assert late["overdue"]
    assert (low["why"], low["value"], low["metric"], low["building"]) == ("low", 12.0, "battery", "b3")
    assert ("lift-b3-2-door", "end_of_life") not in found
    assert ("lift-b3-2-door", "sim") not in due(web, "?days=3")
    assert {need for _, need in due(web, "?need=calibration")} == {"calibration"}
    page = web.person("crew")[0].get("/devices/upkeep").text
    assert "Building 3" in page
    assert page.index("Building 3 lift 2 door") < page.index("Building 3 lift 2 pit")
    assert "overdue" in page


def test_a_battery_that_says_low_itself_counts_before_what_its_charge_foretells(
    web: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar, pit = web.hub.deps.registrar, f"{HOME}~lift-b3-2-pit"
    charge, low = PointKey(HOME, pit, "battery"), PointKey(HOME, pit, "battery_low")
    known = registrar.current
    spans = tuple(replace(span, point=low.name, metric="") for span in known.bindings[pit, charge.name])
    registrar.replace(replace(known, version=known.version + 1, bindings={**known.bindings, (pit, low.name): spans}))

    def falling(points: list[PointKey], *, start: int, end: int, width: int) -> dict[PointKey, Window]:
        times = np.arange(start, end, width, dtype=np.int64)
        return {key: Window(time=times, value=np.linspace(70.0, 40.0, times.size)) for key in points}

    monkeypatch.setattr(web.hub.series, "courses", falling)
    web.hub.live.pin(charge, 40.0)
    web.hub.live.pin(low, 0.0)
    assert due(web)["lift-b3-2-pit", "battery"]["why"] == "falling"
    web.hub.live.pin(low, 1.0)
    found = due(web)["lift-b3-2-pit", "battery"]
    assert (found["why"], found["metric"], found["value"]) == ("low", "battery_low", None)


def test_a_store_that_cannot_answer_leaves_the_rest_of_the_list(web: Browser) -> None:
    pit = f"{HOME}~lift-b3-2-pit"
    web.hub.live.pin(PointKey(HOME, pit, "battery"), 12.0)
    web.hub.live.pin(PointKey(HOME, f"{HOME}~lift-b3-1-pit", "battery"), 50.0)
    web.hub.series.trouble = QueryInterrupted("it took too long")
    page = web.person("manager")[0].get("/devices/upkeep")
    assert page.status_code == 200
    assert "The course of the batteries is not known just now" in page.text
    assert "Building 3 lift 2 pit" in page.text


def test_a_community_where_nothing_is_due_says_so(web: Browser) -> None:
    page = web.person("stranger")[0].get("/devices/upkeep").text
    assert "Nothing is due" in page
