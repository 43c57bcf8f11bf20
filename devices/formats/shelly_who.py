"""Who speaks under a topic prefix of a Shelly, and what has been learned of it."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec

from devices.contract import Announcement, Change, Decoded, DeviceRef, Event, Problem, Request, Sample, State, Statement
from devices.formats.slugs import id_slug

_MOST_ENTRIES: Final = 10_000
_FACTORY_ID: Final = re.compile(r"(shelly[a-z0-9-]{0,40}?)-([0-9a-f]{12}|[0-9a-f]{6})", re.IGNORECASE)
_MAC: Final = re.compile(r"[0-9a-f]{12}")
_LONGEST_INTERVAL: Final = 7 * 86_400

# fmt: off
_SLEEPING: Final = (
    "shellyht shellyflood shellydw shellydw2 shellysmoke shellysmoke2 shellybutton1 shellybutton2 shellysense "
    "shellyplusht shellyplussmoke shellyhtg3 shellyazht shellyfloodg4 shellyfloodsg4 "
    "shht-1 shwt-1 shdw-1 shdw-2 shsm-01 shsm-02 shbtn-1 shbtn-2 shsen-1 "
    "snsn-0013a snsn-0031z s3sn-0u12a s3sn-1u12a s4sn-0071a s4sn-0071z"
)
SLEEPING: Final = frozenset(_SLEEPING.split())
"""Models (the word in their ids, the maker's number) that sleep between reports: to be offline is their everyday state."""


_AWAKE: Final = "shellymotionsensor shellymotion2 shellytrv shmos-01 shmos-02 shtrv-01"
ON_BATTERY: Final = SLEEPING | frozenset(_AWAKE.split())
# fmt: on


class Speaker(msgspec.Struct, frozen=True):
    """What a topic alone says of its device."""

    prefix: str
    """The topic up to the device's own part."""
    guess: DeviceRef
    certain: bool
    """The guess is the MAC, from an id as the factory makes it."""
    model: str
    """The word for the model in such an id; empty where the name is the user's."""
    key: str
    """Where the state keeps who it is."""
    faults: str
    """Where the state keeps which errors are up."""


def speaker_of(prefix: str, name: str, community: str) -> Speaker:
    """Who speaks under ``prefix``, as far as ``name``, or its last level, tells."""
    found = _FACTORY_ID.fullmatch(name.rpartition("/")[2])
    certain = found is not None and len(found[2]) == 12
    scheme, own = ("mac", found[2].lower()) if found is not None and certain else ("shelly", id_slug(name))
    return Speaker(
        prefix,
        DeviceRef(community, scheme, own),
        certain=certain,
        model=found[1].lower() if found is not None else "",
        key=f"who/{prefix}",
        faults=f"faults/{prefix}",
    )


def mac_of(value: object) -> str:
    """The MAC in lower-case hexadecimal; empty where it is none."""
    text = value.replace(":", "").replace("-", "").lower() if isinstance(value, str) and len(value) <= 17 else ""
    return text if _MAC.fullmatch(text) else ""


class Meeting:
    """One message of one speaker: what was known before, and what this message adds."""

    __slots__ = ("_known", "_now", "_speaker", "_state", "device")

    def __init__(self, speaker: Speaker, state: State) -> None:
        self._speaker = speaker
        self._state = state
        known = state.get(speaker.key)
        self._known: dict[str, Any] | None = known
        guess = speaker.guess
        self._now: dict[str, Any] = (
            known
            if known is not None
            else {"scheme": guess.scheme, "id": guess.id, "model": speaker.model, "sleeps": _sleeps(speaker.model)}
        )
        self.device = DeviceRef(guess.community, self._now["scheme"], self._now["id"])

    @property
    def certain(self) -> bool:
        """Whether this is a Shelly beyond doubt: it has said its MAC, or its topic holds it."""
        return self._known is not None or self._speaker.certain or bool(self._speaker.model)

    @property
    def speaks_of_being_online(self) -> bool:
        """Whether its last will says how things are: its model is known, and is none that sleeps."""
        return self._now["sleeps"] is False

    @property
    def has_room(self) -> bool:
        """Whether one more thing can be remembered."""
        return len(self._state) < _MOST_ENTRIES

    @property
    def faults(self) -> dict[str, list[str]]:
        """Which errors are up, by the field that lists them."""
        return self._state.get(self._speaker.faults) or {}

    def remember_faults(self, faults: dict[str, list[str]]) -> Change:
        return Change(self._speaker.faults, faults or None)

    # --- what a message says of the device --------------------------------------------------------------------

    def called(self, src: str) -> None:
        """A notification names its device: model and MAC in one word."""
        if self._now.get("src") == src:
            return
        who = speaker_of("", src[:200], self.device.community)
        if who.certain or self._now["scheme"] == "shelly":  # early firmware says half the MAC only
            self._add(scheme=who.guess.scheme, id=who.guess.id)
        self._add(src=src[:200], model="" if "firmware" in self._now else who.model)

    def called_by_mac(self, mac: str) -> None:
        if mac:
            self._add(scheme="mac", id=mac)

    def announced(self, found: dict[str, Any]) -> None:
        """The fields of an announcement."""
        words = {
            "model": found.get("model"),
            "name": found.get("name"),
            "firmware": found.get("fw_ver", found.get("ver")),
        }
        self._add(**{key: word[:100] for key, word in words.items() if isinstance(word, str) and word.isprintable()})

    def woken_every(self, period: object) -> None:
        """Only devices that sleep have a period after which they wake."""
        if isinstance(period, int) and not isinstance(period, bool) and 0 < period <= _LONGEST_INTERVAL:
            self._add(interval=period, sleeps=True)

    def powered_by(self, external: object) -> None:
        present = external.get("present") if isinstance(external, dict) else None
        if isinstance(present, bool):
            self._add(power="mains" if present else "battery")

    def _add(self, **fresh: Any) -> None:
        fresh = {key: value for key, value in fresh.items() if value not in {None, ""}}
        if all(self._now.get(key) == value for key, value in fresh.items()):
            return
        now = {**self._now, **fresh}
        if self._now["scheme"] == "mac" and now["id"] != self._now["id"]:  # another device took over the name
            now = {"model": "", "sleeps": None, **fresh}
        if "model" in fresh and now["sleeps"] is not True:
            now["sleeps"] = _sleeps(now["model"])
        self._now = now
        self.device = DeviceRef(self.device.community, now["scheme"], now["id"])

    # --- the answer -------------------------------------------------------------------------------------------

    def answer(
        self,
        *,
        samples: tuple[Sample, ...] = (),
        events: tuple[Event, ...] = (),
        statements: tuple[Statement, ...] = (),
        problems: tuple[Problem, ...] = (),
        unknown: tuple[str, ...] = (),
        changes: tuple[Change, ...] = (),
    ) -> Decoded:
        """Everything the message said, and an announcement where something about the device is new."""
        requests: tuple[Request, ...] = ()
        announcements: tuple[Announcement, ...] = ()
        nameless = self._now["scheme"] == "shelly"
        if self._now is not self._known and (self._known is not None or self.has_room):
            changes = (Change(self._speaker.key, self._now), *changes)
            if self._known is None or {**self._known, "src": ""} != {**self._now, "src": ""}:
                announcements = (self._announcement(),)
            if self._known is not None and self._now["sleeps"] is True and self._known["sleeps"] is False:
                statements = (Statement(self.device, None), *statements)
        new = nameless or self._known is None
        if self._speaker.prefix and new and self._now["sleeps"] is not True and "firmware" not in self._now:
            why = "the device's MAC, model and firmware are not known yet"
            requests = (Request(f"{self._speaker.prefix}/command", b"announce", why, f"shelly {self._speaker.prefix}"),)
        return Decoded(samples, events, statements, problems, unknown, announcements, changes, requests)

    def _announcement(self) -> Announcement:
        now, before = self._now, self._known
        aliases: tuple[DeviceRef, ...] = ()
        if before is not None and before["scheme"] == "shelly" and before["id"] != now["id"]:
            aliases = (DeviceRef(self.device.community, "shelly", before["id"]),)
        on_battery = now["sleeps"] or now["model"].lower() in ON_BATTERY
        power: Literal["", "mains", "battery"] = now.get("power") or ("battery" if on_battery else "")
        return Announcement(
            device=self.device,
            name=now.get("name", ""),
            maker="Shelly",
            model=now["model"],
            firmware=now.get("firmware", ""),
            power=power,
            interval_s=now.get("interval"),
            aliases=aliases,
        )


def _sleeps(model: str) -> bool | None:
    """None: nobody knows what it is."""
    return model.lower() in SLEEPING if model else None
