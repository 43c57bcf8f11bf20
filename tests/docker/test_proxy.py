"""The stack's proxy, started for real before the real web server: TLS, forwarded headers, live events, hidden metrics."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from hub.certificates_elsewhere import watched
from hub.clock import DAY, WallClock
from hub.domain.certificate_standing import Ending, how_near
from hub.ingest.listening import accepts
from hub.settings import Settings, Web
from hub.web.app import create_app
from hub.web.server import Server
from tests.docker.programs import PATIENCE_S, Program, Programs
from tests.docker.stack import DOCKER, Stack, certificate_of
from tests.ports import free_ports
from tests.web.fakes.hub import PASSWORD, FakeHub, build

CADDY = shutil.which("caddy")
pytestmark = [pytest.mark.servers, pytest.mark.skipif(CADDY is None, reason="caddy is not installed")]


class Site(NamedTuple):
    """A running proxy with the real pages behind it."""

    program: Program
    hub: FakeHub
    plain: int
    secure: int
    health: int
    authority: Path
    grafana: list[tuple[str, str]]
    """(path, forwarded address) of each request that reached it."""

    def ask(
        self, path: str, *, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(self.connect()) as connection:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer, answer.read()

    def connect(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority))
        return http.client.HTTPSConnection("localhost", self.secure, context=context, timeout=PATIENCE_S)


class Grafana(http.server.ThreadingHTTPServer):
    """Stands where Grafana would, under its part of the address."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        asked = self.asked

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, self.headers["X-Forwarded-For"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def site(programs: Programs, tmp_path: Path) -> Iterator[Site]:
    # As compose.yaml sets it: behind https, and the proxy's headers believed.
    web = Web(port=0, public_url="https://localhost", trusted_proxies=("*",))
    hub = build(tmp_path, WallClock(), settings=Settings(web=web))
    server = Server(create_app(hub.deps), web, WallClock())
    server.start()
    grafana = Grafana()
    plain, secure, health = free_ports(3)
    text = (DOCKER / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    for shipped, here in (
        ("http_port 8080", f"http_port {plain}"),
        ("https_port 8443", f"https_port {secure}"),
        ("127.0.0.1:2020", f"127.0.0.1:{health}"),
        ("hub:8080", f"127.0.0.1:{server.port}"),
        ("grafana:3000", f"127.0.0.1:{grafana.server_port}"),
    ):
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    (tmp_path / "Caddyfile").write_text(text, encoding="utf-8")
    program = programs.start(
        [str(CADDY), "run", "--config", tmp_path / "Caddyfile"],
        until=lambda: all(accepts("127.0.0.1", port) for port in (plain, secure, health)),
        environment={
            "HUB_SITE": "localhost",
            "HUB_TLS": "internal",
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "XDG_CONFIG_HOME": str(tmp_path / "tmp"),
        },
    )
    authority = tmp_path / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        program.wait(lambda: authority.exists() and certified(secure, authority))
        yield Site(program, hub, plain, secure, health, authority, grafana.asked)
    finally:
        grafana.stop()
        server.stop()
        hub.close()


def certified(port: int, authority: Path) -> bool:
    """Whether the proxy has made its certificate, which it does behind the open port."""
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as line,
            context.wrap_socket(line, server_hostname="localhost"),
        ):
            return True
    except ssl.SSLError:
        return False


def test_pages_come_over_tls_with_the_hubs_own_headers(site: Site) -> None:
    answer, page = site.ask("/login")
    assert answer.status == 200
    assert b"<form" in page
    assert answer.headers["Strict-Transport-Security"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Secure" in answer.headers["Set-Cookie"]


def test_plain_http_is_sent_on_to_the_port_that_people_know(site: Site) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", site.plain, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/tickets", headers={"Host": "localhost"})
        answer = connection.getresponse()
    assert answer.status in {301, 308}
    assert answer.headers["Location"] == "https://localhost/tickets", "not the port inside the container"


def test_who_gives_an_address_instead_of_a_name_gets_the_certificate(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.authority))
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", site.secure), timeout=PATIENCE_S) as line,
        context.wrap_socket(line) as secure,
    ):
        found = secure.getpeercert()
    assert found is not None
    assert ("DNS", "localhost") in found["subjectAltName"]  # type: ignore[operator,index]


