"""The one alert that Grafana keeps: nothing arrives any more. Whatever would tell of it inside the hub may be what has failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dashboards import influxql as q
from dashboards.model import uid
from dashboards.parts import Plan
from dashboards.sources import UID as DATA_SOURCE

RULE: Final = "hub-silent"
CONTACT: Final = "hub-silent"
RECEIVER: Final = "Community hub"
WINDOW_S: Final = 15 * 60


class NoContact(ValueError):
    """An address nobody can be told at; the text says what would be right."""


def rule(plan: Plan, *, folder: str, told: bool) -> dict[str, Any]:
    """The alert rule. It fires where the query finds no series at all, so no single silent sensor ever sets it off."""
    query = q.select('count("value")', q.measurements(plan.measured()))
    made: dict[str, Any] = {
        "uid": RULE,
        "title": "Hub silent 平台无数据",
        "ruleGroup": "community-hub",
        "folderUID": folder,
        "condition": "C",
        "for": "5m",
        "noDataState": "Alerting",
        "execErrState": "Error",
        "isPaused": False,
        "labels": {"source": "community-hub"},
        "annotations": {
            "summary": "No reading has reached InfluxDB for 15 minutes. 15 分钟内没有任何读数到达 InfluxDB。",
            "description": "Look at the hub's /readyz and at InfluxDB. 请查看平台 /readyz 和 InfluxDB。",
            "__dashboardUid__": uid("health", "en"),
        },
        "data": [
            _part("A", DATA_SOURCE, query=query, rawQuery=True, resultFormat="time_series"),
            _part("B", "__expr__", type="reduce", expression="A", reducer="sum"),
            _part(
                "C",
                "__expr__",
                type="threshold",
                expression="B",
                conditions=[{"evaluator": {"type": "lt", "params": [1]}}],
            ),
        ],
    }
    return made | ({"notification_settings": {"receiver": RECEIVER}} if told else {})


def _part(letter: str, source: str, **model: Any) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasourceUid": source,
        "relativeTimeRange": {"from": WINDOW_S, "to": 0},
        "model": {"refId": letter, **model},
    }


def contact(address: str) -> dict[str, Any]:
    """Whom Grafana tells: an e-mail address or a webhook. NoContact where it is neither."""
    if address.startswith(("http://", "https://")):
        return contact_by("webhook", address)
    name, at, domain = address.rpartition("@")
    if at and name and "." in domain and not any(sign.isspace() for sign in address):
        return contact_by("email", address)
    raise NoContact(f"{address!r} is nobody whom Grafana can tell; expected an e-mail address or https://…")


KINDS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "email": lambda address: {"addresses": address, "singleEmail": True},
    "webhook": lambda address: {"url": address, "httpMethod": "POST"},
}
"""Grafana's settings for each way of telling somebody."""


def contact_by(kind: str, address: str) -> dict[str, Any]:
    """The contact point for one of KINDS."""
    settings = KINDS[kind](address)
    return {"uid": CONTACT, "name": RECEIVER, "type": kind, "settings": settings, "disableResolveMessage": False}
