"""The body of a webhook and the signature over it.

The receiver takes ``t`` from ``Hub-Signature: t=<epoch seconds>,v1=<hex>``, computes HMAC-SHA256 of ``<t>.<body>`` with
the shared secret, compares, and refuses what is older than a few minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from hub.clock import to_iso
from hub.domain.notices import Notice


def body_of(notice: Notice) -> bytes:
    """JSON in UTF-8; the same notice makes the same bytes."""
    content: dict[str, Any] = {
        "id": notice.id,
        "dedupe_key": notice.dedupe_key,
        "kind": notice.kind.value,
        "community": notice.community,
        "ticket": notice.ticket,
        "alarm": notice.alarm,
        "priority": notice.priority,
        "contact": notice.contact,
        "language": notice.language,
        "subject": notice.subject,
        "body": notice.body,
        "link": notice.link,
        "created_at": to_iso(notice.created_at),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def sign(body: bytes, secret: str, *, now: int) -> str:
    """The value of the header ``Hub-Signature``."""
    moment = now // 1000
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def idempotency_key(notice: Notice) -> str:
    """The dedupe key in the characters that a header may hold."""
    return hashlib.sha256(notice.dedupe_key.encode()).hexdigest()
