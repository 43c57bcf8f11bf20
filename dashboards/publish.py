"""Bring a Grafana up to date: data source, folders, dashboards, the alert "hub silent" and whom it tells.

Doing it twice changes nothing the second time. What people made or changed in Grafana is theirs: a dashboard or a rule of ours
that somebody has edited is kept and named, other things are never looked at, and nothing is ever deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from dashboards.differences import dashboard_differences, differences, only
from dashboards.grafana import Grafana, GrafanaRefused
from dashboards.model import uid
from dashboards.silence import CONTACT, RULE
from dashboards.sources import UID as SOURCE
from dashboards.sources import DataSource
from hub.domain.places import Name

MARK: Final = "community-hub"
"""Begins the message of every version that is ours; behind it a fingerprint of what was published."""
FINGERPRINT: Final = "hub_fingerprint"
"""Annotation of our rule: what we made it of."""
TITLES: Final = {
    "en": Name(zh="智慧社区平台（英文）", en="Community hub"),
    "zh-CN": Name(zh="智慧社区平台", en="Community hub (Chinese)"),
}
FROM_FILE: Final = "file"
"""Grafana's word for alerts and contacts that it read from its own files, and lets nobody change."""
_FROM_FILES: Final = "comes from Grafana's own provisioning files"


class Sign(StrEnum):
    """What became of a thing."""

    NEW = "+"
    CHANGED = "~"
    SAME = "="
    KEPT = "!"
    """Somebody's own: left as it is."""


class Outcome(NamedTuple):
    """One thing, and how it differs."""

    sign: Sign
    what: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a Grafana is to have."""

    dashboards: Mapping[str, Sequence[dict[str, Any]]]
    """By language."""
    source: DataSource | None
    """None: it is there already, made by somebody else."""
    rule: dict[str, Any] | None
    contact: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to go about it."""

    dry_run: bool = False
    """Only look."""
    overwrite: bool = False
    """Write over what people have edited."""
    secrets: bool = False
    """Send the data source's password or token again: Grafana does not tell whether it has changed."""


def folder(language: str) -> str:
    """The uid of a language's folder."""
    return uid("folder", language)


def publish(grafana: Grafana, wanted: Wanted, manner: Manner) -> Iterator[Outcome]:
    """One thing after the other, told as it is done. GrafanaRefused ends it; what was done before stays."""
    health = grafana.get("/health")
    if not isinstance(health, dict) or "database" not in health:
        raise GrafanaRefused("what answers is no Grafana: /api/health tells nothing of one")
    yield from _source(grafana, wanted.source, manner)
    for language, dashboards in wanted.dashboards.items():
        yield _folder(grafana, language, manner)
        for dashboard in dashboards:
            yield _dashboard(grafana, dashboard, folder(language), manner)
    if wanted.contact is not None:
        yield _contact(grafana, wanted.contact, manner)
    if wanted.rule is not None:
        yield _rule(grafana, wanted.rule, manner)


# --- data source ------------------------------------------------------------------------------------------------


def _source(grafana: Grafana, source: DataSource | None, manner: Manner) -> Iterator[Outcome]:
    what = f"data source {SOURCE}"
    there = grafana.get(f"/datasources/uid/{SOURCE}")
    if source is None:
        if there is None:
            raise GrafanaRefused(
                f"Grafana has no data source with the uid {SOURCE}: set HUB_GRAFANA__SERIES_URL to have it made,"
                f" or make it in Grafana with that uid"
            )
        return
    if there is None:
        if not manner.dry_run:
            grafana.post("/datasources", source.body | {"secureJsonData": source.secrets})
        yield Outcome(Sign.NEW, what)
        return
    lines = differences(only(there, source.body), source.body)
    if manner.secrets and source.secrets:
        lines = (*lines, "password or token: sent again")
    if not lines:
        yield Outcome(Sign.SAME, what)
    elif there.get("readOnly"):
        yield Outcome(Sign.KEPT, f"{what}: {_FROM_FILES}", lines)
    else:
        if not manner.dry_run:
            body = there | source.body | {"jsonData": {**there.get("jsonData", {}), **source.body["jsonData"]}}
            grafana.put(f"/datasources/uid/{SOURCE}", body | {"secureJsonData": source.secrets})
        yield Outcome(Sign.CHANGED, what, lines)


# --- folders and dashboards -------------------------------------------------------------------------------------


def _folder(grafana: Grafana, language: str, manner: Manner) -> Outcome:
    """Made where it is missing; a title that somebody gave it stays."""
    what = f"folder {folder(language)}"
    if grafana.get(f"/folders/{folder(language)}") is not None:
        return Outcome(Sign.SAME, what)
    if not manner.dry_run:
        grafana.post("/folders", {"uid": folder(language), "title": TITLES[language].say(language)})
    return Outcome(Sign.NEW, what)


