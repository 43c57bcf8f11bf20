"""Refusals as RFC 9457 problem details for programs, and as a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.errors import (
    Forbidden,
    HubError,
    IllegalTransition,
    InvalidInput,
    NotFound,
    Stale,
    StoreUnavailable,
)
from hub.flows.series import QueryInterrupted

TITLES: Final = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Not possible in this state",
    412: "Changed by somebody else",
    413: "Too large",
    415: "Unsupported content type",
    422: "Invalid input",
    429: "Too many attempts",
    500: "Something went wrong in the hub",
    503: "Not available just now",
}


class Refused(HubError):
    """A refusal of the web itself, with its status and slug."""

    def __init__(self, status: int, slug: str, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.slug = slug
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Problem:
    """What was refused and why."""

    status: int
    slug: str
    detail: str
    errors: tuple[dict[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self, request: Request, *, at: str = "") -> Response:
        """For programs. ``at``: instead of the path that was asked for."""
        body: dict[str, Any] = {
            "type": f"urn:community-hub:problem:{self.slug}",
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "slug": self.slug,
            "detail": self.detail,
            "instance": at or request.url.path,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return JSONResponse(
            body, status_code=self.status, media_type="application/problem+json", headers=dict(self.headers)
        )


def problem_of(error: Exception) -> Problem:
    """Which problem an exception is. Pure."""
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, InvalidInput):
        item = {"pointer": error.pointer, "reason": error.reason, "expected": error.expected}
        return Problem(422, "invalid_input", error.reason, (item,))
    if isinstance(error, RequestValidationError):
        errors = tuple(_explain(item) for item in error.errors())
        return Problem(422, "invalid_input", "; ".join(f"{e['pointer']}: {e['reason']}" for e in errors), errors)
    if isinstance(error, HTTPException):
        slug = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return Problem(error.status_code, slug, str(error.detail), headers=tuple((error.headers or {}).items()))
    status, slug = next((told for kind, told in _KINDS.items() if isinstance(error, kind)), (500, "internal_error"))
    if status == 500:
        return Problem(500, slug, "the hub failed to answer; its log has the reason")
    return Problem(status, slug, str(error), headers=(("Retry-After", "5"),) if status == 503 else ())


_KINDS: Final[dict[type[HubError], tuple[int, str]]] = {
    NotFound: (404, "not_found"),
    IllegalTransition: (409, "illegal_transition"),
    Stale: (412, "stale"),
    Forbidden: (403, "forbidden"),
    QueryInterrupted: (503, "query_interrupted"),
    StoreUnavailable: (503, "store_unavailable"),
}


def _refused(error: Refused) -> Problem:
    headers = () if error.retry_after is None else (("Retry-After", str(error.retry_after)),)
    if error.status == 401:
        headers = (("WWW-Authenticate", "Bearer"), *headers)
    return Problem(error.status, error.slug, str(error), headers=headers)


def _explain(item: dict[str, Any]) -> dict[str, str]:
    where: Sequence[Any] = item.get("loc", ())
    place, rest = (where[0], where[1:]) if where else ("body", ())
    path = "/".join(str(part) for part in rest)
    pointer = f"/{path}" if place == "body" else f"{place}/{path}"
    return {"pointer": pointer, "reason": item.get("msg", "invalid"), "expected": _expected(item)}


def _expected(item: dict[str, Any]) -> str:
    context = item.get("ctx") or {}
    if "expected" in context:
        return str(context["expected"])
    bounds = [
        f"{name} {context[name]}" for name in ("ge", "gt", "le", "lt", "min_length", "max_length") if name in context
    ]
    if bounds:
        return ", ".join(bounds)
    kind = str(item.get("type", ""))
    if kind == "extra_forbidden":
        return "only the fields that the schema at /api/openapi.json names"
    if kind == "missing":
        return "a value"
    if "pattern" in context:
        return f"text matching {context['pattern']}"
    return kind.replace("_parsing", "").replace("_type", "").replace("_", " ")
