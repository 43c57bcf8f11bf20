"""The snippet with which a receiver checks a webhook's signature does so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from hub.domain.notices import Notice, NoticeKind
from hub.notify.webhook.signature import body_of, sign
from tests.docs.pages import blocks, code_words, page, rows, section

TEXT = page("docs/manual/notices.md")
NOTICE = Notice(
    id="n-1",
    dedupe_key="t-1:1.0:opened:duty",
    community="harmony-garden",
    kind=NoticeKind.OPENED,
    contact="duty",
    channel="webhook",
    address="https://dispatch.example/hub",
    language="zh-CN",
    subject="新工单",
    body="请到场",
    priority="high",
    created_at=0,
    next_at=0,
)
SECRET = "correct horse"


@pytest.fixture(name="check")
def _check() -> Callable[..., bool]:
    found: dict[str, Any] = {}
    code = next(block.text for block in blocks(TEXT) if block.mark == "runs: signature")
    exec(compile(code, "notices.md", "exec"), found)  # noqa: S102 - the page's own snippet
    function: Callable[..., bool] = found["is_from_the_hub"]
    return function


def signed(moment_s: float) -> str:
    return sign(body_of(NOTICE), SECRET, now=round(moment_s * 1000))


def test_what_the_hub_signs_is_believed(check: Callable[..., bool]) -> None:
    assert check(body_of(NOTICE), signed(time.time()), SECRET)


@pytest.mark.parametrize("header", ["", "t=,v1=", "t=12,v1=ab,v1=cd", "nonsense", "t=1e3,v1=00"])
def test_a_header_that_is_none_is_not_believed(check: Callable[..., bool], header: str) -> None:
    assert not check(body_of(NOTICE), header, SECRET)


def test_what_is_changed_old_or_signed_by_another_is_not_believed(check: Callable[..., bool]) -> None:
    assert not check(body_of(NOTICE) + b" ", signed(time.time()), SECRET)
    assert not check(body_of(NOTICE), signed(time.time()), "another secret")
    assert not check(body_of(NOTICE), signed(time.time() - 3600), SECRET)


def test_every_field_of_the_body_is_told() -> None:
    told = {name for row in rows(section(TEXT, "## Signed webhook")) for name in code_words(row[0])}
    assert told == set(json.loads(body_of(NOTICE)))
