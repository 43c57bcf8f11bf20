"""What a message says of devices beside their values: reachable or not, what they are, what their keys mean."""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from devices.contract import Announcement, DeviceRef, Limits, PointInfo
from devices.formats.json_bytes import show
from devices.profiles.building import Builder
from devices.profiles.columns import Columns, Told
from devices.profiles.gathering import Gather, key_of
from devices.profiles.paths import Here, Odd, Say, as_text
from devices.profiles.scope import Scope
from devices.profiles.shape import Announce, Learn, Status

_MOST_KEYS: Final = 500
"""Keys of a model that are remembered."""
_LONGEST: Final = 128
_MOST_DECIMALS: Final = 9
_SAYS: Final = {"online": True, "offline": False, "gone": None}
_STEADY_MS: Final = 3_600_000
"""Who has not passed a device on for so long is its gateway no longer, once another one does: several may hear it."""
_TEXTS: Final = ("name", "maker", "model", "firmware", "serial")


class Herald:
    """One ``status`` table, made ready."""

    def __init__(self, build: Builder, spec: Status) -> None:
        self._spec = spec
        self._choice = build.choice(spec)
        self._get = build.get("path", spec.path)
        self._words: dict[str, bool] = {word.lower(): True for word in spec.online}
        self._words |= {word.lower(): False for word in spec.offline}
        if not spec.says and not (spec.online and spec.offline):
            build.wrong("", "name the words of `online` and `offline`, or what the topic `says`")

    def read(self, here: Here, scope: Scope) -> None:
        """A statement, where the message makes one."""
        gather, device = scope.gather, scope.device
        if self._choice is not None and not self._choice(here):
            return
        if self._spec.says:
            gather.statement(device, _SAYS[self._spec.says])
            return
        found = self._get(here)
        if found is None:
            return
        word = as_text(found)
        online = self._words.get(word.strip().lower()[:64]) if word is not None else None
        if online is None:
            right = f"one of {', '.join(self._spec.online)} or {', '.join(self._spec.offline)}"
            gather.problem("unknown_word", f"{self._spec.path or 'status'} is {show(found)}: expected {right}")
            return
        gather.statement(device, online)


class Crier:
    """One ``announce`` table, made ready."""

    def __init__(self, build: Builder, spec: Announce) -> None:
        self._spec = spec
        self._choice = build.choice(spec)
        self._texts: list[tuple[str, Say]] = [
            (name, build.say(name, getattr(spec, name))) for name in _TEXTS if getattr(spec, name)
        ]
        self._hints = [(name, build.say(f"hints.{name}", text)) for name, text in spec.hints.items()]
        self._via = build.device("via", spec.via) if spec.via is not None else None
        if spec.steady and spec.via is None:
            build.wrong("steady", "of gateways: name theirs in `via`, or leave it out")
        self._aliases = [build.device("aliases", ref) for ref in spec.aliases]
        refs = [*([] if spec.via is None else [spec.via]), *spec.aliases]
        self._says = [say for _, say in (*self._texts, *self._hints)] + [build.say("id", ref.id) for ref in refs]
        self._place_of_via = len(self._texts) + len(self._hints)
        if spec.withdrawn:
            self._says.append(build.say("withdrawn", "yes"))

    def read(self, here: Here, scope: Scope) -> None:
        """An announcement, unless the same was made before."""
        if self._choice is not None and not self._choice(here):
            return
        said = [say(here) for say in self._says]
        if not any(said):
            return
        via = None
        if self._via is not None:
            via = self._through(here, scope)
            said[self._place_of_via] = via.id if via is not None else None
        key = key_of("announced", scope.device)
        sum_of = crc32("\n".join(text[:_LONGEST] if text else "" for text in said).encode("utf-8", "replace"))
        if scope.gather.remembered(key) != sum_of and scope.gather.remember(key, sum_of):
            self._announce(here, scope, via)

    def _through(self, here: Here, scope: Scope) -> DeviceRef | None:
        """The gateway that the message names, else the one that was named last.

        Of several that pass on what they hear, as the profile says of them, the same one for as long as it does.
        """
        gather, steady = scope.gather, self._spec.steady
        assert self._via is not None  # noqa: S101 - asked for with one
        found, key = self._via(here, _quiet(gather)), key_of("via", scope.device)
        known = gather.remembered(key)
        if known is None:
            if found is not None:
                gather.remember(key, [found.scheme, found.id, gather.at])
            return found
        kept = DeviceRef(gather.community, known[0], known[1])
        age = gather.at - known[2]
        if found == kept and steady and not 0 <= age < _STEADY_MS // 2:
            gather.remember(key, [*known[:2], gather.at])
            gather.passing.add(key)
        elif found is not None and found != kept and (age >= _STEADY_MS or not steady):
            gather.remember(key, [found.scheme, found.id, gather.at])
            return found
        return kept

    def _announce(self, here: Here, scope: Scope, via: DeviceRef | None) -> None:
        gather, spec = scope.gather, self._spec
        quiet = _quiet(gather)
        aliases = tuple(ref for who in self._aliases if (ref := who(here, quiet)) is not None)
        texts = {name: text for name, say in self._texts if (text := _cut(say(here), gather))}
        hints = tuple((name, text) for name, say in self._hints if (text := _cut(say(here), gather)))
        if not (texts or hints or via or aliases or spec.withdrawn):
            return
        gather.announcements.append(
            Announcement(
                device=scope.device,
                power=spec.power,
                via=via,
                hints=hints,
                interval_s=spec.interval_s,
                silence_s=spec.silence_s,
                aliases=aliases,
                withdrawn=spec.withdrawn,
                name=texts.get("name", ""),
                maker=texts.get("maker", ""),
                model=texts.get("model", ""),
                firmware=texts.get("firmware", ""),
                serial=texts.get("serial", ""),
            )
        )


