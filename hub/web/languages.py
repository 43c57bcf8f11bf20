"""Which of the two languages a request gets."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from hub.words import LANGUAGES

COOKIE: Final = "hub_language"


def choose(request: Request, fallback: str) -> str:
    """Cookie, then Accept-Language, then the community's."""
    kept = request.cookies.get(COOKIE)
    if kept in LANGUAGES:
        return kept
    return accepted(request.headers.get("accept-language", "")) or (fallback if fallback in LANGUAGES else "zh-CN")


def accepted(header: str) -> str | None:
    """The language of ours that the browser likes best; None where it names neither. Pure."""
    best: tuple[float, str] | None = None
    for part in header.split(",")[:20]:
        tag, _, rest = part.strip().partition(";")
        try:
            quality = float(rest.strip().removeprefix("q=")) if rest else 1.0
        except ValueError:
            quality = 0.0
        family = tag.strip().lower().split("-")[0]
        language = {"zh": "zh-CN", "en": "en"}.get(family)
        if language and quality > 0 and (best is None or quality > best[0]):
            best = (quality, language)
    return best[1] if best else None
