"""What is said to an installer of a Sparkplug message that could not be read in whole."""

from __future__ import annotations

from typing import Final

from devices.contract import Problem
from devices.formats.sparkplug_topics import Route

_NAMED: Final = 5


def before_birth(route: Route, why: str) -> Problem:
    """Nothing is known of who speaks."""
    right = "let the hub ask for a birth (may_write) or restart the node, then re-drive the message"
    return Problem("before_birth", f"{why}: {right}", route.speaker)


def unknown_aliases(route: Route, aliases: list[str], *, alive: bool, whole: bool) -> Problem:
    """Numbers that stand for nothing, or for something else than what came."""
    listed, right = _listed(aliases), "a birth has to name them; re-drive the message after the next one"
    if not alive:
        detail = f"aliases {listed} of {route.shown}, which has died and was not born again: {right}"
        return Problem("before_birth", detail, route.speaker, whole=whole)
    detail = f"aliases {listed} of {route.shown}, which its birth did not announce as they come: {right}"
    return Problem("unknown_alias", detail, route.speaker, whole=whole)


def unknown_metrics(route: Route, names: list[str]) -> Problem:
    """Names without a type."""
    right = "name it in the birth, or send its datatype along"
    detail = f"metrics {_listed(names)} of {route.shown}, in no birth and without a datatype: {right}"
    return Problem("unknown_metric", detail, route.speaker, whole=False)


def _listed(words: list[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(word[:64] for word in words[:_NAMED]) + (f" and {more} more" if more > 0 else "")
