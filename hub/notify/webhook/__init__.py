"""Signed webhooks."""

from __future__ import annotations

from typing import Final

from hub.clock import Clock
from hub.notify.webhook.channel import WebhookChannel
from hub.settings import Notify

NAME: Final = "webhook"


def build(settings: Notify, clock: Clock) -> WebhookChannel:
    """The channel as the settings want it."""
    return WebhookChannel(settings.webhook_secret, clock=clock, allow_private=settings.allow_private_targets)
