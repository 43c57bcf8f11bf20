"""The people book: users and grants, sessions, tokens, remembered answers, audit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from hub.domain.ids import IdMaker
from hub.domain.people import Answer, AuditEntry, Grant, Role, ScopeKind, Session, Token, User
from hub.storage.tables import audit, grants, idempotency, sessions, tokens, users


class PeopleBook:
    """Secrets come in hashed: nothing here hashes, compares or makes one."""

    def __init__(self, connection: Connection, ids: IdMaker) -> None:
        self._connection = connection
        self._ids = ids

    # --- users ------------------------------------------------------------------------------------------------

    def users(self) -> tuple[User, ...]:
        """All, by login."""
        rows = self._connection.execute(select(users).order_by(users.c.login)).mappings()
        return tuple(self._user(row) for row in rows)

    def user(self, login: str) -> User | None:
        row = self._connection.execute(select(users).where(users.c.login == login)).mappings().one_or_none()
        return None if row is None else self._user(row)

    def save_user(self, user: User) -> None:
        """Insert or update; the grants become exactly those given."""
        values = _columns(user)
        done = self._connection.execute(update(users).where(users.c.id == user.id).values(**values))
        if not done.rowcount:
            self._connection.execute(insert(users).values(**values))
        self._connection.execute(delete(grants).where(grants.c.user == user.id))
        if user.grants:
            self._connection.execute(insert(grants), [_grant_columns(user.id, grant) for grant in user.grants])

    # --- sessions ---------------------------------------------------------------------------------------------

    def add_session(self, session: Session) -> None:
        self._connection.execute(
            insert(sessions).values(
                token_hash=session.token_hash,
                user=session.user,
                csrf=session.csrf,
                created_at=session.created_at,
                expires_at=session.expires_at,
            )
        )

    def session(self, token_hash: str, now: int) -> tuple[Session, User] | None:
        """The session and its user, if neither has ended."""
        row = (
            self._connection.execute(
                select(sessions).where(and_(sessions.c.token_hash == token_hash, sessions.c.expires_at > now))
            )
            .mappings()
            .one_or_none()
        )
        if row is None:
            return None
        owner = self._connection.execute(select(users).where(users.c.id == row["user"])).mappings().one()
        user = self._user(owner)
        return None if user.disabled else (Session(**row), user)

    def end_session(self, token_hash: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def end_sessions_of(self, user: str) -> int:
        """After a changed password or a disabled user."""
        return self._connection.execute(delete(sessions).where(sessions.c.user == user)).rowcount

    # --- tokens -----------------------------------------------------------------------------------------------

    def add_token(self, token: Token) -> None:
        self._connection.execute(
            insert(tokens).values(
                id=token.id,
                name=token.name,
                token_hash=token.token_hash,
                role=token.grant.role.value,
                scope=token.grant.scope.value,
                scope_id=token.grant.scope_id,
                created_at=token.created_at,
                expires_at=token.expires_at,
                last_used_at=token.last_used_at,
                revoked_at=token.revoked_at,
            )
        )

    def token(self, token_hash: str) -> Token | None:
        row = self._connection.execute(select(tokens).where(tokens.c.token_hash == token_hash)).mappings().one_or_none()
        return None if row is None else _token(row)

    def tokens(self) -> tuple[Token, ...]:
        """All, newest first."""
        rows = self._connection.execute(select(tokens).order_by(tokens.c.id.desc())).mappings()
        return tuple(_token(row) for row in rows)

    def token_used(self, token_id: str, now: int) -> None:
        self._connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))

    def revoke_token(self, token_id: str, now: int) -> bool:
        """False where there is none, or it was revoked before."""
        done = self._connection.execute(
            update(tokens).where(and_(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))).values(revoked_at=now)
        )
        return done.rowcount == 1

    # --- remembered answers -----------------------------------------------------------------------------------

    def reserve(self, key: str, body_hash: str, now: int, *, stale_before: int) -> Answer | None:
        """None: the key is now the caller's. Else what is kept under it (``status`` 0: somebody is at it).

        A reservation that has been open since before ``stale_before`` was lost in a crash and is taken over.
        """
        self._connection.execute(
            delete(idempotency).where(
                and_(
                    idempotency.c.key == key,
                    idempotency.c.status == 0,
                    idempotency.c.body_hash == body_hash,
                    idempotency.c.created_at < stale_before,
                )
            )
        )
        try:
            with self._connection.begin_nested():
                self._connection.execute(
                    insert(idempotency).values(key=key, body_hash=body_hash, status=0, answer="", created_at=now)
                )
        except IntegrityError:
            row = self._connection.execute(select(idempotency).where(idempotency.c.key == key)).mappings().one()
            return Answer(
                body_hash=row["body_hash"], status=row["status"], text=row["answer"], created_at=row["created_at"]
            )
        return None

    def remember(self, key: str, status: int, text: str) -> None:
        self._connection.execute(update(idempotency).where(idempotency.c.key == key).values(status=status, answer=text))

    def release(self, key: str) -> None:
        """The work failed without effect: the same key may try again."""
        self._connection.execute(delete(idempotency).where(idempotency.c.key == key))

    # --- audit ------------------------------------------------------------------------------------------------

    def record(self, entry: AuditEntry) -> None:
        self._connection.execute(
            insert(audit).values(
                id=self._ids.make(entry.at),
                at=entry.at,
                by=entry.by,
                action=entry.action,
                object=entry.object,
                detail=entry.detail,
            )
        )

    def audit(self, *, limit: int = 100) -> tuple[AuditEntry, ...]:
        """Newest first."""
        rows = self._connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)).mappings()
        return tuple(
            AuditEntry(at=r["at"], by=r["by"], action=r["action"], object=r["object"], detail=r["detail"]) for r in rows
        )

    def forget(self, *, sessions_before: int, answers_before: int) -> int:
        """Drop sessions and remembered answers that have had their time; how many."""
        gone = self._connection.execute(delete(sessions).where(sessions.c.expires_at < sessions_before)).rowcount
        return (
            gone
            + self._connection.execute(delete(idempotency).where(idempotency.c.created_at < answers_before)).rowcount
        )

    def _user(self, row: RowMapping) -> User:
        held = self._connection.execute(
            select(grants).where(grants.c.user == row["id"]).order_by(grants.c.role, grants.c.scope_id)
        ).mappings()
        return User(**row, grants=tuple(_grant(grant) for grant in held))


def _columns(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "password_hash": user.password_hash,
        "language": user.language,
        "crew": user.crew,
        "disabled": user.disabled,
        "created_at": user.created_at,
    }


def _grant_columns(user: str, grant: Grant) -> dict[str, Any]:
    return {"user": user, "role": grant.role.value, "scope": grant.scope.value, "scope_id": grant.scope_id}


def _grant(row: RowMapping) -> Grant:
    return Grant(role=Role(row["role"]), scope=ScopeKind(row["scope"]), scope_id=row["scope_id"])


def _token(row: RowMapping) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        token_hash=row["token_hash"],
        grant=_grant(row),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
