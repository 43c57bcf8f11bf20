"""Every route, without anybody and with every role; nobody sees or touches what is not theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from hub.domain.people import Grant, Role, ScopeKind
from hub.errors import ConfigError
from hub.web.app import _refuse_open_routes
from hub.web.auth.access import roles_of, scope_of
from hub.web.routes import ROUTERS
from tests.web.conftest import Browser

PUSHES = {f"/ingest/{{source}}{secret}{slash}" for secret in ("", "/{secret}") for slash in ("", "/")}
PUBLIC = {"/login", "/preferences", "/healthz", "/readyz", "/metrics", *PUSHES}
LOGIN_OF = {role: role.value for role in Role}
STREAM = "/api/v1/events"


def routes() -> Iterator[tuple[str, str, frozenset[Role]]]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                roles = roles_of(route)
                assert roles is not None
                yield method, route.path, roles


def filled(path: str) -> str:
    for name in ("ticket_id", "alarm_id", "facility_id", "device_id"):
        path = path.replace(f"{{{name}}}", "nothing")
    return path.replace("{item_id}", "9").replace("{action}", "accept")


@pytest.mark.parametrize(("method", "path", "roles"), list(routes()))
def test_nobody_gets_in_without_signing_in(morning: Browser, method: str, path: str, roles: frozenset[Role]) -> None:
    answer = morning.anonymous().request(method, filled(path))
    if path in PUSHES:
        assert answer.status_code == 404  # a source has a secret of its own, and this one is none
    elif path in PUBLIC:
        assert not roles
        assert answer.status_code not in (401, 500)
    elif path.startswith("/api/"):
        assert answer.status_code == 401
        assert answer.json()["slug"] == "not_signed_in"
        assert answer.headers["www-authenticate"] == "Bearer"
    else:
        assert answer.status_code in (303, 422)  # a form without its fields is refused before anything is looked up
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("role", list(Role))
def test_each_route_takes_the_roles_it_declares_and_no_other(morning: Browser, role: Role) -> None:
    client = morning.program(LOGIN_OF[role])
    for method, path, roles in routes():
        if path in PUBLIC or path == STREAM or method not in ("GET", "POST"):
            continue
        answer = client.request(method, filled(path), **({"json": {}} if method == "POST" else {}))
        if role in roles:
            assert answer.status_code not in (401, 403, 500), (method, path, answer.text[:200])
        else:
            assert answer.status_code in (403, 422), (method, path)


def test_a_route_that_declares_nothing_is_refused_at_start() -> None:
    router = APIRouter()

    @router.get("/open")
    def forgotten() -> str:
        return "oops"

    with pytest.raises(ConfigError, match="/open"):
        _refuse_open_routes(router)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic YTpi", "Bearer ", "bearer\tx"])
def test_a_token_that_does_not_hold_is_refused(morning: Browser, header: str) -> None:
    assert morning.anonymous(authorization=header).get("/api/v1/tickets").status_code == 401


def test_other_communities_do_not_exist(web: Browser) -> None:
    stranger = web.program("stranger")
    ticket, alarm = web.hub.tickets["lift"], web.hub.alarms["lift"]
    for path in (
        f"/api/v1/tickets/{ticket.id}",
        f"/api/v1/tickets/{ticket.number}/history",
        f"/api/v1/alarms/{alarm.id}",
        f"/api/v1/facilities/{alarm.facility}",
        f"/api/v1/devices/{alarm.device}",
        f"/api/v1/series?facility={alarm.facility}&metric=temperature&start=2026-11-22T00:00:00Z&end=2026-11-23T00:00:00Z",
        "/api/v1/quarantine/1",
        f"/tickets/{ticket.id}",
        f"/facilities/{alarm.facility}",
        "/quarantine/1",
    ):
        assert stranger.get(path).status_code == 404, path
    for path, body in (
        (f"/api/v1/tickets/{ticket.id}/assign", {"crew": "engineering"}),
        (f"/api/v1/alarms/{alarm.id}/acknowledge", {}),
        (f"/api/v1/alarms/{alarm.id}/shelve", {"reason": "quiet please"}),
        ("/api/v1/quarantine/redrive", {"items": [1]}),
        ("/api/v1/devices/harmony-garden~gym-cam-2/adopt", {"facility": "gym"}),
        ("/api/v1/tickets", {"community": "harmony-garden", "facility": alarm.facility, "title": "not mine"}),
    ):
        assert stranger.post(path, json=body).status_code == 404, path
    for path in ("tickets", "alarms", "facilities", "devices", "points", "quarantine", "communities", "crews", "rules"):
        assert stranger.get(f"/api/v1/{path}").json()["items"] == [], path


def test_a_grid_steward_sees_the_own_grid_alone(morning: Browser) -> None:
    steward = morning.program("steward")
    registry = morning.hub.deps.registrar.current
    mine = {f.id for f in registry.facilities.values() if f.grid == "grid-1"}
    seen = {item["id"] for item in steward.get("/api/v1/facilities?limit=1000").json()["items"]}
    assert seen == mine
    assert mine < {f.id for f in registry.facilities.values()}
    assert {item["facility"] for item in steward.get("/api/v1/points?limit=1000").json()["items"]} <= mine
    foreign = next(alarm for alarm in morning.hub.alarms.values() if alarm.facility not in mine)
    assert steward.get(f"/api/v1/alarms/{foreign.id}").status_code == 404
    assert steward.get(f"/api/v1/facilities/{foreign.facility}").status_code == 404
    assert all(ticket["facility"] in mine for ticket in steward.get("/api/v1/tickets").json()["items"])


def test_the_scope_of_one_role_is_not_that_of_another(morning: Browser) -> None:
    registry = morning.hub.deps.registrar.current
    grants = (
        Grant(role=Role.MANAGER, scope=ScopeKind.COMMUNITY, scope_id="elsewhere"),
        Grant(role=Role.VIEWER, scope=ScopeKind.COMMUNITY, scope_id="harmony-garden"),
    )
    managing = scope_of(grants, frozenset({Role.MANAGER}), registry)
    assert managing is not None
    assert not managing.allows("harmony-garden", "gym")
    assert scope_of(grants, frozenset({Role.ADMIN}), registry) is None
