"""What the columns of tables of alarms and tickets are called, and where they lead."""

from __future__ import annotations

from dashboards.model import Override, Word
from dashboards.parts import PRIORITY_WORDS
from hub.domain.places import Name

TICKET_STATES = tuple(
    Word(value=state, says=says)
    for state, says in (
        ("reported", Name(zh="待派", en="Reported")),
        ("triaged", Name(zh="待派（已定责）", en="To dispatch")),
        ("assigned", Name(zh="待接", en="To accept")),
        ("accepted", Name(zh="处理中（已接单）", en="Accepted")),
        ("in_progress", Name(zh="处理中", en="In progress")),
        ("on_hold", Name(zh="挂起", en="On hold")),
        ("completed", Name(zh="待验收（已完工）", en="Completed")),
        ("verifying", Name(zh="待验收", en="Verifying")),
        ("resolved", Name(zh="已解决", en="Resolved")),
        ("closed", Name(zh="已关闭", en="Closed")),
        ("duplicate", Name(zh="已关闭（重复）", en="Closed: duplicate")),
        ("referred", Name(zh="已关闭（转出）", en="Closed: referred")),
        ("rejected", Name(zh="已关闭（不受理）", en="Closed: rejected")),
        ("cancelled", Name(zh="已关闭（取消）", en="Closed: cancelled")),
    )
)
"""The words of the hub's own pages; states that share one there are told apart here."""
TITLES = (
    Override(pattern="^unit$", title=Name(zh="部件", en="Unit")),
    Override(pattern="^priority$", title=Name(zh="优先级", en="Priority"), words=PRIORITY_WORDS),
    Override(pattern="^failure_mode$", title=Name(zh="故障模式", en="Failure mode")),
    Override(pattern="^state$", title=Name(zh="状态", en="State"), words=TICKET_STATES),
    Override(pattern="^(title|last)$", title=Name(zh="故障", en="Fault")),
    Override(pattern="^count$", title=Name(zh="次数", en="Times")),
)
COLUMNS = (
    Override(pattern="^Time$|^time$", title=Name(zh="时间", en="Time")),
    Override(
        pattern="^facility$",
        title=Name(zh="设施", en="Facility"),
        link="${hub}/facilities/${__value.text}?community=${__data.fields.community}",
    ),
    *TITLES,
    Override(pattern="^number$", title=Name(zh="工单号", en="Ticket"), link="${hub}/tickets/${__data.fields.ticket}"),
    Override(pattern="^(ticket|community)$", hidden=True),
)
