"""The committed files are what the definitions make, and ``hub dashboards build`` tells where they are not."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import GENERATED
from tests.commands.conftest import call


def test_the_committed_files_are_up_to_date() -> None:
    said = call("dashboards", "build", "--check")
    assert said.code == 0, f"{said.out}\nrun hub dashboards build and commit what it wrote"


def test_what_is_not_as_it_should_be_is_named_and_mended(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert call("dashboards", "build", "--into", str(folder)).code == 0
    (folder / "en" / "kpi.json").write_text("{}")
    (folder / "zh-CN" / "use.json").unlink()
    (folder / "en" / "no-such.json").write_text("{}")
    said = call("dashboards", "build", "--into", str(folder), "--check")
    assert said.code == 1
    assert [line.rpartition("/")[2] for line in said.out.splitlines()[:3]] == [
        "use.json: missing",
        "kpi.json: not up to date",
        "no-such.json: no longer made",
    ]
    assert call("dashboards", "build", "--into", str(folder)).code == 0
    assert call("dashboards", "build", "--into", str(folder), "--check").code == 0
    assert (folder / "en" / "kpi.json").read_text(encoding="utf-8") == (GENERATED / "en" / "kpi.json").read_text(
        "utf-8"
    )


def test_grids_of_a_community_of_ones_own(tmp_path: Path) -> None:
    community = tmp_path / "court.toml"
    community.write_text(
        """
[community]
id = "court"
name = { zh = "小院", en = "Small court" }

[places.g1]
kind = "grid"
name = { zh = "甲网格", en = "Grid A" }

[crews.engineers]
name = { zh = "工程班", en = "Engineers" }
default = true

[facilities.shed]
kind = "ebike_shed"
name = { zh = "充电棚", en = "Shed" }
grid = "g1"
""",
        encoding="utf-8",
    )
    folder = tmp_path / "made"
    said = call("dashboards", "build", "--into", str(folder), "--community", str(community))
    assert said.code == 0, said.err
    assert '"甲网格"' in (folder / "zh-CN" / "overview.json").read_text(encoding="utf-8")
    assert '"(shed)"' in (folder / "en" / "overview.json").read_text(encoding="utf-8")


def test_a_community_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = call("dashboards", "build", "--into", str(tmp_path), "--community", str(tmp_path / "none.toml"))
    assert said.code == 1
    assert "none.toml" in said.err


def test_files_of_ones_own_lead_to_ones_own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WEB__PUBLIC_URL", "https://hub.example")
    assert call("dashboards", "build", "--into", str(tmp_path)).code == 0
    assert "https://hub.example" in (tmp_path / "en" / "use.json").read_text(encoding="utf-8")
    assert call("dashboards", "build", "--check").code == 0, "the shipped ones are everybody's"


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def lacking(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("grafana_foundation_sdk"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="grafana_foundation_sdk")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", lacking)
    said = call("dashboards", "build", "--into", str(tmp_path))
    assert said.code == 1
    assert "pip install '.[dashboards]'" in said.err


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = call("dashboards", "build", "--into", str(tmp_path / "file"))
    assert said.code == 1
    assert str(tmp_path / "file") in said.err
