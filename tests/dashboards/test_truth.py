"""Three panels of each dashboard against the simulator's truth, worked out here from the readings themselves."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from dashboards.boards import kind
from dashboards.boards.use import metrics_of_use
from dashboards.model import Board, Look, Panel
from dashboards.parts import Plan, is_text
from hub.clock import HOUR, MINUTE
from hub.domain.metrics import METRICS, Metric, MetricKind
from hub.domain.rollups import CELL, cell_start
from hub.domain.series_names import cells_of
from hub.storage.catalogue import load_catalogue
from tests.dashboards.influx import Influx, Series
from tests.dashboards.test_queries import asked, panels
from tests.dashboards.town import AWAY, BACK, COMMUNITY, END, FAULTS, GRID, START, STOPPING, Fault, Reading, Town, slug

pytestmark = pytest.mark.servers
KINDS = list(load_catalogue().kinds)
STEP = 30 * MINUTE
Course = dict[tuple[str, ...], dict[int, Any]]
"""Values by tags and time."""


def panel_of(board: Board, title: str, look: Look | None = None) -> Panel:
    (found,) = [panel for panel in panels(board) if panel.title.en == title and look in (None, panel.look)]
    return found


def answer(influx: Influx, panel: Panel, *tags: str, number: int = 0, **chosen: list[str] | str) -> Course:
    """What the panel shows, by tags and time."""
    return course_of(influx.ask(asked(panel.queries[number].text, **chosen)), *tags)


def course_of(found: Iterable[Series], *tags: str) -> Course:
    course: Course = defaultdict(dict)
    for series in found:
        key = tuple(series.tags.get(tag, "") for tag in tags)
        course[key] |= {row[0]: row[1] for row in series.rows if row[1] is not None}
    return {key: values for key, values in course.items() if values}


def figure(influx: Influx, panel: Panel, **chosen: list[str] | str) -> Any:
    """The one number that a panel shows."""
    (values,) = answer(influx, panel, **chosen).values()
    (value,) = values.values()
    return value


def in_steps(readings: Iterable[Reading], width: int, key: Callable[[Reading], tuple[str, ...]]) -> Any:
    """Readings by tags and step, in order of time."""
    found: dict[tuple[str, ...], dict[int, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        found[key(reading)][reading.time // width * width].append(reading)
    return found


def facility_unit(reading: Reading) -> tuple[str, ...]:
    return reading.facility, reading.unit


def equal(shown: Course, truth: Course) -> None:
    assert shown.keys() == truth.keys()
    for key, values in truth.items():
        assert shown[key].keys() == values.keys(), key
        for time, value in values.items():
            told = shown[key][time]
            assert told == value if isinstance(value, str) else told == pytest.approx(value, abs=1e-9), (key, time)


def rises(readings: Iterable[Reading], by: Callable[[Reading], tuple[str, ...]]) -> Course:
    """How much counters rose from hour to hour: each hour's last reading less the last one of the hour before."""
    lasts: dict[tuple[str, ...], dict[int, float]] = defaultdict(dict)
    groups = {}
    for reading in sorted(readings, key=lambda each: each.time):
        point = (reading.device, reading.point)
        lasts[point][reading.time // HOUR * HOUR] = float(reading.value)
        groups[point] = by(reading)
    found: Course = defaultdict(dict)
    for point, hours in lasts.items():
        times = sorted(hours)
        for before, time in pairwise(times):
            rise = hours[time] - hours[before]
            if rise >= 0:
                group = found[groups[point]]
                group[time] = group.get(time, 0.0) + rise
    return dict(found)


# --- every kind of facility -------------------------------------------------------------------------------------


def truth_of(metric: Metric, readings: list[Reading]) -> Course:
    """What the panel of a metric ought to show."""
    if metric.kind is MetricKind.TOTAL:
        return rises(readings, facility_unit)
    width = HOUR if metric.kind is MetricKind.DELTA else STEP
    steps = in_steps(readings, width, facility_unit)

    def one(told: list[Reading]) -> Any:
        if metric.kind is MetricKind.STATE:
            return told[-1].value
        total = math.fsum(float(each.value) for each in told)
        return total if metric.kind is MetricKind.DELTA else total / len(told)

    return {key: {time: one(told) for time, told in values.items()} for key, values in steps.items()}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_shows_what_its_sensors_read(
    name: str, town: Town, every_board: dict[str, Board], influx: Influx
) -> None:
    board = every_board[kind.board_name(name)]
    sensors = [METRICS[metric] for metric in town.catalogue.kinds[name].sensors]
    shown = [panel for panel in panels(board) if panel.title in [metric.title for metric in sensors]]
    assert len(shown) == len(sensors) >= 3
    for metric, panel in zip(sensors[:3], shown, strict=False):
        equal(answer(influx, panel, "facility", "unit"), truth_of(metric, town.of(metric.name, name)))


def test_every_kind_of_metric_is_shown_right(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    """Gauge, state, state in words, counter and amount: one of each."""
    seen = set()
    for name, metric in (
        ("indoor_air", "co2"),
        ("lift", "service_mode"),
        ("lift", "trips"),
        ("sump", "extra_high_level"),
        ("ev_charging", "session_energy"),
    ):
        panel = panel_of(every_board[kind.board_name(name)], METRICS[metric].title.en)
        equal(answer(influx, panel, "facility", "unit"), truth_of(METRICS[metric], town.of(metric, name)))
        seen.add((METRICS[metric].kind, is_text(METRICS[metric])))
    assert len(seen) == 5


# --- overview ---------------------------------------------------------------------------------------------------


def test_overview_counts_active_alarms_and_new_tickets(every_board: dict[str, Board], influx: Influx) -> None:
    board = every_board["overview"]
    still = [fault for fault in FAULTS if START + fault.begins + fault.lasts >= END]
    assert figure(influx, panel_of(board, "Active alarms")) == len(still) == 1
    assert figure(influx, panel_of(board, "Tickets opened")) == len(FAULTS)
    assert figure(influx, panel_of(board, "Open tickets", Look.NUMBER)) == len(FAULTS)


SUMP = next(fault for fault in FAULTS if fault.kind == "sump")
NUMBERS = [
    ("overview", "Active alarms", {"gym-a": 1}),
    ("overview", "Open tickets", {f"{slug(fault.kind)}-a": 1 for fault in FAULTS}),
    ("overview", "Overdue tickets", {"gym-a": 1}),
    ("overview", "Tickets opened", {f"{slug(fault.kind)}-a": 1 for fault in FAULTS}),
    ("alarms-tickets", "Active alarms", {"gym-a": 1}),
    ("alarms-tickets", "Alarms raised", {f"{slug(fault.kind)}-a": 1 for fault in FAULTS}),
    ("alarms-tickets", "Tickets opened", {f"{slug(fault.kind)}-a": 1 for fault in FAULTS}),
    ("alarms-tickets", "Tickets reopened", {}),
]
"""Dashboard, panel, and how much of it there is at which facility."""


@pytest.mark.parametrize(("name", "title", "truth"), NUMBERS)
def test_grid_and_facility_narrow_the_numbers(
    name: str, title: str, truth: dict[str, int], *, town: Town, every_board: dict[str, Board], influx: Influx
) -> None:
    panel = panel_of(every_board[name], title, Look.NUMBER)
    assert figure(influx, panel) == sum(truth.values())
    for facility in ("gym-a", "sump-a", "gym-b"):
        assert figure(influx, panel, facility=[facility]) == truth.get(facility, 0)
    first, second = (
        "(" + "|".join(each.id for each in town.facilities.values() if (each.grid == GRID) == within) + ")"
        for within in (True, False)
    )
    assert figure(influx, panel, grid=first) == sum(truth.values())
    assert figure(influx, panel, grid=second) == 0


def test_open_tickets_over_time_are_those_of_the_chosen_facility(every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["overview"], "Open tickets", Look.BARS)
    opened = (START + SUMP.begins) // HOUR * HOUR
    truth = {time: int(time >= opened) for time in range(START, END, HOUR)}
    equal(answer(influx, panel, "kind", facility=["sump-a"]), {("sump",): truth})
    (gym,) = answer(influx, panel, "kind", facility=["gym-b"]).values()
    assert set(gym.values()) == {0}


def test_overview_shows_head_counts(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["overview"], "Head count")
    steps = in_steps(town.of("occupancy"), STEP, lambda reading: (reading.facility,))
    truth = {
        key: {time: math.fsum(float(r.value) for r in told) / len(told) for time, told in values.items()}
        for key, values in steps.items()
    }
    equal(answer(influx, panel, "facility"), truth)


def test_overview_adds_energy_up_by_kind(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["overview"], "Energy")
    equal(answer(influx, panel, "kind"), rises(town.of("energy"), lambda reading: (reading.kind,)))


# --- one facility -----------------------------------------------------------------------------------------------

CHOSEN = {"facility": ["sump-a"]}


def test_a_facility_shows_when_its_alarm_was_active(every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["facility"], "When alarms were active")
    sump = next(fault for fault in FAULTS if fault.kind == "sump")
    (values,) = answer(influx, panel, "failure_mode", **CHOSEN).values()
    raised, over = START + sump.begins, START + sump.begins + sump.lasts
    first, last = raised // STEP * STEP, over // STEP * STEP
    assert {time for time, value in values.items() if value == 1} == set(range(first, last, STEP))
    assert {time for time, value in values.items() if value == 0} == set(range(last, END + 1, STEP))


def test_a_facility_shows_its_switches(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["facility"], "Switches")
    readings = [r for r in town.of("extra_high_level") if r.facility == "sump-a"]
    found = [each for each in influx.ask(asked(panel.queries[0].text, **CHOSEN)) if each.name == "extra_high_level"]
    shown = course_of(found, "facility", "unit")
    equal(shown, truth_of(METRICS["extra_high_level"], readings))
    assert 1.0 in next(iter(shown.values())).values()


@pytest.mark.parametrize(
    ("title", "facility", "metric"),
    [
        ("States in words", "lift-a", "service_mode"),
        ("Sum in each hour", "ev-charging-a", "session_energy"),
        ("Rise in each hour", "meter-a", "energy_exported"),
    ],
)
def test_a_facility_shows_what_is_no_gauge(
    title: str, facility: str, metric: str, *, town: Town, every_board: dict[str, Board], influx: Influx
) -> None:
    panel = panel_of(every_board["facility"], title)
    readings = [r for r in town.of(metric) if r.facility == facility]
    found = influx.ask(asked(panel.queries[0].text, facility=[facility]))
    mine = [each for each in found if each.name in (metric, cells_of(metric))]
    equal(course_of(mine, "facility", "unit"), truth_of(METRICS[metric], readings))
    assert mine


def test_a_facility_shows_a_gauge(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["facility"], "$metric")
    readings = [r for r in town.of("level") if r.facility == "sump-a"]
    equal(answer(influx, panel, "facility", "unit", metric="level", **CHOSEN), truth_of(METRICS["level"], readings))


# --- utilisation ------------------------------------------------------------------------------------------------


def held(readings: list[Reading]) -> list[tuple[int, int, float]]:
    """(from, until, value): each reading holds until the next one, at most 15 minutes, and within the roll-ups told of."""
    found = []
    for index, reading in enumerate(readings):
        until = reading.time + 15 * MINUTE
        if index + 1 < len(readings):
            until = min(until, readings[index + 1].time)
        found.append((reading.time, min(until, END), float(reading.value)))
    return found


def by_point(readings: list[Reading]) -> dict[tuple[str, str], list[Reading]]:
    found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        found[reading.facility, reading.unit].append(reading)
    return found


def test_utilisation_is_the_share_of_the_time_known(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["use"], f"Time utilisation: {METRICS['running'].title.en}")
    truth: Course = {}
    for key, readings in by_point(town.of("running")).items():
        spans = held(readings)
        on = sum((until - begin) * value for begin, until, value in spans)
        truth[key] = {START: on / sum(until - begin for begin, until, _ in spans)}
    equal(answer(influx, panel, "facility", "unit"), truth)
    assert any(0 < next(iter(values.values())) < 1 for values in truth.values())


def test_peaks_are_the_highest_readings(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = next(
        p for p in panels(every_board["use"]) if p.look is Look.COURSE and p.title == METRICS["occupancy"].title
    )
    steps = in_steps(town.of("occupancy"), HOUR, lambda reading: (reading.facility,))
    truth = {
        key: {time: max(float(r.value) for r in told) for time, told in values.items()} for key, values in steps.items()
    }
    equal(answer(influx, panel, "facility", number=1), truth)


def test_coverage_is_the_share_of_the_time_chosen(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["use"], f"Coverage: {METRICS['presence'].title.en}")
    shares: dict[tuple[str], list[float]] = defaultdict(list)
    for (facility, _), readings in by_point(town.of("presence")).items():
        shares[facility,].append(sum(until - begin for begin, until, _ in held(readings)) / (END - START))
    equal(answer(influx, panel, "facility"), {key: {START: sum(v) / len(v)} for key, v in shares.items()})


def test_every_metric_of_use_has_its_panels(plan: Plan, every_board: dict[str, Board]) -> None:
    shown = " ".join(query.text for panel in panels(every_board["use"]) for query in panel.queries)
    for metric in metrics_of_use(plan):
        assert f'"{metric.name}' in shown


# --- alarms and tickets -----------------------------------------------------------------------------------------


def test_alarms_are_counted_by_priority_and_hour(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["alarms-tickets"], "Alarms raised", Look.BARS)
    truth: Course = defaultdict(dict)
    for alarm in town.alarms:
        assert alarm.raised_at is not None
        hour = alarm.raised_at // HOUR * HOUR
        truth[alarm.priority.value,][hour] = truth[alarm.priority.value,].get(hour, 0) + 1
    equal(answer(influx, panel, "priority"), dict(truth))


def test_alarms_in_ten_minutes_count_the_empty_ones(every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["alarms-tickets"], "Alarms in 10 minutes")
    width = 10 * MINUTE
    truth = dict.fromkeys(range(START, END + 1, width), 0)
    for fault in FAULTS:
        truth[(START + fault.begins) // width * width] += 1
    equal(answer(influx, panel, "community"), {(COMMUNITY,): truth})


def test_the_most_frequent_faults(every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["alarms-tickets"], "Most frequent faults")
    shown = answer(influx, panel, "kind", "failure_mode")
    counted = Counter((fault.kind, fault.mode) for fault in FAULTS)
    assert {key: next(iter(values.values())) for key, values in shown.items()} == counted


def test_changes_of_tickets(every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["alarms-tickets"], "Changes of tickets")
    shown = answer(influx, panel, "state")
    assert sum(shown["assigned",].values()) == len(FAULTS) + sum(fault.handed_back for fault in FAULTS)
    ended = [fault for fault in FAULTS if START + fault.begins + fault.lasts + 16 * MINUTE < END]
    assert sum(shown["resolved",].values()) == len(ended) == 3


# --- maintenance ------------------------------------------------------------------------------------------------


def ended() -> list[Fault]:
    return [fault for fault in FAULTS if START + fault.begins + fault.lasts + 16 * MINUTE < END]


def down_time(town: Town) -> float:
    """Hours in which a facility had a fault of priority safety or high."""
    spans = 0
    for fault in FAULTS:
        if town.catalogue.failure_modes[fault.kind, fault.mode].priority in STOPPING:
            spans += min(fault.begins + fault.lasts, END - START) - fault.begins
    return spans / HOUR


def test_times_to_accept_and_restore(every_board: dict[str, Board], influx: Influx) -> None:
    board = every_board["kpi"]
    accept = panel_of(board, "Mean time to accept", Look.NUMBER)
    restore = panel_of(board, "Mean time to restore (MTTR)", Look.NUMBER)
    assert figure(influx, accept) == 5 * 60
    spans = [fault.lasts / 1000 for fault in ended()]
    assert figure(influx, restore) == pytest.approx(sum(spans) / len(spans))


def test_availability_and_mean_time_between_failures(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    board = every_board["kpi"]
    numbers = {p.title.en: p for p in panels(board) if p.look is Look.NUMBER}
    required = len(town.facilities) * (END - START) / HOUR
    failures = [f for f in FAULTS if town.catalogue.failure_modes[f.kind, f.mode].priority in STOPPING]
    assert len(failures) >= 2
    assert figure(influx, numbers["Failures N"]) == len(failures)
    assert figure(influx, numbers["Availability"]) == pytest.approx(1 - down_time(town) / required)
    mtbf = figure(influx, next(p for title, p in numbers.items() if "MTBF" in title))
    assert mtbf == pytest.approx((required - down_time(town)) / len(failures))


def test_completions_that_were_none(every_board: dict[str, Board], influx: Influx) -> None:
    panel = next(p for p in panels(every_board["kpi"]) if p.title.en == "Completed but not fixed")
    false = [fault for fault in FAULTS if not fault.fixed]
    assert figure(influx, panel) == pytest.approx(len(false) / (len(false) + len(ended())))


# --- energy and water -------------------------------------------------------------------------------------------


def test_amounts_in_all(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = next(p for p in panels(every_board["energy"]) if p.look is Look.NUMBER and p.title.en == "Energy")
    equal(answer(influx, panel), rises(town.of("energy"), lambda _: ()))


def test_amounts_by_facility(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = next(p for p in panels(every_board["energy"]) if p.look is Look.BARS and p.title.en == "Volume")
    equal(answer(influx, panel, "facility"), rises(town.of("volume"), lambda reading: (reading.facility,)))


def test_power_all_together(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["energy"], "Active power, all together")
    steps = in_steps(town.of("power"), CELL, lambda reading: (reading.kind, reading.device, reading.point))
    truth: Course = defaultdict(dict)
    for (of_kind, *_), values in steps.items():
        for time, told in values.items():
            mean = math.fsum(float(r.value) for r in told) / len(told)
            truth[of_kind,][time] = truth[of_kind,].get(time, 0.0) + mean
    equal(answer(influx, panel, "kind"), dict(truth))


# --- hub and sensors --------------------------------------------------------------------------------------------


def test_readings_received(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["health"], "Readings received")
    shown: dict[str, dict[int, int]] = {
        each.name: {row[0]: row[1] for row in each.rows} for each in influx.ask(asked(panel.queries[0].text))
    }
    truth: dict[str, Counter[int]] = defaultdict(Counter)
    for reading in town.readings:
        if not isinstance(reading.value, str):
            truth[reading.metric][reading.time // (10 * MINUTE) * 10 * MINUTE] += 1
    assert shown == truth


def test_messages_a_second(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    shown = answer(influx, panel_of(every_board["health"], "Messages a second"), "name")
    rates: dict[int, list[float]] = defaultdict(list)
    for before, look in pairwise(town.looks):
        rates[look.at // STEP * STEP].append((look.messages - before.messages) / 60)
    equal(shown, {("journal",): {step: math.fsum(told) / len(told) for step, told in rates.items()}})


def test_how_far_the_lanes_fell_behind(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    lag = answer(influx, panel_of(every_board["health"], "Lag of the lanes"), "name")
    waiting = answer(influx, panel_of(every_board["health"], "Waiting batches"), "name")
    truth: dict[tuple[str, ...], dict[int, float]] = {(name,): defaultdict(float) for name in town.looks[0].lanes}
    for look in town.looks:
        for name, lane in look.lanes.items():
            values = truth[name,]
            values[look.at // STEP * STEP] = max(values[look.at // STEP * STEP], lane.lag_ms / 1000)
    equal(lag, truth)
    assert max(lag["series:influxdb",].values()) == (BACK - MINUTE - AWAY) / 1000
    assert waiting["series:influxdb",][BACK - STEP] == 59


def test_who_was_away(every_board: dict[str, Board], influx: Influx) -> None:
    stores = answer(influx, panel_of(every_board["health"], "Series stores"), "name")
    brokers = answer(influx, panel_of(every_board["health"], "Connections to brokers"), "name")
    assert {time for time, takes in stores["influxdb",].items() if not takes} == {AWAY, AWAY + STEP}
    assert set(stores["main",].values()) == {1}
    assert {time for time, up in brokers["main",].items() if not up} == {BACK - STEP}


def test_how_long_the_journal_lasts(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    hours = answer(influx, panel_of(every_board["health"], "How long the journal's room lasts"), "name")
    room = answer(influx, panel_of(every_board["health"], "Room left for the journal"), "name")
    assert min(hours["journal",].values()) == town.looks[-1].hours_left
    assert min(room["journal",].values()) == town.looks[-1].room_bytes


def test_lowest_batteries(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    panel = panel_of(every_board["health"], "Lowest battery")
    lows: dict[tuple[str, ...], float] = {}
    for reading in town.of("battery"):
        key = (f"{COMMUNITY}~{reading.device}",)
        lows[key] = min(lows.get(key, math.inf), float(reading.value))
    shown = answer(influx, panel, "device")
    assert {key: next(iter(values.values())) for key, values in shown.items()} == lows


def test_doubtful_readings_and_points_heard(town: Town, every_board: dict[str, Board], influx: Influx) -> None:
    doubtful = panel_of(every_board["health"], "Doubtful readings")
    found = {(each.name, each.tags["device"]): each.rows[0][1] for each in influx.ask(asked(doubtful.queries[0].text))}
    assert found == Counter((r.metric, f"{COMMUNITY}~{r.device}") for r in town.readings if r.quality)
    assert found["humidity", f"{COMMUNITY}~meeting-room-a-dev"] >= 12
    heard = panel_of(every_board["health"], "Points heard")
    shown = {each.name: each.rows[0][1] for each in influx.ask(asked(heard.queries[0].text))}
    assert shown["co2"] == len({(r.device, r.point) for r in town.of("co2")})


def test_the_town_has_what_the_tests_are_about(town: Town) -> None:
    assert len(town.tickets) == len(FAULTS)
    assert {slug(fault.kind) for fault in FAULTS} <= {facility[:-2] for facility in town.facilities}
    assert cell_start(START) == START
