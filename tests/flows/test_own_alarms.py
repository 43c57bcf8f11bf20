"""The hub's own alarms: each part that is wrong is one ticket, which closes when the hub itself has seen it well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.domain.alarms import Priority
from hub.domain.backup_standing import BackupStanding, look_at_backup
from hub.domain.certificate_standing import CertificateStanding, broker_of, look_at_certificate
from hub.domain.commissioning import Commissioning, Part, Span
from hub.domain.findings import Finding
from hub.domain.journal_standing import JournalStanding, look_at_journal
from hub.domain.notices import NoticeKind
from hub.domain.places import Community
from hub.domain.store_standing import Halt, Standing, look_at_store
from hub.domain.tickets import TicketState
from hub.flows.own_alarms import owner_of
from tests.flows.community import DAY, HOME, HOUR, MINUTE, START, Story, name, registry
from tests.flows.fakes import FakeRecords

WHY = "series store http://influx:8086/hub refuses everything: 401: unauthorized access"
"""As the lane's runner says it."""


def refuses(since: int, store: str = "main") -> Standing:
    return Standing(store, Halt(since, WHY, for_good=True, batches=117), None)


def away(since: int) -> Standing:
    return Standing("main", Halt(since, "cannot be reached", for_good=False, batches=3), None)


def well(since: int) -> Standing:
    return Standing("main", None, since)


def look(story: Story, at: int, *standings: Standing) -> None:
    tell(story, at, *(look_at_store(standing, at, unreachable_after=15 * MINUTE) for standing in standings))


def tell(story: Story, at: int, *found: Finding) -> None:
    story.lane.look_at_the_hub(found, at)
    story.lane.tick(at)


def test_a_store_that_refuses_is_one_ticket_of_the_default_crew_in_both_languages(records: Any) -> None:
    story = Story(records, registry())
    for minute in range(5):
        look(story, START + minute * MINUTE, refuses(START))
    ticket = story.ticket()
    assert (ticket.crew, ticket.state, ticket.occurrences) == ("works", TicketState.ASSIGNED, 1)
    assert (ticket.title_zh, ticket.title_en) == (
        "时序库 main：读数写不进去",
        "Series store main: Readings cannot be stored",
    )
    (alarm,) = story.alarms()
    assert (alarm.active, alarm.raised_at, alarm.value, alarm.text) == (True, START, 117, WHY)
    chinese, english = sorted(story.notices(), key=lambda notice: notice.language, reverse=True)
    assert "117 批报文等待写入，一条也没有丢：series store http://influx:8086/hub refuses everything" in chinese.body
    assert "117 batches wait to be stored, none is lost: series store http://influx:8086" in english.body
    assert "Mend what the alarm names: token or password" in english.body


def test_it_ends_when_the_store_has_taken_readings_for_a_while_and_the_ticket_closes_by_itself() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START))
    look(story, START + 2 * MINUTE, well(START + 2 * MINUTE))
    assert story.alarms()[0].active, "one batch is no proof"
    look(story, START + 3 * MINUTE, well(START + 2 * MINUTE))
    assert not story.alarms()[0].active
    assert story.ticket().state is TicketState.VERIFYING
    look(story, START + 8 * MINUTE, away(START + 7 * MINUTE))
    look(story, START + 14 * MINUTE, well(START + 9 * MINUTE))
    assert story.ticket().state is TicketState.VERIFYING, "it was away once more meanwhile, for a moment"
    look(story, START + 20 * MINUTE, well(START + 9 * MINUTE))
    assert (story.ticket().state, story.ticket().verified) == (TicketState.RESOLVED, "sensor")


def test_a_repair_that_a_person_reports_does_not_count_while_the_store_refuses() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START))
    at = START + 2 * MINUTE

    done = replace(
        story.ticket(), state=TicketState.VERIFYING, accepted_at=at, verifying_since=at, recheck_at=at, version=2
    )
    story.records.write(lambda books: books.tickets.swap(done, expected=1, now=at))
    look(story, START + HOUR, refuses(START))
    assert story.ticket().state is not TicketState.VERIFYING
    assert story.ticket().reopened == 1


