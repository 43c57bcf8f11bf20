"""docker/make-env: random secrets once, and nothing that is there is ever changed."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from hub.settings import load
from tests.docker.stack import Stack, made, make_env, variables

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def contents(stack: Stack) -> dict[str, bytes]:
    return {
        str(path.relative_to(stack.folder)): path.read_bytes() for path in stack.folder.rglob("*") if path.is_file()
    }


def test_running_it_again_changes_nothing(tmp_path: Path) -> None:
    first = contents(made(tmp_path, "full", "hub.example"))
    assert contents(made(tmp_path)) == first
    assert contents(made(tmp_path, "full", "hub.example")) == first


def test_no_two_stacks_share_a_secret(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    for path in a.secrets.iterdir():
        if path.name not in ("hub.toml", "grafana.ini"):
            assert path.read_bytes() != (b.secrets / path.name).read_bytes(), path.name


def test_what_somebody_edited_stays_and_what_is_missing_comes(tmp_path: Path) -> None:
    stack = made(tmp_path)
    lines = (tmp_path / ".env").read_text().replace("HTTPS_PORT=443", "HTTPS_PORT=9443").splitlines()
    (tmp_path / ".env").write_text("\n".join(line for line in lines if not line.startswith("BACKUP_KEEP=")) + "\n")
    (stack.secrets / "hub.toml").write_text("# mine\n")
    after = made(tmp_path)
    assert after.variables == {**stack.variables, "HTTPS_PORT": "9443"}
    assert after.secret("hub.toml") == "# mine\n"


def test_what_the_settings_file_shows_is_taken(tmp_path: Path) -> None:
    """The hints, with their comment signs taken off: mail server, and who notices that the hub is dead."""
    shown = made(tmp_path).secret("hub.toml").splitlines()
    tried = tmp_path / "tried.toml"
    tried.write_text("\n".join(line[2:] for line in shown if re.match(r"# (\[|\w+ = )", line)), encoding="utf-8")
    settings = load(tried)
    assert settings.notify.smtp_url
    assert settings.watchdog.url


def test_secrets_are_closed_to_other_people_and_open_to_containers(tmp_path: Path) -> None:
    stack = made(tmp_path)
    assert stat.S_IMODE(stack.secrets.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stack.secrets.iterdir()}
    assert modes.pop("mqtt_ca.key") == 0o400, "no container needs the authority's key"
    assert modes.pop("hub.toml") == modes.pop("grafana.ini") == 0o644, "people edit them"
    assert set(modes.values()) == {0o444}


def test_addresses_hold_the_passwords(tmp_path: Path) -> None:
    stack = made(tmp_path)
    assert stack.secret("mqtt_hub_url") == f"mqtt://hub:{stack.secret('mqtt_hub_password')}@mosquitto:1883"
    assert stack.secret("records_url").startswith(f"postgresql+psycopg://hub:{stack.secret('records_password')}@")
    assert f"influxdb://{stack.secret('series_token')}@influxdb:8086/" in stack.secret("series_mirrors")
    assert len(stack.secret("records_password")) == 48


@pytest.mark.parametrize(("name", "host"), [("hub.example", "hub.example"), ("192.0.2.7", "192.0.2.7")])
def test_the_brokers_certificate_is_for_the_name_and_signed_by_the_authority(
    tmp_path: Path, name: str, host: str
) -> None:
    stack = made(tmp_path, "small", name)
    which = "-verify_ip" if name[0].isdigit() else "-verify_hostname"
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", which, host]
    command += ["-CAfile", str(stack.secrets / "mqtt_ca.crt"), str(stack.secrets / "mqtt_server.crt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command[command.index(host)] = "192.0.2.8" if name[0].isdigit() else "other.example"
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_a_deleted_certificate_is_made_anew_by_the_same_authority(tmp_path: Path) -> None:
    stack = made(tmp_path)
    before = stack.secret("mqtt_ca.crt"), stack.secret("mqtt_server.crt")
    (stack.secrets / "mqtt_server.crt").unlink()
    made(tmp_path)
    after = stack.secret("mqtt_ca.crt"), stack.secret("mqtt_server.crt")
    assert after[0] == before[0]
    assert after[1] != before[1]
    authority, server = (x509.load_pem_x509_certificate(text.encode()) for text in after)
    server.verify_directly_issued_by(authority)


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (["mqtt_hub_password"], "mqtt_hub_url is there but secrets/mqtt_hub_password is not"),
        (["records_password"], "records_url is there but secrets/records_password is not"),
        (["series_token"], "series_mirrors is there but secrets/series_token is not"),
        (["mqtt_ca.crt"], "mqtt_server.crt is there but its authority mqtt_ca.crt is not"),
        (["mqtt_ca.key", "mqtt_server.crt"], "mqtt_ca.key is not here"),
    ],
)
def test_half_a_pair_is_refused_by_name(tmp_path: Path, gone: list[str], said: str) -> None:
    stack = made(tmp_path)
    for name in gone:
        (stack.secrets / name).unlink()
    before = contents(stack)
    done = make_env(tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert contents(stack) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["large"], 2, "usage: docker/make-env [demo|small|full] [NAME]"),
        (["small", "a", "b"], 2, "usage: docker/make-env"),
        (["small", "https://hub.example"], 1, "expected a host name or an IPv4 address"),
        (["full"], 1, "says COMPOSE_PROFILES=small, not full"),
        (["small", "other.example"], 1, "says HUB_SITE=hub.example, not other.example"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    stack = made(tmp_path, "small", "hub.example")
    before = contents(stack)
    done = make_env(tmp_path, *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert contents(stack) == before


def test_after_the_demo_nothing_is_decided(tmp_path: Path) -> None:
    demo = made(tmp_path, "demo")
    assert demo.variables["COMPOSE_PROFILES"] == "demo"
    text = (tmp_path / ".env").read_text().replace("DEMO_PORT=8080", "DEMO_PORT=8081")
    (tmp_path / ".env").write_text(text)
    real = made(tmp_path, "full", "hub.example")
    changed = {"COMPOSE_PROFILES": "full", "HUB_SITE": "hub.example", "HUB_PUBLIC_URL": "https://hub.example"}
    assert real.variables == {**demo.variables, **changed, "DEMO_PORT": "8081"}
    certificate = x509.load_pem_x509_certificate(real.secret("mqtt_server.crt").encode())
    assert certificate.subject.rfc4514_string() == "CN=hub.example"
    lines = (tmp_path / ".env").read_text().splitlines()
    assert sorted(lines) == sorted(set(lines)), "no comment stands there twice"


def test_the_demo_changes_nothing_of_a_stack_that_is_set_up(tmp_path: Path) -> None:
    first = contents(made(tmp_path, "full", "hub.example"))
    assert contents(made(tmp_path, "demo")) == first


def test_the_first_start_needs_no_word(tmp_path: Path) -> None:
    assert made(tmp_path).variables["COMPOSE_PROFILES"] == "small"
    assert variables(tmp_path)["HUB_SITE"] == "localhost"
