"""The two languages and their catalogues, for pages and for what commands write."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from babel import Locale
    from babel.support import Translations

LANGUAGES: Final = ("zh-CN", "en")
LOCALES: Final = {"zh-CN": "zh_CN", "en": "en"}
FOLDER: Final = Path(__file__).resolve().parent / "locales"


def load(folder: Path = FOLDER) -> Mapping[str, Translations]:
    """The catalogues, straight from their sources; some 20 ms."""
    return {language: _load(folder / locale / "LC_MESSAGES" / "hub.po") for language, locale in LOCALES.items()}


@cache
def locale_of(language: str) -> Locale:
    """How the language writes numbers and dates; made once, since finding it by name looks into files each time."""
    from babel import Locale  # as below

    return Locale.parse(LOCALES[language])


def _load(path: Path) -> Translations:
    from babel.messages.mofile import write_mo  # the command line knows the languages before it needs their words
    from babel.messages.pofile import read_po
    from babel.support import Translations

    with path.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="hub")
