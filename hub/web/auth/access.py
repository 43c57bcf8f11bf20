"""Who is calling, and whether the route is for them. Deny by default: a route without a role is refused at start."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Form
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute

from hub.clock import HOUR, MINUTE
from hub.domain.people import Grant, Role, ScopeKind
from hub.errors import Forbidden, HubError, NotFound
from hub.flows.lists import Scope
from hub.flows.registry import Registry
from hub.web.auth.passwords import digest
from hub.web.deps import WebDeps
from hub.web.problems import Refused

SESSION_COOKIE: Final = "hub_session"
SESSION_MS: Final = 12 * HOUR
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

EVERYONE: Final = frozenset(Role)
OPERATORS: Final = frozenset({Role.ADMIN, Role.MANAGER, Role.DESK})
WORKERS: Final = OPERATORS | {Role.CREW}
MANAGERS: Final = frozenset({Role.ADMIN, Role.MANAGER})


class SignInFirst(HubError):
    """A page was asked for without a session: go to the sign-in page and come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A signed-in person, or a program with a token."""

    login: str
    name: str
    grants: tuple[Grant, ...]
    language: str = ""
    crew: str | None = None
    csrf: str = ""
    """Empty for a program: it sends no cookie that a foreign page could use."""

    def has(self, roles: Iterable[Role]) -> bool:
        """Whether any grant is of one of these roles."""
        wanted = frozenset(roles)
        return any(grant.role in wanted for grant in self.grants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A caller on a route: with the scope that the route's roles give."""

    caller: Caller
    scope: Scope

    def check(self, community: str, facility: str, what: str) -> None:
        """NotFound where it is outside: nobody learns that it exists."""
        if not self.scope.allows(community, facility):
            raise NotFound(f"no {what} here")


def scope_of(grants: Iterable[Grant], roles: frozenset[Role], registry: Registry) -> Scope | None:
    """What the grants of these roles reach together; None: no such grant."""
    held = [grant for grant in grants if grant.role in roles]
    if not held:
        return None
    grids = {tuple(grant.scope_id.split("/", 1)) for grant in held if grant.scope is ScopeKind.GRID}
    return Scope(
        everything=any(grant.scope is ScopeKind.COMPANY for grant in held),
        communities=frozenset(grant.scope_id for grant in held if grant.scope is ScopeKind.COMMUNITY),
        facilities=frozenset(
            key for key, facility in registry.facilities.items() if (facility.community, facility.grid or "") in grids
        ),
    )


class Need:
    """The dependency that every route but the public ones declares."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    def __call__(self, request: Request) -> Access:
        return self._admit(request, sent="")

    def _admit(self, request: Request, *, sent: str) -> Access:
        deps: WebDeps = request.app.state.deps
        caller = identify(request, deps)
        if caller is None:
            if request.url.path.startswith("/api/"):
                raise Refused(401, "not_signed_in", "sign in, or send a bearer token in the Authorization header")
            raise SignInFirst("sign in first")
        request.state.caller = caller
        scope = scope_of(caller.grants, self.roles, deps.registrar.current)
        if scope is None:
            raise Forbidden(f"this needs one of the roles {', '.join(sorted(self.roles))}")
        if request.method not in SAFE_METHODS and caller.csrf:
            _check_csrf(request.headers.get("x-csrf-token") or sent, caller)
        return Access(caller=caller, scope=scope)


class NeedForm(Need):
    """As ``Need``, for a form that works without script: it carries the token in its field ``csrf``."""

    def __call__(self, request: Request, csrf: Annotated[str, Form(max_length=100)] = "") -> Access:
        return self._admit(request, sent=csrf)


def public(_: Request) -> None:
    """The mark of a route that needs nobody to be signed in."""


def identify(request: Request, deps: WebDeps) -> Caller | None:
    """Bearer token first, then the browser's session. Refused for a token that does not hold."""
    header = request.headers.get("authorization", "")
    if header:
        return _by_token(header, deps)
    secret = request.cookies.get(SESSION_COOKIE)
    if not secret:
        return None
    now = deps.clock.now()
    found = deps.records.read(lambda books: books.people.session(digest(secret), now))
    if found is None:
        return None
    session, user = found
    return Caller(
        login=user.login,
        name=user.name,
        grants=user.grants,
        language=user.language,
        crew=user.crew,
        csrf=session.csrf,
    )


def _by_token(header: str, deps: WebDeps) -> Caller:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Refused(401, "bad_authorization", "expected Authorization: Bearer <token>")
    secret = secret.strip()
    admin = deps.settings.admin_token
    if admin and hmac.compare_digest(digest(secret), digest(admin)):
        return Caller(login="token:admin", name="HUB_ADMIN_TOKEN", grants=(Grant(role=Role.ADMIN),))
    now = deps.clock.now()
    token = deps.records.read(lambda books: books.people.token(digest(secret)))
    if token is None or not token.holds_at(now):
        raise Refused(401, "bad_token", "the token is unknown, revoked or past its end: make a new one with hub token")
    if token.last_used_at is None or now - token.last_used_at > MINUTE:
        deps.records.write(lambda books: books.people.token_used(token.id, now))
    return Caller(login=f"token:{token.name}", name=token.name, grants=(token.grant,))


def _check_csrf(sent: str, caller: Caller) -> None:
    """Programs in the browser send the header X-CSRF-Token, forms the field ``csrf``."""
    if not hmac.compare_digest(sent.encode(), caller.csrf.encode()):
        raise Refused(403, "csrf", "the form has no valid token: load the page anew and send it again")


def roles_of(route: BaseRoute) -> frozenset[Role] | None:
    """The roles a route declares; empty: public; None: it declares nothing, which is refused at start."""
    if not isinstance(route, APIRoute):
        return None
    calls = [dependency.call for dependency in route.dependant.dependencies]
    for call in calls:
        if isinstance(call, Need):
            return call.roles
    return frozenset() if public in calls else None


Public: Final = Depends(public)
Read = Annotated[Access, Depends(Need(EVERYONE))]
