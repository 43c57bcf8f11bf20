"""What one look at a signal says about one rule: the condition, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Condition(StrEnum):
    """Of the signal, before any delay."""

    OVER = "over"
    """The fault is there."""
    NORMAL = "normal"
    IN_BAND = "in_band"
    """Neither: between limit and deadband. Breaks running delays, leaves the alarm as it was."""
    UNKNOWN = "unknown"
    """Cannot be told. Breaks running delays, never clears."""


class Reason(StrEnum):
    """Why a verdict is what it is; shared by logs, history and pages."""

    ABOVE_LIMIT = "above_limit"
    BELOW_LIMIT = "below_limit"
    WITHIN_LIMIT = "within_limit"
    IN_DEADBAND = "in_deadband"
    FAULT_STATE = "fault_state"
    GOOD_STATE = "good_state"
    NOT_COMPARABLE = "not_comparable"
    DEVICE_SAYS_FAULT = "device_says_fault"
    DEVICE_SAYS_OVER = "device_says_over"
    SILENT = "silent"
    OFFLINE = "offline"
    HEARD = "heard"
    NO_DATA = "no_data"
    FELL_TOGETHER = "fell_together"
    STORE_REFUSES = "store_refuses"
    STORE_UNREACHABLE = "store_unreachable"
    STORE_TAKES = "store_takes"
    CERTIFICATE_ENDS = "certificate_ends"
    CERTIFICATE_LASTS = "certificate_lasts"
    JOURNAL_STOPPED = "journal_stopped"
    JOURNAL_FILLS = "journal_fills"
    JOURNAL_HAS_ROOM = "journal_has_room"
    BACKUP_FAILED = "backup_failed"
    BACKUP_OVERDUE = "backup_overdue"
    BACKUP_TAKEN = "backup_taken"
    PART_UNCERTAIN = "part_uncertain"
    PART_GONE = "part_gone"


class Verdict(NamedTuple):
    """Condition and reason."""

    condition: Condition
    reason: Reason


ABOVE: Final = Verdict(Condition.OVER, Reason.ABOVE_LIMIT)
BELOW: Final = Verdict(Condition.OVER, Reason.BELOW_LIMIT)
WITHIN: Final = Verdict(Condition.NORMAL, Reason.WITHIN_LIMIT)
IN_DEADBAND: Final = Verdict(Condition.IN_BAND, Reason.IN_DEADBAND)
FAULT_STATE: Final = Verdict(Condition.OVER, Reason.FAULT_STATE)
GOOD_STATE: Final = Verdict(Condition.NORMAL, Reason.GOOD_STATE)
NOT_COMPARABLE: Final = Verdict(Condition.UNKNOWN, Reason.NOT_COMPARABLE)
FAULT_SAID: Final = Verdict(Condition.OVER, Reason.DEVICE_SAYS_FAULT)
FAULT_OVER: Final = Verdict(Condition.NORMAL, Reason.DEVICE_SAYS_OVER)
SILENT: Final = Verdict(Condition.OVER, Reason.SILENT)
OFFLINE: Final = Verdict(Condition.OVER, Reason.OFFLINE)
HEARD: Final = Verdict(Condition.NORMAL, Reason.HEARD)
NO_DATA: Final = Verdict(Condition.UNKNOWN, Reason.NO_DATA)
FELL_TOGETHER: Final = Verdict(Condition.OVER, Reason.FELL_TOGETHER)
STORE_REFUSES: Final = Verdict(Condition.OVER, Reason.STORE_REFUSES)
STORE_UNREACHABLE: Final = Verdict(Condition.OVER, Reason.STORE_UNREACHABLE)
STORE_TAKES: Final = Verdict(Condition.NORMAL, Reason.STORE_TAKES)
CERTIFICATE_ENDS: Final = Verdict(Condition.OVER, Reason.CERTIFICATE_ENDS)
CERTIFICATE_LASTS: Final = Verdict(Condition.NORMAL, Reason.CERTIFICATE_LASTS)
JOURNAL_STOPPED: Final = Verdict(Condition.OVER, Reason.JOURNAL_STOPPED)
JOURNAL_FILLS: Final = Verdict(Condition.OVER, Reason.JOURNAL_FILLS)
JOURNAL_HAS_ROOM: Final = Verdict(Condition.NORMAL, Reason.JOURNAL_HAS_ROOM)
BACKUP_FAILED: Final = Verdict(Condition.OVER, Reason.BACKUP_FAILED)
BACKUP_OVERDUE: Final = Verdict(Condition.OVER, Reason.BACKUP_OVERDUE)
BACKUP_TAKEN: Final = Verdict(Condition.NORMAL, Reason.BACKUP_TAKEN)
PART_UNCERTAIN: Final = Verdict(Condition.UNKNOWN, Reason.PART_UNCERTAIN)
PART_GONE: Final = Verdict(Condition.NORMAL, Reason.PART_GONE)
"""The settings name it no more."""
