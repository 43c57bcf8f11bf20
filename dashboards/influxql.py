"""InfluxQL, as InfluxDB 1, 2 and 3 understand it, with Grafana's variables where a reader may choose.

A variable is always written with its format, ``${facility:regex}``: then every version of Grafana makes the same text of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

IN_RANGE: Final = "$timeFilter"
STEP: Final = "$__interval"
"""As wide as the panel's width asks for."""

IN_COMMUNITY: Final = '"community" =~ /^${community:regex}$/'
IN_GRID: Final = '"facility" =~ /^${grid:raw}$/'
"""A grid is no tag of readings, because facilities change grids: it is chosen as the list of its facilities."""
OF_KIND: Final = '"kind" =~ /^${kind:regex}$/'
OF_FACILITY: Final = '"facility" =~ /^${facility:regex}$/'
OF_UNIT: Final = '"unit" =~ /^${unit:regex}$/'

CHOSEN: Final = (IN_COMMUNITY, IN_GRID, OF_KIND, OF_FACILITY)
"""What the variables leave of readings and events."""


def name(word: str) -> str:
    """An identifier."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text(words: str) -> str:
    """A string."""
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def measurements(names: Sequence[str]) -> str:
    """One measurement, or several of which each gives series of its own."""
    if len(names) == 1:
        return name(names[0])
    return "/^(" + "|".join(re.escape(each) for each in names) + ")$/"


def select(
    what: str,
    source: str,
    *,
    where: Iterable[str] = (),
    by: Sequence[str] = (),
    step: str = "",
    fill: str = "none",
    rest: str = "",
) -> str:
    """``SELECT what FROM source`` within the chosen time. ``source`` is ``measurements(…)`` or ``inner(…)``.

    ``by``: tags; ``step``: with it the answer is a course over time, without it one figure.
    """
    conditions = " AND ".join((*where, IN_RANGE))
    groups = ([f"time({step})"] if step else []) + [name(tag) for tag in by]
    grouped = f" GROUP BY {', '.join(groups)}" if groups else ""
    filled = f" fill({fill})" if step else ""
    return f"SELECT {what} FROM {source} WHERE {conditions}{grouped}{filled}{f' {rest}' if rest else ''}"


def inner(query: str) -> str:
    """A query as the source of another one."""
    return f"({query})"


def values_of(tag: str, *, where: Iterable[str] = (), source: str = "") -> str:
    """The values of a tag, for a variable."""
    origin = f" FROM {source}" if source else ""
    conditions = " AND ".join(where)
    return f"SHOW TAG VALUES{origin} WITH KEY = {name(tag)}{f' WHERE {conditions}' if conditions else ''}"
