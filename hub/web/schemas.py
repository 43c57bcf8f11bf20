"""What JSON looks like everywhere: names, times, lists, tags."""

from __future__ import annotations

import hashlib
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from hub.clock import from_iso, to_iso
from hub.domain.places import Name
from hub.errors import InvalidInput, Stale

Item = TypeVar("Item")


class Schema(BaseModel):
    """Strict both ways: an unknown field is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NameOut(Schema):
    """A bilingual name."""

    zh: str
    en: str

    @classmethod
    def of(cls, name: Name) -> NameOut:
        return cls(zh=name.zh, en=name.en)


class Listing(Schema, Generic[Item]):
    """Some items, and the cursor of the next ones; null: that was all."""

    items: list[Item]
    next: str | None = None


def iso(instant: int | None) -> str | None:
    """ISO 8601 with zone, or null."""
    return None if instant is None else to_iso(instant)


def _instant(value: object) -> object:
    """ISO 8601 to epoch ms; a plus sign that a URL turned into a space is put back."""
    text = str(value)
    return from_iso(text.replace(" ", "+") if "T" in text else text)


Instant = Annotated[
    int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
"""A time that comes in: ISO 8601 with zone; epoch ms inside."""

Limit = Annotated[int, Query(ge=1, le=1000, description="how many items at most")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


def tagged(response: Response, model: Schema, *, version: int | None = None) -> None:
    """Give an answer its ETag: the version where there is one, else a digest of the content."""
    response.headers["ETag"] = etag(model, version=version)


def etag(model: Schema, *, version: int | None = None) -> str:
    """A strong tag."""
    text = str(version) if version is not None else hashlib.sha256(model.model_dump_json().encode()).hexdigest()[:20]
    return f'"{text}"'


def wanted_version(request: Request) -> int | None:
    """The version that ``If-Match`` names; None where it names none. Stale for a tag that was never ours."""
    header = request.headers.get("if-match", "").strip()
    if not header or header == "*":
        return None
    text = header.removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > 12:
        raise Stale(f"If-Match {header} is not the ETag of the present version: fetch it again")
    return int(text)


def check_match(request: Request, current: str) -> None:
    """Stale where ``If-Match`` names something else than the present tag."""
    header = request.headers.get("if-match", "").strip()
    if header and header != "*" and current not in [part.strip() for part in header.split(",")]:
        raise Stale(f"it has changed since: the present tag is {current}; fetch it again")


def refused(pointer: str, reason: str, expected: str) -> InvalidInput:
    """An InvalidInput in one line."""
    return InvalidInput(reason, pointer=pointer, expected=expected)
