"""Chat services through Apprise, played by a web server (its own JSON service is the plainest of them)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hub.domain.notices import Notice
from hub.errors import SendFailed
from hub.notify.chat.channel import AppriseChannel


def test_subject_body_and_link_arrive(web: Any, notice: Callable[..., Notice]) -> None:
    web.status = 200
    AppriseChannel().send(notice(address=f"json://127.0.0.1:{web.port}/room", priority="safety"))
    ((path, _, body),) = web.posts
    told = json.loads(body)
    assert path.startswith("/room")
    assert told["title"] == "【高】1号梯 门故障"
    assert told["message"].splitlines()[0] == "1号梯门机过载 <E21>"
    assert told["message"].endswith("https://hub.example/tickets/1")
    assert told["type"] == "failure"


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (404, True), (429, False), (500, False), (503, False)])
def test_what_the_services_answers_mean(
    web: Any, notice: Callable[..., Notice], status: int, *, permanent: bool
) -> None:
    web.status = status
    with pytest.raises(SendFailed, match="json did not take the notice") as failed:
        AppriseChannel().send(notice(address=f"json://127.0.0.1:{web.port}/"))
    assert failed.value.permanent is permanent


@pytest.mark.parametrize("address", ["", "nonsense://token", "https//x", "syslog://", "dbus://"])
def test_an_address_that_leads_nowhere_is_refused_for_good(notice: Callable[..., Notice], address: str) -> None:
    with pytest.raises(SendFailed, match="contact li") as failed:
        AppriseChannel().send(notice(address=address))
    assert failed.value.permanent is True
