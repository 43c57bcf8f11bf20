"""compose.yaml: what the specification allows, whole, and closed as far as each service allows."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from dashboards.model import LANGUAGES
from dashboards.parts import Plan
from dashboards.provisioning import ADDRESS, alerting
from dashboards.publish import TITLES
from dashboards.publish import folder as folder_uid
from dashboards.silence import KINDS
from dashboards.sources import data_source
from hub.settings import load
from hub.storage.catalogue import load_catalogue
from hub.storage.influx.target import parse
from tests.docker.stack import COMPOSE, DOCKER, VARIABLE, Stack, certificate_of, interpolated

ONCE = {"folders", "proxy-folder"}
"""Give new volumes to their users, as root and without a network, and end."""
PUBLISHED = {
    "mosquitto": ["8883:8883"],
    "proxy": ["80:8080", "443:8443"],
    "demo": ["127.0.0.1:8080:8080"],
    "grafana-demo": ["127.0.0.1:3000:3000"],
}
HUBS = ("hub", "hub-full")


@pytest.fixture
def compose(stack: Stack) -> dict[str, Any]:
    return stack.compose()


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def check(compose: dict[str, Any]) -> None:
    compose_spec.PyCompose.from_json(json.dumps(compose)).validate()


def test_the_specification_allows_it(compose: dict[str, Any]) -> None:
    check(compose)


@pytest.mark.parametrize("wrong", [{"read_onli": True}, {"profiles": "small"}, {"networks": ["nowhere"]}])
def test_the_check_of_the_specification_can_fail(compose: dict[str, Any], wrong: dict[str, Any]) -> None:
    broken = deepcopy(compose)
    broken["services"]["proxy"].update(wrong)
    with pytest.raises(ValueError, match=r"proxy|read_onli|small"):
        check(broken)


def test_variables_are_those_that_make_env_makes(stack: Stack) -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    used = {name for name, _ in VARIABLE.findall(text)}
    assert used | {"COMPOSE_PROFILES"} == set(stack.variables)
    assert text.count("${") == len(VARIABLE.findall(text)), "a variable without a word on what to do when it is missing"


def test_every_file_that_is_mounted_is_there(compose: dict[str, Any], services: dict[str, Any]) -> None:
    for name, service in services.items():
        for mount in service.get("volumes", ()):
            source, target, *mode = mount.split(":")
            if source.startswith("."):
                assert (DOCKER / source).exists(), f"{name}: {source}"
                assert mode == ["ro"], f"{name}: {mount}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"
            assert target.startswith("/"), mount


def test_every_secret_is_made_and_used(stack: Stack, compose: dict[str, Any], services: dict[str, Any]) -> None:
    files = {name: Path(secret["file"]).name for name, secret in compose["secrets"].items()}
    assert {name: name for name in files} == files
    assert set(files) | {"mqtt_ca.crt", "mqtt_ca.key"} == {path.name for path in stack.secrets.iterdir()}
    assert {secret for service in services.values() for secret in service.get("secrets", ())} == set(files)


def test_every_volume_and_network_is_used(compose: dict[str, Any], services: dict[str, Any]) -> None:
    volumes = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", ())}
    assert set(compose["volumes"]) == {name for name in volumes if not name.startswith(".")}
    assert set(compose["networks"]) == {
        network for service in services.values() for network in service.get("networks", ())
    }


def words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for part in value:
            yield from words(part)
    else:
        yield str(value)


def test_no_secret_stands_in_it(stack: Stack, services: dict[str, Any]) -> None:
    secrets = [stack.secret(path.name).strip() for path in stack.secrets.iterdir() if "password" in path.name]
    assert secrets
    assert not [word for word in words(services) for secret in secrets if secret in word]


def test_every_service_is_closed_as_far_as_it_can_be(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "pid", "ipc", "devices"} & set(service), name
        assert "docker.sock" not in " ".join(words(service)), name
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        if name in ONCE:
            assert (service["network_mode"], service["restart"], service["cap_add"]) == ("none", "no", ["CHOWN"])
        else:
            assert service["restart"] == "unless-stopped", name
            assert not service["user"].startswith(("0", "root")), name


def test_every_image_is_pinned_by_its_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" in service:
            assert service["image"] == "community-hub:local", name
        else:
            assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"]), (
                f"{name}: {service['image']}"
            )


def test_only_devices_and_people_reach_it_from_outside(services: dict[str, Any]) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == PUBLISHED


def test_the_brokers_plain_port_is_on_the_inner_network_alone(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    assert compose["networks"]["broker"] == {"internal": True}
    assert members(services, "devices") == {"mosquitto"}
    assert members(services, "broker") == {"mosquitto", *HUBS}


def test_whoever_comes_from_outside_comes_to_the_hub_through_the_proxy(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    assert compose["networks"]["pages"] == {"internal": True}
    assert members(services, "pages") == {"proxy", "grafana", *HUBS}
    outside = {name for name, how in compose["networks"].items() if not how.get("internal")}
    for name in HUBS:
        assert "ports" not in services[name]
        for network in outside & set(services[name]["networks"]):
            assert members(services, network) == set(HUBS), network
    assert not outside & {network for name in ("postgres", "influxdb") for network in services[name]["networks"]}
    assert outside & set(services["grafana"]["networks"]) == {"alerts"}, "its one alert goes out, to whom .env says"
    assert members(services, "alerts") == {"grafana"}


def members(services: dict[str, Any], network: str) -> set[str]:
    return {name for name, service in services.items() if network in service.get("networks", ())}


def test_what_runs_on_says_whether_it_is_well(services: dict[str, Any]) -> None:
    """The hub's own check is the image's: see test_dockerfile.py."""
    for name, service in services.items():
        if name not in ONCE and "build" not in service:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert {"interval", "timeout", "start_period"} <= set(service["healthcheck"]), name
        assert "readyz" not in " ".join(words(service)), f"{name}: a degraded hub still journals"


def test_whoever_waits_for_health_finds_a_check(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert set(services[other]["profiles"]) >= set(service["profiles"]), f"{name} waits for {other}"
            wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how == {"condition": wanted}, name
            assert other in ONCE or "healthcheck" in services[other], other


@pytest.mark.parametrize(
    ("profile", "running"),
    [
        ("demo", {"demo", "influxdb-demo", "grafana-demo"}),
        ("small", {"mosquitto", "hub", "proxy"}),
        ("full", {"mosquitto", "hub-full", "proxy", "postgres", "influxdb", "grafana"}),
    ],
)
def test_profiles(services: dict[str, Any], profile: str, running: set[str]) -> None:
    assert {name for name, service in services.items() if profile in service["profiles"]} - ONCE == running


@pytest.mark.parametrize("service", ["hub", "hub-full", "demo"])
def test_the_hub_knows_every_setting_it_is_given(stack: Stack, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    for name, value in stack.environment(service).items():
        monkeypatch.setenv(name, value)
    settings = load(stack.secrets / "hub.toml")
    assert settings.web.public_url == ("http://localhost:8080" if service == "demo" else "https://hub.example")
    assert (settings.records.url is not None) == (service == "hub-full")
    if service != "hub":
        (mirror,) = settings.series.mirrors
        assert mirror.url == f"influxdb://{stack.secret('series_token')}@influxdb:8086/hub/hub"
    if service != "demo":
        assert (settings.backup.when, settings.backup.keep) == ("0 19 * * *", 14)
        assert settings.mqtt.url == f"mqtt://hub:{stack.secret('mqtt_hub_password')}@mosquitto:1883"


def test_the_hub_watches_what_devices_and_browsers_are_shown(
    stack: Stack, services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over networks that it shares with who shows it; by itself it sees neither, for it comes in without TLS."""
    for hub in HUBS:
        for name, value in stack.environment(hub).items():
            monkeypatch.setenv(name, value)
        for each in load(stack.secrets / "hub.toml").certificates.watched:
            host, port = each.host_and_port()
            assert set(services[hub]["networks"]) & set(services[host]["networks"]), each.name
            assert str(port) in {ports.rpartition(":")[2] for ports in services[host]["ports"]}, each.name
        assert certificate_of(stack, "pages").server_name == stack.variables["HUB_SITE"]


