"""What holds for every channel that there is: a new folder is covered without a change here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from hub.clock import ManualClock
from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.notify.channels import NoSuchChannel, discover
from hub.notify.redaction import LONGEST, MASK, parts_of, redact
from hub.settings import Notify

SECRET = "geheim-4711-token"
CLOSED = "127.0.0.1:1"
ADDRESSES = {
    "email": [f"{SECRET}@example.org", SECRET],
    "webhook": [f"http://{CLOSED}/hook/{SECRET}?key={SECRET}", f"http://user:{SECRET}@{CLOSED}/", f"ftp://{SECRET}"],
    "apprise": [f"json://user:{SECRET}@{CLOSED}/{SECRET}", f"nonsense://{SECRET}", SECRET],
}


def channels(clock: ManualClock) -> dict[str, Any]:
    settings = Notify(
        smtp_url=f"smtp+plain://user:{SECRET}@{CLOSED}", webhook_secret=SECRET, allow_private_targets=True
    )
    return discover(settings, clock)


def test_every_folder_is_a_channel_and_is_covered_here(clock: ManualClock) -> None:
    assert set(channels(clock)) == set(ADDRESSES)


@pytest.mark.parametrize(("name", "address"), [(name, one) for name, found in ADDRESSES.items() for one in found])
def test_a_failure_is_a_send_failed_that_leaks_no_secret(
    clock: ManualClock, notice: Callable[..., Notice], name: str, address: str
) -> None:
    channel = channels(clock)[name]
    with pytest.raises(SendFailed) as failed:
        channel.send(notice(channel=name, address=address))
    told = redact(str(failed.value), channel.secrets(address))
    assert SECRET not in told
    assert told.replace(MASK, "").strip()


def test_discovering_starts_nothing(clock: ManualClock) -> None:
    before = threading.active_count()
    channels(clock)
    assert threading.active_count() == before


def test_an_unknown_channel_says_which_there_are(notice: Callable[..., Notice]) -> None:
    with pytest.raises(SendFailed, match="'pigeon'; expected email, webhook") as failed:
        NoSuchChannel(("email", "webhook")).send(notice(channel="pigeon"))
    assert failed.value.permanent is True


def test_secrets_are_masked_in_every_spelling() -> None:
    address = "https://chat.example/hook/p%C3%A4ss%2Fword?key=abc123def"
    text = f"no route to {address}: päss/word, p%C3%A4ss%2Fword, /hook/ and abc123def\nsecond line"
    told = redact(text, (*parts_of(address), "päss/word"))
    for secret in ("abc123def", "ss/word", "%2Fword", "chat.example"):
        assert secret not in told
    assert told.endswith("second line")
    assert "\n" not in told


def test_a_reason_is_short() -> None:
    assert len(redact("x" * 10_000, [])) == LONGEST
    assert redact("ab", ["", "b"]) == f"a{MASK}"
