"""/alarms"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.clock import HOUR
from hub.domain.alarms import AlarmState, Overlay
from hub.errors import HubError, IllegalTransition, InvalidInput
from hub.flows.lists import AlarmFilter
from hub.web.alarms.api import find, ticket_named
from hub.web.auth.access import OPERATORS, WORKERS, Access, NeedForm, Read
from hub.web.auth.pages import inside
from hub.web.deps import WebDeps
from hub.web.overview import counts, covers, open_alarms, overlaid_alarms
from hub.web.problems import problem_of
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)

Acknowledgers = Annotated[Access, Depends(NeedForm(WORKERS))]
Shelvers = Annotated[Access, Depends(NeedForm(OPERATORS))]
Back = Annotated[str, Form(max_length=500)]
TABS = ("open", "overlaid", "past", "late")


@router.get("/alarms")
def alarms_page(request: Request, *, access: Read, tab: str = "open", cursor: str | None = None) -> Response:
    """Open ones by urgency; those under an overlay with their end; past ones; records from late data."""
    return _list(request, access, tab, cursor)


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(
    request: Request,
    *,
    access: Acknowledgers,
    alarm_id: str,
    comment: Annotated[str, Form(max_length=1000)] = "",
    back: Back = "/alarms",
) -> Response:
    """我已知悉"""
    deps: WebDeps = request.app.state.deps

    def act() -> None:
        deps.alarms.acknowledge(alarm_id, by=access.caller.login, comment=comment.strip())

    return _done(request, access, alarm_id, act, back)


@router.post("/alarms/{alarm_id}/shelve")
def shelve(
    request: Request,
    *,
    access: Shelvers,
    alarm_id: str,
    reason: Annotated[str, Form(max_length=500)] = "",
    hours: Annotated[float, Form(ge=0, le=24 * 31)] = 1,
    back: Back = "/alarms",
) -> Response:
    """临时搁置; ``hours`` 0: until it next returns to normal."""
    deps: WebDeps = request.app.state.deps

    def act() -> None:
        _check_reason(reason)
        until = deps.clock.now() + round(hours * HOUR) if hours else None
        deps.alarms.shelve(alarm_id, by=access.caller.login, until=until, reason=reason.strip())

    return _done(request, access, alarm_id, act, back)


@router.post("/alarms/{alarm_id}/unshelve")
def unshelve(request: Request, *, access: Shelvers, alarm_id: str, back: Back = "/alarms") -> Response:
    """Takes it out of the shelf."""
    deps: WebDeps = request.app.state.deps
    act = partial(deps.alarms.unshelve, alarm_id, by=access.caller.login)
    return _done(request, access, alarm_id, act, back, tab="overlaid")


@router.post("/alarms/{alarm_id}/reset")
def reset(request: Request, *, access: Shelvers, alarm_id: str, back: Back = "/alarms") -> Response:
    """复位: ends a latched alarm whose cause has gone."""
    deps: WebDeps = request.app.state.deps
    act = partial(deps.alarms.reset, alarm_id, by=access.caller.login)
    return _done(request, access, alarm_id, act, back)


@router.post("/alarms/{alarm_id}/out-of-service")
def take_out_of_service(
    request: Request,
    *,
    access: Shelvers,
    alarm_id: str,
    reason: Annotated[str, Form(max_length=500)] = "",
    ticket: Annotated[str, Form(max_length=40)] = "",
    back: Back = "/alarms",
) -> Response:
    """检修停用, under a ticket: the alarm's own where none is named."""
    deps: WebDeps = request.app.state.deps

    def act() -> None:
        _check_reason(reason)
        under = ticket_named(deps, access, ticket)
        deps.alarms.take_out_of_service(alarm_id, by=access.caller.login, reason=reason.strip(), ticket=under)

    return _done(request, access, alarm_id, act, back)


@router.post("/alarms/{alarm_id}/return-to-service")
def return_to_service(request: Request, *, access: Shelvers, alarm_id: str, back: Back = "/alarms") -> Response:
    """恢复使用: the work is over."""
    deps: WebDeps = request.app.state.deps
    act = partial(deps.alarms.return_to_service, alarm_id, by=access.caller.login)
    return _done(request, access, alarm_id, act, back, tab="overlaid")


def _done(
    request: Request, access: Access, alarm_id: str, act: Callable[[], object], back: str, *, tab: str = "open"
) -> Response:
    """Back to where it was asked for; what is refused is said above the list of ``tab``."""
    find(request.app.state.deps, access, alarm_id)
    try:
        act()
    except (IllegalTransition, InvalidInput) as error:
        return _list(request, access, tab, None, error=error)
    return RedirectResponse(inside(back), status_code=303)


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < 2:
        raise InvalidInput("the reason is missing", pointer="/reason", expected="why it need not be shown")


def _list(request: Request, access: Access, tab: str, cursor: str | None, *, error: HubError | None = None) -> Response:
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    tab = tab if tab in TABS else "open"
    opened = open_alarms(deps, access.scope)
    after = None
    if tab == "open":
        shown = tuple(alarm for alarm in opened if alarm.overlay is Overlay.NONE)
    elif tab == "overlaid":
        shown = overlaid_alarms(deps, access.scope)
    else:
        what = (
            AlarmFilter(late=True, raised=True)
            if tab == "late"
            else AlarmFilter(states=frozenset({AlarmState.NORMAL}), late=False, raised=True)
        )
        page = deps.records.read(lambda books: books.alarms.page(what, access.scope, limit=50, cursor=cursor))
        shown, after = page.items, page.next
    tickets = deps.records.read(lambda books: {alarm.id: books.alarms.ticket_of(alarm.id) for alarm in shown[:200]})
    return pages.page(
        request,
        "alarms/list.html",
        status=problem_of(error).status if error else 200,
        alarms=shown,
        tickets=tickets,
        covers=covers(deps, shown),
        tab=tab,
        tabs=TABS,
        next=after,
        figures=counts(opened),
        error=error,
        registry=deps.registrar.current,
        catalogue=deps.catalogue,
    )
