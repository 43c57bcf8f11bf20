"""The first contact with an InfluxDB: its version, and the database or bucket, made where that is allowed, else named."""

from __future__ import annotations

from typing import Any, Final

from hub.clock import HOUR, MINUTE, SECOND
from hub.errors import StoreRefuses, StoreUnavailable
from hub.storage.influx.connection import Connection, QueryRefused
from hub.storage.influx.questions import ask, quoted

_LEFT_ALONE: Final = {400, 401, 403, 404, 405, 409}
"""There already, or not this token's business."""


def ping(connection: Connection) -> str:
    """The version, as the server says; empty where it does not."""
    with connection.failures("cannot be reached"):
        response = connection.api().call_api(
            "/ping", "GET", _preload_content=False, _return_http_data_only=True, _request_timeout=connection.timeout()
        )
        response.drain_conn()
        response.release_conn()
        return str(response.headers.get("X-Influxdb-Version", ""))


def prepare_database(connection: Connection) -> int | None:
    """Of 1.x: how long it keeps points, ms; None: for ever. StoreRefuses names what is missing."""
    name, policy = connection.target.database, connection.target.retention
    if name not in {row[0] for table in ask(connection, "SHOW DATABASES") for row in table.values}:
        try:
            ask(connection, f"CREATE DATABASE {quoted(name)}")
        except StoreUnavailable as error:
            raise StoreRefuses(
                f"series store {connection.target.shown}: there is no database {name!r} that this user may use, and it could not "
                f"be made: create it and let the user read and write there. {error}"
            ) from error
    policies = [
        dict(zip(table.columns, row, strict=False))
        for table in ask(connection, f"SHOW RETENTION POLICIES ON {quoted(name)}")
        for row in table.values
    ]
    chosen = [row for row in policies if (row.get("name") == policy if policy else row.get("default"))]
    if policy and not chosen:
        names = ", ".join(str(row.get("name")) for row in policies)
        raise StoreRefuses(
            f"series store {connection.target.shown}: no retention policy {policy!r} in database {name!r} (there is {names}): "
            f"create it, or correct HUB_SERIES__URL"
        )
    return _duration(str(chosen[0].get("duration", ""))) if chosen else None


def prepare_bucket(connection: Connection) -> int | None:
    """Of 2.x: how long it keeps points, ms; None: for ever. StoreRefuses names what is missing."""
    org, bucket = connection.target.org, connection.target.database
    found = _get(connection, "/api/v2/buckets", [("org", org), ("name", bucket)])
    buckets = found.get("buckets", []) if found else []
    if not buckets:
        orgs = (_get(connection, "/api/v2/orgs", [("org", org)]) or {}).get("orgs", [])
        if not orgs:
            raise StoreRefuses(
                f"series store {connection.target.shown}: there is no organisation {org!r} that this token may see: "
                f"correct HUB_SERIES__URL, or give the token the right"
            )
        _post_json(connection, "/api/v2/buckets", {"orgID": orgs[0]["id"], "name": bucket, "retentionRules": []})
        return None
    try:
        ask(connection, "SHOW MEASUREMENTS LIMIT 1")
    except QueryRefused as error:
        raise StoreRefuses(
            f"series store {connection.target.shown}: the bucket cannot be asked in InfluxQL; give it a mapping: influx v1 dbrp create "
            f"--db {bucket} --rp autogen --default --bucket-id {buckets[0].get('id', '')}. {error}"
        ) from error
    rules = buckets[0].get("retentionRules", [])
    seconds = int(rules[0].get("everySeconds") or 0) if rules else 0
    return seconds * SECOND or None


def configure(connection: Connection, what: str, body: dict[str, Any]) -> None:
    """Of 3.x: make a database or table, where it is not there and the token may. QueryRefused: it does not understand that."""
    from influxdb_client.rest import ApiException

    with connection.failures(f"cannot make the {what}"):
        try:
            connection.api().call_api(f"/api/v3/configure/{what}", "POST", body=body, _return_http_data_only=True)
        except ApiException as error:
            if error.status not in _LEFT_ALONE:
                raise


def _get(connection: Connection, path: str, params: list[tuple[str, str]]) -> dict[str, Any] | None:
    """None: there is no such thing."""
    from influxdb_client.rest import ApiException

    with connection.failures("cannot be asked"):
        try:
            found = connection.api().call_api(
                path, "GET", query_params=params, response_type=object, _return_http_data_only=True
            )
        except ApiException as error:
            if error.status == 404:
                return None
            raise
    return found if isinstance(found, dict) else {}


def _post_json(connection: Connection, path: str, body: dict[str, Any]) -> None:
    with connection.failures(
        f"cannot be prepared: bucket {connection.target.database!r} is missing and could not be made"
    ):
        connection.api().call_api(path, "POST", body=body, response_type=object, _return_http_data_only=True)


_UNITS: Final = {"h": HOUR, "m": MINUTE, "s": SECOND}


def _duration(text: str) -> int | None:
    """``168h0m0s`` in ms; 0 means for ever."""
    total, number = 0, ""
    for sign in text:
        if sign.isdigit():
            number += sign
        else:
            total += int(number or 0) * _UNITS.get(sign, 0)
            number = ""
    return total or None
