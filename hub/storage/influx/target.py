"""Which InfluxDB is meant: the setting's URL, taken apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_SCHEMES: Final = {"influxdb": "http", "influxdb+https": "https"}
_PORT: Final = 8086
EXPECTED: Final = (
    "expected influxdb://TOKEN@host:8086/org/bucket (2.x, 3.x), influxdb://user:password@host:8086/database or "
    "…/database/retention (1.x), influxdb+https:// for TLS"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where series are written and read. ``shown`` names it without its secrets."""

    url: str
    """``http://host:port``, what the client connects to."""
    org: str
    """Empty: not said; the database is addressed by its name alone."""
    database: str
    """Database, or the bucket of 2.x."""
    retention: str
    """Retention policy of 1.x; empty: the database's default."""
    user: str
    secret: str
    """Password where there is a user, else the token; both empty: no sign-in."""
    ca_file: str

    @property
    def shown(self) -> str:
        """For logs, pages and the fingerprint of the hub's own file."""
        parts = [part for part in (self.org, self.database, self.retention) if part]
        return f"{self.url}/{'/'.join(parts)}"


def is_target(url: str) -> bool:
    """Whether a URL of the settings means an InfluxDB."""
    return url.partition("://")[0] in _SCHEMES


def parse(url: str) -> Target:
    """ValueError says what would be right; no secret is in it."""
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise ValueError(f"{parts.scheme or 'no scheme'}: {EXPECTED}")
    try:
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        raise ValueError(f"the port is no number from 1 to 65535: {EXPECTED}") from None
    names = [unquote(name) for name in parts.path.split("/") if name]
    if not host or len(names) not in (1, 2):
        raise ValueError(f"{'no host' if not host else f'{len(names)} names after the host'}: {EXPECTED}")
    query = parse_qs(parts.query, keep_blank_values=True)
    if unknown := sorted(query.keys() - {"ca_file"}):
        raise ValueError(f"unknown option {', '.join(unknown)}: only ca_file=FILE is known")
    shown_host = f"[{host}]" if ":" in host else host
    user, password = unquote(parts.username or ""), parts.password
    of_token = password is None
    if of_token and len(names) == 2 and not user:
        raise ValueError(f"an organisation and a bucket, and no token: {EXPECTED}")
    return Target(
        url=f"{scheme}://{shown_host}:{port}",
        org=names[0] if of_token and len(names) == 2 else "",
        database=names[1] if of_token and len(names) == 2 else names[0],
        retention=names[1] if not of_token and len(names) == 2 else "",
        user="" if of_token else user,
        secret=user if of_token else unquote(password or ""),
        ca_file=query.get("ca_file", [""])[-1],
    )
