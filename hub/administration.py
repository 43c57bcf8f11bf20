"""Users and tokens, made by command. Used by the command line and the demo."""

from __future__ import annotations

import json
from typing import Any

from hub.clock import DAY, Clock
from hub.domain.ids import IdMaker
from hub.domain.people import AuditEntry, Grant, Role, ScopeKind, Token, User
from hub.errors import InvalidInput, NotFound
from hub.flows.ports import Records
from hub.storage.books import Books
from hub.web.auth.passwords import digest, hash_password, new_secret


class Administration:
    """Every act is one unit of work, and leaves a line in the audit trail."""

    def __init__(self, records: Records[Books], clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._ids = IdMaker()

    def add_user(
        self, login: str, password: str, *, grant: Grant, name: str = "", crew: str | None = None, by: str
    ) -> User:
        """Create a user, or give an existing one this password and this one grant."""
        hashed = hash_password(password)

        def work(books: Books) -> User:
            before = books.people.user(login)
            now = self._clock.now()
            user = User(
                id=before.id if before else self._ids.make(now),
                login=login,
                name=name or (before.name if before else login),
                password_hash=hashed,
                crew=crew,
                grants=(grant,),
                created_at=before.created_at if before else now,
            )
            books.people.save_user(user)
            books.people.end_sessions_of(user.id)
            self._note(books, by, "save_user", login, _words(grant))
            return user

        return self._records.write(work)

    def add_token(self, name: str, *, grant: Grant, days: int | None = None, by: str) -> str:
        """A new API token. The text is returned this once; only its digest is kept."""
        text = new_secret()
        now = self._clock.now()
        token = Token(
            id=self._ids.make(now),
            name=name,
            token_hash=digest(text),
            grant=grant,
            created_at=now,
            expires_at=None if days is None else now + days * DAY,
        )

        def work(books: Books) -> None:
            books.people.add_token(token)
            self._note(books, by, "add_token", name, _words(grant))

        self._records.write(work)
        return text

    def revoke_token(self, name: str, *, by: str) -> int:
        """End every token of that name; NotFound where there is none."""
        now = self._clock.now()

        def work(books: Books) -> int:
            ended = sum(
                books.people.revoke_token(token.id, now) for token in books.people.tokens() if token.name == name
            )
            if ended:
                self._note(books, by, "revoke_token", name, {})
            return ended

        ended = self._records.write(work)
        if not ended:
            raise NotFound(f"no token {name!r} that could be revoked")
        return ended

    def _note(self, books: Books, by: str, action: str, what: str, detail: dict[str, Any]) -> None:
        books.people.record(
            AuditEntry(
                at=self._clock.now(), by=by, action=action, object=what, detail=json.dumps(detail, ensure_ascii=False)
            )
        )


def grant_of(role: str, scope: str = "") -> Grant:
    """``manager``, ``harmony-garden`` or ``harmony-garden/east`` as a grant; empty scope: the whole company."""
    try:
        known = Role(role)
    except ValueError:
        raise InvalidInput(f"no role {role!r}: there are {', '.join(found.value for found in Role)}") from None
    parts = scope.split("/") if scope else []
    if len(parts) > 2 or not all(parts):
        raise InvalidInput(
            f"scope {scope!r}: expected a community's id or community/grid; leave it out for the company"
        )
    kind = (ScopeKind.COMPANY, ScopeKind.COMMUNITY, ScopeKind.GRID)[len(parts)]
    return Grant(role=known, scope=kind, scope_id=scope)


def _words(grant: Grant) -> dict[str, str]:
    return {"role": grant.role.value, "scope": grant.scope_id or "company"}
