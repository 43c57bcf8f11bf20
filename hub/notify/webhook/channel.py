"""Posts a notice as signed JSON to a web address."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from hub.clock import Clock
from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.notify.redaction import parts_of
from hub.notify.statuses import is_delivered, is_permanent
from hub.notify.webhook.private_target import PrivateTarget
from hub.notify.webhook.signature import body_of, idempotency_key, sign

TIMEOUT_S: Final = (5.0, 10.0)
"""To connect, and between two bytes of the answer."""


class WebhookChannel:
    """Signed where ``notify.webhook_secret`` is set. Follows no redirect, uses no proxy and no saved log-in."""

    def __init__(self, secret: str | None, *, clock: Clock, allow_private: bool) -> None:
        self._secret = secret
        self._clock = clock
        self._allow_private = allow_private

    def send(self, notice: Notice) -> None:
        """Implements Channel."""
        import requests

        url = notice.address
        if not _is_web_address(url):
            raise SendFailed(f"contact {notice.contact} has no web address: expected https://host/path", permanent=True)
        body = body_of(notice)
        try:
            status = self._post(url, body, self._headers(notice, body))
        except PrivateTarget as error:
            raise SendFailed(
                f"{error}: give a public address, or set notify.allow_private_targets", permanent=True
            ) from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as error:
            raise SendFailed(f"not a usable web address: {error}", permanent=True) from error
        except (requests.RequestException, OSError) as error:
            raise SendFailed(
                f"web address cannot be reached: {type(error).__name__}: {error}", permanent=False
            ) from error
        if not is_delivered(status):
            hint = "; give the final address" if 300 <= status < 400 else ""
            raise SendFailed(f"web address answers {status}{hint}", permanent=is_permanent(status))

    def secrets(self, address: str) -> tuple[str, ...]:
        """Implements Channel."""
        return (*parts_of(address), self._secret or "")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, whose body is of no interest and may be endless."""
        import requests

        from hub.notify.webhook.targets import PublicOnly

        with requests.Session() as session:
            session.trust_env = False
            if not self._allow_private:
                session.mount("http://", PublicOnly())
                session.mount("https://", PublicOnly())
            with session.post(
                url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            ) as answer:
                return answer.status_code

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "community-hub",
            "Idempotency-Key": idempotency_key(notice),
        }
        if self._secret is not None:
            headers["Hub-Signature"] = sign(body, self._secret, now=self._clock.now())
        return headers


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
