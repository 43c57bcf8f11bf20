"""Users, sessions, tokens, remembered answers and the audit trail; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.ids import IdMaker
from hub.domain.people import AuditEntry, Grant, Role, ScopeKind, Session, Token, User
from hub.storage.unit import SqlRecords

IDS = IdMaker()
DESK = Grant(role=Role.DESK, scope=ScopeKind.COMMUNITY, scope_id="garden")
STEWARD = Grant(role=Role.VIEWER, scope=ScopeKind.GRID, scope_id="garden/grid-1")


def a_user(login: str = "ana", *grants: Grant) -> User:
    return User(id=IDS.make(1), login=login, name="Ana", password_hash="$argon2id$…", created_at=1, grants=grants)


def a_session(user: User, *, expires_at: int = 100) -> Session:
    return Session(token_hash="a" * 64, user=user.id, csrf="c", created_at=1, expires_at=expires_at)


def test_a_user_comes_back_with_exactly_the_grants_saved_last(records: SqlRecords) -> None:
    user = a_user("ana", DESK, STEWARD)
    records.write(lambda books: books.people.save_user(user))
    found = records.read(lambda books: books.people.user("ana"))
    assert found is not None
    assert set(found.grants) == {DESK, STEWARD}
    records.write(lambda books: books.people.save_user(replace(user, name="Ana B.", grants=(STEWARD,))))
    assert records.read(lambda books: books.people.users()) == (replace(user, name="Ana B.", grants=(STEWARD,)),)
    assert records.read(lambda books: books.people.user("bo")) is None


def test_a_session_holds_until_its_end_and_as_long_as_its_user(records: SqlRecords) -> None:
    user = a_user()
    session = a_session(user)
    records.write(lambda books: (books.people.save_user(user), books.people.add_session(session)))
    assert records.read(lambda books: books.people.session("a" * 64, 99)) == (session, user)
    assert records.read(lambda books: books.people.session("a" * 64, 100)) is None
    records.write(lambda books: books.people.save_user(replace(user, disabled=True)))
    assert records.read(lambda books: books.people.session("a" * 64, 99)) is None
    assert records.write(lambda books: books.people.end_sessions_of(user.id)) == 1


def test_a_token_is_revoked_once(records: SqlRecords) -> None:
    token = Token(id=IDS.make(1), name="nightly", token_hash="t" * 64, grant=DESK, created_at=1, expires_at=500)
    records.write(lambda books: books.people.add_token(token))
    assert records.read(lambda books: books.people.token("t" * 64)) == token
    records.write(lambda books: books.people.token_used(token.id, 7))
    assert records.write(lambda books: books.people.revoke_token(token.id, 9))
    assert not records.write(lambda books: books.people.revoke_token(token.id, 10))
    found = records.read(lambda books: books.people.tokens())[0]
    assert (found.last_used_at, found.revoked_at, found.holds_at(8)) == (7, 9, False)


@pytest.mark.parametrize(("now", "holds"), [(499, True), (500, False)])
def test_a_token_ends_at_its_time(now: int, *, holds: bool) -> None:
    token = Token(id="1", name="n", token_hash="t", grant=DESK, created_at=1, expires_at=500)
    assert token.holds_at(now) is holds


def test_an_answer_is_kept_for_the_same_key(records: SqlRecords) -> None:
    reserve = "key", "body"
    assert records.write(lambda books: books.people.reserve(*reserve, 10, stale_before=0)) is None
    at_work = records.write(lambda books: books.people.reserve(*reserve, 11, stale_before=0))
    assert at_work is not None
    assert at_work.status == 0
    records.write(lambda books: books.people.remember("key", 201, "{}"))
    done = records.write(lambda books: books.people.reserve("key", "other body", 99, stale_before=98))
    assert done is not None
    assert (done.status, done.text, done.body_hash) == (201, "{}", "body")


def test_a_reservation_lost_in_a_crash_is_taken_over(records: SqlRecords) -> None:
    records.write(lambda books: books.people.reserve("key", "body", 10, stale_before=0))
    assert records.write(lambda books: books.people.reserve("key", "body", 90, stale_before=50)) is None
    records.write(lambda books: books.people.release("key"))
    assert records.write(lambda books: books.people.reserve("key", "new body", 91, stale_before=0)) is None


def test_the_audit_trail_is_read_newest_first(records: SqlRecords) -> None:
    entries = [AuditEntry(at=at, by="ana", action="login", object=f"user:{at}") for at in (1, 2, 3)]
    for entry in entries:
        records.write(lambda books, entry=entry: books.people.record(entry))
    assert records.read(lambda books: books.people.audit(limit=2)) == (entries[2], entries[1])


def test_what_has_had_its_time_is_forgotten(records: SqlRecords) -> None:
    user = a_user()
    records.write(lambda books: (books.people.save_user(user), books.people.add_session(a_session(user))))
    records.write(lambda books: books.people.reserve("key", "body", 10, stale_before=0))
    assert records.write(lambda books: books.people.forget(sessions_before=101, answers_before=11)) == 2


@pytest.mark.parametrize("scope_id", ["", "garden", "garden/grid/1"])
def test_a_grant_over_a_grid_names_community_and_grid(scope_id: str) -> None:
    with pytest.raises(ValueError, match="community/grid"):
        Grant(role=Role.VIEWER, scope=ScopeKind.GRID, scope_id=scope_id)
