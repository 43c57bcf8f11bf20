"""Speaks to chat services through Apprise."""

from __future__ import annotations

import logging
import re
from typing import Final

from hub.domain.alarms import Priority
from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.notify.redaction import parts_of
from hub.notify.statuses import is_permanent

_LOCAL: Final = frozenset({"dbus", "gnome", "glib", "kde", "macosx", "qt", "syslog", "windows"})
"""Services of the desktop that the hub happens to run on: never where a notice is to go."""
_STATUS: Final = re.compile(r"error=(\d{3})\b")
"""How Apprise logs the HTTP status of a refusal."""


class AppriseChannel:
    """One service for each notice. Apprise says only yes or no; the reason is read from its log."""

    def send(self, notice: Notice) -> None:
        """Implements Channel."""
        import apprise

        asset = apprise.AppriseAsset(
            app_id="community-hub",
            app_desc="community hub",
            async_mode=False,
            secure_logging=True,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        service = apprise.Apprise(asset=asset)
        scheme = notice.address.partition("://")[0].lower()
        if scheme in _LOCAL or not service.add(notice.address):
            raise SendFailed(
                f"contact {notice.contact} has no address that Apprise knows: expected e.g. wecombot://key",
                permanent=True,
            )
        body = f"{notice.body}\n\n{notice.link}" if notice.link else notice.body
        kind = apprise.NotifyType.FAILURE if notice.priority == Priority.SAFETY else apprise.NotifyType.INFO
        with apprise.LogCapture(level=logging.WARNING) as heard:  # type: ignore[no-untyped-call]
            delivered = service.notify(title=notice.subject, body=body, notify_type=kind, body_format="text")
            reason = heard.getvalue()
        if not delivered:
            raise _refused(scheme, reason)

    def secrets(self, address: str) -> tuple[str, ...]:
        """Implements Channel."""
        return parts_of(address)


def _refused(scheme: str, reason: str) -> SendFailed:
    status = _STATUS.search(reason)
    permanent = status is not None and is_permanent(int(status[1]))
    said = reason.strip() or "no reason given"
    return SendFailed(f"{scheme} did not take the notice: {said}", permanent=permanent)
