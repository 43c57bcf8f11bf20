"""The one small error tree. A message names the thing, the reason, and what would be right."""

from __future__ import annotations


class HubError(Exception):
    """Something the hub refuses or cannot do; the text is fit to be shown to a person."""


class ConfigError(HubError):
    """A setting or a file that cannot be used: names the key, what was found, what would be right."""


class InvalidInput(HubError):
    """Input from outside that breaks a rule. ``pointer`` says where, ``expected`` what would be right."""

    def __init__(self, reason: str, *, pointer: str = "", expected: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
        self.expected = expected


class NotFound(HubError):
    """No such thing, or not in the caller's scope: the two are not told apart."""


class IllegalTransition(HubError):
    """The state machine has no such arrow (HTTP 409)."""


class AlreadyOpen(HubError):
    """A ticket for the same fault has not ended yet: attach to that one (HTTP 409)."""


class Stale(HubError):
    """Somebody else changed it first (HTTP 412)."""


class Forbidden(HubError):
    """The caller's role or scope does not allow it."""


class StoreUnavailable(HubError):
    """A store cannot be reached or written just now; the caller waits and tries again."""


class StoreRefuses(StoreUnavailable):
    """The store is there and lets the hub do nothing: credentials, rights, or what it should write into. A person mends it."""


class SendFailed(HubError):
    """A notice did not leave. ``permanent`` means that trying again cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent
