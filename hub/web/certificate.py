"""From when to when a certificate is valid: read from its DER (X.509, RFC 5280 4.1), which the standard library does not offer."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Final, NamedTuple

_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17


class Validity(NamedTuple):
    """First and last moment, epoch ms."""

    begins: int
    ends: int


def validity(pem: str) -> Validity:
    """Of the first certificate in a PEM text. ValueError where there is none."""
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    end = pem.index("-----END CERTIFICATE-----", begin) + len("-----END CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(pem[begin:end])
    _, certificate, _ = _element(der)
    _, body, _ = _element(certificate)
    tag, _, rest = _element(body)
    if tag == _VERSION:
        _, _, rest = _element(rest)  # the serial number, where a version stands before it
    for _ in ("signature algorithm", "issuer"):
        _, _, rest = _element(rest)
    _, span, _ = _element(rest)
    begins, after = _time(span)
    ends, _ = _time(after)
    return Validity(begins, ends)


def not_after(pem: str) -> int:
    """The last moment alone."""
    return validity(pem).ends


def _time(der: bytes) -> tuple[int, bytes]:
    """(epoch ms, what follows)"""
    tag, text, rest = _element(der)
    digits = text.decode("ascii").rstrip("Z")
    if tag == _UTC_TIME:  # two digits of the year: 50 and above are of the last century
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return round(datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() * 1000), rest


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows)"""
    if len(der) < 2:
        raise ValueError("the certificate ends in the middle")
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + size]), 2 + size
    return tag, der[start : start + length], der[start + length :]
