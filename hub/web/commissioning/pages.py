"""/commissioning: what is fitted, what does not add up, what is quiet, going live, the acceptance sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.clock import DAY
from hub.domain.commissioning import Part
from hub.domain.metrics import METRICS
from hub.errors import HubError, IllegalTransition, InvalidInput, NotFound, Stale
from hub.web.auth.access import MANAGERS, Access, Need, NeedForm
from hub.web.deps import WebDeps
from hub.web.problems import problem_of
from hub.web.rendering import Pages, home

router = APIRouter(include_in_schema=False)
Lookers = Annotated[Access, Depends(Need(MANAGERS))]
Managers = Annotated[Access, Depends(NeedForm(MANAGERS))]
Id = Annotated[str, Form(max_length=200)]
MOST_MISSING = 100
"""Lines on the page; the acceptance sheet has all."""


@router.get("/commissioning")
def commissioning_home(request: Request, *, access: Lookers) -> Response:
    """That of the first community which the caller manages."""
    deps: WebDeps = request.app.state.deps
    mine = [name for name in sorted(deps.registrar.current.communities) if access.scope.allows(name)]
    first = home(request)
    if not mine:
        raise NotFound("no community here: import a community file first")
    target = first.id if first is not None and first.id in mine else mine[0]
    return RedirectResponse(f"/commissioning/{target}", status_code=303)


@router.get("/commissioning/{community}")
def commissioning_page(request: Request, *, access: Lookers, community: str) -> Response:
    """Expected, seen, tested; hitches with what to do; what is quiet; kinds on their way to live."""
    return _page(request, access, community)


@router.post("/commissioning/{community}/begin")
def begin(
    request: Request,
    *,
    access: Managers,
    community: str,
    subject: Id = "",
    days: Annotated[int, Form(ge=1, le=90)] = 14,
    note: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """``subject``: empty for the community, ``facility/<id>`` or ``gateway/<hub id>``."""
    deps: WebDeps = request.app.state.deps
    kind, _, of = subject.partition("/")
    part = {"facility": Part.FACILITY, "gateway": Part.GATEWAY}.get(kind, Part.COMMUNITY)

    def act() -> object:
        until = deps.clock.now() + days * DAY
        return deps.commissioning.begin(community, part, of, by=access.caller.login, until=until, note=note.strip())

    return _done(request, access, community, act)


@router.post("/commissioning/{community}/end")
def end(request: Request, *, access: Managers, community: str, span: Id) -> Response:
    """结束调试: people are told again."""
    deps: WebDeps = request.app.state.deps
    return _done(request, access, community, lambda: deps.commissioning.end(community, span, by=access.caller.login))


@router.post("/commissioning/{community}/match")
def match(request: Request, *, access: Managers, community: str, line: Id, device: Id) -> Response:
    """就是它: the waiting device is the one of the line."""
    deps: WebDeps = request.app.state.deps
    return _done(
        request,
        access,
        community,
        lambda: deps.commissioning.take_place(community, line, device, by=access.caller.login),
    )


@router.get("/commissioning/{community}/live/{kind}")
def live_page(request: Request, *, access: Lookers, community: str, kind: str) -> Response:
    """What the rules would have sent in the last seven days, before anybody decides."""
    return _live(request, access, community, kind)


@router.post("/commissioning/{community}/live/{kind}")
def go_live(request: Request, *, access: Managers, community: str, kind: str) -> Response:
    """正式启用"""
    deps: WebDeps = request.app.state.deps
    access.check(community, "", "community")
    try:
        deps.commissioning.go_live(community, kind, by=access.caller.login)
    except IllegalTransition as error:
        return _live(request, access, community, kind, error=error)
    return RedirectResponse(f"/commissioning/{community}", status_code=303)


@router.get("/commissioning/{community}/sheet")
def sheet_page(request: Request, *, access: Lookers, community: str) -> Response:
    """验收单, for print and signature."""
    return _render(request, access, community, "commissioning/sheet.html", metrics=METRICS)


def _done(request: Request, access: Access, community: str, act: Callable[[], object]) -> Response:
    access.check(community, "", "community")
    try:
        act()
    except (IllegalTransition, InvalidInput, NotFound, Stale) as error:
        return _page(request, access, community, error=error)
    return RedirectResponse(f"/commissioning/{community}", status_code=303)


def _page(request: Request, access: Access, community: str, *, error: HubError | None = None) -> Response:
    access.check(community, "", "community")
    deps: WebDeps = request.app.state.deps
    registry, now = deps.registrar.current, deps.clock.now()
    spans = deps.commissioning.spans(community)
    unsent = deps.commissioning.unsent(community)
    return _render(
        request,
        access,
        community,
        "commissioning/overview.html",
        error=error,
        holding=[span for span in spans if span.holds_at(now)],
        over=[span for span in reversed(spans) if span.until is not None and span.until <= now][:10],
        kinds=deps.commissioning.kinds(community),
        unsent=unsent,
        messages=sum(row.tellings for row in unsent),
        facilities=[f for key, f in sorted(registry.facilities.items()) if key[0] == community],
        others=[registry.communities[c] for c in sorted(registry.communities) if access.scope.allows(c)],
        most_missing=MOST_MISSING,
    )


def _live(request: Request, access: Access, community: str, kind: str, *, error: HubError | None = None) -> Response:
    access.check(community, "", "community")
    deps: WebDeps = request.app.state.deps
    state = next((each for each in deps.commissioning.kinds(community) if each.kind == kind), None)
    if state is None:
        raise NotFound(f"{community} has no facility of kind {kind[:63]!r}")
    unsent = deps.commissioning.unsent(community, kind)
    rules = {rule.id: rule for rule in deps.registrar.current.rules.get(community, ())}
    return _render(
        request,
        access,
        community,
        "commissioning/live.html",
        error=error,
        state=state,
        unsent=unsent,
        messages=sum(row.tellings for row in unsent),
        rules=rules,
    )


def _render(
    request: Request, access: Access, community: str, template: str, *, error: HubError | None = None, **context: Any
) -> Response:
    access.check(community, "", "community")
    deps: WebDeps = request.app.state.deps
    pages: Pages = request.app.state.pages
    registry = deps.registrar.current
    shown = deps.commissioning.overview(community)
    return pages.page(
        request,
        template,
        status=problem_of(error).status if error else 200,
        community=registry.communities[community],
        shown=shown,
        lines={line.id: line for line in shown.lines} | {line.device: line for line in shown.lines if line.device},
        error=error,
        registry=registry,
        catalogue=deps.catalogue,
        **context,
    )
