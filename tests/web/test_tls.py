"""Served under a certificate of one's own: encrypted, with cookies that never travel in the clear."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.clock import WallClock
from hub.errors import ConfigError
from hub.settings import Settings, Web
from hub.web.app import create_app
from hub.web.certificate import not_after
from hub.web.server import Server
from tests.web.conftest import NOW, ManualClock
from tests.web.fakes.hub import build


def certificate(folder: Path, *, good_for: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
    """A self-made one for this machine, made long ago."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + good_for)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "hub.pem", folder / "hub.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


def test_pages_are_served_under_the_certificate(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path)
    web = Web(port=0, tls_cert=chain, tls_key=secret)
    hub = build(tmp_path, ManualClock(NOW), settings=Settings(web=web))
    server = Server(create_app(hub.deps), web, WallClock())
    server.start()
    try:
        assert server.url == f"https://127.0.0.1:{server.port}"
        trusting = ssl.create_default_context(cafile=str(chain))
        connection = HTTPSConnection("127.0.0.1", server.port, context=trusting, timeout=10)
        connection.request("GET", "/login")
        answer = connection.getresponse()
        assert answer.status == 200
        cookies = answer.headers.get_all("set-cookie") or []
        assert cookies
        assert [cookie for cookie in cookies if "secure" not in cookie.lower()] == []
        assert "max-age" in answer.headers["strict-transport-security"]
        connection.close()
        stranger = HTTPSConnection("127.0.0.1", server.port, context=ssl.create_default_context(), timeout=10)
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/login")
        plain = HTTPConnection("127.0.0.1", server.port, timeout=10)
        plain.request("GET", "/login")
        with pytest.raises((OSError, EOFError)):
            plain.getresponse()
    finally:
        server.stop()
        hub.close()


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    chain, _ = certificate(tmp_path / "a")
    _, secret = certificate(tmp_path / "b")
    hub = build(tmp_path, ManualClock(NOW))
    web = Web(port=0, tls_cert=chain, tls_key=secret)
    with pytest.raises(ConfigError, match=r"web\.tls_cert, web\.tls_key.*cannot be used"):
        Server(create_app(hub.deps), web, WallClock()).start()
    hub.close()


def test_an_expired_certificate_is_refused_with_its_date(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path, good_for=timedelta(hours=-1))
    hub = build(tmp_path, ManualClock(NOW))
    web = Web(port=0, tls_cert=chain, tls_key=secret)
    with pytest.raises(ConfigError, match=r"hub\.pem has expired at 20\d\d-.*renew it"):
        Server(create_app(hub.deps), web, WallClock()).start()
    hub.close()


@pytest.mark.parametrize("years", [1, 40])
def test_the_end_of_a_certificate_is_read_to_the_second(tmp_path: Path, years: int) -> None:
    """Beyond 2049 the date has another form."""
    chain, _ = certificate(tmp_path, good_for=timedelta(days=365 * years))
    pem = chain.read_text(encoding="ascii")
    expected = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    assert not_after(pem) == round(expected.timestamp() * 1000)
