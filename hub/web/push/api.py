"""POST /ingest/{source}: no sign-in, but a secret or a signature of the source's own. Never a page, always few words."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hub.flows.pushing import Answer, Delivery, Inlet
from hub.web.auth.access import Public
from hub.web.deps import WebDeps
from hub.web.problems import Problem
from hub.web.push.bodies import Bodies

router = APIRouter(tags=["push"])


@router.post("/ingest/{source}", dependencies=[Public], response_class=PlainTextResponse)
@router.post("/ingest/{source}/", dependencies=[Public], response_class=PlainTextResponse, include_in_schema=False)
async def push(request: Request, source: str) -> Response:
    """A vendor's message. 200 once it is in the journal; 503 with Retry-After where it is not: send it again."""
    return await _push(request, source, secret="")


@router.post("/ingest/{source}/{secret}", dependencies=[Public], response_class=PlainTextResponse)
@router.post(
    "/ingest/{source}/{secret}/", dependencies=[Public], response_class=PlainTextResponse, include_in_schema=False
)
async def push_with_secret(request: Request, source: str, secret: str) -> Response:
    """As above, for clouds that can sign nothing and send no header of their own."""
    return await _push(request, source, secret=secret)


@router.get("/ingest/{source}", dependencies=[Public], response_class=PlainTextResponse)
@router.get("/ingest/{source}/", dependencies=[Public], response_class=PlainTextResponse, include_in_schema=False)
def greet(request: Request, source: str) -> Response:
    """The handshake of clouds that check an address before they push to it (OneNET)."""
    return _greet(request, source, secret="")


@router.get("/ingest/{source}/{secret}", dependencies=[Public], response_class=PlainTextResponse)
@router.get(
    "/ingest/{source}/{secret}/", dependencies=[Public], response_class=PlainTextResponse, include_in_schema=False
)
def greet_with_secret(request: Request, source: str, secret: str) -> Response:
    """As above; without a handshake it says whether the secret is right."""
    return _greet(request, source, secret=secret)


def _greet(request: Request, source: str, *, secret: str) -> Response:
    query = dict(request.query_params)
    delivery = Delivery(source=source, secret=secret, headers=_headers(request), query=query)
    return _said(request, source, _inlet(request).greet(delivery))


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


async def _push(request: Request, source: str, *, secret: str) -> Response:
    inlet, bodies = _inlet(request), request.app.state.bodies
    assert isinstance(bodies, Bodies)  # noqa: S101 - create_app puts them there
    headers = _headers(request)
    refused = inlet.look(Delivery(source=source, secret=secret, headers=headers))
    if refused is not None:
        return _said(request, source, refused)
    body = await bodies.read(request)
    if isinstance(body, Answer):
        inlet.declined(source, body)
        return _said(request, source, body)
    delivery = Delivery(source=source, secret=secret, headers=headers, body=body)
    return _said(request, source, await run_in_threadpool(inlet.take, delivery))


def _inlet(request: Request) -> Inlet:
    deps: WebDeps = request.app.state.deps
    return deps.inlet


def _said(request: Request, source: str, answer: Answer) -> Response:
    if answer.status == 200:
        return PlainTextResponse(answer.text)
    headers = () if answer.retry_after_s is None else (("Retry-After", str(answer.retry_after_s)),)
    # the path may hold the secret: it is not said back
    return Problem(answer.status, answer.slug, answer.detail, headers=headers).answer(request, at=f"/ingest/{source}")
