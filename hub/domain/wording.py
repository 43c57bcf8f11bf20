"""Text that is written in English and can be said in another language: a template of the catalogue with its values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

Gettext = Callable[[str], str]


class Wording(str):
    """The English sentence itself, so that it can stand wherever a text does; ``say`` says it in another language."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """``Wording("no %(value)r in %(table)s", value=…, table=…)``; a value may be a wording itself."""
        made = super().__new__(cls, template % values if values else template)
        made.template, made.values = template, values
        return made

    def say(self, gettext: Gettext) -> str:
        """In the language of ``gettext``."""
        values = {name: said(value, gettext) for name, value in self.values.items()}
        return gettext(self.template) % values if values else gettext(self.template)


def said(text: Any, gettext: Gettext) -> Any:
    """``text`` in the language of ``gettext`` where it is a wording; names, ids and numbers are the same in all."""
    return text.say(gettext) if isinstance(text, Wording) else text


class Unfit(ValueError):
    """A value that cannot be what it should be: why, and what would be right."""

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(f"{reason}; expected {expected}")
        self.reason = reason
        self.expected = expected
