"""The web application: every route with its role, one answer for every refusal, headers that keep browsers strict."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

import hub
from hub.errors import ConfigError, HubError
from hub.web.auth.access import SignInFirst, roles_of
from hub.web.auth.attempts import Attempts
from hub.web.deps import WebDeps
from hub.web.headers import PUSHES, Headers
from hub.web.picture import BoundPoints
from hub.web.problems import Problem, problem_of
from hub.web.push.bodies import Bodies
from hub.web.queries import Queries
from hub.web.rendering import DIST, Pages
from hub.web.routes import ROUTERS

log = logging.getLogger(__name__)


def create_app(deps: WebDeps) -> FastAPI:
    """The application. Starts nothing; ``Server`` and ``Pulse`` do. ConfigError for a route that declares no role."""
    app = FastAPI(
        title="Community hub",
        version=hub.__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.deps = deps
    app.state.pages = Pages()
    app.state.bound = BoundPoints()
    app.state.queries = Queries(deps.series)
    app.state.attempts = Attempts()
    app.state.bodies = Bodies(deps.settings.ingest.payload_limit)
    for router in ROUTERS:
        _refuse_open_routes(router)
        app.include_router(router)
    if DIST.is_dir():
        app.mount("/static", StaticFiles(directory=DIST), name="static")
    for kind in (HubError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(GZipMiddleware, minimum_size=600, compresslevel=5)
    app.add_middleware(Headers, https=_https(deps))
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _https(deps: WebDeps) -> bool:
    web = deps.settings.web
    return web.tls_cert is not None or (web.public_url or "").startswith("https://")


def _refuse_open_routes(router: APIRouter) -> None:
    for route in router.routes:
        if roles_of(route) is None:
            raise ConfigError(f"route {getattr(route, 'path', route)} declares no role")


def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, SignInFirst):
        target = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/login?next={target}", status_code=303)
    problem = problem_of(error)
    if problem.status >= 500:
        log.error("request failed", exc_info=error, extra={"action": "request_failed", "path": _shown_path(request)})
    if _for_programs(request):
        return problem.answer(request)
    return _page(request, problem)


def _shown_path(request: Request) -> str:
    """Without the secret that the address of a push source may hold."""
    path = request.url.path
    return "/".join(path.split("/")[:3]) if path.startswith(PUSHES) else path


def _for_programs(request: Request) -> bool:
    path = request.url.path
    return path.startswith(("/api/", PUSHES)) or "text/html" not in request.headers.get("accept", "text/html")


def _page(request: Request, problem: Problem) -> Response:
    pages: Pages = request.app.state.pages
    context: dict[str, Any] = {"problem": problem}
    try:
        response = pages.page(request, "problem.html", status=problem.status, **context)
    except Exception:
        log.exception("the problem page failed", extra={"action": "problem_page_failed"})
        return problem.answer(request)
    for name, value in problem.headers:
        response.headers[name] = value
    return response
