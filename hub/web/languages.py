"""The two languages: their catalogues, and which one a request gets."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

LANGUAGES: Final = ("zh-CN", "en")
COOKIE: Final = "hub_language"
LOCALES: Final = {"zh-CN": "zh_CN", "en": "en"}
FOLDER: Final = Path(__file__).resolve().parents[1] / "locales"


def load(folder: Path = FOLDER) -> Mapping[str, Translations]:
    """The catalogues, straight from their sources; some 20 ms."""
    return {language: _load(folder / locale / "LC_MESSAGES" / "hub.po") for language, locale in LOCALES.items()}


@cache
def locale_of(language: str) -> Locale:
    """How the language writes numbers and dates; made once, since finding it by name looks into files each time."""
    return Locale.parse(LOCALES[language])


def _load(path: Path) -> Translations:
    with path.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="hub")


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
