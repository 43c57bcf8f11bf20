"""/health"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import DAY
from hub.flows.lists import NoticeFilter
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.health.probes import worst
from hub.web.rendering import Pages

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health_page(request: Request, *, access: Read) -> Response:
    """Each component in a line, gaps in hearing, and how notices leave."""
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    now = deps.clock.now()
    lines = deps.health(now)
    gaps, notices = deps.records.read(
        lambda books: (books.gaps.latest(30), books.notices.counts(NoticeFilter(since=now - DAY), access.scope))
    )
    return pages.page(request, "health/health.html", lines=lines, overall=worst(lines), gaps=gaps, notices=notices)
