"""/api/v1/quarantine"""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from hub.errors import InvalidInput, NotFound
from hub.flows.lists import QuarantineFilter, QuarantineItem
from hub.web.auth.access import MANAGERS, OPERATORS, Access, Need
from hub.web.deps import WebDeps
from hub.web.idempotency import once
from hub.web.quarantine.payloads import show
from hub.web.schemas import Cursor, Limit, Listing, Schema, iso

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"])

Lookers = Annotated[Access, Depends(Need(OPERATORS))]
Redrivers = Annotated[Access, Depends(Need(MANAGERS))]


class QuarantineOut(Schema):
    """A message, or a part of one, that could not be understood."""

    id: int
    journal: str
    batch: int
    frame: int
    community: str
    device: str
    connection: str
    topic: str
    content_type: str
    """As the sender named it; empty where it did not."""
    received_at: str | None
    reason: str
    detail: str
    whole: bool
    state: str
    bytes: int

    @classmethod
    def of(cls, item: QuarantineItem) -> QuarantineOut:
        return cls(**_base(item))


class QuarantineFull(QuarantineOut):
    """With its payload."""

    payload_base64: str
    payload_text: str | None

    @classmethod
    def of(cls, item: QuarantineItem) -> QuarantineFull:
        return cls(
            **_base(item),
            payload_base64=base64.b64encode(item.payload).decode(),
            payload_text=show(item.payload).text,
        )


class RedriveIn(Schema):
    """Which ones."""

    items: Annotated[list[int], Field(min_length=1, max_length=1000)]


class RedriveOut(Schema):
    """What came of it."""

    understood: int
    refused: int


@router.get("", response_model=Listing[QuarantineOut])
def list_quarantine(
    request: Request,
    *,
    access: Lookers,
    community: str | None = None,
    device: str | None = None,
    reason: str | None = None,
    state: Literal["kept", "redriven", "dismissed"] = "kept",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[QuarantineOut]:
    """Newest first."""
    deps: WebDeps = request.app.state.deps
    what = QuarantineFilter(community=community, device=device, reason=reason, state=state)
    page = deps.records.read(lambda books: books.quarantine.page(what, access.scope, limit=limit, cursor=cursor))
    return Listing(items=[QuarantineOut.of(item) for item in page.items], next=page.next)


@router.get("/{item_id}", response_model=QuarantineFull)
def get_quarantined(request: Request, *, access: Lookers, item_id: int) -> QuarantineFull:
    """With its payload, base64 and (where it is text) as text."""
    return QuarantineFull.of(find(request.app.state.deps, access, item_id))


@router.post("/redrive", response_model=RedriveOut)
def redrive(request: Request, *, access: Redrivers, body: RedriveIn) -> Response:
    """Through the decoders again. Feeds the series; sends no notice for old frames."""
    deps: WebDeps = request.app.state.deps
    for item_id in body.items:
        find(deps, access, item_id)

    def work() -> tuple[int, RedriveOut]:
        understood, refused = deps.redrive(body.items, by=access.caller.login)
        return 200, RedriveOut(understood=understood, refused=refused)

    return once(request, deps, access.caller.login, body, work)


def find(deps: WebDeps, access: Access, item_id: int) -> QuarantineItem:
    """One; NotFound also where it is outside the scope."""
    if not 0 < item_id < 2**53:
        raise InvalidInput(f"{item_id} is no item", pointer="/items", expected="ids of the list")
    item: QuarantineItem | None = deps.records.read(lambda books: books.quarantine.get(item_id))
    if item is None or not access.scope.allows(item.community):
        raise NotFound(f"no quarantined message {item_id}")
    return item


def _base(item: QuarantineItem) -> dict[str, object]:
    return {
        "id": item.id,
        "journal": item.journal,
        "batch": item.batch,
        "frame": item.frame,
        "community": item.community,
        "device": item.device,
        "connection": item.connection,
        "topic": item.topic,
        "content_type": item.content_type,
        "received_at": iso(item.received_at),
        "reason": item.reason,
        "detail": item.detail,
        "whole": item.whole,
        "state": item.state,
        "bytes": len(item.payload),
    }