def test_the_hub_sees_the_certificate_and_is_not_afraid_of_its_short_life(site: Site, stack: Stack) -> None:
    wanted = certificate_of(stack, "pages")
    assert wanted.address == "proxy:8443"
    seen = watched(wanted.model_copy(update={"address": f"127.0.0.1:{site.secure}", "server_name": "localhost"}))
    now = WallClock().now()
    seen.look(now)
    end = seen()
    assert end is not None, seen.trouble
    assert end.at - now < DAY
    assert how_near(end.at, end.lasts_ms, now) is Ending.FAR


def test_grafana_is_asked_for_its_part_alone(site: Site) -> None:
    assert site.ask("/grafana")[0].headers["Location"] == "/grafana/"
    assert (
        site.ask("/grafana/d/hub-overview-zh?from=now-1d", headers={"X-Forwarded-For": "203.0.113.9"})[0].status == 200
    )
    site.ask("/grafanate")
    assert site.grafana == [("/grafana/d/hub-overview-zh?from=now-1d", "127.0.0.1")]


def test_metrics_stay_inside(site: Site) -> None:
    for path in ("/metrics", "/metrics/", "/%6detrics", "//metrics", "/grafana/metrics"):
        answer, body = site.ask(path)
        assert answer.status == 404, path
        assert b"hub_" not in body
    assert site.ask("/healthz")[0].status == 200
    assert site.grafana == []


def test_a_form_goes_through_and_the_browsers_address_comes_along(site: Site) -> None:
    answer, page = site.ask("/login")
    cookie = str(answer.headers["Set-Cookie"]).split(";")[0]
    token = page.decode().split('name="token" value="')[1].split('"')[0]
    form = f"login=manager&password={PASSWORD.replace(' ', '+')}&token={token}&next=/"
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Origin": "https://localhost"}
    # A browser that claims another address is not believed.
    answer, body = site.ask("/login", method="POST", body=form, headers={**headers, "X-Forwarded-For": "203.0.113.9"})
    assert answer.status == 303, body
    assert answer.headers["Location"].endswith("/")


def test_events_arrive_while_the_stream_is_open(site: Site) -> None:
    line = ""
    token = {"Authorization": "Bearer manager-token", "Accept-Encoding": "gzip, br"}
    with closing(site.connect()) as connection:
        connection.request("GET", "/api/v1/events?kinds=ticket", headers=token)
        answer = connection.getresponse()
        assert (answer.status, answer.headers.get_content_type()) == (200, "text/event-stream")
        while line != ": welcome\n":  # from here on nothing is missed
            line = answer.readline().decode()
        for number in range(3):
            data = {"community": "harmony-garden", "facility": "lift-b3-2", "number": number}
            site.hub.deps.changes.publish("ticket", data, site.hub.deps.clock.now())
            heard: dict[str, object] = {}
            while heard.get("number") != number:  # were it held back, this would wait until the socket gives up
                line = answer.readline().decode()
                if line.startswith("data:"):
                    heard = json.loads(line.removeprefix("data:"))


def test_the_hubs_own_refusal_of_a_large_request_comes_through(site: Site) -> None:
    answer, body = site.ask("/login", method="POST", body="x" * (2 * 1024 * 1024))
    assert answer.status == 413
    assert json.loads(body)["slug"] == "too_large"


def test_it_has_no_door_for_administration_and_keeps_nothing_but_certificates(site: Site) -> None:
    assert not accepts("127.0.0.1", 2019)
    with closing(http.client.HTTPConnection("127.0.0.1", site.health, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
    assert site.program.stop() == 0
    kept = {path for _, folders, _ in os.walk(site.authority.parents[3]) for path in folders}
    assert kept <= {"pki", "authorities", "local", "certificates", "localhost", "locks", "instance"}


@pytest.mark.parametrize("tls", ["internal", "ops@example.com"])
def test_every_way_of_tls_is_a_configuration_that_the_proxy_takes(tls: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(CADDY), "validate", "--adapter", "caddyfile", "--config", DOCKER / "proxy" / "Caddyfile"],
        env={**os.environ, "HUB_SITE": "hub.example", "HUB_TLS": tls, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    formatted = subprocess.run([str(CADDY), "fmt", DOCKER / "proxy" / "Caddyfile"], capture_output=True, check=True)
    assert formatted.stdout == (DOCKER / "proxy" / "Caddyfile").read_bytes()


def test_no_clock_runs_against_a_stream_of_events() -> None:
    """A limit on reading the whole request ends an HTTP/1.1 stream, too, after that time: longer than a test may wait."""
    text = (DOCKER / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    assert not re.search(
        r"^\s*(read_body|write|response_header_timeout|read_timeout|write_timeout) ", text, re.MULTILINE
    )
