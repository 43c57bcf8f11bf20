"""A message while it is filled in: what has to stand where, and whether it can stand beside what is there already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from devices.simulator.speaking.speech import compact

Place = tuple[str | None, ...]
"""The way to one thing of a message: keys, and None for an item of a list."""
ROOT: Final[Place] = ("",)
"""The message itself."""
_Exact = tuple[str | int, ...]


class Sheet:
    """One message."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._whole: dict[str, Any] = {}

    def put(self, wishes: Mapping[Place, Any]) -> bool:
        """Fill in all of it, or nothing where it does not go with what is there.

        Items of lists are those that agree with what is wished of them, else new ones.
        """
        lists = dict.fromkeys(
            place[: number + 1] for place in wishes for number, step in enumerate(place) if step is None
        )
        for chosen in self._items(sorted(lists, key=len), {}):
            exact = [(_exact(place, chosen), value) for place, value in wishes.items()]
            if all(self._agrees(place, value) for place, value in exact):
                for place, value in exact:
                    self._write(place, value)
                return True
        return False

    def find(self, place: Place) -> Any:
        """What stands there; None for nothing, and where the way leads through a list."""
        here: Any = self._whole
        for step in place:
            here = here.get(step) if isinstance(here, dict) and step is not None else None
        return here

    def payload(self) -> bytes:
        """As JSON; a bare text without quotes, unless it would be read as something else."""
        root = self._whole.get("", {})
        return root.encode() if isinstance(root, str) and not _is_json(root) else compact(root)

    def _items(self, lists: Sequence[Place], chosen: dict[Place, int]) -> Iterator[dict[Place, int]]:
        """Every choice of an item for each list."""
        if not lists:
            yield chosen
            return
        here: Any = self._whole
        for step in _exact(lists[0][:-1], chosen):
            here = here[step] if _holds(here, step) else None
        for number in range(len(here) + 1 if isinstance(here, list) else 1):
            yield from self._items(lists[1:], {**chosen, lists[0]: number})

    def _agrees(self, place: _Exact, value: Any) -> bool:
        here: Any = self._whole
        for step in place:
            if not _holds(here, step):
                return _can_hold(here, step)
            here = here[step]
        return type(here) is type(value) and bool(here == value)

    def _write(self, place: _Exact, value: Any) -> None:
        here: Any = self._whole
        for step, following in pairwise(place):
            _enter(here, step, [] if isinstance(following, int) else {})
            here = here[step]
        _enter(here, place[-1], value)


def _holds(here: Any, step: str | int) -> bool:
    """Whether something stands there already."""
    if isinstance(step, int):
        return isinstance(here, list) and step < len(here)
    return isinstance(here, dict) and step in here


def _can_hold(here: Any, step: str | int) -> bool:
    """Whether something could stand there."""
    return isinstance(here, list if isinstance(step, int) else dict)


def _enter(here: Any, step: str | int, value: Any) -> None:
    """Where nothing stands yet."""
    if isinstance(here, dict):
        here.setdefault(step, value)
    elif step == len(here):
        here.append(value)


def _exact(place: Place, chosen: Mapping[Place, int]) -> _Exact:
    return tuple(chosen[place[: number + 1]] if step is None else step for number, step in enumerate(place))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
