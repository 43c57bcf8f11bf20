"""Is a push from whom it says? Pure: the request and ``now`` in, a verdict with its reason out. Compared in constant time.

OneNET's rules are those of its public receiver example and of its page on HTTP pushes: the signature is Base64 of
MD5(token + nonce + msg); a new address is tried with GET and has to give ``msg`` back. What is not confirmed by either
stands in docs/manual/push.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final, NamedTuple, Protocol

import msgspec

from devices.contract import UNREADABLE
from hub.clock import SECOND
from hub.flows.pushing import Delivery
from hub.settings import PushSource

_HANDSHAKE_LIMIT: Final = 1_000
_BEARER: Final = "bearer "


class Verdict(NamedTuple):
    """``slug`` empty: it is. ``status``: 401 where nothing was shown, 403 where it is wrong."""

    status: int = 200
    slug: str = ""
    detail: str = ""
    key: bytes | None = None
    """Two pushes with the same key are one push, sent again; None: nothing in it tells."""


class Check(Protocol):
    """One way to know a sender."""

    lasts_ms: int | None
    """How long after its arrival a push that was taken would be taken again, where its time bounds that and its body
    does not tell its key; None: the body tells the key, or there is none."""

    def early(self, delivery: Delivery) -> Verdict:
        """What can be said before the body is there; a good verdict says nothing yet."""
        ...

    def judge(self, delivery: Delivery, now: int) -> Verdict:
        """The whole request, at ``now`` (epoch ms)."""
        ...

    def greet(self, delivery: Delivery) -> Verdict | str | None:
        """What a handshake by GET wants to hear, or why it does not; None: there is no handshake."""
        ...

    def key_of(self, body: bytes) -> bytes | None:
        """The key of a push that was journalled once, from its body alone; None where the body does not tell."""
        ...


GOOD: Final = Verdict()


class _Quiet:
    """What most kinds have nothing to say to."""

    lasts_ms: int | None = None

    def early(self, delivery: Delivery) -> Verdict:
        return GOOD

    def greet(self, delivery: Delivery) -> Verdict | str | None:
        return None

    def key_of(self, body: bytes) -> bytes | None:
        return None


class SecretCheck(_Quiet):
    """A shared secret in the path, as a bearer token, or in a header of its own."""

    def __init__(self, secret: str, header: str | None) -> None:
        self._secret = _digest(secret)
        self._header = (header or "X-Hub-Secret").lower()

    def early(self, delivery: Delivery) -> Verdict:
        shown = self._shown(delivery)
        if not shown:
            return Verdict(
                401,
                "no_secret",
                f"no secret: send it as the last part of the path, as a bearer token or as {self._header}",
            )
        if not hmac.compare_digest(_digest(shown), self._secret):
            return Verdict(403, "wrong_secret", "the secret is wrong: compare it with the one of the hub's settings")
        return GOOD

    def judge(self, delivery: Delivery, now: int) -> Verdict:
        return self.early(delivery)

    def greet(self, delivery: Delivery) -> Verdict | str | None:
        """For clouds that try an address and leave it to the hub how it knows them: ``msg`` comes back, else *ok*."""
        if not self._shown(delivery):
            return None
        verdict = self.early(delivery)
        return verdict if verdict.slug else delivery.query.get("msg", "")[:_HANDSHAKE_LIMIT] or "ok"

    def _shown(self, delivery: Delivery) -> str:
        authorization = delivery.headers.get("authorization", "")
        if delivery.secret:
            return delivery.secret
        if authorization.lower().startswith(_BEARER):
            return authorization[len(_BEARER) :].strip()
        return delivery.headers.get(self._header, "")


class HmacCheck(_Quiet):
    """HMAC-SHA256 of the body as ``sha256=<hex>``, plain hexadecimal or Base64. Carries no time: can be sent again."""

    def __init__(self, secret: str, header: str | None) -> None:
        self._secret = secret.encode()
        self._header = (header or "X-Hub-Signature-256").lower()

    def judge(self, delivery: Delivery, now: int) -> Verdict:
        shown = delivery.headers.get(self._header, "")
        if not shown:
            return Verdict(401, "no_signature", f"no signature: send HMAC-SHA256 of the body as header {self._header}")
        if not hmac.compare_digest(_mac_of(shown), hmac.digest(self._secret, delivery.body, "sha256")):
            return Verdict(403, "wrong_signature", f"header {self._header} is not HMAC-SHA256 of this body")
        return GOOD


class TimedHmacCheck(_Quiet):
    """``t=<epoch seconds>,v1=<hex>``: HMAC-SHA256 of ``<t>.<body>``, as the hub signs its own webhooks."""

    def __init__(self, secret: str, header: str | None, max_age_s: float) -> None:
        self._secret = secret.encode()
        self._header = (header or "Hub-Signature").lower()
        self._max_age_s = max_age_s
        self.lasts_ms = round(2 * max_age_s * SECOND)  # signed as far ahead as is allowed, good until as far behind

    def judge(self, delivery: Delivery, now: int) -> Verdict:
        shown = delivery.headers.get(self._header, "")
        if not shown:
            return Verdict(
                401, "no_signature", f"no signature: send t=<epoch seconds>,v1=<hex> as header {self._header}"
            )
        parts = dict(part.strip().partition("=")[::2] for part in shown.split(","))
        moment = parts.get("t", "")
        signed = hmac.digest(self._secret, moment.encode("utf-8", "replace") + b"." + delivery.body, "sha256")
        if not hmac.compare_digest(_mac_of(parts.get("v1", "")), signed):
            return Verdict(403, "wrong_signature", f"header {self._header} is not HMAC-SHA256 of <t>.<body>")
        if not (moment.isascii() and moment.isdecimal() and len(moment) <= 12):
            return Verdict(403, "wrong_time", "t is no time: send whole seconds since 1970")
        away = now / 1000 - int(moment)
        if abs(away) > self._max_age_s:
            where = "ago" if away > 0 else "ahead"
            return Verdict(
                403,
                "wrong_time",
                f"signed {abs(away):.0f} s {where}, {self._max_age_s:g} s are allowed: check both clocks",
            )
        return Verdict(key=hashlib.sha256(signed).digest()[:16])


class _OneNetBody(msgspec.Struct):
    nonce: str
    msg: msgspec.Raw = msgspec.Raw()
    enc_msg: str = ""
    """Nobody here can read it, but the signature over it is one."""
    signature: str = ""
    msg_signature: str = ""


_read_body = msgspec.json.Decoder(_OneNetBody).decode
_read_text = msgspec.json.Decoder(str).decode


class OneNetCheck(_Quiet):
    """China Mobile's OneNET: ``{"msg": …, "nonce": …, "signature": …}``. The nonce makes each push one of its own."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def judge(self, delivery: Delivery, now: int) -> Verdict:
        try:
            body = _read_body(delivery.body)
            signed = self._signed(body)
        except UNREADABLE:
            return Verdict(401, "no_signature", 'no signature: expected {"msg": …, "nonce": "…", "signature": "…"}')
        if not _same_base64(body.signature or body.msg_signature, signed):
            return Verdict(
                403,
                "wrong_signature",
                "signature is not Base64 of MD5(token + nonce + msg): compare the token with OneNET's",
            )
        return Verdict(key=signed)

    def greet(self, delivery: Delivery) -> Verdict | str | None:
        msg, nonce, signature = (delivery.query.get(name, "") for name in ("msg", "nonce", "signature"))
        if not (msg and signature):
            return None
        signed = self._digest(nonce.encode("utf-8", "replace"), msg.encode("utf-8", "replace"))
        if len(msg) > _HANDSHAKE_LIMIT or not _same_base64(signature, signed):
            return Verdict(
                403,
                "wrong_signature",
                "signature is not Base64 of MD5(token + nonce + msg): compare the token with OneNET's",
            )
        return msg

    def key_of(self, body: bytes) -> bytes | None:
        try:
            return self._signed(_read_body(body))
        except UNREADABLE:
            return None

    def _signed(self, body: _OneNetBody) -> bytes:
        raw = bytes(body.msg) or body.enc_msg.encode()
        return self._digest(body.nonce.encode(), _read_text(raw).encode() if raw.startswith(b'"') else raw)

    def _digest(self, nonce: bytes, msg: bytes) -> bytes:
        return hashlib.md5(self._token + nonce + msg, usedforsecurity=False).digest()


def check_of(source: PushSource) -> Check:
    """The check that the settings name."""
    if source.check == "secret":
        return SecretCheck(source.secret, source.header)
    if source.check == "hmac_sha256":
        return HmacCheck(source.secret, source.header)
    if source.check == "hmac_sha256_time":
        return TimedHmacCheck(source.secret, source.header, source.max_age_s)
    return OneNetCheck(source.secret)


def _digest(text: str) -> bytes:
    """Of equal length for every text, so that comparing tells nothing of it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _mac_of(shown: str) -> bytes:
    """The bytes of a signature in any of its spellings; empty where it is none."""
    text = shown.strip().removeprefix("sha256=")
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _same_base64(shown: str, signed: bytes) -> bool:
    """A plus sign that came through an address unquoted arrives as a blank."""
    expected = base64.b64encode(signed)
    return hmac.compare_digest(shown.replace(" ", "+").encode("utf-8", "replace"), expected)
