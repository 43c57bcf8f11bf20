"""A creating request that comes twice is done once: the second gets the first one's answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import MINUTE
from hub.domain.people import Answer
from hub.web.deps import WebDeps
from hub.web.problems import Refused

TAKEN_OVER_AFTER: Final = MINUTE
LONGEST_KEY: Final = 128


def once(
    request: Request,
    deps: WebDeps,
    caller: str,
    body: BaseModel,
    work: Callable[[], tuple[int, BaseModel]],
    *,
    etag: Callable[[BaseModel], str] | None = None,
) -> Response:
    """Run ``work`` (giving status and answer) unless this caller's Idempotency-Key has been answered before.

    A work that raises leaves the key free, so that a mended request may use it again.
    """
    header = request.headers.get("idempotency-key", "")
    if not header:
        return _fresh(work, etag)
    if len(header) > LONGEST_KEY or not header.isprintable():
        raise Refused(422, "idempotency_key", f"Idempotency-Key: at most {LONGEST_KEY} printable characters")
    key = hashlib.sha256(f"{caller}\n{request.url.path}\n{header}".encode()).hexdigest()
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    now = deps.clock.now()
    kept: Answer | None = deps.records.write(
        lambda books: books.people.reserve(key, digest, now, stale_before=now - TAKEN_OVER_AFTER)
    )
    if kept is not None:
        return _repeat(kept, digest)
    try:
        answer = _fresh(work, etag)
    except BaseException:
        deps.records.write(lambda books: books.people.release(key))
        raise
    text = bytes(answer.body).decode()
    deps.records.write(lambda books: books.people.remember(key, answer.status_code, text))
    return answer


def _fresh(work: Callable[[], tuple[int, BaseModel]], etag: Callable[[BaseModel], str] | None) -> Response:
    status, model = work()
    headers = {"ETag": etag(model)} if etag else {}
    return Response(model.model_dump_json(), status_code=status, media_type="application/json", headers=headers)


def _repeat(kept: Answer, digest: str) -> Response:
    if kept.body_hash != digest:
        raise Refused(422, "idempotency_key_reused", "this Idempotency-Key was used with another body: take a new one")
    if not kept.status:
        raise Refused(
            409,
            "idempotency_in_progress",
            "the first request with this Idempotency-Key is still at work",
            retry_after=1,
        )
    return Response(
        kept.text, status_code=kept.status, media_type="application/json", headers={"Idempotency-Replayed": "true"}
    )
