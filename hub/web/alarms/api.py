"""/api/v1/alarms"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.alarms import Alarm, AlarmState, Overlay, Priority
from hub.errors import InvalidInput, NotFound
from hub.flows.lists import AlarmFilter
from hub.web.alarms.schemas import AcknowledgeIn, AlarmOut, OutOfServiceIn, ShelveIn
from hub.web.auth.access import OPERATORS, WORKERS, Access, Need, Read
from hub.web.deps import WebDeps
from hub.web.overview import covers
from hub.web.schemas import Cursor, Instant, Limit, Listing, check_match, etag, tagged
from hub.web.tickets import desk

router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

Acknowledgers = Annotated[Access, Depends(Need(WORKERS))]
Shelvers = Annotated[Access, Depends(Need(OPERATORS))]


@router.get("", response_model=Listing[AlarmOut])
def list_alarms(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    facility: str | None = None,
    device: str | None = None,
    state: Annotated[list[AlarmState] | None, Query()] = None,
    priority: Priority | None = None,
    ticket: str | None = None,
    overlay: Annotated[list[Overlay] | None, Query()] = None,
    late: bool | None = None,
    since: Annotated[Instant | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[AlarmOut]:
    """Last raised first. A condition whose delay still runs has never been an alarm and is not among them.

    With ``overlay``: everything under it, also what has never been raised.
    """
    deps: WebDeps = request.app.state.deps
    what = AlarmFilter(
        community=community,
        facility=facility,
        device=device,
        states=frozenset(state or ()),
        priority=priority,
        ticket=ticket,
        late=late,
        since=since,
        raised=None if overlay else True,
        overlays=frozenset(overlay or ()),
    )
    page = deps.records.read(lambda books: books.alarms.page(what, access.scope, limit=limit, cursor=cursor))
    return Listing(items=shown(deps, page.items), next=page.next)


@router.get("/{alarm_id}", response_model=AlarmOut)
def get_alarm(request: Request, *, response: Response, access: Read, alarm_id: str) -> AlarmOut:
    """One, with the ticket it belongs to."""
    deps: WebDeps = request.app.state.deps
    alarm, ticket = find(deps, access, alarm_id)
    (out,) = shown(deps, [alarm], ticket)
    tagged(response, out)
    return out


@router.post("/{alarm_id}/acknowledge", response_model=AlarmOut)
def acknowledge(
    request: Request, *, response: Response, access: Acknowledgers, alarm_id: str, body: AcknowledgeIn | None = None
) -> AlarmOut:
    """Seen. Never clears it; a second time is no error."""
    deps: WebDeps = request.app.state.deps
    comment = body.comment if body else ""
    return _change(
        request,
        response,
        access,
        alarm_id,
        lambda: deps.alarms.acknowledge(alarm_id, by=access.caller.login, comment=comment),
    )


@router.post("/{alarm_id}/shelve", response_model=AlarmOut)
def shelve(request: Request, *, response: Response, access: Shelvers, alarm_id: str, body: ShelveIn) -> AlarmOut:
    """Stops its annunciation for a while; judging, logging and counting go on."""
    deps: WebDeps = request.app.state.deps
    return _change(
        request,
        response,
        access,
        alarm_id,
        lambda: deps.alarms.shelve(alarm_id, by=access.caller.login, until=body.until, reason=body.reason),
    )


@router.post("/{alarm_id}/unshelve", response_model=AlarmOut)
def unshelve(request: Request, *, response: Response, access: Shelvers, alarm_id: str) -> AlarmOut:
    """Recomputed from the live condition."""
    deps: WebDeps = request.app.state.deps
    return _change(request, response, access, alarm_id, lambda: deps.alarms.unshelve(alarm_id, by=access.caller.login))


@router.post("/{alarm_id}/reset", response_model=AlarmOut)
def reset(request: Request, *, response: Response, access: Shelvers, alarm_id: str) -> AlarmOut:
    """Ends a latched alarm whose cause has gone; 409 while it is present."""
    deps: WebDeps = request.app.state.deps
    return _change(request, response, access, alarm_id, lambda: deps.alarms.reset(alarm_id, by=access.caller.login))


@router.post("/{alarm_id}/out-of-service", response_model=AlarmOut)
def take_out_of_service(
    request: Request, *, response: Response, access: Shelvers, alarm_id: str, body: OutOfServiceIn
) -> AlarmOut:
    """Work is going on under a ticket: no annunciation until it is returned to service or the ticket ends.

    Judging, logging and counting go on. 409 for a safety alarm.
    """
    deps: WebDeps = request.app.state.deps
    return _change(
        request,
        response,
        access,
        alarm_id,
        lambda: deps.alarms.take_out_of_service(
            alarm_id, by=access.caller.login, reason=body.reason, ticket=ticket_named(deps, access, body.ticket)
        ),
    )


@router.post("/{alarm_id}/return-to-service", response_model=AlarmOut)
def return_to_service(request: Request, *, response: Response, access: Shelvers, alarm_id: str) -> AlarmOut:
    """The work is over: recomputed from the live condition, and annunciated at once where it is active."""
    deps: WebDeps = request.app.state.deps
    return _change(
        request, response, access, alarm_id, lambda: deps.alarms.return_to_service(alarm_id, by=access.caller.login)
    )


def ticket_named(deps: WebDeps, access: Access, ticket: str) -> str:
    """The id of the ticket that a person named by id or number; InvalidInput where there is none in scope."""
    if not ticket.strip():
        return ""
    try:
        return desk.find(deps, access, ticket.strip()).id
    except NotFound as error:
        raise InvalidInput(str(error), pointer="/ticket", expected="the number of an open ticket") from error


def shown(deps: WebDeps, alarms: Sequence[Alarm], ticket: str | None = None) -> list[AlarmOut]:
    """Alarms with who put their overlay on, when and why."""
    covered = covers(deps, alarms)
    return [AlarmOut.of(alarm, covered.get(alarm.id), ticket) for alarm in alarms]


def find(deps: WebDeps, access: Access, alarm_id: str) -> tuple[Alarm, str | None]:
    """The alarm and its ticket's id; NotFound also where it is outside the scope."""
    alarm, ticket = deps.records.read(lambda books: (books.alarms.get(alarm_id), books.alarms.ticket_of(alarm_id)))
    if alarm is None or not access.scope.allows(alarm.community, alarm.facility):
        raise NotFound(f"no alarm {alarm_id[:40]!r}")
    return alarm, ticket


def _change(
    request: Request, response: Response, access: Access, alarm_id: str, command: Callable[[], Alarm]
) -> AlarmOut:
    deps: WebDeps = request.app.state.deps
    alarm, ticket = find(deps, access, alarm_id)
    check_match(request, etag(shown(deps, [alarm], ticket)[0]))
    (out,) = shown(deps, [command()], ticket)
    tagged(response, out)
    return out
