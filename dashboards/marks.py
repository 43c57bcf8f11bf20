"""Marks over every course: what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboards import influxql as q
from dashboards.model import PLAIN, WARN, Note
from hub.domain.places import Name
from hub.domain.series_names import ALARM_EVENT, TICKET_EVENT
from hub.domain.tickets import Action

MARKED: Final = (Action.OPEN, Action.REOPEN, Action.VERIFY, Action.OVERRIDE)
"""What is done to a ticket once in each of its cycles: begun, and proven resolved. A state may come more often, or never."""


def notes(*, where: Sequence[str] = q.CHOSEN, shown: bool = True) -> tuple[Note, ...]:
    """Alarms that were raised, tickets that were opened, reopened or resolved. Not ``shown``: for who turns them on."""
    columns = '"title_en", "title_zh", "facility", "priority"'
    marked = f'"action" =~ /^({"|".join(MARKED)})$/'
    return (
        Note(
            title=Name(zh="告警", en="Alarms"),
            query=q.select(columns, q.name(ALARM_EVENT), where=("\"state\" = 'raised'", *where)),
            colour=WARN,
            text=Name(zh="title_zh", en="title_en"),
            tags="facility,priority",
            shown=shown,
        ),
        Note(
            title=Name(zh="工单", en="Tickets"),
            query=q.select(f'{columns}, "action"', q.name(TICKET_EVENT), where=(marked, *where)),
            colour=PLAIN,
            text=Name(zh="title_zh", en="title_en"),
            tags="facility,action",
            shown=shown,
        ),
    )
