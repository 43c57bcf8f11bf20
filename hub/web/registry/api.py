"""/api/v1/communities, /rules, /crews, /parties: read only; they are changed by files (hub import)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from hub.domain.rules import Rule
from hub.web.auth.access import Read
from hub.web.deps import WebDeps
from hub.web.paging import page_of
from hub.web.schemas import Cursor, Limit, Listing, NameOut, Schema

router = APIRouter(prefix="/api/v1", tags=["registry"])


class CommunityOut(Schema):
    """小区"""

    id: str
    name: NameOut
    timezone: str
    language: str
    prefix: str
    facilities: int


class PartyOut(Schema):
    """A responsible party."""

    community: str
    id: str
    name: NameOut


class CrewOut(Schema):
    """Who owns tickets; how it is reached stays in the hub."""

    community: str
    id: str
    name: NameOut
    is_default: bool
    party: str | None
    channels: list[str]


class RuleOut(Schema):
    """A rule in force."""

    community: str
    id: str
    facility_kind: str
    failure_mode: str
    kind: str
    priority: str
    metric: str
    side: str
    setpoint: float
    deadband: float
    states: list[float | str]
    codes: list[str]
    silence_ms: int | None
    on_delay_ms: int
    off_delay_ms: int
    latched: bool
    shelve_max_ms: int
    raises_ticket: bool
    facility: str
    unit: str
    response: NameOut | None
    consequence: NameOut | None
    checks: list[NameOut]


@router.get("/communities", response_model=Listing[CommunityOut])
def list_communities(
    request: Request, *, access: Read, limit: Limit = 100, cursor: Cursor = None
) -> Listing[CommunityOut]:
    """Those the caller sees any part of."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    counts: dict[str, int] = {}
    for place in registry.facilities:
        if access.scope.allows(*place):
            counts[place[0]] = counts.get(place[0], 0) + 1
    found = (
        ((community.id,), community)
        for community in registry.communities.values()
        if access.scope.allows(community.id) or community.id in counts
    )
    items, after = page_of(found, limit, cursor)
    return Listing(
        items=[
            CommunityOut(
                id=c.id,
                name=NameOut.of(c.name),
                timezone=c.timezone,
                language=c.language,
                prefix=c.prefix,
                facilities=counts.get(c.id, 0),
            )
            for c in items
        ],
        next=after,
    )


@router.get("/parties", response_model=Listing[PartyOut])
def list_parties(
    request: Request, *, access: Read, community: str | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Listing[PartyOut]:
    """By community and id."""
    deps: WebDeps = request.app.state.deps
    seen = _communities(access, deps)
    found = (
        (key, PartyOut(community=key[0], id=key[1], name=NameOut.of(name)))
        for key, name in deps.registrar.current.parties.items()
        if key[0] in seen and community in (None, key[0])
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=items, next=after)


@router.get("/crews", response_model=Listing[CrewOut])
def list_crews(
    request: Request, *, access: Read, community: str | None = None, limit: Limit = 100, cursor: Cursor = None
) -> Listing[CrewOut]:
    """By community and id."""
    deps: WebDeps = request.app.state.deps
    seen = _communities(access, deps)
    found = (
        (
            key,
            CrewOut(
                community=crew.community,
                id=crew.id,
                name=NameOut.of(crew.name),
                is_default=crew.is_default,
                party=crew.party,
                channels=sorted({contact.channel for contact in crew.contacts}),
            ),
        )
        for key, crew in deps.registrar.current.crews.items()
        if key[0] in seen and community in (None, key[0])
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=items, next=after)


@router.get("/rules", response_model=Listing[RuleOut])
def list_rules(
    request: Request,
    *,
    access: Read,
    community: str | None = None,
    kind: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Listing[RuleOut]:
    """In force: the catalogue's presets with the community's own changes applied. ``kind`` is the facility kind."""
    deps: WebDeps = request.app.state.deps
    registry = deps.registrar.current
    seen = _communities(access, deps)
    found = (
        ((owner, rule.id), (owner, rule))
        for owner, rules in registry.rules.items()
        for rule in rules
        if owner in seen and community in (None, owner) and kind in (None, rule.facility_kind)
    )
    items, after = page_of(found, limit, cursor)
    return Listing(items=[_rule(deps, owner, rule) for owner, rule in items], next=after)


def _communities(access: Read, deps: WebDeps) -> set[str]:
    return {c for c in deps.registrar.current.communities if access.scope.touches(c)}


def _rule(deps: WebDeps, community: str, rule: Rule) -> RuleOut:
    mode = deps.registrar.current.failure_modes.get((rule.facility_kind, rule.failure_mode))
    return RuleOut(
        community=community,
        id=rule.id,
        facility_kind=rule.facility_kind,
        failure_mode=rule.failure_mode,
        kind=rule.kind,
        priority=rule.priority,
        metric=rule.metric,
        side=rule.side,
        setpoint=rule.setpoint,
        deadband=rule.deadband,
        states=list(rule.states),
        codes=list(rule.codes),
        silence_ms=rule.silence_ms,
        on_delay_ms=rule.on_delay_ms,
        off_delay_ms=rule.off_delay_ms,
        latched=rule.latched,
        shelve_max_ms=rule.shelve_max_ms,
        raises_ticket=rule.raises_ticket,
        facility=rule.facility,
        unit=rule.unit,
        response=NameOut.of(mode.response) if mode else None,
        consequence=NameOut.of(mode.consequence) if mode else None,
        checks=[NameOut.of(check) for check in mode.checks] if mode else [],
    )
