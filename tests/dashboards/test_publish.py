"""``hub dashboards publish`` against a Grafana of our own making, kept to the published API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.boards import kpi, overview, use
from dashboards.build import GENERATED, boards
from dashboards.differences import dashboard_differences
from dashboards.silence import NoContact, contact
from dashboards.sources import UID, NoSource, data_source
from hub.storage.influx.target import parse
from tests.commands.conftest import Said, call
from tests.dashboards.fake_grafana import TOKEN, FakeGrafana

SERIES = "influxdb://grafana:s3cret@influxdb:8086/hub"
FEW = (overview, use, kpi)
"""Boards that are published in most of the tests; the whole set takes seconds to make."""
NUMBER = 2 * len(FEW)


COURT = """
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
"""


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    fake = FakeGrafana()
    yield fake
    fake.stop()


@pytest.fixture
def publish(grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_GRAFANA__URL", grafana.url)
    monkeypatch.setenv("HUB_GRAFANA__TOKEN", TOKEN)
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", SERIES)
    monkeypatch.setenv("HUB_GRAFANA__ALERT_TO", "desk@example.com")
    monkeypatch.setenv("HUB_WEB__PUBLIC_URL", "https://hub.example/")
    monkeypatch.setattr("dashboards.build.boards", lambda plan: (module.board(plan) for module in FEW))

    (tmp_path / "court.toml").write_text(COURT, encoding="utf-8")

    def run(*words: str) -> Said:
        return call("dashboards", "publish", "--community", str(tmp_path / "court.toml"), *words)

    return run


# --- what it makes ----------------------------------------------------------------------------------------------


def test_everything_is_there_afterwards(grafana: FakeGrafana, publish: Any) -> None:
    said = publish()
    assert said.code == 0, said.err
    assert f"done: {NUMBER + 5} new" in said.out
    assert set(grafana.folders) == {"hub-folder-en", "hub-folder-zh"}
    assert len(grafana.dashboards) == NUMBER
    assert grafana.homes["hub-overview-zh"] == "hub-folder-zh"
    assert grafana.sources[UID]["url"] == "http://influxdb:8086"
    assert grafana.secrets[UID] == {"password": "s3cret"}
    assert grafana.rules["hub-silent"]["notification_settings"] == {"receiver": "Community hub"}
    assert grafana.contacts["hub-silent"]["settings"]["addresses"] == "desk@example.com"
    (hub,) = [v for v in grafana.dashboards["hub-kpi-en"]["templating"]["list"] if v["name"] == "hub"]
    assert hub["query"] == "https://hub.example"
    assert "s3cret" not in said.out + said.err


def test_all_that_is_generated_is_published(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.build.boards", boards)
    assert publish().code == 0
    assert len(grafana.dashboards) == len(list(GENERATED.glob("*/*.json")))


def test_twice_changes_nothing(grafana: FakeGrafana, publish: Any) -> None:
    publish()
    grafana.calls.clear()
    said = publish()
    assert grafana.changes() == []
    assert said.out == f"done: {NUMBER + 5} as they should be\n"


def test_a_dry_run_only_looks(grafana: FakeGrafana, publish: Any) -> None:
    said = publish("--dry-run")
    assert grafana.changes() == []
    assert not grafana.dashboards
    assert "+ dashboard hub-overview-en" in said.out
    assert f"would be: {NUMBER + 5} new" in said.out


def test_what_changed_is_told_and_written(grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    publish()
    grafana.calls.clear()
    monkeypatch.setenv("HUB_WEB__PUBLIC_URL", "https://elsewhere.example")
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", "influxdb://grafana:s3cret@influxdb:8086/other")
    monkeypatch.setenv("HUB_GRAFANA__ALERT_TO", "https://hooks.example/x")
    said = publish()
    assert f"done: {NUMBER + 2} changed" in said.out
    assert '    jsonData.dbName: "hub" → "other"' in said.out
    assert "    dashboard: templating" in said.out
    assert grafana.sources[UID]["jsonData"]["dbName"] == "other"
    assert grafana.contacts["hub-silent"]["type"] == "webhook"
    assert publish().out == f"done: {NUMBER + 5} as they should be\n"


# --- what belongs to people -------------------------------------------------------------------------------------


def test_an_edited_dashboard_is_kept_until_told_otherwise(grafana: FakeGrafana, publish: Any) -> None:
    publish()
    grafana.edit("hub-kpi-en")
    said = publish()
    assert "! dashboard hub-kpi-en: edited by wang; --overwrite replaces it" in said.out
    assert "dashboard: title" in said.out
    assert grafana.dashboards["hub-kpi-en"]["title"].endswith("(mine)")
    said = publish("--overwrite")
    assert "~ dashboard hub-kpi-en" in said.out
    assert not grafana.dashboards["hub-kpi-en"]["title"].endswith("(mine)")
    assert publish().out.startswith("done: ")


def test_dashboards_of_people_are_never_touched(grafana: FakeGrafana, publish: Any) -> None:
    publish()
    grafana.dashboards["my-own"] = {"uid": "my-own", "title": "Mine", "version": 4}
    grafana.homes["my-own"] = "hub-folder-en"
    grafana.calls.clear()
    publish("--overwrite")
    assert grafana.dashboards["my-own"] == {"uid": "my-own", "title": "Mine", "version": 4}
    assert not [path for _, path in grafana.calls if "my-own" in path]
    assert "DELETE" not in {verb for verb, _ in grafana.calls}


def test_where_people_put_a_dashboard_it_stays(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    grafana.folders["theirs"] = {"uid": "theirs", "title": "Ours"}
    grafana.folders["hub-folder-en"]["title"] = "Renamed"
    grafana.homes["hub-kpi-en"] = "theirs"
    monkeypatch.setenv("HUB_WEB__PUBLIC_URL", "https://elsewhere.example")
    publish()
    assert grafana.homes["hub-kpi-en"] == "theirs"
    assert grafana.folders["hub-folder-en"]["title"] == "Renamed"


def test_what_grafana_provisions_from_files_is_left_alone(grafana: FakeGrafana, publish: Any) -> None:
    publish()
    grafana.provisioned.add("hub-kpi-en")
    grafana.sources[UID] |= {"readOnly": True, "url": "http://other:8086"}
    for kept in (grafana.rules, grafana.contacts):
        kept["hub-silent"] |= {"provenance": "file"}
    grafana.rules["hub-silent"]["for"] = "30m"
    grafana.contacts["hub-silent"]["settings"] = {"addresses": "other@example.com"}
    said = publish("--overwrite")
    assert said.code == 0
    assert "! alert rule Hub silent 平台无数据: comes from Grafana's own provisioning files" in said.out
    assert "! contact point Community hub: comes from Grafana's own provisioning files" in said.out
    assert grafana.rules["hub-silent"]["for"] == "30m"
    assert grafana.contacts["hub-silent"]["settings"] == {"addresses": "other@example.com"}
    assert "! dashboard hub-kpi-en: comes from Grafana's own provisioning files" in said.out
    assert f"! data source {UID}: comes from Grafana's own provisioning files" in said.out
    assert grafana.sources[UID]["url"] == "http://other:8086"


def test_an_edited_rule_is_kept_and_an_old_one_of_ours_renewed(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.delenv("HUB_GRAFANA__ALERT_TO")
    said = publish()
    assert 'notification_settings: {"receiver": "Community hub"} → null' in said.out
    assert "notification_settings" not in grafana.rules["hub-silent"], "Grafana's own default tells people"
    monkeypatch.setenv("HUB_GRAFANA__ALERT_TO", "desk@example.com")
    monkeypatch.setattr("dashboards.silence.WINDOW_S", 1200)
    assert "~ alert rule Hub silent" in publish().out
    assert grafana.rules["hub-silent"]["data"][0]["relativeTimeRange"]["from"] == 1200
    grafana.rules["hub-silent"]["for"] = "30m"
    assert "! alert rule Hub silent" in publish().out
    assert grafana.rules["hub-silent"]["for"] == "30m"
    assert "~ alert rule Hub silent" in publish("--overwrite").out
    assert grafana.rules["hub-silent"]["for"] == "5m"


def test_settings_of_the_data_source_that_people_added_stay(grafana: FakeGrafana, publish: Any) -> None:
    publish()
    grafana.sources[UID]["jsonData"]["maxSeries"] = 5000
    grafana.sources[UID]["url"] = "http://wrong:8086"
    assert "~ data source" in publish().out
    assert grafana.sources[UID]["jsonData"]["maxSeries"] == 5000
    assert grafana.sources[UID]["url"] == "http://influxdb:8086"


def test_a_changed_password_is_sent_on_demand(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", SERIES.replace("s3cret", "another"))
    publish()
    assert grafana.secrets[UID] == {"password": "s3cret"}
    said = publish("--secrets")
    assert "password or token: sent again" in said.out
    assert grafana.secrets[UID] == {"password": "another"}


# --- what cannot be ---------------------------------------------------------------------------------------------


def test_a_wrong_token_is_named(grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_GRAFANA__TOKEN", "glsa_wrong")
    said = publish()
    assert said.code == 1
    assert "does not take the token (it says: Invalid API key)" in said.err
    assert "glsa_wrong" not in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("part", "needs"),
    [("datasources", "Admin"), ("folders", "Editor"), ("dashboards", "Editor"), ("v1", "alert.provisioning:write")],
)
def test_a_permission_that_is_missing_is_named(grafana: FakeGrafana, publish: Any, part: str, needs: str) -> None:
    grafana.may -= {part}
    said = publish()
    assert said.code == 1
    assert "the token may not" in said.err
    assert needs in said.err


def test_a_grafana_that_is_not_there_is_named(publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_GRAFANA__URL", "http://127.0.0.1:1")
    said = publish()
    assert said.code == 1
    assert "Grafana at http://127.0.0.1:1 cannot be reached" in said.err


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((200, b"<html>hello</html>"), "is no Grafana"),
        ((200, {"hello": 1}), "is no Grafana"),
        ((301, b""), "sends elsewhere"),
        ((502, b"bad gateway"), "answered 502"),
    ],
)
def test_what_answers_otherwise_is_named(grafana: FakeGrafana, publish: Any, answer: Any, word: str) -> None:
    grafana.instead = answer
    said = publish()
    assert said.code == 1
    assert word in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_change_at_the_same_moment_is_not_undone(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setenv("HUB_WEB__PUBLIC_URL", "https://elsewhere.example")

    def edit() -> None:
        grafana.before_save = lambda: None
        grafana.edit("hub-overview-en")

    grafana.before_save = edit
    said = publish()
    assert said.code == 1
    assert "somebody changed it in Grafana at this moment" in said.err
    assert grafana.dashboards["hub-overview-en"]["title"].endswith("(mine)")


@pytest.mark.parametrize("name", ["HUB_GRAFANA__URL", "HUB_GRAFANA__TOKEN"])
def test_a_setting_that_is_missing_is_named(publish: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    said = publish()
    assert said.code == 1
    assert f"{name} is not set" in said.err


def test_an_address_that_is_none_is_named(publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_GRAFANA__URL", "grafana.example")
    assert "expected e.g. https://grafana.example" in publish().err


def test_a_password_in_the_address_is_not_told_on(publish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_GRAFANA__URL", "https://admin:s3cret@grafana.example")
    said = publish()
    assert said.code == 1
    assert "take it out" in said.err
    assert "s3cret" not in said.err


def test_without_a_data_source_nothing_is_made(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUB_GRAFANA__SERIES_URL")
    said = publish()
    assert said.code == 1
    assert "HUB_GRAFANA__SERIES_URL" in said.err
    assert grafana.changes() == []
    grafana.sources[UID] = {"uid": UID, "name": "made by hand"}
    assert publish().code == 0
    assert grafana.sources[UID] == {"uid": UID, "name": "made by hand"}


# --- addresses --------------------------------------------------------------------------------------------------


def test_an_influxdb_2_is_spoken_to_with_a_token() -> None:
    source = data_source(parse("influxdb+https://a%2Ftoken@influx.example/org/bucket"))
    assert source.body["url"] == "https://influx.example:8086"
    assert source.body["jsonData"]["dbName"] == "bucket"
    assert source.secrets == {"httpHeaderValue1": "Token a/token"}
    assert "a/token" not in repr(source)


def test_an_influxdb_3_has_no_organisation() -> None:
    source = data_source(parse("influxdb://t0k@influx.example/readings"))
    assert source.body["jsonData"]["dbName"] == "readings"
    assert source.secrets == {"httpHeaderValue1": "Token t0k"}
    assert source.body["user"] == ""


def test_an_influxdb_1_without_a_password() -> None:
    source = data_source(parse("influxdb://[::1]:8087/hub"))
    assert source.body["url"] == "http://[::1]:8087"
    assert source.body["jsonData"]["dbName"] == "hub"
    assert source.secrets == {}


def test_a_retention_policy_is_refused_by_name() -> None:
    with pytest.raises(NoSource, match="the retention policy year, for which Grafana's data source has no place"):
        data_source(parse("influxdb://grafana:s3cret@influx.example/hub/year"))


def test_an_authority_of_ones_own_is_given_to_grafana(
    grafana: FakeGrafana, publish: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    address = SERIES.replace("influxdb:", "influxdb+https:", 1)
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", f"{address}?ca_file={file}")
    said = publish()
    assert said.code == 1
    assert f"{file}: cannot be read" in said.err
    file.write_text("", encoding="ascii")
    assert f"{file}: holds no certificate" in publish().err
    file.write_text("-----BEGIN CERTIFICATE-----", encoding="ascii")
    assert publish().code == 0
    assert grafana.sources[UID]["jsonData"]["tlsAuthWithCACert"] is True
    assert grafana.secrets[UID] == {"password": "s3cret", "tlsCACert": "-----BEGIN CERTIFICATE-----"}


@pytest.mark.parametrize(
    "address", ["http://host/db", "influxdb://s3cret@host", "influxdb+http://s3cret@host/db", "influxdb://host/db?x=1"]
)
def test_an_address_that_the_hub_would_not_take_is_not_taken_for_grafana(
    publish: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HUB_GRAFANA__SERIES_URL", address)
    said = publish()
    assert said.code != 0
    assert "grafana.series_url" in said.err
    assert "s3cret" not in said.err


@pytest.mark.parametrize("address", ["", "desk", "desk@localhost x", "ftp://x"])
def test_nobody_can_be_told_there(address: str) -> None:
    with pytest.raises(NoContact):
        contact(address)


def test_differences_are_told_by_the_titles_of_panels() -> None:
    old = json.loads((GENERATED / "en" / "kpi.json").read_text(encoding="utf-8"))
    new = json.loads(json.dumps(old))
    titles = [panel["title"] for panel in old["panels"]]
    first, second = titles.index("Open tickets"), titles.index("Tickets opened")
    new["panels"][first]["targets"][0]["query"] = "SELECT 1"
    new["panels"][second]["title"] = "Another"
    assert list(dashboard_differences(old, new)) == [
        "panel “Another”: new",
        f"panel “{titles[second]}”: gone",
        f"panel “{titles[first]}”: query",
    ]
