"""Chat groups, SMS and push services through Apprise: the contact's address is an Apprise URL."""

from __future__ import annotations

from typing import Final

from hub.clock import Clock
from hub.notify.chat.channel import AppriseChannel
from hub.settings import Notify

NAME: Final = "apprise"


def build(settings: Notify, clock: Clock) -> AppriseChannel:
    """The channel; Apprise itself is loaded with the first notice."""
    return AppriseChannel()