def test_a_store_that_is_away_is_told_after_a_while_only() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + 14 * MINUTE, away(START))
    assert story.tickets() == []
    look(story, START + 15 * MINUTE, away(START))
    assert story.ticket().title_en == "Series store main: Readings cannot be stored"


def test_a_restart_makes_no_second_ticket_and_believes_no_store_that_it_has_not_seen_work(records: Any) -> None:
    story = Story(records, registry())
    look(story, START + MINUTE, refuses(START))
    story.crash()
    look(story, START + 2 * MINUTE, Standing("main", None, None))
    assert story.alarms()[0].active
    look(story, START + 3 * MINUTE, refuses(START + 2 * MINUTE))
    assert (story.ticket().occurrences, len(story.alarms())) == (1, 1)
    assert [n.kind for n in story.notices()] == [NoticeKind.OPENED] * 2


def test_each_store_has_its_own_and_one_that_the_settings_name_no_more_is_over() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START), refuses(START, "grafana"))
    assert sorted(ticket.key.unit for ticket in story.tickets()) == ["series-store:grafana", "series-store:main"]
    look(story, START + 2 * MINUTE, refuses(START))
    assert {alarm.code: alarm.active for alarm in story.alarms()} == {"main": True, "grafana": False}


def test_commissioning_of_the_community_hides_nothing_of_the_hub() -> None:
    whole = Commissioning(spans=(Span(id="s", community=HOME, part=Part.COMMUNITY, since=START - HOUR),))
    story = Story(FakeRecords(), registry(commissioning={HOME: whole}))
    look(story, START + MINUTE, refuses(START))
    assert len(story.notices()) == 2
    assert story.ticket().title_en


def test_a_community_with_a_default_crew_owns_what_is_the_hubs() -> None:
    picture = registry()
    communities = {each: Community(id=each, name=name(each)) for each in ("aa", HOME, "zz")}
    assert owner_of(replace(picture, communities=communities)) == HOME
    assert owner_of(replace(picture, communities=communities, crews={})) == "aa"
    assert owner_of(replace(picture, communities={})) is None


def test_where_there_is_no_community_nothing_is_written() -> None:
    story = Story(FakeRecords(), registry(communities={}, crews={}))
    look(story, START + MINUTE, refuses(START))
    assert story.alarms() == []


# --- certificates -----------------------------------------------------------------------------------------------


def look_at_broker(story: Story, at: int, ends: int | None) -> None:
    tell(story, at, *look_at_certificate(CertificateStanding(broker_of("main"), ends, ""), at))


def test_a_certificate_is_one_quiet_ticket_that_rises_in_its_last_days_and_ends_with_the_new_one(records: Any) -> None:
    story = Story(records, registry())
    ends = START + 40 * DAY
    look_at_broker(story, START, ends)
    assert story.tickets() == []
    for day in (10, 11, 36):
        look_at_broker(story, START + day * DAY, ends)
    ticket = story.ticket()
    assert (ticket.priority, ticket.crew, ticket.key.unit) == (Priority.LOW, "works", "certificate:@main")
    assert (ticket.title_zh, ticket.title_en) == (
        "MQTT 服务器 main 的证书：即将到期或已过期",
        "The certificate of broker main: About to end, or has ended",
    )
    look_at_broker(story, START + 37 * DAY, ends)
    story.crash()
    look_at_broker(story, START + 38 * DAY, None)
    assert story.ticket().priority is Priority.HIGH, "the same ticket, also after a restart"
    assert [notice.kind for notice in story.notices()] == [NoticeKind.OPENED] * 2 + [NoticeKind.PRIORITY_RAISED] * 2
    assert all(alarm.active for alarm in story.alarms()), "a certificate that has not been seen is not a new one"
    look_at_broker(story, START + 38 * DAY, START + 400 * DAY)
    assert [alarm.active for alarm in story.alarms()] == [False, False]
    assert story.ticket().state is TicketState.VERIFYING
    look_at_broker(story, START + 38 * DAY + HOUR, START + 400 * DAY)
    assert (story.ticket().state, story.ticket().verified) == (TicketState.RESOLVED, "sensor")


