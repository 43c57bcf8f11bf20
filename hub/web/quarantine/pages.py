"""/quarantine and /quarantine/{id}"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.flows.error_topics import error_topic
from hub.flows.lists import QuarantineFilter
from hub.web.auth.access import MANAGERS, OPERATORS, Access, Need, NeedForm
from hub.web.deps import WebDeps
from hub.web.quarantine.api import find
from hub.web.quarantine.payloads import show
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)
Lookers = Annotated[Access, Depends(Need(OPERATORS))]
Redrivers = Annotated[Access, Depends(NeedForm(MANAGERS))]
MOST_AT_ONCE = 1000


@router.get("/quarantine")
def quarantine_page(
    request: Request,
    *,
    access: Lookers,
    device: str = "",
    reason: str = "",
    cursor: str | None = None,
    understood: int | None = None,
    refused: int | None = None,
) -> Response:
    """待查报文: what was refused, by whom it was sent, and why."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    what = QuarantineFilter(device=device or None, reason=reason or None)
    page, counts = deps.records.read(
        lambda books: (
            books.quarantine.page(what, access.scope, limit=50, cursor=cursor),
            books.quarantine.counts(access.scope),
        )
    )
    return pages.page(
        request,
        "quarantine/list.html",
        page=page,
        counts=sorted(counts, key=lambda c: -(c.kept + c.dropped)),
        device=device,
        reason=reason,
        understood=understood,
        refused=refused,
    )


@router.get("/quarantine/{item_id}")
def item_page(request: Request, *, access: Lookers, item_id: int) -> Response:
    """One message, byte by byte."""
    pages: Pages = request.app.state.pages
    item = find(request.app.state.deps, access, item_id)
    return pages.page(
        request, "quarantine/item.html", item=item, shown=show(item.payload), told_on=error_topic(item.topic)
    )


@router.post("/quarantine/redrive")
def redrive(
    request: Request,
    *,
    access: Redrivers,
    item: Annotated[list[int] | None, Form(max_length=MOST_AT_ONCE)] = None,
) -> Response:
    """Those ticked, or the one whose button it was."""
    deps: WebDeps = request.app.state.deps
    chosen = item or []
    for number in chosen:
        find(deps, access, number)
    understood, refused = deps.redrive(chosen, by=access.caller.login) if chosen else (0, 0)
    return RedirectResponse(f"/quarantine?understood={understood}&refused={refused}", status_code=303)
