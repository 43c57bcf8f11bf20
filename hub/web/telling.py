"""How things are said to a person: times in the community's zone, values with units, states in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, get_day_names
from babel.numbers import NumberPattern, format_decimal, parse_pattern
from babel.support import Translations

from hub.clock import DAY, HOUR, MINUTE, SECOND, to_iso
from hub.domain.alarms import Alarm
from hub.domain.health import Health
from hub.domain.metrics import Metric
from hub.domain.own_parts import part_of
from hub.domain.places import Name
from hub.domain.tickets import Ticket, TicketState
from hub.domain.wording import said
from hub.flows.live import LiveReading
from hub.flows.notice_text import place_words
from hub.flows.registry import Registry
from hub.web.evidence import evidence
from hub.words import locale_of

DASH = "—"
_TOO_LONG = 1e15
"""No measured value is so large, and the library for figures refuses larger ones."""


@cache
def _pattern(decimals: int) -> NumberPattern:
    """Read once: a page has hundreds of numbers."""
    return parse_pattern(f"#,##0.{'0' * decimals}" if decimals else "#,##0")


class Teller:
    """One language, one zone, one moment. Handed to every template as ``say``."""

    def __init__(self, language: str, words: Translations, zone: str, now: int) -> None:
        self.language = language
        self._locale = locale_of(language)
        self.now = now
        self.zone = zone
        self._zone = ZoneInfo(zone)
        self._words = words
        self.gettext: Callable[[str], str] = words.gettext
        self._said: dict[int, str] = {}
        """By instant: the tables of a page share theirs."""

    # --- words ------------------------------------------------------------------------------------------------

    def word(self, group: str, value: str | Enum) -> str:
        """A member of a vocabulary (``ticket_state:assigned``); the bare value where the catalogue has none."""
        text = value.value if isinstance(value, Enum) else value
        said = self.gettext(f"{group}:{text}")
        return str(text) if said == f"{group}:{text}" else said

    def wording(self, text: str) -> str:
        """A sentence of the domain's in the reader's language; a plain text as it is."""
        return str(said(text, self.gettext))

    def component(self, name: str) -> str:
        """A component; ``mqtt:main`` is the connection called main."""
        kind, _, which = name.partition(":")
        said = self.word("component", kind)
        return f"{said} {which}" if which else said

    def trouble(self, line: Health) -> str:
        """What it means for people that a component is not well; the technical reason stands beside it."""
        return self.word("health_reason", line.component.partition(":")[0])

    def name(self, name: Name | None) -> str:
        """A bilingual name."""
        return DASH if name is None else name.say(self.language)

    def title(self, ticket: Ticket) -> str:
        """A ticket's title."""
        return ticket.title_zh if self.language == "zh-CN" else (ticket.title_en or ticket.title_zh)

    # --- times ------------------------------------------------------------------------------------------------

    def moment(self, instant: int) -> datetime:
        """In the community's zone."""
        return datetime.fromtimestamp(instant / 1000, UTC).astimezone(self._zone)

    def offset(self) -> int:
        """The zone's distance from UTC at this moment, ms."""
        distance = self.moment(self.now).utcoffset()
        return 0 if distance is None else round(distance.total_seconds() * 1000)

    def when(self, instant: int | None) -> str:
        """Today: the time; else the date too."""
        if instant is None:
            return DASH
        if (said := self._said.get(instant)) is None:
            said = self._said[instant] = self._when(instant)
        return said

    def _when(self, instant: int) -> str:
        moment, today = self.moment(instant), self.moment(self.now)
        if moment.date() == today.date():
            return format_time(moment, "HH:mm:ss", locale=self._locale)
        pattern = "M月d日 HH:mm" if self.language == "zh-CN" else "d MMM HH:mm"
        if moment.year != today.year:
            pattern = "y年M月d日 HH:mm" if self.language == "zh-CN" else "d MMM y HH:mm"
        return str(format_datetime(moment, pattern, locale=self._locale))

    def full(self, instant: int | None) -> str:
        """Date, time and zone: for titles and tables."""
        return DASH if instant is None else f"{self.moment(instant):%Y-%m-%d %H:%M:%S} {self.zone}"

    def date(self, instant: int) -> str:
        """The day with its weekday."""
        pattern = "y年M月d日 EEEE" if self.language == "zh-CN" else "EEEE, d MMMM y"
        return str(format_date(self.moment(instant).date(), pattern, locale=self._locale))

    def iso(self, instant: int) -> str:
        """For ``<time datetime>``."""
        return to_iso(instant)

    def instant(self, text: str) -> int:
        """Epoch ms of a time without a zone, as a form sends it: in the community's own. ValueError where it is none."""
        return round(datetime.fromisoformat(text).replace(tzinfo=self._zone).timestamp() * 1000)

    def day(self, day: dt.date) -> str:
        """A day of the calendar."""
        return str(format_date(day, "y年M月d日" if self.language == "zh-CN" else "d MMM y", locale=self._locale))

    def weekday(self, number: int) -> str:
        """Short; 0 is Monday."""
        return str(get_day_names("abbreviated", locale=self._locale)[number])

    def span(self, milliseconds: int | None) -> str:
        """A duration in its two largest units."""
        if milliseconds is None:
            return DASH
        left = max(0, milliseconds)
        ngettext = self._words.ngettext
        counts = [(left // DAY, "day"), (left % DAY // HOUR, "hour"), (left % HOUR // MINUTE, "minute")]
        first = next((n for n, (count, _) in enumerate(counts) if count), None)
        if first is None:
            counts, first = [(left // SECOND, "second")], 0
        words = {
            "day": lambda n: ngettext("%(num)s day", "%(num)s days", n),
            "hour": lambda n: ngettext("%(num)s hour", "%(num)s hours", n),
            "minute": lambda n: ngettext("%(num)s minute", "%(num)s minutes", n),
            "second": lambda n: ngettext("%(num)s second", "%(num)s seconds", n),
        }
        shown = [pair for n, pair in enumerate(counts[first : first + 2]) if pair[0] or n == 0]
        return " ".join(words[unit](count) % {"num": count} for count, unit in shown)

    def ago(self, instant: int | None) -> str:
        """``5 min ago``."""
        return DASH if instant is None else self.gettext("%s ago") % self.span(self.now - instant)

    # --- values -----------------------------------------------------------------------------------------------

    def number(self, value: float | None, decimals: int = 0) -> str:
        """With the language's own separators, and no minus before nothing; what no column could hold, in powers of ten."""
        if value is None:
            return DASH
        if abs(value) >= _TOO_LONG:
            return f"{value:.3g}"
        return str(format_decimal(round(value, decimals) + 0.0, _pattern(decimals), locale=self._locale))

    def share(self, share: float | None) -> str:
        """In per cent; a little is not said as nothing, nor nearly all as all."""
        if share is None:
            return self.gettext("unknown")
        if 0 < share < 0.005:
            return "< 1 %"
        return "> 99 %" if 0.995 <= share < 1 else f"{self.number(100 * share)} %"

    def value(self, metric: Metric | None, value: float | None, text: str = "") -> str:
        """A reading's value in words or figures, without its unit."""
        if value is None:
            return (self.word("text_state", text) if text else DASH) or DASH
        if metric is None:
            return self.number(value, 0 if value == int(value) else 2)
        if metric.off is not None and metric.on is not None:
            return self.name(metric.on if value else metric.off)
        return self.number(value, metric.decimals)

    def reading(self, metric: Metric | None, reading: LiveReading | None) -> str:
        """A live reading with its unit; unknown where it has fallen silent."""
        if reading is None or reading.silent:
            return self.gettext("Unknown")
        return self.measured(metric, reading.value, reading.text)

    def measured(self, metric: Metric | None, value: float | None, text: str = "") -> str:
        """A value with its unit."""
        said = self.value(metric, value, text)
        return said if value is None else f"{said} {self.unit(metric, value)}".rstrip()

    def unit(self, metric: Metric | None, value: float | None = None) -> str:
        """The unit by itself, or behind a value; empty where there is none."""
        return metric.symbol_of(self.language, value) if metric is not None else ""

    def evidence(self, registry: Registry, alarm: Alarm, value: float | None, text: str) -> str:
        """What the sensor said with its unit, and the limit beside it; empty where it said nothing."""
        if (part := part_of(alarm.rule)) is not None:
            return "" if value is None else part.evidence(value, text).say(self.language)
        found = evidence(registry, alarm)
        said = self.measured(found.metric, value) if value is not None else text and self.word("text_state", text)
        if not said or found.limit is None or value is None:
            return said
        limit = self.gettext("limit %s") % self.measured(found.metric, found.limit)
        return f"{said} ({limit})" if self.language == "en" else f"{said}（{limit}）"

    def whose(self, registry: Registry, alarm: Alarm) -> str:
        """What an alarm that belongs to no facility is about: a device, a building, the community, a part of the hub."""
        return self.place(registry, alarm.community, alarm.device or alarm.unit)

    def place(self, registry: Registry, community: str, unit: str) -> str:
        """What a unit means where there is no facility."""
        return place_words(registry, community, "", unit, self.language)

    def cause(self, registry: Registry, alarm: Alarm) -> str:
        """What explains an alarm that is suppressed by design: its gateway, or the loss of its place."""
        kind, _, which = alarm.overlay_reason.partition(" ")
        if kind not in {"gateway", "area"}:
            return alarm.overlay_reason
        name = place_words(registry, alarm.community, "", "" if which == alarm.community else which, self.language)
        return (self.gettext("Gateway %s") if kind == "gateway" else self.gettext("%s: power or uplink lost")) % name

    def metric(self, metric: Metric | None, name: str) -> str:
        """What is measured."""
        return self.name(metric.title) if metric is not None else name

    def bytes(self, count: float) -> str:
        """A size."""
        for unit in ("B", "KB", "MB", "GB"):
            if count < 1024:
                return f"{self.number(count, 0 if unit == 'B' else 1)} {unit}"
            count /= 1024
        return f"{self.number(count, 1)} TB"

    # --- tickets ----------------------------------------------------------------------------------------------

    def verification(self, ticket: Ticket) -> str:
        """Why a ticket is where it is between completed and closed, in a sentence; empty elsewhere."""
        _ = self.gettext
        if ticket.state is TicketState.VERIFYING:
            if ticket.waiting:
                return self.word("waiting", ticket.waiting)
            if ticket.restored_at is not None:
                return self._settling(ticket.restored_at, ticket.recheck_at)
            if ticket.sensor_born:
                return _("Waiting for device data: the repair counts once the sensor shows normal and stays so.")
            return _("Waiting for a person to check the work on site or by a call-back.")
        if ticket.verified:
            return self.word("verified", ticket.verified)
        return ""

    def _settling(self, since: int, until: int | None) -> str:
        """Back to normal, but not for long enough yet."""
        if until is None or until <= self.now:
            said = self.gettext("The sensor has shown normal since %s; it must stay so before the repair counts.")
            return said % self.when(since)
        words = {"since": self.when(since), "until": self.when(until), "left": self.span(until - self.now)}
        return (
            self.gettext(
                "The sensor has shown normal since %(since)s. The repair counts if it stays so until %(until)s:"
                " %(left)s to go."
            )
            % words
        )
