"""How what is in a Grafana differs from what it is to have, in a few lines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

SHOWN: Final = 8
"""Lines of a difference; more are counted."""


def only(there: Any, ours: Any) -> Any:
    """What Grafana tells of the things that we say; what it adds by itself is its own."""
    if isinstance(ours, dict):
        told = there if isinstance(there, dict) else {}
        return {key: only(told.get(key), value) for key, value in ours.items()}
    if isinstance(ours, list) and isinstance(there, list) and len(there) == len(ours):
        return [only(old, new) for old, new in zip(there, ours, strict=True)]
    return there


def differences(old: Any, new: Any) -> tuple[str, ...]:
    """``path: before → after``, the first few of them."""
    found = list(_walk("", old, new))
    return (*found[:SHOWN], *([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []))


def _walk(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _walk(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _walk(f"{path}[{number}]", before, after)
    elif old != new:
        yield f"{path}: {_short(old)} → {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 60 else f"{text[:57]}…"


def dashboard_differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What changes for a reader: panels by their titles, then everything else in one line."""
    before, after = dict(_panels(old)), dict(_panels(new))
    found = [f"panel {name}: new" for name in after if name not in before]
    found += [f"panel {name}: gone" for name in before if name not in after]
    for name, panel in after.items():
        if name in before:
            changed = [
                part
                for part in ("targets", "fieldConfig", "gridPos", "type")
                if before[name].get(part) != panel.get(part)
            ]
            if changed:
                found.append(f"panel {name}: {', '.join(_PARTS[part] for part in changed)}")
    rest = [
        key
        for key in ("title", "tags", "templating", "annotations", "links", "time", "refresh")
        if old.get(key) != new.get(key)
    ]
    if rest:
        found.append(f"dashboard: {', '.join(rest)}")
    yield from found[:SHOWN]
    if len(found) > SHOWN:
        yield f"and {len(found) - SHOWN} more"


_PARTS: Final = {"targets": "query", "fieldConfig": "units and colours", "gridPos": "place", "type": "kind of picture"}


def _panels(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Panels by their titles; the second one of a title is told as such."""
    seen: Counter[str] = Counter()
    for row in board.get("panels", ()):
        for panel in (row, *row.get("panels", ())):
            title = str(panel.get("title", ""))
            seen[title] += 1
            yield f"“{title}”" if seen[title] == 1 else f"“{title}” ({seen[title]})", panel
