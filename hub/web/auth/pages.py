"""/login, /logout, and the choice of language and theme."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.domain.people import AuditEntry, Session
from hub.web import languages
from hub.web.auth.access import EVERYONE, SESSION_COOKIE, SESSION_MS, Access, NeedForm, Public, identify
from hub.web.auth.attempts import Attempts
from hub.web.auth.passwords import digest, matches, new_secret
from hub.web.deps import WebBooks, WebDeps
from hub.web.rendering import THEME_COOKIE, THEMES, Pages
from hub.words import LANGUAGES

router = APIRouter(include_in_schema=False)
LOGIN_COOKIE = "hub_login"
YEAR_S = 365 * 24 * 3600


@router.get("/login", dependencies=[Public])
def login_page(request: Request, *, next: str = "/") -> Response:  # noqa: A002 - the parameter's public name
    """The form. Whoever is signed in already goes on."""
    deps: WebDeps = request.app.state.deps
    if not request.headers.get("authorization") and identify(request, deps) is not None:
        return RedirectResponse(inside(next), status_code=303)
    return _form(request, target=next)


@router.post("/login", dependencies=[Public])
def login(
    request: Request,
    *,
    login: Annotated[str, Form(max_length=63)] = "",
    password: Annotated[str, Form(max_length=300)] = "",
    token: Annotated[str, Form(max_length=100)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002 - the field's public name
) -> Response:
    """A new session for a right password; the old one of this browser ends."""
    deps: WebDeps = request.app.state.deps
    attempts: Attempts = request.app.state.attempts
    now, name = deps.clock.now(), login.strip().lower()
    address = request.client.host if request.client else ""
    expected = request.cookies.get(LOGIN_COOKIE, "")
    if not expected or not hmac.compare_digest(token.encode(), expected.encode()):
        return _form(request, target=next, login=name, trouble="expired", status=403)
    wait = attempts.wait(name, address, now)
    if wait:
        return _form(request, target=next, login=name, trouble="wait", wait=wait, status=429)
    user = deps.records.read(lambda books: books.people.user(name))
    if not matches(None if user is None or user.disabled else user.password_hash, password) or user is None:
        attempts.failed(name, address, now)
        return _form(request, target=next, login=name, trouble="wrong", status=401)
    attempts.succeeded(name, address)
    secret = new_secret()
    old = request.cookies.get(SESSION_COOKIE)
    session = Session(
        token_hash=digest(secret), user=user.id, csrf=new_secret(), created_at=now, expires_at=now + SESSION_MS
    )

    def work(books: WebBooks) -> None:
        if old:
            books.people.end_session(digest(old))
        books.people.add_session(session)
        books.people.record(AuditEntry(at=now, by=user.login, action="login", object=f"user:{user.login}"))

    deps.records.write(work)
    response = RedirectResponse(inside(next), status_code=303)
    _keep(request, response, SESSION_COOKIE, secret, seconds=SESSION_MS // 1000)
    response.delete_cookie(LOGIN_COOKIE)
    if user.language in LANGUAGES and not request.cookies.get(languages.COOKIE):
        _keep(request, response, languages.COOKIE, user.language, seconds=YEAR_S)
    return response


@router.post("/logout")
def logout(request: Request, *, access: Annotated[Access, Depends(NeedForm(EVERYONE))]) -> Response:
    """Ends this browser's session."""
    deps: WebDeps = request.app.state.deps
    secret = request.cookies.get(SESSION_COOKIE, "")
    entry = AuditEntry(
        at=deps.clock.now(), by=access.caller.login, action="logout", object=f"user:{access.caller.login}"
    )
    deps.records.write(lambda books: (books.people.end_session(digest(secret)), books.people.record(entry)))
    response = RedirectResponse("/login", status_code=303)
    response.delete_cookie(SESSION_COOKIE)
    return response


@router.post("/preferences", dependencies=[Public])
def preferences(
    request: Request,
    *,
    language: Annotated[str, Form(max_length=10)] = "",
    theme: Annotated[str, Form(max_length=10)] = "",
    back: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Kept in the browser only; a foreign page that sends this form changes no more than words and colours."""
    response = RedirectResponse(inside(back), status_code=303)
    if language in LANGUAGES:
        _keep(request, response, languages.COOKIE, language, seconds=YEAR_S)
    if theme in THEMES:
        _keep(request, response, THEME_COOKIE, theme, seconds=YEAR_S)
    return response


def inside(target: str) -> str:
    """A path of ours, else the start: nobody is sent to a foreign page. Pure."""
    plain = target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else "/"


def _form(
    request: Request, *, target: str, login: str = "", trouble: str = "", wait: int = 0, status: int = 200
) -> Response:
    pages: Pages = request.app.state.pages
    token = request.cookies.get(LOGIN_COOKIE) or new_secret()
    response = pages.page(
        request,
        "auth/login.html",
        status=status,
        login=login,
        trouble=trouble,
        wait=wait,
        next=inside(target),
        token=token,
    )
    if wait:
        response.headers["Retry-After"] = str(-(-wait // 1000))
    response.headers["Cache-Control"] = "no-store"
    _keep(request, response, LOGIN_COOKIE, token, seconds=3600)
    return response


def _keep(request: Request, response: Response, name: str, value: str, *, seconds: int) -> None:
    deps: WebDeps = request.app.state.deps
    web = deps.settings.web
    secure = web.tls_cert is not None or (web.public_url or "").startswith("https://") or request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure, path="/")
