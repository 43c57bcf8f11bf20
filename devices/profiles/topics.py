"""Patterns with named parts: topics (``/sys/{product}/{device}/thing/event/property/post``) and keys (``socket{n}_power``).

``{name}`` stands for one character or more without ``/``, ``{name?}`` also for none, ``{name#}`` at the end of a topic for
everything that is left.
"""

from __future__ import annotations

import re
from typing import Final

_PART: Final = re.compile(r"\{([^{}]*)\}")
_NAME: Final = re.compile(r"([A-Za-z_]\w*)([?#]?)")


class BadPattern(ValueError):
    """A pattern that cannot be read; the text says what would be right."""


class Pattern:
    """A text with named parts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: tuple[str, ...] = ()
        self._form = re.compile(self._expression(text))

    def match(self, text: str) -> dict[str, str] | None:
        """The named parts; None where the text has another form. An empty part has no name."""
        match = self._form.fullmatch(text)
        return None if match is None else {name: word for name, word in match.groupdict().items() if word}

    def filter(self) -> str:
        """The MQTT filter that takes every topic of this form."""
        levels = ["+" if "{" in level else level for level in self.text.split("/")]
        return "/".join([*levels[:-1], "#"] if self.text.endswith("#}") else levels)

    @property
    def pushed(self) -> bool:
        """Whether messages of this topic come by HTTP: to ``POST /ingest/{source}``, as ``http/{source}``."""
        return self.text.startswith("http/")

    def _expression(self, text: str) -> str:
        found: list[str] = []
        expression: list[str] = []
        for place, word in enumerate(_PART.split(text)):
            if place % 2 == 0:
                if set(word) & set("{}+#"):
                    raise BadPattern(f"{text!r}: {word!r} is no plain text; name parts in braces, like {{device}}")
                expression.append(re.escape(word))
                continue
            match = _NAME.fullmatch(word)
            if match is None or match[1] in found:
                raise BadPattern(f"{text!r}: {{{word}}}: use a word of its own for each part, like {{device}}")
            found.append(match[1])
            kind = {"": "[^/]+", "?": "[^/]*", "#": ".+"}[match[2]]
            expression.append(f"(?P<{match[1]}>{kind})")
            if match[2] == "#" and not text.endswith("#}"):
                raise BadPattern(f"{text!r}: {{{word}}} takes all that is left: put it at the end")
        self.names = tuple(found)
        return "".join(expression)


def covers(wider: str, narrower: str) -> bool:
    """Whether a filter takes every topic that another one takes."""
    wide, narrow = wider.split("/"), narrower.split("/")
    for place, level in enumerate(wide):
        if level == "#":
            return True
        if place >= len(narrow) or narrow[place] == "#" or (level not in {"+", narrow[place]}):
            return False
    return len(wide) == len(narrow)
