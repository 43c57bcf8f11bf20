"""/api/v1/tickets"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hub.domain.alarms import Priority
from hub.domain.people import Role
from hub.domain.tickets import Action, Ticket, TicketState
from hub.errors import NotFound
from hub.flows.lists import TicketFilter
from hub.web.auth.access import EVERYONE, WORKERS, Access, Need, Read
from hub.web.deps import Report, WebDeps
from hub.web.idempotency import once
from hub.web.schemas import Cursor, Instant, Limit, Listing, etag, tagged, wanted_version
from hub.web.tickets import desk
from hub.web.tickets.schemas import ActionIn, HistoryOut, TicketIn, TicketOut

router = APIRouter(prefix="/api/v1/tickets", tags=["tickets"])

Reporters = Annotated[Access, Depends(Need(WORKERS | {Role.PLANNER, Role.VIEWER}))]
Actors = Annotated[Access, Depends(Need(EVERYONE))]


@router.get("", response_model=Listing[TicketOut])
def list_tickets(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    facility: str | None = None,
    unit: str | None = None,
    state: Annotated[list[TicketState] | None, Query()] = None,
    open: bool | None = None,  # noqa: A002 - the parameter's public name
    priority: Priority | None = None,
    crew: str | None = None,
    assignee: str | None = None,
    late: bool | None = None,
    since: Annotated[Instant | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[TicketOut]:
    """Last reported first."""
    deps: WebDeps = request.app.state.deps
    what = TicketFilter(
        community=community,
        facility=facility,
        unit=unit,
        states=frozenset(state or ()),
        open=open,
        priority=priority,
        crew=crew,
        assignee=assignee,
        late=late,
        since=since,
    )
    page = deps.records.read(lambda books: books.tickets.page(what, access.scope, limit=limit, cursor=cursor))
    return Listing(items=desk.shown(deps, access.caller, page.items), next=page.next)


@router.post("", status_code=201, response_model=TicketOut)
def create_ticket(request: Request, *, access: Reporters, body: TicketIn) -> Response:
    """A report by a person. An Idempotency-Key makes it safe to send twice."""
    deps: WebDeps = request.app.state.deps
    if (body.community, body.facility) not in deps.registrar.current.facilities or not access.scope.allows(
        body.community, body.facility
    ):
        raise NotFound(f"no facility {body.facility!r} in community {body.community!r}")
    report = Report(**body.model_dump(), by=access.caller.login)

    def work() -> tuple[int, TicketOut]:
        return 201, _out(deps, access, deps.tickets.create(report))

    return once(request, deps, access.caller.login, body, work, etag=_etag)


@router.get("/{ticket_id}", response_model=TicketOut)
def get_ticket(request: Request, *, response: Response, access: Read, ticket_id: str) -> TicketOut:
    """By id or by number."""
    deps: WebDeps = request.app.state.deps
    out = _out(deps, access, desk.find(deps, access, ticket_id))
    tagged(response, out, version=out.version)
    return out


@router.get("/{ticket_id}/history", response_model=HistoryOut)
def get_history(request: Request, *, access: Read, ticket_id: str) -> HistoryOut:
    """Everything that happened, with the notices and each attempt at sending them."""
    deps: WebDeps = request.app.state.deps
    ticket = desk.find(deps, access, ticket_id)
    return HistoryOut.of(deps.records.read(lambda books: books.tickets.history(ticket.id)))


@router.post("/{ticket_id}/{action}", response_model=TicketOut)
def act_on_ticket(
    request: Request, *, access: Actors, ticket_id: str, action: Action, body: ActionIn | None = None
) -> Response:
    """Every transition.

    ``If-Match`` with the version you saw: 412 where it has changed since, 409 where its state has no such arrow.
    """
    deps: WebDeps = request.app.state.deps
    said = body or ActionIn()
    expected = wanted_version(request)
    ticket = desk.find(deps, access, ticket_id)

    def work() -> tuple[int, TicketOut]:
        after = desk.act(
            deps, access, ticket, action, said.details(), on_behalf_of=said.on_behalf_of, expected=expected
        )
        return 200, _out(deps, access, after)

    return once(request, deps, access.caller.login, said, work, etag=_etag)


def _out(deps: WebDeps, access: Access, ticket: Ticket) -> TicketOut:
    return desk.shown(deps, access.caller, [ticket])[0]


def _etag(model: object) -> str:
    ticket = cast("TicketOut", model)
    return etag(ticket, version=ticket.version)
