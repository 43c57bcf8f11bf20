"""What a profile must keep to beyond its shape: metrics of the table, units that are known, filters that are narrow."""

from __future__ import annotations

from typing import Final

from devices.profiles.building import Builder
from devices.profiles.paths import BadPath, steps
from devices.profiles.shape import Column, Faults, Metrics, Points, Profile, Said
from devices.profiles.topics import BadPattern, Pattern
from devices.units import unit_of
from devices.words import METRICS, SWITCHES, TEXTS, UNIT_OF

_OWN_MEMORIES: Final = frozenset({"model", "announced"})


def check(build: Builder, profile: Profile, filters: tuple[str, ...]) -> None:
    """Name every mistake."""
    _check_metrics(build, "metrics", profile.metrics)
    for place, message in enumerate(profile.message):
        _check_metrics(build, f"message[{place}].metrics", message.metrics)
    if not profile.message:
        build.wrong("message", "describe at least one [[message]]")
    for suffix, unit in profile.suffixes.items():
        if unit_of(unit) is None:
            build.wrong(f"suffixes.{suffix}", f"{unit!r} is no known unit; see devices/units.py")
    for filter_ in filters:
        _check_filter(build, filter_)
    for unpack in profile.unpack:
        _check_unpack(build, unpack.path)
    for language, words in (("zh", profile.title.zh), ("en", profile.title.en)):
        if not words.strip():
            build.wrong(f"title.{language}", "give the profile a name that people can read")
    _check_memories(build, profile)


def _check_metrics(build: Builder, where: str, metrics: Metrics) -> None:
    for key, value in metrics.items():
        names: frozenset[str] = frozenset()
        if "{" in key:
            try:
                names = frozenset(Pattern(key).names)
            except BadPattern as error:
                build.wrong(f"{where}.{key}", str(error))
        for column in value if isinstance(value, list) else [value]:
            _check_column(build, f"{where}.{key}", Column(metric=column) if isinstance(column, str) else column, names)


def _check_column(build: Builder, where: str, column: Column, names: frozenset[str]) -> None:
    metric = column.metric
    if metric and metric not in METRICS:
        build.wrong(
            where, f"{metric!r} is no metric of the hub; leave it out to keep the maker's key, or see devices/words.py"
        )
    if not metric and column == Column():
        build.wrong(where, "says nothing: name a metric, or skip = true")
    unit = unit_of(column.unit) if column.unit else None
    if column.unit and unit is None:
        build.wrong(f"{where}.unit", f"{column.unit!r} is no known unit; see devices/units.py")
    own = unit_of(UNIT_OF.get(metric, ""))
    if unit is not None and own is not None and unit.dimension != own.dimension:
        build.wrong(
            f"{where}.unit", f"{column.unit!r} does not measure {metric} ({own.ucum}); name a unit of {own.dimension}"
        )
    for word, stands_for in column.words.items():
        kind = type(stands_for)
        if (metric in SWITCHES and kind is not bool) or (metric in TEXTS and kind is not str):
            right = "true or false" if metric in SWITCHES else "a word"
            build.wrong(f"{where}.words.{word}", f"{metric} is {right}, not {stands_for!r}")
        if metric in UNIT_OF and kind is not float:
            build.wrong(f"{where}.words.{word}", f"{metric} is a number, not {stands_for!r}")
    for name in _channel_names(column.channel) - names:
        build.wrong(f"{where}.channel", f"{{{name}}} is no part of the key; name it there: socket{{{name}}}_power")


def _channel_names(channel: str) -> frozenset[str]:
    try:
        return frozenset(Pattern(channel).names) if "{" in channel else frozenset()
    except BadPattern:
        return frozenset({channel.strip("{}")})


def _check_filter(build: Builder, text: str) -> None:
    levels = text.split("/")
    if levels[0] == "#" or set(levels) <= {"+", "#"}:
        build.wrong("filters", f"{text!r} takes everything there is: name at least one level")
    if any(("#" in level and (level != "#" or place != len(levels) - 1)) for place, level in enumerate(levels)):
        build.wrong("filters", f"{text!r}: # stands alone, at the end")
    if any("+" in level and level != "+" for level in levels) or any(set(level) & set("{}<>") for level in levels):
        build.wrong("filters", f"{text!r}: + stands alone between slashes, and a filter has no names")


def _check_unpack(build: Builder, path: str) -> None:
    try:
        start, found = steps(path)
    except BadPath as error:
        build.wrong("unpack.path", str(error))
        return
    if not found or any(step.kind != "key" for step in found) or start:
        build.wrong("unpack.path", f"{path!r}: name one field, by words between dots")


def _check_memories(build: Builder, profile: Profile) -> None:
    """Memories that points doubt by must exist; the engine's own names are taken."""
    saids: list[Said] = [profile, *profile.message]
    faults: list[Faults] = [each for said in saids for each in _each_of(said.faults)]
    points: list[Points] = [each for said in saids for each in _each_of(said.points)]
    memories = {each.memory for each in faults if each.memory}
    for memory in sorted(memories & _OWN_MEMORIES):
        build.wrong("faults.memory", f"{memory!r} is taken: choose another name")
    for each in points:
        if each.doubt and each.doubt not in memories:
            build.wrong(
                "points.doubt", f"no faults have the memory {each.doubt!r}; there is: {', '.join(memories) or 'none'}"
            )


def _each_of(value: object) -> list:  # type: ignore[type-arg]  # of whatever kind the caller asked for
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