def _dashboard(grafana: Grafana, dashboard: dict[str, Any], home: str, manner: Manner) -> Outcome:
    own = dashboard["uid"]
    what = f"dashboard {own}"
    message = f"{MARK} {fingerprint(dashboard)}"
    there = grafana.get(f"/dashboards/uid/{own}")
    if there is None:
        if not manner.dry_run:
            _save(grafana, dashboard, home, message, version=0)
        return Outcome(Sign.NEW, what)
    meta, stored = there["meta"], there["dashboard"]
    if meta.get("provisioned"):
        return Outcome(Sign.KEPT, f"{what}: {_FROM_FILES}")
    newest = _newest_version(grafana, own)
    if newest.get("message") == message:
        return Outcome(Sign.SAME, what)
    lines = tuple(dashboard_differences(stored, dashboard))
    if not str(newest.get("message", "")).startswith(f"{MARK} ") and not manner.overwrite:
        by = newest.get("createdBy") or "somebody"
        return Outcome(Sign.KEPT, f"{what}: edited by {by}; --overwrite replaces it", lines)
    if not manner.dry_run:
        _save(grafana, dashboard, meta.get("folderUid") or home, message, version=int(stored.get("version", 0)))
    return Outcome(Sign.CHANGED, what, lines)


def _save(grafana: Grafana, dashboard: dict[str, Any], home: str, message: str, *, version: int) -> None:
    """Into the folder it stands in. The version makes Grafana refuse what would undo somebody's change of this moment."""
    body = {
        "dashboard": dashboard | {"id": None, "version": version},
        "folderUid": home,
        "message": message,
        "overwrite": False,
    }
    grafana.post("/dashboards/db", body)


def _newest_version(grafana: Grafana, own: str) -> dict[str, Any]:
    """The newest entry of a dashboard's history, which says who saved it with which message."""
    told = grafana.get(f"/dashboards/uid/{own}/versions")
    entries = told.get("versions", []) if isinstance(told, dict) else told or []
    return max(entries, key=lambda entry: int(entry.get("version", 0)), default={})


def fingerprint(made: Mapping[str, Any]) -> str:
    """Short, and the same for the same content."""
    text = json.dumps(made, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_ORG: Final = {"orgID": 1}
"""The API wants one, and takes that of the token instead."""

# --- the alert --------------------------------------------------------------------------------------------------


def _contact(grafana: Grafana, contact: dict[str, Any], manner: Manner) -> Outcome:
    what = f"contact point {contact['name']}"
    points = grafana.get("/v1/provisioning/contact-points") or []
    there = next((point for point in points if point.get("uid") == CONTACT), None)
    if there is None:
        if not manner.dry_run:
            grafana.post("/v1/provisioning/contact-points", contact)
        return Outcome(Sign.NEW, what)
    lines = differences(only(there, contact), contact)
    if not lines:
        return Outcome(Sign.SAME, what)
    if there.get("provenance") == FROM_FILE:
        return Outcome(Sign.KEPT, f"{what}: {_FROM_FILES}", lines)
    if not manner.dry_run:
        grafana.put(f"/v1/provisioning/contact-points/{CONTACT}", contact)
    return Outcome(Sign.CHANGED, what, lines)


def _rule(grafana: Grafana, rule: dict[str, Any], manner: Manner) -> Outcome:
    what = f"alert rule {rule['title']}"
    signed = rule | {"annotations": rule["annotations"] | {FINGERPRINT: fingerprint(rule)}}
    there = grafana.get(f"/v1/provisioning/alert-rules/{RULE}")
    if there is None:
        if not manner.dry_run:
            grafana.post("/v1/provisioning/alert-rules", signed | _ORG)
        return Outcome(Sign.NEW, what)
    asked = rule | {"notification_settings": rule.get("notification_settings")}
    lines = differences(only(there, asked), asked)
    if not lines:
        return Outcome(Sign.SAME, what)
    if there.get("provenance") == FROM_FILE:
        return Outcome(Sign.KEPT, f"{what}: {_FROM_FILES}", lines)
    if not _is_as_published(there, rule) and not manner.overwrite:
        return Outcome(Sign.KEPT, f"{what}: edited in Grafana; --overwrite replaces it", lines)
    if not manner.dry_run:
        grafana.put(f"/v1/provisioning/alert-rules/{RULE}", signed | _ORG)
    return Outcome(Sign.CHANGED, what, lines)


def _is_as_published(there: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether a rule in Grafana is still what an earlier run made it: its fingerprint is that of its own content."""
    content = only(there, ours | {"notification_settings": {"receiver": ""}})
    if not there.get("notification_settings"):
        del content["notification_settings"]
    annotations = dict(there.get("annotations", {}))
    signature = annotations.pop(FINGERPRINT, "")
    return bool(signature == fingerprint(content | {"annotations": annotations}))