def _quiet(gather: Gather) -> Gather:
    """Takes no notice of what is wrong: a gateway or an alias may well be missing."""
    return Gather(gather.limits, gather.community, gather.state, gather.nothing, gather.at)


class Learner:
    """One ``learn`` table, made ready."""

    def __init__(self, build: Builder, spec: Learn, columns: Columns) -> None:
        self._spec, self._columns = spec, columns
        self._walk, names = build.walk("at", spec.at)
        with build.at("", names, inside=True):
            self._choice = build.choice(spec)
            self._key = build.say("key", spec.key)
            self._unit = build.say("unit", spec.unit)
            self._label = build.say("label", spec.label)
            self._decimals = build.get("decimals", spec.decimals) if spec.decimals else None

    def read(self, here: Here, scope: Scope) -> None:
        """The device's model into the state, and its points into an announcement."""
        gather = scope.gather
        model: dict[str, list[Any]] = {}
        points: list[PointInfo] = []
        try:
            for there in self._walk(here):
                key = self._key(there)
                if (
                    key is None
                    or not _usable(key, gather.limits)
                    or (self._choice is not None and not self._choice(there))
                ):
                    continue
                if len(model) >= _MOST_KEYS:
                    gather.problem("too_many_values", f"a model of more than {_MOST_KEYS} keys: the rest is left out")
                    break
                unit = _cut(self._unit(there), gather)[:32]
                decimals = self._decimals(there) if self._decimals is not None else 0
                whole = isinstance(decimals, int) and 0 <= decimals <= _MOST_DECIMALS
                model[key] = [unit, int(decimals) if whole else 0]
                label = _cut(self._label(there), gather)
                names = [column.announced(unit) for column in self._columns.of_told(key, Told(unit, model[key][1]))]
                points += [PointInfo(name, metric, unit, label) for name, metric in names]
        except Odd as odd:
            gather.problem("bad_shape", f"{odd.where}: found {show(odd.found)}: send {odd.right}")
        key = key_of("model", scope.device)
        if model and gather.remembered(key) != model and gather.remember(key, model):
            gather.announcements.append(Announcement(device=scope.device, points=tuple(points)))


def _usable(key: str, limits: Limits) -> bool:
    return len(key) <= limits.name and key.isprintable()


def _cut(text: str | None, gather: Gather) -> str:
    """A text of the maker's, within bounds; empty for none."""
    if text is None or text in gather.nothing:
        return ""
    return "".join(filter(str.isprintable, text[: gather.limits.name]))
