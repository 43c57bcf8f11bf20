"""What ``hub check`` asks of those outside whom the hub tells something: mail server, watchdog, Grafana. No message leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from hub.clock import WallClock
from hub.commands.finding import Finding
from hub.commands.touch import Untouched, touch
from hub.errors import ConfigError, SendFailed
from hub.flows.registry import Contact
from hub.settings import GrafanaSettings, Settings

TIMEOUT_S: Final = 10.0
_RIGHTS: Final = (
    *(f"datasources:{right}" for right in ("read", "create", "write")),
    *(f"folders:{right}" for right in ("read", "create")),
    *(f"dashboards:{right}" for right in ("read", "create", "write")),
    *(f"alert.provisioning:{right}" for right in ("read", "write")),
)
"""What ``hub dashboards publish`` does, in Grafana's words."""
_TOLD_ITSELF: Final = "/api/access-control/user/permissions"
"""Answers a token with what it may: action -> scopes."""


def told(settings: Settings) -> Iterator[Finding]:
    """Of each of them one line; those that are not set are named as well."""
    yield from _mail_server(settings)
    yield from _watchdog(settings)
    yield from _grafana(settings.grafana)


def _mail_server(settings: Settings) -> Iterator[Finding]:
    from hub.notify.email import build
    from hub.notify.redaction import redact

    if settings.notify.smtp_url is None:
        yield Finding("mail server: none (notify.smtp_url is not set): no notice leaves by e-mail")
        return
    try:
        channel = build(settings.notify, WallClock())
    except ConfigError as error:
        yield Finding(str(error), well=False)
        return
    host = urlsplit(settings.notify.smtp_url).hostname
    try:
        channel.meet()
    except SendFailed as error:
        reason = redact(str(error), channel.secrets(""))
        yield Finding(f"mail server {host}: {reason}; see notify.smtp_url and notify.smtp_from", well=False)
    else:
        yield Finding(f"mail server {host}: lets the hub in and takes its sender; no letter was sent")


def _watchdog(settings: Settings) -> Iterator[Finding]:
    url = settings.watchdog.url
    if url is None:
        yield Finding("watchdog: none (watchdog.url is not set): nobody outside notices if the hub dies")
        return
    host = urlsplit(url).hostname
    try:
        touch(url)
    except Untouched as error:
        yield Finding(f"watchdog {host}: {error}; check watchdog.url and the way out of this network", well=False)
    else:
        yield Finding(
            f"watchdog {host}: can be reached; the address itself was not asked, for that would be a sign of life of the hub"
        )


def crews_told(contacts: Iterable[Contact], settings: Settings) -> Iterator[str]:
    """Whether the web addresses of these contacts can be reached. Warnings: they may be reached from the hub's own machine."""
    from hub.notify.webhook.targets import is_public

    chats = 0
    for contact in contacts:
        chats += contact.channel == "apprise"
        if contact.channel != "webhook":
            continue
        host = urlsplit(contact.address).hostname
        try:
            touch(contact.address, may=(lambda _: True) if settings.notify.allow_private_targets else is_public)
        except Untouched as error:
            yield f"warning: webhook of contact {contact.id}: {host} {error}; correct its address, or notify.allow_private_targets"
        else:
            yield f"webhook of contact {contact.id}: {host} can be reached; nothing was sent"
    if chats:
        yield f"{chats} contacts by chat: not tried, for a chat service can only be tried by a message"


# --- Grafana ------------------------------------------------------------------------------------------------------


def _grafana(place: GrafanaSettings) -> Iterator[Finding]:
    if place.url is None:
        yield Finding("Grafana: not tried (grafana.url is not set)")
        return
    name = f"Grafana {urlsplit(place.url).hostname}"
    try:
        yield _token(place, f"{name}: version {_version(place)} answers")
    except _NoGrafana as error:
        yield Finding(f"{name}: {error}", well=False)


def _version(place: GrafanaSettings) -> str:
    """What it says without a token."""
    _, health = _ask(place, "/api/health")
    if not isinstance(health, dict) or "database" not in health:
        raise _NoGrafana("what answers is no Grafana: correct grafana.url (it ends before /api)")
    if health["database"] != "ok":
        raise _NoGrafana("runs, but its own database does not answer: see its log")
    return str(health.get("version", "unknown"))


def _token(place: GrafanaSettings, said: str) -> Finding:
    """What the token may, as Grafana itself says."""
    if not place.token:
        return Finding(
            f"{said}; there is no grafana.token, so no rights were tried: only hub dashboards publish needs one"
        )
    status, found = _ask(place, _TOLD_ITSELF)
    if status == 401:
        return Finding(
            f"{said}, but does not take the token: make one under Administration, Service accounts, and set grafana.token",
            well=False,
        )
    if status != 200 or not isinstance(found, dict):
        return Finding(
            f"{said}, but does not say what the token may ({status}): hub dashboards publish --dry-run tries it"
        )
    missing = [right for right in _RIGHTS if right not in found]
    if missing:
        return Finding(
            f"{said}, but the token may not do all that hub dashboards publish does: give its service account the role Admin,"
            f" or {', '.join(missing)}",
            well=False,
        )
    return Finding(f"{said} and lets the token do all that hub dashboards publish does")


class _NoGrafana(Exception):
    """The text says what would be right."""


def _ask(place: GrafanaSettings, path: str) -> tuple[int, Any]:
    """Status and JSON, None where it is none."""
    import requests

    headers = {"Authorization": f"Bearer {place.token}"} if place.token else {}
    try:
        answer = requests.get(
            f"{(place.url or '').rstrip('/')}{path}",
            headers=headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            verify=str(place.ca_file) if place.ca_file else True,
        )
    except requests.exceptions.SSLError as error:
        raise _NoGrafana("its certificate is not trusted: name its authority with grafana.ca_file") from error
    except (requests.RequestException, OSError, UnicodeError) as error:
        raise _NoGrafana(f"cannot be reached ({type(error).__name__}): does it run, is grafana.url right?") from error
    if answer.is_redirect:
        raise _NoGrafana("sends elsewhere: set grafana.url to the address it sends to")
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, None
