"""E-mail over SMTP."""

from __future__ import annotations

from typing import Final

from hub.clock import Clock
from hub.notify.email.channel import EmailChannel
from hub.settings import Notify

NAME: Final = "email"


def build(settings: Notify, clock: Clock) -> EmailChannel:
    """The channel as the settings want it."""
    return EmailChannel(settings.smtp_url, sender=settings.smtp_from)
