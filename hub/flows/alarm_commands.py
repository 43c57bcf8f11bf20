"""What operators do to alarms. Called on the alarm lane's thread (LaneRunner.submit), one transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hub.clock import Clock
from hub.domain.alarms import (
    Acknowledge,
    Alarm,
    Refused,
    Release,
    Reset,
    ReturnToService,
    Shelve,
    Signal,
    Suppress,
    TakeOutOfService,
    Unshelve,
)
from hub.domain.tickets import ENDED
from hub.errors import IllegalTransition, InvalidInput, NotFound
from hub.flows.judging import Judging
from hub.flows.worksheet import Worksheet, key_of

Run = Callable[[Callable[[Worksheet], Alarm], int], Alarm]

_INPUT: Final = {
    Refused.REASON_MISSING: ("/reason", "why it may be quiet, in a few words"),
    Refused.END_NOT_AHEAD: ("/until", "an instant in the future"),
    Refused.END_TOO_FAR: ("/until", "an end within the longest shelving time of this rule"),
    Refused.TICKET_MISSING: ("/ticket", "the ticket under which the asset is worked on"),
}
_WORDS: Final = {
    Refused.NOT_LATCHED: "nothing is held: only a latched alarm whose cause has gone can be reset",
    Refused.CAUSE_PRESENT: "the cause is still present: an alarm cannot be reset before it has gone",
    Refused.NOT_SHELVED: "the alarm is not shelved",
    Refused.ALREADY_COVERED: "the alarm is suppressed by design or out of service already",
    Refused.REASON_MISSING: "an overlay needs a reason",
    Refused.END_NOT_AHEAD: "the end of the shelving is not ahead",
    Refused.END_TOO_FAR: "the end of the shelving is too far ahead",
    Refused.SAFETY: "a safety alarm is always annunciated: it can be neither shelved nor suppressed nor taken out of service",
    Refused.TICKET_MISSING: "taking an asset out of service needs a ticket: there is none",
    Refused.NOT_OUT_OF_SERVICE: "the alarm is not out of service",
}


class AlarmCommands:
    """Each returns the alarm as it stands after the commit. NotFound, IllegalTransition (409), InvalidInput (422).

    ``now`` is when the operator acted: an acknowledge affects only an occurrence that began before it.
    """

    def __init__(self, run: Run, judging: Judging) -> None:
        self._run = run
        self._judging = judging

    def acknowledge(self, alarm_id: str, *, by: str, now: int, comment: str = "") -> Alarm:
        """Seen. Never clears; a second one changes nothing."""
        return self._do(alarm_id, Acknowledge(by=by, comment=comment), now)

    def shelve(
        self, alarm_id: str, *, by: str, now: int, reason: str, until: int | None, one_shot: bool = False
    ) -> Alarm:
        """Quiet until ``until`` (None: as long as the rule allows); ``one_shot``: or until it next returns to normal."""
        return self._do(alarm_id, Shelve(by=by, reason=reason, until=until, one_shot=one_shot), now)

    def unshelve(self, alarm_id: str, *, by: str, now: int) -> Alarm:
        """Annunciated again, at once where it is active."""
        return self._do(alarm_id, Unshelve(by=by), now)

    def reset(self, alarm_id: str, *, by: str, now: int) -> Alarm:
        """Ends a latched alarm whose cause has gone."""
        return self._do(alarm_id, Reset(by=by), now)

    def suppress(self, alarm_id: str, *, reason: str, now: int) -> Alarm:
        """Quiet by design while a parent cause is active."""
        return self._do(alarm_id, Suppress(reason=reason), now)

    def release(self, alarm_id: str, *, now: int) -> Alarm:
        """Ends the suppression."""
        return self._do(alarm_id, Release(), now)

    def take_out_of_service(self, alarm_id: str, *, by: str, reason: str, ticket: str, now: int) -> Alarm:
        """Quiet while the asset is worked on under this ticket (empty: the alarm's own); ends by hand or with it."""
        return self._do(alarm_id, TakeOutOfService(by=by, ticket=ticket, reason=reason), now)

    def return_to_service(self, alarm_id: str, *, by: str, now: int) -> Alarm:
        """Judged and annunciated as usual again."""
        return self._do(alarm_id, ReturnToService(by=by), now)

    def _do(self, alarm_id: str, wish: Signal, now: int) -> Alarm:
        def decide(sheet: Worksheet) -> Alarm:
            stored = sheet.books.alarms.get(alarm_id)
            if stored is None:
                raise NotFound(f"there is no alarm {alarm_id}")
            alarm = self._judging.live.get(key_of(stored), stored)
            signal = _under_a_ticket(sheet, alarm, wish) if isinstance(wish, TakeOutOfService) else wish
            result = self._judging.signal(sheet, alarm, signal, now)
            if result.refused is not None:
                raise _error(result.refused)
            return result.alarm

        return self._run(decide, now)


def _under_a_ticket(sheet: Worksheet, alarm: Alarm, wish: TakeOutOfService) -> TakeOutOfService:
    """With the ticket it happens under: the alarm's own where none is named. It has to be open, and of the asset."""
    own = sheet.books.alarms.ticket_of(alarm.id) or ""
    ticket = sheet.books.tickets.get(wish.ticket or own)
    if ticket is None:
        if wish.ticket:
            raise InvalidInput(f"there is no ticket {wish.ticket}", pointer="/ticket", expected="a ticket's id")
        return wish
    if ticket.state in ENDED:
        raise InvalidInput(
            f"ticket {ticket.number} has ended", pointer="/ticket", expected="the open ticket of the work"
        )
    if ticket.id != own and (ticket.key.community, ticket.key.facility) != (alarm.community, alarm.facility):
        raise InvalidInput(
            f"ticket {ticket.number} is of another facility", pointer="/ticket", expected="a ticket of the alarm's own"
        )
    return replace(wish, ticket=ticket.id)


def _error(refused: Refused) -> Exception:
    if refused in _INPUT:
        pointer, expected = _INPUT[refused]
        return InvalidInput(_WORDS[refused], pointer=pointer, expected=expected)
    return IllegalTransition(_WORDS[refused])


class AlarmDesk:
    """The same for callers on other threads: ``submit`` puts a command between two batches of the lane and waits."""

    def __init__(self, commands: AlarmCommands, submit: Callable[[Callable[[], Alarm]], Alarm], clock: Clock) -> None:
        self._commands = commands
        self._submit = submit
        self._clock = clock

    def acknowledge(self, alarm_id: str, *, by: str, comment: str = "") -> Alarm:
        """Seen by ``by`` at this moment."""
        now = self._clock.now()
        return self._submit(lambda: self._commands.acknowledge(alarm_id, by=by, now=now, comment=comment))

    def shelve(self, alarm_id: str, *, by: str, until: int | None, reason: str) -> Alarm:
        """``until`` None: one-shot, until it next returns to normal."""
        now = self._clock.now()
        return self._submit(
            lambda: self._commands.shelve(alarm_id, by=by, now=now, reason=reason, until=until, one_shot=until is None)
        )

    def unshelve(self, alarm_id: str, *, by: str) -> Alarm:
        """Annunciated again."""
        now = self._clock.now()
        return self._submit(lambda: self._commands.unshelve(alarm_id, by=by, now=now))

    def reset(self, alarm_id: str, *, by: str) -> Alarm:
        """Ends a latched alarm whose cause has gone."""
        now = self._clock.now()
        return self._submit(lambda: self._commands.reset(alarm_id, by=by, now=now))

    def take_out_of_service(self, alarm_id: str, *, by: str, reason: str, ticket: str = "") -> Alarm:
        """Quiet while the asset is worked on under this ticket; empty: the alarm's own."""
        now = self._clock.now()
        return self._submit(
            lambda: self._commands.take_out_of_service(alarm_id, by=by, reason=reason, ticket=ticket, now=now)
        )

    def return_to_service(self, alarm_id: str, *, by: str) -> Alarm:
        """Back from maintenance."""
        now = self._clock.now()
        return self._submit(lambda: self._commands.return_to_service(alarm_id, by=by, now=now))
