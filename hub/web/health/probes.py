"""/healthz, /readyz, /metrics: for supervisors and collectors, without a sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hub.domain.health import Health, Status
from hub.web.auth.access import Public
from hub.web.deps import WebDeps

router = APIRouter(tags=["health"])


@router.get("/healthz", dependencies=[Public], response_class=PlainTextResponse)
def healthz() -> str:
    """Alive: the process answers."""
    return "ok\n"


@router.get("/readyz", dependencies=[Public])
def readyz(request: Request) -> JSONResponse:
    """503 only while messages cannot be journalled or records not written; else 200, with what is degraded and why."""
    deps: WebDeps = request.app.state.deps
    lines = deps.health(deps.clock.now())
    overall = worst(lines)
    body: dict[str, Any] = {
        "status": overall,
        "degraded": [line.component for line in lines if line.status is not Status.OK],
        "components": {line.component: {"status": line.status, "reason": line.reason, **line.facts} for line in lines},
    }
    return JSONResponse(body, status_code=503 if overall is Status.DOWN else 200)


@router.get("/metrics", dependencies=[Public])
def metrics(request: Request) -> Response:
    """Prometheus text."""
    deps: WebDeps = request.app.state.deps
    return Response(generate_latest(deps.metrics), media_type=CONTENT_TYPE_LATEST)


def worst(lines: Sequence[Health]) -> Status:
    """Of all components. Pure."""
    order = [Status.OK, Status.DEGRADED, Status.DOWN]
    return order[max((order.index(line.status) for line in lines), default=0)]
