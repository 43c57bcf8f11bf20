"""What a device, or its gateway, says of it: what its new word makes of the earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from hub.clock import SECOND
from hub.domain.leaving import withdrawn_since
from hub.domain.places import About, Binding
from hub.flows.batch import Announced

_WORDS: Final = ("name", "firmware", "serial", "power", "hints", "maker", "model", "gateway")
_TOLD: Final = ("maker", "model", "gateway", "interval", "silence")
"""What is written down where it becomes another."""
_LONGEST_S: Final = 400 * 86_400
"""No device that is in use keeps silent for longer."""


def told_anew(before: About, word: Announced) -> About:
    """All that is said of a device once it has been announced so. What the word leaves empty stays.

    Of two formats that tell of one device only the better one is heard here (``Announced.points_only``).
    """
    said = {key: found for key in _WORDS if (found := getattr(word, key))}
    if word.interval_s is not None and word.interval_s > 0:
        said["interval"] = min(word.interval_s, _LONGEST_S) * SECOND
    if word.silence_s is not None:
        said["silence"] = min(max(word.silence_s, 0), _LONGEST_S) * SECOND
    said["aliases"] = tuple(dict.fromkeys((*before.aliases, *word.aliases)))
    about = replace(before, format=word.format, said_at=word.at, **said)
    if not word.withdrawn:
        return replace(about, withdrawn=False, withdrawn_at=0, retired_at=0)
    return replace(about, withdrawn=True, withdrawn_at=withdrawn_since(before) or word.at)


def difference(before: About, about: About) -> Mapping[str, Mapping[str, Any]]:
    """What had been said before and is another now: name -> ``{"from": …, "to": …}``."""
    pairs = {key: (getattr(before, key), getattr(about, key)) for key in _TOLD}
    return {key: {"from": old, "to": new} for key, (old, new) in pairs.items() if old and old != new}


def taken_up_again(ended: Iterable[Binding], taken: Iterable[Binding], at: int) -> list[Binding]:
    """The bindings with which a device that comes back goes on, where nothing else speaks for the same by now.

    ``ended``: those that ended when the hub put it out of use; ``taken``: all that hold today.
    """
    busy = {_spot(binding) for binding in taken}
    return [replace(binding, valid_from=at, valid_to=None) for binding in ended if _spot(binding) not in busy]


def _spot(binding: Binding) -> tuple[str, str, str, str]:
    return binding.community, binding.facility, binding.unit, binding.metric_name()
