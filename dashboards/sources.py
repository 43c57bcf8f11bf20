"""Where Grafana finds the readings: the data source, from an address as the hub's settings write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

UID: Final = "community-hub"
"""The data source's uid, which every dashboard names first."""
_SCHEMES: Final = {"influxdb": "http", "influxdb+http": "http", "influxdb+https": "https"}
EXAMPLES: Final = (
    "influxdb://user:password@host:8086/database (1.x) or influxdb://token@host:8086/org/bucket (2.x, 3.x)"
)


class NoSource(ValueError):
    """An address that is none; the text says what would be right, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Grafana's data source: what it tells again, and what it keeps to itself."""

    body: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def data_source(address: str) -> DataSource:
    """The data source of an InfluxDB. NoSource where the address is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise NoSource(f"the address of the series is not readable ({error}); expected {EXAMPLES}") from None
    path = [unquote(part) for part in parts.path.split("/") if part]
    if parts.scheme not in _SCHEMES or not parts.hostname or not 1 <= len(path) <= 2:
        raise NoSource(f"the address of the series is none of an InfluxDB; expected {EXAMPLES}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    url = f"{_SCHEMES[parts.scheme]}://{host}:{port or 8086}"
    by_token = parts.username is not None and parts.password is None
    if by_token and len(path) != 2:
        raise NoSource(f"the address of the series names a token but no org and bucket; expected {EXAMPLES}")
    settings: dict[str, Any] = {"version": "InfluxQL", "httpMode": "POST", "timeInterval": "1m"}
    body: dict[str, Any] = {"uid": UID, "name": UID, "type": "influxdb", "access": "proxy", "url": url}
    if by_token:
        settings |= {"dbName": path[1], "httpHeaderName1": "Authorization"}
        return DataSource(
            body=body | {"user": "", "jsonData": settings},
            secrets={"httpHeaderValue1": f"Token {unquote(parts.username or '')}"},
        )
    settings["dbName"] = path[0]
    return DataSource(
        body=body | {"user": unquote(parts.username or ""), "jsonData": settings},
        secrets={"password": unquote(parts.password)} if parts.password else {},
    )
