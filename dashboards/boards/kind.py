"""A dashboard for every kind of facility of the catalogue: its sensors with their units, limits and states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dashboards import influxql as q
from dashboards.boards.events import alarm_states, alarm_table, alarms_by_priority, ticket_table
from dashboards.marks import notes
from dashboards.model import Board, Section, Variable
from dashboards.parts import COMMUNITY, DATA_SOURCE, FACILITY_LINK, UNIT, Plan, grids, hub_address, metric_panel
from dashboards.parts import FACILITY as OF_ANY_KIND
from hub.domain.catalogue import FacilityKind
from hub.domain.places import Name

LABEL = "facility-kind"


def board_name(kind: str) -> str:
    """The name of a kind's dashboard."""
    return f"kind-{kind.replace('_', '-')}"


def boards(plan: Plan) -> Iterator[Board]:
    """One for each kind, in the order of the catalogue."""
    for kind in plan.catalogue.kinds.values():
        yield _board(plan, kind)


def _board(plan: Plan, kind: FacilityKind) -> Board:
    of_kind = f'"kind" = {q.text(kind.id)}'
    where = (of_kind, q.IN_COMMUNITY, q.IN_GRID, q.OF_FACILITY, q.OF_UNIT)
    rules = plan.catalogue.rules_of(kind.id)
    sensors = [metric for name in kind.sensors if (metric := plan.metric(name)) is not None]
    events = (of_kind, q.IN_COMMUNITY, q.IN_GRID, q.OF_FACILITY)
    return Board(
        name=board_name(kind.id),
        title=kind.name,
        about=Name(
            zh=f"{kind.name.zh}：传感终端上报的全部指标，颜色按预设规则的限值。",
            en=f"{kind.name.en}: what its sensors report, coloured by the limits of the preset rules.",
        ),
        variables=(DATA_SOURCE, hub_address(plan), COMMUNITY, grids(plan), _facility(of_kind), _unit(of_kind)),
        notes=notes(where=events),
        labels=(LABEL,),
        sections=(
            Section(
                title=Name(zh="告警", en="Alarms"),
                panels=(replace(alarm_states(events), height=6), alarms_by_priority(events)),
            ),
            Section(
                title=Name(zh="读数", en="Readings"),
                panels=tuple(metric_panel(metric, rules=rules, where=where, link=FACILITY_LINK) for metric in sensors),
            ),
            Section(
                title=Name(zh="最近", en="Latest"),
                panels=(alarm_table(events), ticket_table(events)),
                folded=True,
            ),
        ),
    )


def _facility(of_kind: str) -> Variable:
    return replace(OF_ANY_KIND, query=q.values_of("facility", where=(of_kind, q.IN_COMMUNITY, q.IN_GRID)))


def _unit(of_kind: str) -> Variable:
    return replace(UNIT, query=q.values_of("unit", where=(of_kind, q.IN_COMMUNITY, q.IN_GRID, q.OF_FACILITY)))
