"""GET for the polls: to public addresses unless allowed, following nobody, and with an end to everything."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlsplit

from hub.ingest.polling import Fetched, FetchFailed, Question
from hub.notify.webhook.private_target import PrivateTarget

TIMEOUT_S: Final = (5.0, 15.0)
"""To connect, and between two bytes of the answer."""
WHOLE_S: Final = 60.0
_CHUNK: Final = 64 * 1024


def fetch(question: Question) -> Fetched:
    """Implements ``polling.Fetch``. No proxy and no saved log-in are used."""
    import requests

    from hub.notify.webhook.targets import PublicOnly

    host = urlsplit(question.url).hostname
    try:
        with requests.Session() as session:
            session.trust_env = False
            if not question.allow_private:
                session.mount("http://", PublicOnly())
                session.mount("https://", PublicOnly())
            with session.get(
                question.url,
                headers={"User-Agent": "community-hub", **question.headers},
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
                verify=True if question.ca_file is None else str(question.ca_file),
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Fetched(answer.status_code, headers, _body(answer, question.limit, host))
    except PrivateTarget as error:
        raise FetchFailed(f"{error}: give a public address, or set allow_private for this poll") from error
    except (requests.RequestException, OSError, UnicodeError) as error:
        # the text of these names the whole address, which may hold a secret
        raise FetchFailed(
            f"{host} cannot be asked ({type(error).__name__}): check the address, and the way out of this network"
        ) from error


def _body(answer: object, limit: int, host: str | None) -> bytes:
    """All of it, within the limit and the time."""
    import requests

    assert isinstance(answer, requests.Response)  # noqa: S101 - named here so that the module loads without the library
    if answer.status_code != 200:
        return b""
    body, until = bytearray(), time.monotonic() + WHOLE_S
    for chunk in answer.iter_content(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise FetchFailed(
                f"{host} answers with more than {limit} bytes: ask for less at a time, or raise ingest.payload_limit"
            )
        if time.monotonic() > until:
            raise FetchFailed(f"{host} takes more than {WHOLE_S:g} s for its answer: ask for less at a time")
    return bytes(body)
