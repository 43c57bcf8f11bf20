"""The shipped mosquitto configuration: equal to its rendering, and started for real."""

from __future__ import annotations

import datetime as dt
import ssl
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidInput
from hub.ingest.broker_accounts import Account, PasswordFile, new_account, password_line
from hub.ingest.broker_programs import find_mosquitto
from hub.ingest.listening import accepts
from hub.ingest.mosquitto import SHIPPED, Listener, render_acl, render_config
from tests.ports import free_ports

SHIPPED_FOLDER = Path(__file__).resolve().parents[2] / "docker" / "mosquitto"


def test_the_shipped_files_are_the_rendering() -> None:
    again = "run python -m hub.ingest.mosquitto docker/mosquitto"
    assert (SHIPPED_FOLDER / "mosquitto.conf").read_text(encoding="utf-8") == render_config(SHIPPED), again
    assert (SHIPPED_FOLDER / "acl").read_text(encoding="utf-8") == render_acl(), again


def test_every_line_has_its_reason_above_it() -> None:
    lines = render_config(SHIPPED).splitlines()
    settings = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    assert len(settings) > 20
    assert [lines[number] for number in settings if not lines[number - 1].startswith("# ")] == []


def test_a_password_line_is_what_mosquitto_passwd_writes() -> None:
    """Made with mosquitto_passwd 2.0.11 for the password ``secret``."""
    made = (
        "harmony-garden/lift-1:$7$101$t9Kd5GG6/bkRF77E$"
        "vGTwWGaFmZzG21EDX6pckOBgFdhlvfcnYvjROoEb+fha05iQoC90YdMXHNkxvxE+zkILH7mOswhB6PSX7XU9xg=="
    )
    salt = b"\xb7\xd2\x9d\xe4\x61\xba\xfd\xb9\x11\x17\xbe\xc4"
    assert password_line(Account("harmony-garden/lift-1", "secret"), salt=salt) == made


@pytest.mark.parametrize("name", ["", "a:b", "a/+", "a/#", "a\nb"])
def test_a_name_that_could_reach_further_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        password_line(Account(name, "secret"))


@given(name=st.text(min_size=1, max_size=20), password=st.text(min_size=1, max_size=20))
def test_an_accounts_address_survives_any_signs(name: str, password: str) -> None:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(Account(name, password).url("127.0.0.1", 1883))
    assert (unquote(parts.username or ""), unquote(parts.password or ""), parts.port) == (name, password, 1883)


def test_putting_an_account_keeps_the_others(tmp_path: Path) -> None:
    file = PasswordFile(tmp_path / "passwords")
    file.put(new_account("hub"), new_account("a/b"))
    before = dict(line.split(":") for line in (tmp_path / "passwords").read_text().splitlines())
    file.put(new_account("a/b"))
    after = dict(line.split(":") for line in (tmp_path / "passwords").read_text().splitlines())
    assert file.names() == ("hub", "a/b")
    assert after["hub"] == before["hub"]
    assert after["a/b"] != before["a/b"]


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "server.crt", folder / "server.key"


@pytest.mark.servers
@pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")
def test_the_shipped_configuration_starts_and_takes_a_device_over_tls(tmp_path: Path) -> None:
    """The shipped rendering with other paths, ports and user; TLS, password and access rule all have to hold."""
    certificate, key = _certificate(tmp_path)
    inner, outer = free_ports(2)
    layout = replace(
        SHIPPED,
        folder=str(tmp_path),
        passwords=str(tmp_path / "passwords"),
        acl=str(tmp_path / "acl"),
        user="root",
        listeners=(
            Listener(port=inner, host="127.0.0.1", why="inner"),
            Listener(port=outer, host="127.0.0.1", why="outer", certificate=str(certificate), key=str(key)),
        ),
    )
    device = new_account("harmony-garden/lift-1")
    PasswordFile(tmp_path / "passwords").put(device, new_account("hub"))
    (tmp_path / "acl").write_text(render_acl())
    (tmp_path / "mosquitto.conf").write_text(render_config(layout))
    command = [str(find_mosquitto()), "-c", str(tmp_path / "mosquitto.conf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 10
            while not accepts("127.0.0.1", inner):  # who looks at the other one and goes is a complaint
                assert process.poll() is None, process.stdout and process.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
            client.username_pw_set(device.name, device.password)
            client.tls_set_context(ssl.create_default_context(cafile=str(certificate)))
            client.connect("localhost", outer)
            client.loop_start()
            sent = client.publish("community/v1/harmony-garden/lift-1/telemetry", b"{}", qos=1)
            sent.wait_for_publish(timeout=10)
            assert sent.is_published()
            client.disconnect()
            client.loop_stop()
        finally:
            process.terminate()
            said = process.communicate(timeout=10)[0]
    complaints = [line for line in said.splitlines() if "Warning" in line or "Note" in line or "Error" in line]
    assert [line for line in complaints if "should not be run as root" not in line] == []
    assert "u'harmony-garden/lift-1'" in said
