"""Certificates that others use: seen in a file and as a server shows them, again and again, and named where they cannot be seen."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.certificates import Certificates
from hub.certificates_elsewhere import AGAIN_MS, EVERY_MS, shown_at, watched
from hub.clock import HOUR, WallClock
from hub.domain.certificate_standing import CertificateStanding, Ending, how_near
from hub.domain.health import Status
from hub.settings import CertificatesSettings, WatchedCertificate
from hub.web.certificate import not_after, validity
from tests.web.test_tls import certificate

PATIENCE_S = 60.0


@contextmanager
def server(chain: Path, key: Path) -> Iterator[tuple[str, list[str | None]]]:
    """Speaks TLS and says nothing: (its address, the names that it was asked for)."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(PATIENCE_S)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
                with connection, context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)
            except ssl.SSLError:
                continue
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(PATIENCE_S)


def test_what_a_server_shows_is_seen_whoever_signed_it_and_also_when_it_has_ended(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, good_for=timedelta(days=-1))
    with server(chain, key) as (address, asked):
        found = watched(WatchedCertificate(name="pages", address=address, server_name="hub.example"))
        assert found() is None, "nobody is asked before it is time to"
        now = WallClock().now()
        found.look(now)
        end = found()
        assert end is not None
        assert (end.what, end.at) == ("the certificate pages", not_after(chain.read_text()))
        assert asked == ["hub.example"]
        line = Certificates([], [found]).health(now)
        assert line.reason.startswith("expired: the certificate pages has ended at ")
        assert line.reason.endswith(f"renew it, and let what uses it read it again ({address})")
        host, _, port = address.partition(":")
        shown_at(host, int(port), host)
        assert asked[1:] == [None], "an address is no name: who has one certificate for those shows it"


def test_one_in_a_file_is_read_again_and_the_old_one_counts_until_it_is_seen(tmp_path: Path) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=5))
    found = watched(WatchedCertificate(name="devices", file=chain))
    both = Certificates([], [found])
    now = WallClock().now()
    both.look(now)
    assert "urgent: the certificate devices ends in 4 days" in both.health(now).reason
    chain.unlink()
    both.look(now + EVERY_MS)
    line = both.health(now)
    assert "urgent: the certificate devices" in line.reason, "it may still be in use"
    assert f"the certificate devices cannot be seen: {chain}: No such file or directory" in line.reason
    certificate(tmp_path, good_for=timedelta(days=90))
    both.look(now + EVERY_MS + AGAIN_MS - 1)
    assert both.health(now).status is Status.DEGRADED
    both.look(now + EVERY_MS + AGAIN_MS)
    assert both.health(now).status is Status.OK
    span = validity(chain.read_text())
    assert both.standings() == [CertificateStanding("=devices", span.ends, str(chain), span.ends - span.begins)]


def test_a_server_that_does_not_answer_is_named_with_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = watched(WatchedCertificate(name="pages", address=f"127.0.0.1:{port}"))
    both = Certificates([], [found])
    both.look(0)
    assert both.health(0).reason == (
        f"the certificate pages cannot be seen: 127.0.0.1:{port}: Connection refused; see certificates.watched"
    )
    assert both.standings() == [CertificateStanding("=pages", None, f"127.0.0.1:{port}")]


def test_one_that_renews_itself_every_few_hours_is_not_about_to_end_all_the_time() -> None:
    lasts = 12 * HOUR
    assert [how_near(left, lasts, 0) for left in (lasts, lasts // 3, 2 * HOUR, HOUR, -1)] == [
        Ending.FAR,
        Ending.FAR,
        Ending.SOON,
        Ending.LAST,
        Ending.LAST,
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "a"}, "set one of the two"),
        ({"name": "a", "file": "/a.pem", "address": "a:1"}, "set one of the two"),
        ({"name": "a", "file": "/a.pem", "server_name": "a"}, "server_name goes with address"),
        ({"name": "a", "address": "https://a.example"}, "address"),
        ({"name": "a", "address": "a.example"}, "address"),
        ({"name": "a", "address": "a.example:99999"}, "from 1 to 65535"),
        ({"name": "a", "address": "a.example:0"}, "from 1 to 65535"),
    ],
)
def test_a_place_that_is_none_is_refused(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        WatchedCertificate(**wrong)  # type: ignore[arg-type] - what a file may hold


def test_each_has_a_name_of_its_own() -> None:
    with pytest.raises(ValidationError, match="the same name"):
        CertificatesSettings(watched=[{"name": "a", "file": "/a"}, {"name": "a", "file": "/b"}])  # type: ignore[arg-type] - as a file has it


def test_an_address_of_the_new_kind() -> None:
    assert WatchedCertificate(name="a", address="[fd00::1]:8883").host_and_port() == ("fd00::1", 8883)