def test_hubs_are_reached_by_one_name(services: dict[str, Any]) -> None:
    for name in HUBS:
        assert services[name]["networks"]["pages"] == {"aliases": ["hub"]}
        assert services[name]["container_name"] == "community-hub"


def test_the_hub_writes_accounts_where_the_broker_reads_them(stack: Stack, services: dict[str, Any]) -> None:
    def folder(service: str, volume: str) -> str:
        return next(mount.split(":")[1] for mount in services[service]["volumes"] if mount.startswith(f"{volume}:"))

    broker = (DOCKER / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    for hub in HUBS:
        written = Path(stack.environment(hub)["HUB_MQTT__ACCOUNTS_FILE"])
        assert str(written.parent) == folder(hub, "broker-accounts")
        assert f"password_file {folder('mosquitto', 'broker-accounts')}/{written.name}\n" in broker
        assert stack.environment(hub)["HUB_BACKUP__FOLDER"] == folder(hub, "hub-backups")


def test_what_the_hub_writes_to_is_what_influxdb_is_set_up_with_and_grafana_reads(
    stack: Stack, services: dict[str, Any]
) -> None:
    made = services["influxdb"]["environment"]
    mirror = json.loads(stack.secret("series_mirrors"))[0]["url"]
    assert mirror.endswith(f"@influxdb:8086/{made['DOCKER_INFLUXDB_INIT_ORG']}/{made['DOCKER_INFLUXDB_INIT_BUCKET']}")
    (source,) = yaml.safe_load((DOCKER / "grafana" / "datasources" / "hub.yaml").read_text(encoding="utf-8"))[
        "datasources"
    ]
    own = data_source(parse(f"influxdb://{source['user']}:secret@influxdb:8086/{made['DOCKER_INFLUXDB_INIT_BUCKET']}"))
    assert {key: source[key] for key in own.body} == own.body, "as hub dashboards publish would make it"
    assert own.secrets.keys() == source["secureJsonData"].keys()
    (secret,) = re.findall(r"^\$__file\{/run/secrets/(\w+)\}$", source["secureJsonData"]["password"])
    assert secret in services["grafana"]["secrets"]
    assert f"/run/secrets/{secret}" in (DOCKER / "influxdb" / "first-start").read_text(encoding="utf-8")
    assert secret in services["influxdb"]["secrets"]


def test_the_demo_shares_no_volume_with_what_is_real(services: dict[str, Any]) -> None:
    def volumes(*, demo: bool) -> set[str]:
        found = [
            service.get("volumes", ()) for service in services.values() if (service["profiles"] == ["demo"]) == demo
        ]
        return {mount.split(":")[0] for mounts in found for mount in mounts if not mount.startswith(".")}

    assert volumes(demo=True)
    assert not volumes(demo=True) & volumes(demo=False)
    assert services["influxdb-demo"]["networks"] == {"demo-stores": {"aliases": ["influxdb"]}}


def test_grafana_finds_the_dashboards_of_both_languages(services: dict[str, Any]) -> None:
    providers = yaml.safe_load((DOCKER / "grafana" / "dashboards" / "hub.yaml").read_text(encoding="utf-8"))[
        "providers"
    ]
    (source,) = [
        mount.split(":")[0] for mount in services["grafana"]["volumes"] if mount.split(":")[1] == "/dashboards"
    ]
    for provider, language in zip(providers, LANGUAGES, strict=True):
        folder = DOCKER / source / Path(provider["options"]["path"]).relative_to("/dashboards")
        assert list(folder.glob("*.json")), folder
        assert (provider["folderUid"], provider["folder"]) == (folder_uid(language), TITLES[language].say(language))


@pytest.mark.parametrize("kind", KINDS)
def test_grafana_tells_whom_env_says_that_the_hub_is_silent(stack: Stack, kind: str) -> None:
    for name in ("grafana", "grafana-demo"):
        service = interpolated(stack.variables | {"ALERT_BY": kind})["services"][name]
        folder = "/etc/grafana/provisioning/alerting/"
        mounted = {mount.split(":")[1].removeprefix(folder): mount.split(":")[0] for mount in service["volumes"]}
        assert set(alerting(Plan(catalogue=load_catalogue()))) >= {Path(mounted["silent.yaml"]).name}
        content = yaml.safe_load((DOCKER / mounted["contact.yaml"]).read_text(encoding="utf-8"))
        (receiver,) = content["contactPoints"][0]["receivers"]
        assert receiver["type"] == kind
        assert ADDRESS.removeprefix("$") in service["environment"]
        assert service["environment"]["GF_PATHS_CONFIG"].removeprefix("/run/secrets/") in service["secrets"]


def test_grafanas_own_settings_are_an_ini_file_that_says_nothing_yet(stack: Stack) -> None:
    settings = configparser.ConfigParser(comment_prefixes=(";",))
    settings.read_string(stack.secret("grafana.ini"))
    assert settings.sections() == []
    settings.read_string(re.sub(r"(?m)^; (?=\[|\w+ = )", "", stack.secret("grafana.ini")))
    assert {"enabled", "host", "from_address"} <= set(settings["smtp"])


def test_volumes_are_given_to_who_writes_them(services: dict[str, Any]) -> None:
    given = set(services["folders"]["entrypoint"][2:])
    mounted = {mount.split(":")[1] for mount in services["folders"]["volumes"]}
    assert given == mounted
    assert services["folders"]["entrypoint"][1] == services["hub"]["user"] == services["mosquitto"]["user"]
    assert services["proxy-folder"]["entrypoint"] == ["chown", services["proxy"]["user"], "/data"]
