"""Letters as a mail server gets them."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from hub.domain.notices import Notice
from hub.errors import ConfigError, SendFailed
from hub.notify.email.channel import EmailChannel, parse_server

SENDER = "Harmony Garden <hub@garden.example>"


def received(mail: Any) -> EmailMessage:
    ((_, text),) = mail.letters
    letter = message_from_bytes(text, policy=policy.default)
    assert isinstance(letter, EmailMessage)
    return letter


def test_a_letter_in_chinese(mail: Any, notice: Callable[..., Notice]) -> None:
    EmailChannel(mail.url, sender=SENDER).send(notice())
    letter = received(mail)
    assert mail.letters[0][0] == "li@example.org"
    assert letter["Subject"] == "【高】1号梯 门故障"
    assert letter["From"] == SENDER
    assert letter["To"] == "li@example.org"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Importance"] == "high"
    plain, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().split() == ["1号梯门机过载", "<E21>", "请到场核实", "https://hub.example/tickets/1"]
    assert "1号梯门机过载 &lt;E21&gt;<br>" in html.get_content()
    assert '<a href="https://hub.example/tickets/1">查看工单</a>' in html.get_content()


def test_a_letter_in_english_without_link(mail: Any, notice: Callable[..., Notice]) -> None:
    english = notice(language="en", subject="Lift 1: door fault", body="Overload", link="", priority="low")
    EmailChannel(mail.url, sender=SENDER).send(english)
    letter = received(mail)
    html = letter.get_body(("html",))
    assert html is not None
    assert "<a " not in html.get_content()
    assert letter["Content-Language"] == "en"
    assert letter["Importance"] is None


def test_the_same_notice_twice_carries_the_same_ids(mail: Any, notice: Callable[..., Notice]) -> None:
    channel = EmailChannel(mail.url, sender=SENDER)
    for one in (notice(1), notice(1), notice(2)):
        channel.send(one)
    letters = [message_from_bytes(text) for _, text in mail.letters]
    ids = [(letter["Message-ID"], letter["Hub-Dedupe-Key"]) for letter in letters]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0][0].endswith("@garden.example>")


def test_a_line_break_in_the_subject_starts_no_header(mail: Any, notice: Callable[..., Notice]) -> None:
    EmailChannel(mail.url, sender=SENDER).send(notice(subject="Fault\r\nBcc: all@example.org"))
    assert received(mail)["Bcc"] is None


def test_a_server_that_hangs_up_at_goodbye_has_still_taken_the_letter(mail: Any, notice: Callable[..., Notice]) -> None:
    mail.replies["QUIT"] = "421 no manners"
    EmailChannel(mail.url, sender=SENDER).send(notice())
    assert len(mail.letters) == 1


@pytest.mark.parametrize(
    ("verb", "answer", "permanent"),
    [
        ("RCPT", "550 no such user", True),
        ("RCPT", "452 mailbox full", False),
        ("MAIL", "451 later", False),
        ("MAIL", "553 sender refused", True),
        ("DATA", "554 spam", True),
        ("TAKEN", "451 later", False),
        ("TAKEN", "552 too big", True),
        ("CONNECT", "421 busy", False),
        ("AUTH", "535 bad password", False),
    ],
)
def test_what_the_servers_answers_mean(
    mail: Any, notice: Callable[..., Notice], verb: str, answer: str, *, permanent: bool
) -> None:
    mail.replies[verb] = answer
    url = mail.url.replace("//", "//user:geheim@") if verb == "AUTH" else mail.url
    with pytest.raises(SendFailed) as failed:
        EmailChannel(url, sender=SENDER).send(notice())
    assert failed.value.permanent is permanent
    assert answer[:3] in str(failed.value)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "DATA"])
def test_a_connection_that_breaks_is_temporary(mail: Any, notice: Callable[..., Notice], verb: str) -> None:
    mail.drop_at = verb
    with pytest.raises(SendFailed) as failed:
        EmailChannel(mail.url, sender=SENDER).send(notice())
    assert failed.value.permanent is False


def test_a_server_that_is_not_there_is_temporary(mail: Any, notice: Callable[..., Notice]) -> None:
    url = mail.url
    mail._server.server_close()
    with pytest.raises(SendFailed) as failed:
        EmailChannel(url, sender=SENDER).send(notice())
    assert failed.value.permanent is False


def test_a_server_without_tls_gets_no_password(mail: Any, notice: Callable[..., Notice]) -> None:
    url = mail.url.replace("smtp+plain://", "smtp://user:geheim@")
    with pytest.raises(SendFailed, match="STARTTLS"):
        EmailChannel(url, sender=SENDER).send(notice())
    assert mail.letters == []


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_used_and_the_certificate_must_be_trusted(
    tls_mail: Any, notice: Callable[..., Notice], monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tls_mail.certificate))
    channel = EmailChannel(f"smtps://user:geheim@localhost:{tls_mail.port}", sender=SENDER)
    if trusted:
        channel.send(notice())
        assert len(tls_mail.letters) == 1
        return
    with pytest.raises(SendFailed, match=r"(?i)certificate") as failed:
        channel.send(notice())
    assert failed.value.permanent is False
    assert tls_mail.letters == []


@pytest.mark.parametrize("address", ["", "li", "li@a\r\nBcc: b@c", "<>"])
def test_what_is_no_address_is_refused_for_good(mail: Any, notice: Callable[..., Notice], address: str) -> None:
    with pytest.raises(SendFailed, match="contact li has no e-mail address") as failed:
        EmailChannel(mail.url, sender=SENDER).send(notice(address=address))
    assert failed.value.permanent is True


def test_without_a_mail_server_the_setting_is_named(notice: Callable[..., Notice]) -> None:
    with pytest.raises(SendFailed, match="HUB_NOTIFY__SMTP_URL") as failed:
        EmailChannel(None, sender=SENDER).send(notice())
    assert failed.value.permanent is True


def test_addresses_of_mail_servers() -> None:
    assert parse_server("smtps://a%40b:p%3Aq@mail.example") == ("smtps", "mail.example", 465, "a@b", "p:q")
    assert parse_server("smtp://mail.example:2525") == ("smtp", "mail.example", 2525, "", "")
    for wrong in ("mail.example", "http://mail.example", "smtp://", "smtp://h:port", "smtp://h:99999"):
        with pytest.raises(ConfigError, match="HUB_NOTIFY__SMTP_URL"):
            parse_server(wrong)
