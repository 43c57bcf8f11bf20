"""Where Grafana finds the readings: the data source, from the parts of an address as the hub's settings write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

UID: Final = "community-hub"
"""The data source's uid, which every dashboard names first."""


class Address(Protocol):
    """An InfluxDB's address taken apart; what each part means is said by hub.storage.influx.target.Target."""

    @property
    def url(self) -> str: ...
    @property
    def database(self) -> str: ...
    @property
    def retention(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def secret(self) -> str: ...


class NoSource(ValueError):
    """An InfluxDB that Grafana cannot read as the hub does; the text says what would be right, and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Grafana's data source: what it tells again, and what it keeps to itself."""

    body: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)


def data_source(address: Address, *, authority: str = "") -> DataSource:
    """The data source of an InfluxDB. ``authority``: the certificate that signed its own (PEM). NoSource: not for Grafana."""
    if address.retention:
        raise NoSource(
            f"the address of the series names the retention policy {address.retention}, for which Grafana's data source has no"
            f" place: let it be the default policy of {address.database}, and leave it out of HUB_GRAFANA__SERIES_URL"
        )
    settings: dict[str, Any] = {
        "version": "InfluxQL",
        "httpMode": "POST",
        "timeInterval": "1m",
        "dbName": address.database,
    }
    secrets: dict[str, str] = {}
    if authority:
        settings["tlsAuthWithCACert"] = True
        secrets["tlsCACert"] = authority
    if address.user:
        secrets |= {"password": address.secret} if address.secret else {}
    elif address.secret:
        settings["httpHeaderName1"] = "Authorization"
        secrets["httpHeaderValue1"] = f"Token {address.secret}"
    body: dict[str, Any] = {"uid": UID, "name": UID, "type": "influxdb", "access": "proxy", "url": address.url}
    return DataSource(body=body | {"user": address.user, "jsonData": settings}, secrets=secrets)
