"""The alert "hub silent" as files that Grafana reads at its start: what ``publish`` makes through the API, for the stack of docker/.

The format is that of Grafana's file provisioning for alerting (groups, contactPoints, policies; apiVersion 1). A file is JSON, which
is YAML, behind a comment.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from dashboards.model import uid
from dashboards.parts import Plan
from dashboards.silence import KINDS, RECEIVER, contact_by, rule

STACK: Final = Path(__file__).parents[1] / "docker" / "grafana" / "alerting"
"""Where the stack has them; there is no such folder beside an installed hub."""
FOLDER: Final = "Community hub alerts 平台告警"
"""A folder of its own: Grafana makes it by its title, and the dashboards' folders have uids that it would not know."""
ADDRESS: Final = "$ALERT_TO"
"""A variable of Grafana's environment, which it puts in as it reads the file."""
_HEAD: Final = "# Made by hub dashboards build from dashboards/silence.py: do not edit it here.\n"


def alerting(plan: Plan) -> dict[str, str]:
    """File name -> text: the rule with the way its alerts go, and for each kind of contact the one that is told."""
    made = {"silent.yaml": {"groups": [_group(plan)], "policies": [_policy()]}}
    made |= {f"contact-{kind}.yaml": {"contactPoints": [_contact_point(kind)]} for kind in KINDS}
    return {name: _text(content) for name, content in made.items()}


def _text(content: dict[str, Any]) -> str:
    return f"{_HEAD}{json.dumps({'apiVersion': 1} | content, ensure_ascii=False, indent=2)}\n"


def _group(plan: Plan) -> dict[str, Any]:
    made = rule(plan, folder="", told=False)
    del made["folderUID"]
    group = made.pop("ruleGroup")
    shown = {"dashboardUid": uid("health", "en")}
    return {"orgId": 1, "name": group, "folder": FOLDER, "interval": "1m", "rules": [made | shown]}


def _policy() -> dict[str, Any]:
    """Everything goes to the one contact. The rule does not name it, so it does not matter which of the two is read first."""
    return {"orgId": 1, "receiver": RECEIVER, "group_by": ["grafana_folder", "alertname"]}


def _contact_point(kind: str) -> dict[str, Any]:
    made = contact_by(kind, ADDRESS)
    return {"orgId": 1, "name": made.pop("name"), "receivers": [made]}
