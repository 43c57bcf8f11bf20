"""The hub's own alarms on the pages: which part, what is wrong, and no facility or device that it could be looked for at."""

from __future__ import annotations

from dataclasses import replace

from hub.clock import MINUTE
from hub.domain.alarms import Alarm
from hub.domain.certificate_standing import CERTIFICATE, CERTIFICATE_ENDING, LAST_RULE, broker_of
from hub.domain.store_standing import STORE, STORE_RULE, STORE_STOPPED
from hub.domain.tickets import TicketKey
from tests.web.conftest import NOW, Browser
from tests.web.fakes.hub import HOME

ALARM = Alarm(
    id="0193-store",
    rule=STORE_RULE.id,
    community=HOME,
    device="",
    point="",
    code="grafana",
    facility="",
    unit=STORE.unit("grafana"),
    failure_mode=STORE_STOPPED,
    priority=STORE_RULE.priority,
    occurrence=1,
    active=True,
    acked=False,
    raised_at=NOW - 3 * MINUTE,
    value=117.0,
    text="401: unauthorized <access>",
)


def test_a_store_that_takes_nothing_is_shown_in_both_languages(web: Browser) -> None:
    key = TicketKey(community=HOME, facility="", unit=ALARM.unit, failure_mode=STORE_STOPPED)
    ticket = replace(web.hub.tickets["lift"], id="0193-ticket", number="HG-2026-000200", key=key)

    def work(books: object) -> None:
        books.tickets.add(ticket)  # type: ignore[attr-defined] # the books of the real records
        books.alarms.save(ALARM, ticket=ticket.id, now=NOW)  # type: ignore[attr-defined] # as above

    web.hub.records.write(work)
    for language, store, words, waits, part in (
        ("en", "Series store grafana", "Readings cannot be stored", "117 batches wait to be stored", "Part of the hub"),
        ("zh-CN", "时序库 grafana", "读数写不进去", "117 批报文等待写入", "系统部件"),
    ):
        client, _ = web.person("manager", language)
        alarms = client.get("/alarms").text
        assert f'<p class="alarm-where">{store}</p>' in alarms
        assert words in alarms
        assert f"{waits}" in alarms
        assert "401: unauthorized &lt;access&gt;" in alarms
        page = client.get("/tickets/0193-ticket").text
        assert f"<dt>{part}</dt><dd>{store}</dd>" in page
        assert "HUB_SERIES__URL" in page, "what to check first"
        assert store in client.get("/tickets").text


def test_a_certificate_is_shown_by_its_name_with_its_end_in_both_languages(web: Browser) -> None:
    alarm = replace(
        ALARM,
        id="0193-certificate",
        rule=LAST_RULE.id,
        code=broker_of("main"),
        unit=CERTIFICATE.unit(broker_of("main")),
        failure_mode=CERTIFICATE_ENDING,
        priority=LAST_RULE.priority,
        value=1_795_000_000_000.0,
        text="",
    )
    web.hub.records.write(lambda books: books.alarms.save(alarm, ticket=None, now=NOW))  # type: ignore[attr-defined] # the books of the real records
    for language, part, words, ends in (
        ("en", "The certificate of broker main", "About to end, or has ended", "ends at 2026-11-18 11:06 UTC"),
        ("zh-CN", "MQTT 服务器 main 的证书", "即将到期或已过期", "有效期至 2026-11-18 11:06 UTC"),
    ):
        client, _ = web.person("manager", language)
        alarms = client.get("/alarms").text
        assert f'<p class="alarm-where">{part}</p>' in alarms
        assert words in alarms
        assert ends in alarms
