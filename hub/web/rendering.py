"""Pages: one Jinja environment per language, and what every template is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hub import words
from hub.domain.people import Role
from hub.domain.places import Community
from hub.web import languages
from hub.web.auth.access import MANAGERS, OPERATORS, WORKERS, Caller, scope_of
from hub.web.deps import WebDeps
from hub.web.telling import Teller

HERE: Final = Path(__file__).resolve().parent
FAMILIES: Final = (
    "auth",
    "board",
    "facilities",
    "figures",
    "use",
    "alarms",
    "tickets",
    "figures",
    "devices",
    "commissioning",
    "quarantine",
    "health",
)
DIST: Final = HERE / "static" / "dist"
THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "hub_theme"


class Assets:
    """The built scripts and styles by their plain names (``board.js`` -> ``/static/board-1A2B.js``)."""

    def __init__(self, folder: Path = DIST) -> None:
        manifest = folder / "manifest.json"
        self.found = manifest.is_file()
        self._names: Mapping[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if self.found else {}

    def __call__(self, name: str) -> str:
        return f"/static/{self._names.get(name, name)}"


class Pages:
    """Renders templates. Made once; used by every thread."""

    def __init__(self) -> None:
        self.assets = Assets()
        self._words = words.load()
        self._environments = {language: self._environment(language) for language in words.LANGUAGES}

    def _environment(self, language: str) -> Environment:
        folders = {name: FileSystemLoader(HERE / name / "templates") for name in FAMILIES}
        environment = Environment(
            loader=ChoiceLoader([PrefixLoader(folders), FileSystemLoader(HERE / "templates")]),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_translations(self._words[language], newstyle=True)  # type: ignore[attr-defined] # added by the i18n extension
        environment.globals["asset"] = self.assets
        return environment

    def teller(self, request: Request, community: Community | None = None) -> Teller:
        """Who speaks to this request: the language it chose, the zone of the community it looks at."""
        deps: WebDeps = request.app.state.deps
        place = community or home(request)
        language = languages.choose(request, place.language if place else "zh-CN")
        return Teller(language, self._words[language], place.timezone if place else "Asia/Shanghai", deps.clock.now())

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        community: Community | None = None,
        **context: Any,
    ) -> Response:
        """A whole page."""
        say: Teller = context.pop("say", None) or self.teller(request, community)
        caller: Caller | None = getattr(request.state, "caller", None)
        theme = request.cookies.get(THEME_COOKIE, "auto")
        text = (
            self._environments[say.language]
            .get_template(template)
            .render(
                request=request,
                path=request.url.path,
                here=_here(request),
                say=say,
                caller=caller,
                csrf=caller.csrf if caller else "",
                theme=theme if theme in THEMES else "auto",
                community=community or home(request),
                may=_Rights(caller),
                **context,
            )
        )
        response = HTMLResponse(text, status_code=status)
        response.headers["Cache-Control"] = "no-store" if caller else "no-cache"
        return response


class _Rights:
    """What the navigation and the buttons ask; the routes decide for themselves."""

    def __init__(self, caller: Caller | None) -> None:
        self._caller = caller

    @property
    def operate(self) -> bool:
        return self._caller is not None and self._caller.has(OPERATORS)

    @property
    def work(self) -> bool:
        return self._caller is not None and self._caller.has(WORKERS)

    @property
    def manage(self) -> bool:
        return self._caller is not None and self._caller.has(MANAGERS)


def home(request: Request) -> Community | None:
    """The community a page is about when it names none: the first that the caller may see, else the first of all."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    communities = [registry.communities[key] for key in sorted(registry.communities)]
    caller: Caller | None = getattr(request.state, "caller", None)
    scope = scope_of(caller.grants, frozenset(Role), registry) if caller else None
    if scope is not None:
        mine = {community for community, _ in scope.facilities} | scope.communities
        communities = [c for c in communities if scope.everything or c.id in mine] or communities
    return communities[0] if communities else None


def _here(request: Request) -> str:
    """The page itself, to come back to."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