def test_a_certificate_that_ends_at_once_is_told_once_and_with_its_full_weight() -> None:
    story = Story(FakeRecords(), registry())
    look_at_broker(story, START, START + DAY)
    assert story.ticket().priority is Priority.HIGH
    assert [notice.kind for notice in story.notices()] == [NoticeKind.OPENED] * 2
    assert f"ends at {'2025-11-23 08:26'} UTC" in next(n.body for n in story.notices() if n.language == "en")


# --- the journal ------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_is_told_before_the_hub_takes_nothing_more(records: Any) -> None:
    def see(at: int, fill: float, measured: int | None = 0) -> None:
        standing = JournalStanding(5 * 1024**3, 1024**3, fill, 5.2, measured)
        tell(story, at, look_at_journal(standing, at))

    story = Story(records, registry())
    see(START, 0.7)
    assert story.tickets() == []
    see(START + MINUTE, 0.85)
    ticket = story.ticket()
    assert (ticket.priority, ticket.title_zh) == (Priority.HIGH, "日志库：磁盘快满，即将停收报文")
    bodies = {notice.language: notice.body for notice in story.notices()}
    assert "数据：报文还能存 5120 MB：5.2 h" in bodies["zh-CN"]
    assert "Data: room for 5120 MB of messages is left: 5.2 h" in bodies["en"]
    story.crash()
    see(START + 2 * MINUTE, 0.0, measured=None)
    see(START + 3 * MINUTE, 0.6)
    assert story.alarms()[0].active, "neither a start nor a little room ends it"
    see(START + 4 * MINUTE, 0.4)
    assert story.ticket().state is TicketState.VERIFYING
    see(START + 20 * MINUTE, 0.4)
    assert (story.ticket().state, len(story.notices())) == (TicketState.RESOLVED, 4)


# --- backups ----------------------------------------------------------------------------------------------------


def test_a_backup_that_fails_is_a_ticket_until_one_has_been_taken(records: Any) -> None:
    def see(at: int, **more: Any) -> None:
        values: dict[str, Any] = {"newest": START - DAY, "overdue_at": START + DAY, "succeeded": False}
        tell(story, at, look_at_backup(BackupStanding(**values | more), at))

    story = Story(records, registry())
    see(START + 14 * MINUTE, failing_since=START, failure="the disk is full")
    assert story.tickets() == [], "it is tried again first"
    see(START + 15 * MINUTE, failing_since=START, failure="the disk is full")
    assert (story.ticket().priority, story.ticket().title_en) == (Priority.MEDIUM, "Backup: Failed, or overdue")
    assert "the disk is full" in story.notices()[0].body
    story.crash()
    see(START + HOUR)
    assert story.alarms()[0].active, "a hub that has just started has not taken one"
    see(START + 2 * HOUR, newest=START + 2 * HOUR, succeeded=True)
    see(START + 3 * HOUR, newest=START + 2 * HOUR, succeeded=True)
    assert (story.ticket().state, story.ticket().verified) == (TicketState.RESOLVED, "sensor")


def test_nothing_is_proven_before_the_hub_has_looked_again() -> None:
    story = Story(FakeRecords(), registry())
    look_at_broker(story, START, START + DAY)
    look_at_broker(story, START + MINUTE, START + 400 * DAY)
    assert story.ticket().state is TicketState.VERIFYING
    story.crash()
    story.lane.tick(START + HOUR)
    assert story.ticket().state is TicketState.VERIFYING
    look_at_broker(story, START + HOUR, None)
    assert story.ticket().state is TicketState.VERIFYING, "the broker has not been heard yet"
