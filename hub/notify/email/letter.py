"""The letter: a notice as an RFC 5322 message, plain text and simple HTML."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from typing import Final

from hub.domain.alarms import Priority
from hub.domain.notices import Notice

DEDUPE_HEADER: Final = "Hub-Dedupe-Key"
_OPEN_IT: Final = {"zh": "查看工单", "en": "Open the ticket"}
_URGENT: Final = frozenset({Priority.SAFETY.value, Priority.HIGH.value})


def write_letter(notice: Notice, *, sender: str) -> EmailMessage:
    """The same notice makes the same letter: Message-ID and dedupe header tell repeats."""
    digest = hashlib.sha256(notice.dedupe_key.encode()).hexdigest()[:32]
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = notice.address
    letter["Subject"] = " ".join(notice.subject.split())
    letter["Date"] = format_datetime(datetime.fromtimestamp(notice.created_at / 1000, UTC))
    letter["Message-ID"] = f"<{digest}@{domain}>"
    letter[DEDUPE_HEADER] = digest
    letter["Auto-Submitted"] = "auto-generated"
    if notice.priority in _URGENT:
        letter["Importance"] = "high"
    letter.set_content(_plain(notice), charset="utf-8", cte="base64")
    letter.add_alternative(_html(notice), subtype="html", charset="utf-8", cte="base64")
    letter["Content-Language"] = notice.language  # last: setting the content clears headers of this kind
    return letter


def _plain(notice: Notice) -> str:
    return f"{notice.body}\n\n{notice.link}\n" if notice.link else f"{notice.body}\n"


def _html(notice: Notice) -> str:
    language = "zh" if notice.language.startswith("zh") else "en"
    lines = "<br>\n".join(escape(line) for line in notice.body.splitlines())
    link = ""
    if notice.link.startswith(("http://", "https://")):
        link = f'<p><a href="{escape(notice.link)}">{_OPEN_IT[language]}</a></p>\n'
    return (
        f'<!doctype html>\n<html lang="{escape(notice.language)}">\n<head><meta charset="utf-8">'
        f"<title>{escape(notice.subject)}</title></head>\n<body>\n<h1>{escape(notice.subject)}</h1>\n"
        f"<p>{lines}</p>\n{link}</body>\n</html>\n"
    )
