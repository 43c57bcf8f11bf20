"""Who may use the hub: users with grants (a role over a scope), their sessions, and tokens for programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody does here. No role contains another: each route names all that may use it."""

    ADMIN = "admin"
    MANAGER = "manager"
    DESK = "desk"
    CREW = "crew"
    PLANNER = "planner"
    VIEWER = "viewer"


class ScopeKind(StrEnum):
    """How far a grant reaches."""

    COMPANY = "company"
    COMMUNITY = "community"
    GRID = "grid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role over a part of the estate."""

    role: Role
    scope: ScopeKind = ScopeKind.COMPANY
    scope_id: str = ""
    """Empty for the company; ``community``; ``community/grid``."""

    def __post_init__(self) -> None:
        parts = len(self.scope_id.split("/")) if self.scope_id else 0
        wanted = {ScopeKind.COMPANY: 0, ScopeKind.COMMUNITY: 1, ScopeKind.GRID: 2}[self.scope]
        if parts != wanted:
            shape = {0: "no id", 1: "the community's id", 2: "community/grid"}[wanted]
            raise ValueError(f"a grant over a {self.scope} takes {shape}, not {self.scope_id!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with a login."""

    id: str
    """UUIDv7."""
    login: str
    name: str
    password_hash: str
    """argon2id, as argon2 writes it."""
    language: str = ""
    """``zh-CN`` or ``en``; empty: the browser's."""
    crew: str | None = None
    disabled: bool = False
    created_at: int
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that has signed in. The cookie holds a random secret; only its SHA-256 is kept."""

    token_hash: str
    user: str
    csrf: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A program's key. Shown once when it is made; only its SHA-256 is kept."""

    id: str
    name: str
    token_hash: str
    grant: Grant
    created_at: int
    expires_at: int | None = None
    last_used_at: int | None = None
    revoked_at: int | None = None

    def holds_at(self, now: int) -> bool:
        """Whether it may still be used."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a creating request was answered, kept under its Idempotency-Key. ``status`` 0: still being worked on."""

    body_hash: str
    status: int
    text: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to which object, and when."""

    at: int
    by: str
    action: str
    object: str
    detail: str = "{}"
    """JSON."""
