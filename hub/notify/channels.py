"""What a channel is, and which there are: every folder beside this file is one. Adding a channel touches only its folder.

A channel's package has ``NAME`` (what a contact's ``channel`` says) and ``build(settings, clock) -> Channel``.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Protocol

from hub.clock import Clock
from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.settings import Notify


class Channel(Protocol):
    """One way to reach people."""

    def send(self, notice: Notice) -> None:
        """Hand the notice over, with its dedupe key in the message.

        SendFailed where it did not leave: ``permanent`` where the same notice would fail again (a wrong address, a
        refused content), temporary where time or an operator can help. The reason may still hold secrets.
        """
        ...

    def secrets(self, address: str) -> tuple[str, ...]:
        """Parts of the address and of the settings that no log and no page may show."""
        ...


class NoSuchChannel:
    """Stands in for channels that contacts name and nobody provides."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def send(self, notice: Notice) -> None:
        known = ", ".join(self._known)
        raise SendFailed(f"contact {notice.contact} names channel {notice.channel!r}; expected {known}", permanent=True)

    def secrets(self, address: str) -> tuple[str, ...]:
        return (address,)


def discover(settings: Notify, clock: Clock) -> dict[str, Channel]:
    """All channels by name. Nothing connects anywhere before the first notice."""
    found: dict[str, Channel] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.ispkg:
            package = importlib.import_module(f"{__package__}.{module.name}")
            found[package.NAME] = package.build(settings, clock)
    return found
