"""The stack's files for Grafana's alerting: in Grafana's published format, and the same as ``publish`` makes through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.parts import Plan
from dashboards.provisioning import ADDRESS, STACK, alerting
from dashboards.silence import KINDS, contact, rule
from hub.storage.catalogue import load_catalogue
from tests.commands.conftest import call

FORMAT: dict[str, tuple[set[str], set[str]]] = {
    "": ({"apiVersion"}, {"groups", "contactPoints", "policies"}),
    "groups": ({"name", "folder", "interval", "rules"}, {"orgId"}),
    "groups.rules": (
        {"uid", "title", "condition", "data"},
        {
            *(
                "dashboardUid",
                "panelId",
                "noDataState",
                "execErrState",
                "for",
                "keepFiringFor",
                "annotations",
                "labels",
            ),
            *("isPaused", "notification_settings"),
        },
    ),
    "groups.rules.data": ({"refId", "datasourceUid", "model"}, {"relativeTimeRange", "queryType"}),
    "contactPoints": ({"name", "receivers"}, {"orgId"}),
    "contactPoints.receivers": ({"uid", "type", "settings"}, {"disableResolveMessage"}),
    "policies": ({"receiver"}, {"orgId", "group_by", "routes", "group_wait", "group_interval", "repeat_interval"}),
}
"""By place: the keys that Grafana's file format wants, and the others that it knows."""


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((STACK / name).read_text(encoding="utf-8"))
    return found


def check(content: dict[str, Any], place: str = "") -> None:
    needed, known = FORMAT[place]
    assert needed <= content.keys() <= needed | known, place
    for key, value in content.items():
        inner = f"{place}.{key}".strip(".")
        if inner in FORMAT:
            for each in value:
                check(each, inner)


@pytest.mark.parametrize("name", ["silent.yaml", *(f"contact-{kind}.yaml" for kind in KINDS)])
def test_grafana_knows_every_key(name: str) -> None:
    content = read(name)
    assert content["apiVersion"] == 1
    assert len(content) > 1
    check(content)


def test_the_rule_is_the_one_that_is_published() -> None:
    (group,) = read("silent.yaml")["groups"]
    (found,) = group["rules"]
    published = rule(Plan(catalogue=load_catalogue()), folder="x", told=False)
    assert found.pop("dashboardUid") == published["annotations"]["__dashboardUid__"]
    assert found == {key: value for key, value in published.items() if key not in ("folderUID", "ruleGroup")}
    assert group["name"] == published["ruleGroup"]


@pytest.mark.parametrize("address", ["desk@example.com", "https://hooks.example/x"])
def test_the_contact_is_the_one_that_is_published_and_everything_goes_there(address: str) -> None:
    published = contact(address)
    (found,) = read(f"contact-{published['type']}.yaml")["contactPoints"]
    (receiver,) = found["receivers"]
    told = {key: address if value == ADDRESS else value for key, value in receiver["settings"].items()}
    assert receiver | {"name": found["name"], "settings": told} == published
    (policy,) = read("silent.yaml")["policies"]
    assert policy["receiver"] == found["name"]


def test_a_file_of_the_stack_that_is_not_as_it_should_be_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.provisioning.STACK", tmp_path / "alerting")
    said = call("dashboards", "build", "--check")
    assert said.code == 1
    assert f"{tmp_path / 'alerting' / 'silent.yaml'}: missing" in said.out
    assert call("dashboards", "build").code == 0
    assert {path.name for path in (tmp_path / "alerting").iterdir()} == set(alerting(Plan(catalogue=load_catalogue())))
