"""Pushing what the simulated devices say, as a vendor's cloud would: over HTTP, signed, and again until it is acknowledged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec

from devices.simulator.play import Publication
from devices.simulator.publisher import Now, Presence

Check = Literal["secret", "hmac_sha256", "hmac_sha256_time", "onenet"]
CHECKS: Final[tuple[Check, ...]] = get_args(Check)
"""How a source knows its cloud, in the words of the hub's settings."""
ATTEMPTS: Final = 12
"""Of one push; with the waits between them about a minute and a half."""
LONGEST_WAIT_S: Final = 10
TIMEOUT_S: Final = (5.0, 15.0)
"""To connect, and for the answer."""
_NO_ANSWER: Final = 0
_LATER: Final = frozenset({_NO_ANSWER, 408, 429})
"""Answers, beside those of 500 and above, after which a push is sent again."""


class PushRefused(ConnectionError):
    """The hub does not take the pushes: says which source, how it answers, and what would be right. Names no secret."""


class Answer(NamedTuple):
    """``status`` 0: there was none."""

    status: int
    text: str
    wait_s: int = 0
    """What ``Retry-After`` asks for."""


Post = Callable[[str, bytes, Mapping[str, str]], Answer]
"""(address, body, headers)"""


class Target(NamedTuple):
    """Where to push, and how to show who it is. ``secret`` empty: the address says it all."""

    url: str
    secret: str = ""
    check: Check = "secret"

    @classmethod
    def parse(cls, url: str, secret: str = "", check: Check = "secret") -> Target:
        """PushRefused where it is no address of an inlet."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.path.startswith("/ingest/"):
            raise PushRefused("--push: expected an address like https://hub.example/ingest/ctwing")
        if check != "secret" and not secret:
            raise PushRefused(f"--check {check} needs the source's secret: add --secret-file FILE")
        return cls(url, secret, check)

    @property
    def shown(self) -> str:
        """Host and source, without what may be a secret."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}, source {parts.path.split('/')[2]}"

    def dressed(self, body: bytes, nonce: str, now: int) -> tuple[dict[str, str], bytes]:
        """Headers, and the body as it leaves at ``now`` (epoch ms)."""
        key = self.secret.encode()
        if not key:
            return {}, body
        if self.check == "hmac_sha256":
            return {"X-Hub-Signature-256": f"sha256={hmac.digest(key, body, 'sha256').hex()}"}, body
        if self.check == "hmac_sha256_time":
            moment = now // 1000
            mac = hmac.digest(key, b"%d." % moment + body, "sha256").hex()
            return {"Hub-Signature": f"t={moment},v1={mac}"}, body
        if self.check == "onenet":
            return {}, self._onenet(body, nonce)
        return {"X-Hub-Secret": self.secret}, body

    def _onenet(self, body: bytes, nonce: str) -> bytes:
        """The object of the message with nonce and signature beside ``msg``, which is signed as it stands there."""
        parts = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        signed = hashlib.md5(f"{self.secret}{nonce}".encode() + bytes(parts["msg"]), usedforsecurity=False).digest()
        return msgspec.json.encode({**parts, "nonce": nonce, "msg_signature": base64.b64encode(signed).decode()})


class Pushes:
    """One cloud. Each push waits for its 200 before the next one leaves: order is kept, and nothing queues up."""

    def __init__(
        self, target: Target, *, now: Now, stop: threading.Event, presence: Presence, post: Post | None = None
    ) -> None:
        self._target = target
        self._now = now
        self._stop = stop
        self._presence = presence
        self._post = post or _Poster()
        self._online: set[str] = set()
        self._down: set[str] = set()
        self._pushed = 0
        self.sent = 0

    def send(self, publication: Publication) -> None:
        """Push until it is taken or the simulation stops. Lost where the gateway is down. Raises PushRefused."""
        if publication.gateway in self._down:
            return
        self._tell(publication.gateway, online=True)
        self._push(publication.payload, publication.at)
        self.sent += 1

    def set_down(self, gateways: set[str]) -> None:
        """These gateways cannot be reached, and the cloud says so; the others can."""
        for gateway in sorted(gateways - self._down):
            self._tell(gateway, online=False)
        self._down = set(gateways)

    def drain(self, seconds: float) -> bool:
        """Nothing is ever under way between two calls."""
        return True

    def close(self) -> None:
        """There is no connection to close."""

    def _tell(self, gateway: str, *, online: bool) -> None:
        """What the cloud says of a gateway, when it changes."""
        if online is (gateway in self._online):
            return
        (self._online.add if online else self._online.discard)(gateway)
        word = self._presence(gateway, online=online)
        if word is not None:
            self._push(word.payload, self._now())

    def _push(self, body: bytes, at: int) -> None:
        self._pushed += 1
        nonce = f"{at:x}-{self._pushed:x}"
        answer = Answer(_NO_ANSWER, "")
        for attempt in range(ATTEMPTS):
            headers, dressed = self._target.dressed(body, nonce, self._now())
            answer = self._post(self._target.url, dressed, {"Content-Type": "application/json", **headers})
            if answer.status == 200:
                return
            if answer.status not in _LATER and answer.status < 500:
                break
            if self._stop.wait(min(answer.wait_s or 2**attempt, LONGEST_WAIT_S)):
                return
        said = f"answers {answer.status}" if answer.status else "does not answer"
        raise PushRefused(f"{self._target.shown}: the hub {said}{f' ({answer.text})' if answer.text else ''}; {_RIGHT}")


_RIGHT: Final = "is it running, does it have this source, and are --secret-file and --check those of its settings?"


class _Poster:
    """POST over one session."""

    def __init__(self) -> None:
        import requests  # not for those who ask for help

        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        import requests

        try:
            answer = self._session.post(url, data=body, headers=dict(headers), timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            return Answer(_NO_ANSWER, type(error).__name__)  # its text names the address, which may hold the secret
        wait = answer.headers.get("Retry-After", "")
        return Answer(answer.status_code, answer.text[:200], int(wait) if wait.isdecimal() else 0)
