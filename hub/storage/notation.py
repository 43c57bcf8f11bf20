"""How people write names, durations, instants and rules in the hub's files; shared by catalogue and community files."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hub.clock import DAY, HOUR, MINUTE, SECOND
from hub.domain.places import Name
from hub.domain.wording import Unfit, Wording

_TIME: Final = "2026-11-23T09:00:00+08:00"
_STEPS: Final = {"ms": 1, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_WORD: Final = re.compile(r"[^\s,]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")


def read_duration(value: object) -> int:
    """``30s``, ``5min``, ``2h``, ``1d`` as milliseconds; Unfit says what would be right."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Unfit(
            Wording("%(found)s is no duration", found=repr(value)),
            Wording('a number and s, min, h or d, e.g. "30s" or "5min"'),
        )
    return round(float(found[1]) * _STEPS[found[2]])


def write_duration(milliseconds: int) -> str:
    """The shortest exact form: 90_000 -> ``90s``, 3_600_000 -> ``1h``."""
    for unit in ("d", "h", "min", "s"):
        if milliseconds and milliseconds % _STEPS[unit] == 0:
            return f"{milliseconds // _STEPS[unit]}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def read_instant(value: object) -> int:
    """A TOML date-time, an ISO 8601 text with zone, or a date (midnight UTC), as epoch ms."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise _no_time(value) from error
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Unfit(
                Wording("time %(found)s has no zone", found=value.isoformat()),
                Wording("%(example)s, or Z at its end", example=_TIME),
            )
        return round(value.timestamp() * 1000)
    if isinstance(value, date):
        return round(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp() * 1000)
    raise _no_time(value)


def read_day(value: object) -> date:
    """A TOML date, a cell of a sheet, or ``2027-03-31``."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise Unfit(Wording("%(found)s is no day", found=repr(value)), "2027-03-31") from error


def _no_time(value: object) -> Unfit:
    return Unfit(Wording("%(found)s is no time", found=repr(value)), _TIME)


def plain(text: str) -> str:
    """The text, if it is one line without control characters."""
    if _CONTROL.search(text):
        raise Unfit(Wording("%(found)s holds control characters", found=repr(text)), Wording("one plain line"))
    return text


def read_name(value: object) -> Name:
    """``{ zh = …, en = … }``, or one plain text for both languages."""
    if isinstance(value, Name):
        return value
    given = value if isinstance(value, dict) else {"zh": value}
    texts = {key: plain(text).strip() for key, text in given.items() if isinstance(text, str)}
    if given and len(texts) == len(given) and set(texts) <= {"zh", "en"} and all(texts.values()):
        return Name(zh=texts.get("zh", ""), en=texts.get("en", ""))
    raise Unfit(
        Wording("%(found)s is no name", found=repr(value)),
        Wording("%(example)s or one text", example='{ zh = "…", en = "…" }'),
    )


def _codes(value: object) -> object:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(code, str) and _WORD.fullmatch(code) for code in values):
        raise Unfit(
            Wording("%(found)s are no fault codes", found=repr(value)),
            Wording('"E21" or ["E21", "E22"], without commas or spaces'),
        )
    return values


def _states(value: object) -> tuple[float | str, ...]:
    states: list[float | str] = []
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, bool | int | float):
            states.append(float(item))
        elif isinstance(item, str) and _WORD.fullmatch(item):
            states.append(item)
        else:
            raise Unfit(
                Wording("%(found)s is no state", found=repr(item)), Wording("true, false, a word, or a list of words")
            )
    return tuple(states)


def _silence(value: object) -> int | str:
    return "learned" if value == "learned" else read_duration(value)


Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Snake = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
NameText = Annotated[Name, BeforeValidator(read_name)]
Duration = Annotated[int, BeforeValidator(read_duration)]
Instant = Annotated[int, BeforeValidator(read_instant)]
Day = Annotated[date, BeforeValidator(read_day)]
Codes = Annotated[tuple[str, ...], BeforeValidator(_codes)]
States = Annotated[tuple[float | str, ...], BeforeValidator(_states)]
Silence = Annotated[int | Literal["learned"], BeforeValidator(_silence)]


class Strict(BaseModel):
    """A piece of a file: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
