"""The files for a Prometheus: promtool takes them, they name metrics that exist, and speak when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.stack import DOCKER, ROOT
from tests.docs.pages import page, rows, section

FOLDER = DOCKER / "prometheus"
PROMTOOL = shutil.which("promtool")
STORY = Path(__file__).with_name("alerts.yml")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: it comes with the package prometheus"
)


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False)


@needs_promtool
def test_promtool_takes_configuration_and_rules() -> None:
    done = promtool("check", "config", FOLDER / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_alerts_speak_when_they_should(tmp_path: Path) -> None:
    done = played(tmp_path, STORY.read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_each_of_them_speaks_when_everything_is_wrong(tmp_path: Path) -> None:
    """A wrong expectation for each makes promtool tell what it got: the alert, firing."""
    story = yaml.safe_load(STORY.read_text(encoding="utf-8"))
    story["tests"] = story["tests"][2:]
    names = [rule["alert"] for rule in rules()]
    story["tests"][0]["alert_rule_test"] = [{"eval_time": "85m", "alertname": name} for name in names]
    done = played(tmp_path, yaml.safe_dump(story))
    said = done.stdout + done.stderr
    assert sorted(re.findall(r'alertname="(\w+)"', said)) == sorted(names)


def played(folder: Path, story: str) -> subprocess.CompletedProcess[str]:
    (folder / "story.yml").write_text(story.replace("ALERTS", str(FOLDER / "alerts.yml")), encoding="utf-8")
    return promtool("test", "rules", folder / "story.yml")


def test_every_metric_and_label_is_in_the_manual() -> None:
    told = {row[0].strip("`"): row[2].split(", ") for row in rows(section(page("docs/manual/health.md"), "## Metrics"))}
    for rule in rules():
        used = set(re.findall(r"\bhub_\w+", rule["expr"]))
        assert used <= told.keys(), rule["alert"]
        labels = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) | set(
            re.findall(r"(\w+)(?:=~|!=|=)\"", rule["expr"])
        )
        assert labels <= {label for name in used for label in told[name]} | {"job"}, rule["alert"]


def test_every_alert_says_how_grave_it_is_and_where_to_read_on() -> None:
    components = section(page("docs/manual/health.md"), "## What it says, and what to do")
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        text = rule["annotations"]["description"]
        for found in re.findall(r"component (mqtt|lane \w+|\w+)", text):
            assert f"`{found}" in components, f"{rule['alert']}: {found}"
        for name in re.findall(r"docs/[\w/-]+\.md", text):
            assert (ROOT / name).is_file(), rule["alert"]
