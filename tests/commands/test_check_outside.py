"""``hub check`` tries those whom the hub tells something, and tells them nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import COURT, Check, call
from tests.commands.test_operations import check_outside
from tests.dashboards.fake_grafana import TOKEN, FakeGrafana
from tests.influx_server import MISSING, PROGRAM, InfluxServer
from tests.notify.conftest import MailServer
from tests.web.test_tls import certificate

NOBODY = 1
"""A port that nobody listens at."""
RIGHTS = {
    f"{thing}:{right}": ["*"]
    for thing in ("datasources", "folders", "dashboards", "alert.provisioning")
    for right in ("read", "create", "write")
}


def test_what_is_not_set_is_named(check: Check) -> None:
    said = check()
    assert said.code == 0
    assert "mail server: none (notify.smtp_url is not set)" in said.out
    assert "watchdog: none (watchdog.url is not set)" in said.out
    assert "Grafana: not tried (grafana.url is not set)" in said.out


# --- mail server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


def test_a_mail_server_that_takes_the_hub_gets_no_letter(check: Check, mail: MailServer) -> None:
    url = mail.url.replace("//", "//hub:geheim@")
    said = check(f'[notify]\nsmtp_url = "{url}"\nsmtp_from = "Hub <hub@garden.example>"\n')
    assert said.code == 0, said.out
    assert "mail server 127.0.0.1: lets the hub in and takes its sender; no letter was sent" in said.out
    assert mail.letters == []


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ({"AUTH": "535 wrong password of hub"}, "mail server answers 535"),
        ({"MAIL": "550 not from here"}, "mail server answers 550 not from here"),
        ({"CONNECT": "554 go away"}, "mail server answers 554 go away"),
    ],
)
def test_a_mail_server_that_refuses_is_named_without_the_password(
    check: Check,
    mail: MailServer,
    replies: dict[str, str],
    says: str,
) -> None:
    mail.replies = replies
    said = check(f'[notify]\nsmtp_url = "{mail.url.replace("//", "//hub:geheim@")}"\n')
    assert said.code == 1
    assert says in said.out
    assert "; see notify.smtp_url and notify.smtp_from" in said.out
    assert "geheim" not in said.out + said.err


def test_a_mail_server_that_is_away_makes_it_fail(check: Check) -> None:
    said = check(f'[notify]\nsmtp_url = "smtp+plain://127.0.0.1:{NOBODY}"\n')
    assert said.code == 1
    assert "mail server 127.0.0.1: mail server: ConnectionRefusedError" in said.out


# --- watchdog -------------------------------------------------------------------------------------------------------


def test_the_watchdog_is_reached_and_not_told_that_the_hub_lives(check: Check) -> None:
    with check_outside() as (url, _, heard):
        said = check(f'[watchdog]\nurl = "{url}"\n')
        assert said.code == 0
        assert "watchdog 127.0.0.1: can be reached; the address itself was not asked" in said.out
        assert heard() == 0
        assert "secret-path" not in said.out
    gone = check(f'[watchdog]\nurl = "{url}"\n')
    assert gone.code == 1
    assert "watchdog 127.0.0.1: cannot be reached (Connection refused); check watchdog.url" in gone.out


def test_a_watchdog_whose_certificate_is_not_trusted_is_named(check: Check, tmp_path: Path) -> None:
    from tests.commands.test_certificates_elsewhere import server

    with server(*certificate(tmp_path, good_for=timedelta(days=9))) as (address, _):
        said = check(f'[watchdog]\nurl = "https://{address}/ping"\n')
    assert said.code == 1
    assert "its certificate is not trusted" in said.out


# --- Grafana --------------------------------------------------------------------------------------------------------


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    fake = FakeGrafana()
    fake.rights = dict(RIGHTS)
    yield fake
    fake.stop()


def settings(fake: FakeGrafana, token: str = TOKEN) -> str:
    return f'[grafana]\nurl = "{fake.url}/"\ntoken = "{token}"\n'


def test_grafana_and_what_the_token_may(check: Check, grafana: FakeGrafana) -> None:
    said = check(settings(grafana))
    assert said.code == 0, said.out
    assert (
        "Grafana 127.0.0.1: version 12.4.0 answers and lets the token do all that hub dashboards publish does"
        in said.out
    )
    assert {verb for verb, _ in grafana.calls} == {"GET"}
    del grafana.rights["datasources:write"], grafana.rights["alert.provisioning:write"]
    said = check(settings(grafana))
    assert said.code == 1
    assert "give its service account the role Admin, or datasources:write, alert.provisioning:write" in said.out


def test_a_token_that_is_wrong_or_not_there(check: Check, grafana: FakeGrafana) -> None:
    said = check(settings(grafana, "glsa_old"))
    assert said.code == 1
    assert "does not take the token: make one under Administration, Service accounts, and set grafana.token" in said.out
    assert "glsa_old" not in said.out
    said = check(f'[grafana]\nurl = "{grafana.url}"\n')
    assert said.code == 0
    assert "there is no grafana.token, so no rights were tried" in said.out


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        ((200, b"<html>"), "what answers is no Grafana"),
        ((200, {"hello": 1}), "what answers is no Grafana"),
        ((301, {}), "sends elsewhere"),
        ((503, {"database": "failing", "version": "12.4.0"}), "runs, but its own database does not answer"),
    ],
)
def test_what_is_no_grafana_or_a_sick_one(check: Check, grafana: FakeGrafana, instead: Any, says: str) -> None:
    grafana.instead = instead
    said = check(settings(grafana))
    assert said.code == 1
    assert f"Grafana 127.0.0.1: {says}" in said.out


def test_a_grafana_that_is_away_makes_it_fail(check: Check, grafana: FakeGrafana) -> None:
    grafana.stop()
    said = check(settings(grafana))
    assert said.code == 1
    assert "Grafana 127.0.0.1: cannot be reached (ConnectionError): does it run, is grafana.url right?" in said.out


# --- InfluxDB -------------------------------------------------------------------------------------------------------


@pytest.mark.servers
@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_an_influxdb_that_may_only_be_read_is_found_out_by_a_line_that_nobody_reads(check: Check) -> None:
    server = InfluxServer(sign_in=True)
    server.start()
    try:
        sign_in = {"u": "root", "p": "root"}
        server.ask("CREATE USER root WITH PASSWORD 'root' WITH ALL PRIVILEGES")
        for question in ('CREATE DATABASE "town"', "CREATE USER hub WITH PASSWORD 'hub'", "GRANT READ ON town TO hub"):
            server.ask(question, **sign_in)
        wanted = f'[series]\nurl = "{server.url("town", "hub:hub@")}"\n'
        said = check(wanted)
        assert said.code == 1
        assert "the token or user may not write there: give it the right to read and write" in said.out
        server.ask("GRANT ALL ON town TO hub", **sign_in)
        said = check(wanted)
        assert said.code == 0, said.out
        assert "lets the hub in, takes a line, keeps points for ever" in said.out
        assert '"hub_canary"' in server.ask("SHOW MEASUREMENTS", "town", **sign_in), "and nothing else is there"
    finally:
        server.remove()


# --- certificates and web hooks -------------------------------------------------------------------------------------


def test_watched_certificates_are_looked_at(check: Check, tmp_path: Path) -> None:
    chain, _ = certificate(tmp_path, good_for=timedelta(days=90, hours=1))
    wanted = f'[[certificates.watched]]\nname = "devices"\nfile = "{chain}"\n'
    said = check(wanted)
    assert said.code == 0
    assert "the certificate devices is valid for 90 days" in said.out
    chain.unlink()
    said = check(wanted)
    assert said.code == 1
    assert f"the certificate devices cannot be seen: {chain}" in said.out


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_web_hooks_of_a_file_are_reached_and_get_nothing(tmp_path: Path) -> None:
    def said(port: int, private: str) -> Any:
        contacts = f"""
[crews.engineers.contacts.hook]
name = "Hook"
channel = "webhook"
address = "http://127.0.0.1:{port}/geheim"
[crews.engineers.contacts.chat]
name = "Chat"
channel = "apprise"
address = "wecombot://geheim"
"""
        (tmp_path / "court.toml").write_text(COURT.format(id="court") + contacts, encoding="utf-8")
        (tmp_path / "hub.toml").write_text(
            f'data_dir = "{tmp_path / "data"}"\n[notify]\nallow_private_targets = {private}\n'
        )
        return call("--config", str(tmp_path / "hub.toml"), "check", str(tmp_path / "court.toml"))

    with listening() as port:
        found = said(port, "true")
        assert "webhook of contact hook: 127.0.0.1 can be reached; nothing was sent" in found.out
        assert "1 contacts by chat: not tried" in found.out
        assert "warning: webhook of contact hook: 127.0.0.1 leads to a private address" in said(port, "false").out
    gone = said(port, "true")
    assert "warning: webhook of contact hook: 127.0.0.1 cannot be reached (Connection refused)" in gone.out
    assert gone.code == 0
    assert "geheim" not in found.out + gone.out
