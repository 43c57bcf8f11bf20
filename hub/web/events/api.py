"""/api/v1/events: server-sent events as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from hub.domain.people import Role
from hub.errors import InvalidInput
from hub.flows.lists import Scope
from hub.web.auth.access import Read, identify, scope_of
from hub.web.deps import WebDeps
from hub.web.problems import Refused
from hub.web.stream import KINDS, Change, Changes, Listener

router = APIRouter(prefix="/api/v1/events", tags=["events"])

HEARTBEAT_S: Final = 15.0
MOST_LISTENERS: Final = 500
RETRY_MS: Final = 3_000


@router.get("", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request,
    *,
    access: Read,
    kinds: Annotated[str, Query(max_length=60)] = ",".join(KINDS),
    facility: Annotated[str | None, Query(max_length=63)] = None,
    last_event_id: Annotated[str | None, Header(max_length=60)] = None,
    since: Annotated[str | None, Query(max_length=60)] = None,
) -> StreamingResponse:
    """Kinds ``reading``, ``alarm``, ``ticket``, ``health``, ``walk``; one ``resync`` where too much was missed.

    ``Last-Event-ID`` (or ``since``, for the first connection of a page) resumes what came in the last five minutes;
    of a point only its newest reading.
    """
    deps: WebDeps = request.app.state.deps
    wanted = frozenset(kinds.split(","))
    if not wanted <= set(KINDS):
        raise InvalidInput(
            f"unknown kinds {', '.join(sorted(wanted - set(KINDS)))}", pointer="query/kinds", expected=", ".join(KINDS)
        )
    if deps.changes.listeners >= MOST_LISTENERS:
        raise Refused(503, "too_many_streams", "too many streams are open", retry_after=30)
    stream = _stream(request, deps, _Wish(scope=access.scope, kinds=wanted, facility=facility), last_event_id or since)
    return StreamingResponse(
        stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """Which changes one browser wants and may see."""

    scope: Scope
    kinds: frozenset[str]
    facility: str | None

    def __call__(self, change: Change) -> bool:
        if change.kind not in self.kinds:
            return False
        community, place = change.data.get("community"), change.data.get("facility", "")
        return community is None or (self.facility in (None, place) and self.scope.allows(community, place))


async def _stream(request: Request, deps: WebDeps, wish: _Wish, last_event_id: str | None) -> AsyncIterator[str]:
    loop, woken, changes = asyncio.get_running_loop(), asyncio.Event(), deps.changes
    listener = Listener(wish, lambda: loop.call_soon_threadsafe(woken.set))
    complete = changes.listen(listener, last_event_id)
    beat_at = loop.time() + HEARTBEAT_S
    try:
        yield f"retry: {RETRY_MS}\n: welcome\n\n" + ("" if complete else _resync(changes))
        while not changes.closed:
            woken.clear()
            lost, fresh = listener.take()
            if lost or fresh:
                yield (_resync(changes) if lost else "") + "".join(_text(changes, change) for change in fresh)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), max(0.0, beat_at - loop.time()))
            if loop.time() >= beat_at:
                if not await run_in_threadpool(_still_allowed, request, deps):
                    return
                beat_at = loop.time() + HEARTBEAT_S
                yield ": heartbeat\n\n"
    finally:
        changes.leave(listener)


def _still_allowed(request: Request, deps: WebDeps) -> bool:
    """A stream ends with the session or token that opened it."""
    try:
        caller = identify(request, deps)
    except Refused:
        return False
    return caller is not None and scope_of(caller.grants, frozenset(Role), deps.registrar.current) is not None


def _resync(changes: Changes) -> str:
    return f"id: {changes.last_id()}\nevent: resync\ndata: {{}}\n\n"


def _text(changes: Changes, change: Change) -> str:
    data = json.dumps(change.data, ensure_ascii=False, separators=(",", ":"))
    return f"id: {changes.id_of(change.id)}\nevent: {change.kind}\ndata: {data}\n\n"
